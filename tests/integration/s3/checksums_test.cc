// S3.md section 2 on the wire: the server computes each checksum itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/integration/s3/s3_client.h"
#include "uploader/checksum.h"

namespace waybill::integration {
namespace {

using ::testing::ElementsAre;
using uploader::ChecksumHeader;
using uploader::Part;
using uploader::PutReply;

class S3Checksums : public S3Client {
 protected:
  S3Checksums() {
    auto behaviour = server().behaviour();
    behaviour.smallest_part = 1;
    server().set_behaviour(behaviour);
  }
  Result<std::string> create(CrcKind kind) {
    return await(begin<std::string>(
        [&](auto done) { store().create_upload({.key = "m", .crc = kind}, std::move(done)); }));
  }
  Result<Part> put_part(const std::string& id, int number, std::string_view text, Crc crc) {
    const SharedBytes body = bytes_of(text);
    return await(begin<Part>([&](auto done) {
      store().put_part({.key = "m",
                        .upload_id = id,
                        .number = number,
                        .body = body,
                        .sha256 = sha256(*body),
                        .crc = crc},
                       std::move(done));
    }));
  }
  Result<PutReply> complete(const std::string& id, std::vector<Part> parts, Crc crc,
                            std::uint64_t size) {
    return await(begin<PutReply>([&](auto done) {
      store().complete_upload(
          {.key = "m", .upload_id = id, .parts = std::move(parts), .crc = crc, .size = size},
          std::move(done));
    }));
  }
  // "content" in two parts, without a Content-MD5.
  Result<PutReply> upload(CrcKind kind, const Crc& whole, std::uint64_t size) {
    const auto id = create(kind);
    if (!id) return fail(id.error());
    std::vector<Part> parts;
    for (const std::string text : {"con", "tent"}) {
      const int number = static_cast<int>(parts.size()) + 1;
      const auto part = put_part(*id, number, text, crc_of(kind, as_bytes(text)));
      if (!part) return fail(part.error());
      parts.push_back(*part);
      parts.back().number = number;
    }
    return complete(*id, std::move(parts), whole, size);
  }
  std::vector<std::string> operations_with(const std::string& header) {
    std::vector<std::string> found;
    for (const auto& request : server().log()) {
      if (!request.header(header).empty()) found.push_back(request.operation);
    }
    return found;
  }
};

TEST_F(S3Checksums, TheStoreChecksAndGivesBackTheCrcOfTheWhole) {
  for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c}) {
    const Crc whole = crc_of(kind, as_bytes("content"));
    const auto reply = upload(kind, whole, 7);
    ASSERT_DONE(reply);
    EXPECT_EQ(reply->crc, whole);
    const auto object = head("m");
    ASSERT_DONE(object);
    EXPECT_EQ(object->crc, whole);
  }
}

TEST_F(S3Checksums, AStoreThatWantsThoseOfThePartsAgainCompletes) {
  s3server::Behaviour behaviour;
  behaviour.smallest_part = 1;
  behaviour.complete_needs_part_checksums = true;
  server().set_behaviour(behaviour);
  ASSERT_DONE(upload(CrcKind::Crc64Nvme, crc_of(CrcKind::Crc64Nvme, as_bytes("content")), 7));
  EXPECT_TRUE(server().object(bucket, "m"));
}

TEST_F(S3Checksums, ACrcOfTheWholeThatIsWrongIsRefused) {
  const Crc wrong = crc_of(CrcKind::Crc64Nvme, as_bytes("CONTENT"));
  expect_code(upload(CrcKind::Crc64Nvme, wrong, 7), ErrorCode::Damaged);
  EXPECT_FALSE(server().object(bucket, "m"));
}

TEST_F(S3Checksums, ASizeOfTheWholeThatIsWrongIsRefused) {
  EXPECT_FALSE(upload(CrcKind::Crc64Nvme, crc_of(CrcKind::Crc64Nvme, as_bytes("content")), 8));
  EXPECT_FALSE(server().object(bucket, "m"));
}

