#include "uploader/s3_requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace waybill::uploader {
namespace {

std::optional<std::string> header(const S3Request& request, std::string_view name) {
  const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                  [name](const HttpHeader& each) { return each.name == name; });
  if (found == request.headers.end()) return std::nullopt;
  return found->value;
}

PutRequest put(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {.key = "k",
          .body = std::make_shared<const Bytes>(bytes.begin(), bytes.end()),
          .sha256 = sha256(bytes),
          .md5 = md5(bytes)};
}

TEST(S3Requests, PutCarriesTheDigestsOfItsBody) {
  const auto request = put_object(put("abc"), false);
  EXPECT_EQ(to_hex(request.payload),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(header(request, "content-md5"), "kAFQmDzST7DWlj99KOF/cg==");
  EXPECT_FALSE(header(request, "x-amz-checksum-sha256"));
  EXPECT_EQ(header(request, "content-type"), "application/octet-stream");
}

TEST(S3Requests, ChecksumHeaderNamesItsAlgorithm) {
  const auto request = put_object(put("abc"), true);
  EXPECT_EQ(header(request, "x-amz-sdk-checksum-algorithm"), "SHA256");
  EXPECT_EQ(header(request, "x-amz-checksum-sha256"),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

TEST(S3Requests, ACrcGoesInsteadOfTheOtherChecksum) {
  auto wanted = put("123456789");
  wanted.crc = crc_of(CrcKind::Crc64Nvme, *wanted.body);
  const auto request = put_object(wanted, true);
  EXPECT_EQ(header(request, "x-amz-sdk-checksum-algorithm"), "CRC64NVME");
  EXPECT_EQ(header(request, "x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
  EXPECT_FALSE(header(request, "x-amz-checksum-sha256"));
  wanted.crc = crc_of(CrcKind::Crc32c, *wanted.body);
  EXPECT_EQ(header(put_object(wanted, true), "x-amz-checksum-crc32c"), "4waSgw==");
}

TEST(S3Requests, AMultipartUploadSaysItsChecksumFromBeginningToEnd) {
  const auto create = create_multipart_upload({.crc = CrcKind::Crc64Nvme});
  EXPECT_EQ(header(create, "x-amz-checksum-algorithm"), "CRC64NVME");
  EXPECT_EQ(header(create, "x-amz-checksum-type"), "FULL_OBJECT");

  const auto body = std::make_shared<const Bytes>(*put("123456789").body);
  const Crc crc = crc_of(CrcKind::Crc64Nvme, *body);
  const auto part = upload_part({.number = 1, .body = body, .sha256 = sha256(*body), .crc = crc});
  EXPECT_EQ(header(part, "x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
  EXPECT_FALSE(header(part, "content-md5"));

  const auto complete = complete_multipart_upload({.crc = crc, .size = 9});
  EXPECT_EQ(header(complete, "x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
  EXPECT_EQ(header(complete, "x-amz-checksum-type"), "FULL_OBJECT");
  EXPECT_EQ(header(complete, "x-amz-mp-object-size"), "9");

  EXPECT_FALSE(header(create_multipart_upload({}), "x-amz-checksum-type"));
  EXPECT_FALSE(header(complete_multipart_upload({}), "x-amz-mp-object-size"));
}

TEST(S3Requests, ConditionsBecomeTheirHeaders) {
  auto wanted = put("");
  EXPECT_FALSE(header(put_object(wanted, false), "if-none-match"));
  EXPECT_FALSE(header(put_object(wanted, false), "if-match"));
  wanted.condition = IfAbsent{};
  EXPECT_EQ(header(put_object(wanted, false), "if-none-match"), "*");
  wanted.condition = IfMatch{"\"e\""};
  EXPECT_EQ(header(put_object(wanted, false), "if-match"), "\"e\"");
  EXPECT_EQ(header(complete_multipart_upload({.condition = IfAbsent{}}), "if-none-match"), "*");
}

TEST(S3Requests, MetadataCannotAddAHeaderOfItsOwn) {
  auto wanted = put("");
  wanted.metadata = {{"waybill-path", "a\r\nx-amz-acl: public-read"}};
  EXPECT_EQ(header(put_object(wanted, false), "x-amz-meta-waybill-path"),
            "a  x-amz-acl: public-read");
}

TEST(S3Requests, CopyNamesItsSourceAndTakesNothingOverButBytes) {
  const auto request = copy_object({.key = "to",
                                    .source = {.key = "a/b +%ä", .version = "v/1", .etag = "\"e\""},
                                    .condition = IfAbsent{},
                                    .metadata = {{"waybill-attempt", "a1"}},
                                    .content_type = "text/csv"},
                                   "inbox", false);
  EXPECT_EQ(request.method, HttpMethod::Put);
  EXPECT_EQ(request.key, "to");
  EXPECT_EQ(request.body, nullptr);
  EXPECT_EQ(header(request, "x-amz-copy-source"), "/inbox/a/b%20%2B%25%C3%A4?versionId=v%2F1");
  EXPECT_EQ(header(request, "x-amz-copy-source-if-match"), "\"e\"");
  EXPECT_EQ(header(request, "x-amz-metadata-directive"), "REPLACE");
  EXPECT_EQ(header(request, "x-amz-tagging-directive"), "REPLACE");
  EXPECT_EQ(header(request, "x-amz-meta-waybill-attempt"), "a1");
  EXPECT_EQ(header(request, "content-type"), "text/csv");
  EXPECT_EQ(header(request, "if-none-match"), "*");
  EXPECT_FALSE(header(request, "x-amz-checksum-algorithm"));
}

TEST(S3Requests, CopyOfWhatHasNoVersionNamesNone) {
  const auto request = copy_object({.key = "to", .source = {.key = "from"}}, "inbox", true);
  EXPECT_EQ(header(request, "x-amz-copy-source"), "/inbox/from");
  EXPECT_EQ(header(request, "x-amz-checksum-algorithm"), "SHA256");
}

TEST(S3Requests, HeadAsksForTheChecksum) {
  EXPECT_EQ(header(head_object("k"), "x-amz-checksum-mode"), "ENABLED");
}

TEST(S3Requests, RefusedHeadIsAskedAgainForOneByte) {
  const auto request = explained(head_object("k"));
  EXPECT_EQ(request.method, HttpMethod::Get);
  EXPECT_EQ(request.operation, Operation::HeadObject);
  EXPECT_EQ(request.key, "k");
  EXPECT_EQ(header(request, "range"), "bytes=0-0");
}

TEST(S3Requests, PartNamesItsUploadAndNumber) {
  PartRequest part{.key = "k", .upload_id = "u/1", .number = 7};
  part.body = std::make_shared<const Bytes>();
  const auto request = upload_part(part);
  EXPECT_EQ(canonical_query(request.query), "partNumber=7&uploadId=u%2F1");
}

TEST(S3Requests, ListingsGoOnBehindTheirMarker) {
  EXPECT_EQ(canonical_query(list_parts("k", "u", "").query), "uploadId=u");
  EXPECT_EQ(canonical_query(list_parts("k", "u", "1000").query),
            "part-number-marker=1000&uploadId=u");
  EXPECT_EQ(canonical_query(list_multipart_uploads("p/", "", "").query),
            "encoding-type=url&prefix=p%2F&uploads=");
  EXPECT_EQ(canonical_query(list_multipart_uploads("p", "k", "u").query),
            "encoding-type=url&key-marker=k&prefix=p&upload-id-marker=u&uploads=");
}

TEST(S3Requests, OnlyWhatChangesNothingCountsAsReading) {
  EXPECT_TRUE(is_read(Operation::HeadObject));
  EXPECT_TRUE(is_read(Operation::ListParts));
  EXPECT_TRUE(is_read(Operation::ListMultipartUploads));
  for (const Operation operation :
       {Operation::PutObject, Operation::CopyObject, Operation::DeleteObject,
        Operation::CreateMultipartUpload, Operation::UploadPart, Operation::CompleteMultipartUpload,
        Operation::AbortMultipartUpload}) {
    EXPECT_FALSE(is_read(operation)) << purpose(operation);
  }
}

}  // namespace
}  // namespace waybill::uploader
