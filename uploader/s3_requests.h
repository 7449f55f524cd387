#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "uploader/http.h"
#include "uploader/object_store.h"
#include "uploader/signer.h"

// The requests of S3 that we make, before they have a time and a signature. Pure.
namespace waybill::uploader {

enum class Operation : std::uint8_t {
  PutObject,
  CopyObject,
  HeadObject,
  DeleteObject,
  CreateMultipartUpload,
  UploadPart,
  ListParts,
  CompleteMultipartUpload,
  AbortMultipartUpload,
  ListMultipartUploads,
};
// Without an effect that could be in doubt.
bool is_read(Operation operation);
// For a sentence: "store an object".
std::string_view purpose(Operation operation);

struct S3Request {
  Operation operation = Operation::HeadObject;
  HttpMethod method = HttpMethod::Head;
  std::string key;  // empty: the bucket itself
  Query query;
  std::vector<HttpHeader> headers;  // to be signed with those that every request has
  SharedBytes body;
  Sha256 payload{};      // of body
  bool control = false;  // of our own control object, not of a person's file
  // The algorithm of the checksum that its headers are about; empty: they are about none.
  std::string_view checksum = {};
};

// `with_sha256`: as a checksum too, where no CRC is.
S3Request put_object(PutRequest request, bool with_sha256);
// `with_sha256`: the store shall take one of the copy.
S3Request copy_object(CopyRequest request, std::string_view bucket, bool with_sha256);
S3Request head_object(std::string key);
// The same question in a form whose refusal has a body: that of a HEAD cannot say why.
S3Request explained(const S3Request& head);
S3Request delete_object(std::string key);
S3Request create_multipart_upload(CreateRequest request);
S3Request upload_part(PartRequest request);
S3Request list_parts(std::string key, std::string upload_id, std::string_view marker);
S3Request complete_multipart_upload(CompleteRequest request);
S3Request abort_multipart_upload(std::string key, std::string upload_id);
S3Request list_multipart_uploads(std::string_view prefix, std::string_view key_marker,
                                 std::string_view upload_id_marker);

}  // namespace waybill::uploader