TEST_F(S3Checksums, ACrcOfAPartThatIsWrongIsRefused) {
  const auto id = create(CrcKind::Crc64Nvme);
  ASSERT_DONE(id);
  expect_code(put_part(*id, 1, "content", crc_of(CrcKind::Crc64Nvme, as_bytes("CONTENT"))),
              ErrorCode::Damaged);
}

TEST_F(S3Checksums, OfAPartItComesBackToo) {
  const auto id = create(CrcKind::Crc64Nvme);
  ASSERT_DONE(id);
  const Crc crc = crc_of(CrcKind::Crc64Nvme, as_bytes("content"));
  const auto part = put_part(*id, 1, "content", crc);
  ASSERT_DONE(part);
  EXPECT_EQ(part->crc, crc);
}

TEST_F(S3Checksums, ASinglePutIsCheckedByItsCrc) {
  auto request = put_request("k", "content");
  request.crc = crc_of(CrcKind::Crc64Nvme, as_bytes("content"));
  const auto reply = await(begin_put(request));
  ASSERT_DONE(reply);
  EXPECT_EQ(reply->crc, request.crc);
  request.crc->value ^= 1U;
  expect_code(await(begin_put(request)), ErrorCode::Damaged);
}

// 12
TEST_F(S3Checksums, AStoreThatRefusesTheHeadersGetsNoneFromThenOn) {
  auto behaviour = server().behaviour();
  behaviour.checksums = s3server::Support::Rejected;
  server().set_behaviour(behaviour);
  const Crc whole = crc_of(CrcKind::Crc64Nvme, as_bytes("content"));
  const auto reply = upload(CrcKind::Crc64Nvme, whole, 7);
  ASSERT_DONE(reply);
  EXPECT_FALSE(reply->crc);
  EXPECT_THAT(operations_with("x-amz-checksum-algorithm"), ElementsAre("CreateMultipartUpload"));
  EXPECT_THAT(operations_with("x-amz-checksum-crc64nvme"), ElementsAre());
  EXPECT_THAT(operations_with("x-amz-mp-object-size"), ElementsAre());
  // What it was never asked about is another matter.
  connect({.checksum_header = ChecksumHeader::Sha256});
  ASSERT_DONE(put("k", "content"));
  EXPECT_THAT(operations_with("x-amz-checksum-sha256"), ElementsAre("PutObject"));
}

// B2 does so.
TEST_F(S3Checksums, WhereOnlyTheNameOfTheAlgorithmIsRefusedTheChecksumStays) {
  connect({.checksum_header = ChecksumHeader::Sha256});
  server().add_fault(
      {.operation = "PutObject",
       .count = 1,
       .status = 400,
       .body = "<Error><Code>InvalidArgument</Code><Message>Unsupported header "
               "'x-amz-sdk-checksum-algorithm' received for this API call.</Message></Error>"});
  const auto reply = put("k", "content");
  ASSERT_DONE(reply);
  EXPECT_EQ(reply->checksum_sha256, to_base64(sha256(as_bytes("content"))));
  ASSERT_DONE(put("l", "content"));
  EXPECT_EQ(operations_with("x-amz-sdk-checksum-algorithm").size(), 1U);
  EXPECT_EQ(operations_with("x-amz-checksum-sha256").size(), 3U);
}

TEST_F(S3Checksums, AStoreThatIgnoresThemGivesNothingBack) {
  auto behaviour = server().behaviour();
  behaviour.checksums = s3server::Support::Ignored;
  server().set_behaviour(behaviour);
  const auto reply = upload(CrcKind::Crc64Nvme, Crc{}, 7);  // a wrong one, and nobody looks
  ASSERT_DONE(reply);
  EXPECT_FALSE(reply->crc);
  const auto object = head("m");
  ASSERT_DONE(object);
  EXPECT_FALSE(object->crc);
}

}  // namespace
}  // namespace waybill::integration
