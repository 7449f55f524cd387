#include "uploader/s3_requests.h"

#include <utility>

#include "base/overloaded.h"
#include "uploader/checksum.h"
#include "uploader/s3_documents.h"

namespace waybill::uploader {
namespace {

// A header is a line: what would break it, or would not survive it, must not get that far. What is
// ours is encoded where it is made (metadata.h); this holds for whatever else comes.
std::string header_safe(std::string value) {
  for (char& c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return value;
}

void add(S3Request& request, std::string name, std::string value) {
  request.headers.push_back({std::move(name), header_safe(std::move(value))});
}

void add_condition(S3Request& request, const Condition& condition) {
  std::visit(Overloaded{[](const Unconditional&) {},
                        [&](const IfAbsent&) { add(request, "if-none-match", "*"); },
                        [&](const IfMatch& match) { add(request, "if-match", match.etag); }},
             condition);
}

void add_description(S3Request& request, const Metadata& metadata, std::string content_type) {
  if (content_type.empty()) content_type = "application/octet-stream";
  add(request, "content-type", std::move(content_type));
  for (const auto& [name, value] : metadata) add(request, "x-amz-meta-" + name, value);
}

// The algorithm is named as well: Ceph checks nothing without it.
void add_crc(S3Request& request, const Crc& crc) {
  request.checksum = algorithm_of(crc.kind);
  add(request, "x-amz-sdk-checksum-algorithm", std::string(algorithm_of(crc.kind)));
  add(request, std::string(header_of(crc.kind)), base64_of(crc));
}

constexpr const char* full_object = "FULL_OBJECT";

}  // namespace

bool is_read(Operation operation) {
  switch (operation) {
    case Operation::HeadObject:
    case Operation::ListParts:
    case Operation::ListMultipartUploads:
      return true;
    case Operation::PutObject:
    case Operation::CopyObject:
    case Operation::DeleteObject:
    case Operation::CreateMultipartUpload:
    case Operation::UploadPart:
    case Operation::CompleteMultipartUpload:
    case Operation::AbortMultipartUpload:
      return false;
  }
  return false;
}

std::string_view purpose(Operation operation) {
  switch (operation) {
    case Operation::PutObject:
      return "store an object";
    case Operation::CopyObject:
      return "copy an object";
    case Operation::HeadObject:
      return "look at an object";
    case Operation::DeleteObject:
      return "delete an object";
    case Operation::CreateMultipartUpload:
      return "begin a multipart upload";
    case Operation::UploadPart:
      return "store a part";
    case Operation::ListParts:
      return "list the parts of an upload";
    case Operation::CompleteMultipartUpload:
      return "complete a multipart upload";
    case Operation::AbortMultipartUpload:
      return "abort a multipart upload";
    case Operation::ListMultipartUploads:
      return "list multipart uploads";
  }
  return "do something";
}

S3Request put_object(PutRequest put, bool with_sha256) {
  S3Request request{.operation = Operation::PutObject,
                    .method = HttpMethod::Put,
                    .key = std::move(put.key),
                    .body = std::move(put.body),
                    .payload = put.sha256,
                    .control = put.control};
  request.headers.reserve(put.metadata.size() + 10);
  add(request, "content-md5", to_base64(put.md5));
  if (put.crc) {
    add_crc(request, *put.crc);
  } else if (with_sha256) {
    request.checksum = "SHA256";
    add(request, "x-amz-sdk-checksum-algorithm", "SHA256");
    add(request, "x-amz-checksum-sha256", to_base64(put.sha256));
  }
  add_condition(request, put.condition);
  add_description(request, put.metadata, std::move(put.content_type));
  return request;
}

S3Request copy_object(CopyRequest copy, std::string_view bucket, bool with_sha256) {
  S3Request request{.operation = Operation::CopyObject,
                    .method = HttpMethod::Put,
                    .key = std::move(copy.key),
                    .payload = sha256({})};
  std::string source =
      "/" + uri_encode(bucket, Slash::Keep) + "/" + uri_encode(copy.source.key, Slash::Keep);
  if (!copy.source.version.empty()) {
    source += "?versionId=" + uri_encode(copy.source.version, Slash::Encode);
  }
  add(request, "x-amz-copy-source", std::move(source));
  add(request, "x-amz-copy-source-if-match", std::move(copy.source.etag));
  // Else the store takes over what the source says of itself.
  add(request, "x-amz-metadata-directive", "REPLACE");
  add(request, "x-amz-tagging-directive", "REPLACE");
  if (with_sha256) {
    // Who refuses it here may take the checksum of a body all the same.
    request.checksum = "SHA256 of a copy";
    add(request, "x-amz-checksum-algorithm", "SHA256");
  }
  add_condition(request, copy.condition);
  add_description(request, copy.metadata, std::move(copy.content_type));
  return request;
}

S3Request head_object(std::string key) {
  S3Request request{.operation = Operation::HeadObject,
                    .method = HttpMethod::Head,
                    .key = std::move(key),
                    .payload = sha256({})};
  add(request, "x-amz-checksum-mode", "ENABLED");
  return request;
}

S3Request explained(const S3Request& head) {
  S3Request request = head;
  request.method = HttpMethod::Get;
  request.headers.clear();
  add(request, "range", "bytes=0-0");
  return request;
}

S3Request delete_object(std::string key) {
  return {.operation = Operation::DeleteObject,
          .method = HttpMethod::Delete,
          .key = std::move(key),
          .payload = sha256({})};
}

S3Request create_multipart_upload(CreateRequest create) {
  S3Request request{.operation = Operation::CreateMultipartUpload,
                    .method = HttpMethod::Post,
                    .key = std::move(create.key),
                    .query = {{"uploads", ""}},
                    .payload = sha256({})};
  add_description(request, create.metadata, std::move(create.content_type));
  if (create.crc) {
    request.checksum = algorithm_of(*create.crc);
    add(request, "x-amz-checksum-algorithm", std::string(request.checksum));
    add(request, "x-amz-checksum-type", full_object);
  }
  return request;
}

S3Request upload_part(PartRequest part) {
  S3Request request{.operation = Operation::UploadPart,
                    .method = HttpMethod::Put,
                    .key = std::move(part.key),
                    .query = {{"partNumber", std::to_string(part.number)},
                              {"uploadId", std::move(part.upload_id)}},
                    .body = std::move(part.body),
                    .payload = part.sha256};
  if (part.md5) add(request, "content-md5", to_base64(*part.md5));
  if (part.crc) add_crc(request, *part.crc);
  // Without one, libcurl would name a type of its own for a small part.
  add(request, "content-type", "application/octet-stream");
  return request;
}

S3Request list_parts(std::string key, std::string upload_id, std::string_view marker) {
  S3Request request{.operation = Operation::ListParts,
                    .method = HttpMethod::Get,
                    .key = std::move(key),
                    .query = {{"uploadId", std::move(upload_id)}},
                    .payload = sha256({})};
  if (!marker.empty()) request.query.emplace_back("part-number-marker", marker);
  return request;
}

S3Request complete_multipart_upload(CompleteRequest complete) {
  const std::string document = complete_document(
      complete.parts, complete.crc ? std::optional(complete.crc->kind) : std::nullopt);
  const auto bytes = as_bytes(document);
  S3Request request{.operation = Operation::CompleteMultipartUpload,
                    .method = HttpMethod::Post,
                    .key = std::move(complete.key),
                    .query = {{"uploadId", std::move(complete.upload_id)}},
                    .body = std::make_shared<const Bytes>(bytes.begin(), bytes.end()),
                    .payload = sha256(bytes)};
  add(request, "content-type", "application/xml");
  if (complete.crc) {
    request.checksum = algorithm_of(complete.crc->kind);
    add(request, std::string(header_of(complete.crc->kind)), base64_of(*complete.crc));
    add(request, "x-amz-checksum-type", full_object);
    add(request, "x-amz-mp-object-size", std::to_string(complete.size));
  }
  add_condition(request, complete.condition);
  return request;
}

S3Request abort_multipart_upload(std::string key, std::string upload_id) {
  return {.operation = Operation::AbortMultipartUpload,
          .method = HttpMethod::Delete,
          .key = std::move(key),
          .query = {{"uploadId", std::move(upload_id)}},
          .payload = sha256({})};
}

S3Request list_multipart_uploads(std::string_view prefix, std::string_view key_marker,
                                 std::string_view upload_id_marker) {
  S3Request request{.operation = Operation::ListMultipartUploads,
                    .method = HttpMethod::Get,
                    .query = {{"uploads", ""}, {"encoding-type", "url"}},
                    .payload = sha256({})};
  request.query.emplace_back("prefix", prefix);
  if (!key_marker.empty()) request.query.emplace_back("key-marker", key_marker);
  if (!upload_id_marker.empty()) request.query.emplace_back("upload-id-marker", upload_id_marker);
  return request;
}

}  // namespace waybill::uploader
