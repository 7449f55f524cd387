#include "tests/integration/s3/s3_client.h"

// Copies inside the store: what a copy is made of, and what may come instead of one.
namespace waybill::integration {
namespace {

using s3server::Cut;
using uploader::ChecksumHeader;
using uploader::IfAbsent;

class S3Copy : public S3Client {
 protected:
  void SetUp() override {
    connect({.checksum_header = ChecksumHeader::Sha256});
    const auto reply = put("from/ä +%", "content");
    ASSERT_DONE(reply);
    source_ = {.key = "from/ä +%", .version = reply->version, .etag = reply->etag};
  }
  uploader::CopySource source_;
};

TEST_F(S3Copy, HasTheBytesOfItsSourceAndItsOwnMetadata) {
  ASSERT_DONE(copy("to", source_, IfAbsent{}));
  const auto object = server().object(bucket, "to");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->body, "content");
  EXPECT_EQ(object->content_type, "text/csv");
  EXPECT_EQ(object->metadata.at("waybill-attempt"), "a2");
}

TEST_F(S3Copy, HasAChecksumOfItsOwnThatTheStoreMade) {
  connect();
  ASSERT_DONE(put("plain", "content"));
  connect({.checksum_header = ChecksumHeader::Sha256});
  ASSERT_DONE(copy("to", {.key = "plain", .etag = head("plain")->etag}));
  EXPECT_EQ(head("to")->checksum_sha256, to_base64(sha256(as_bytes("content"))));
}

TEST_F(S3Copy, ChecksumThatTheStoreDoesNotMakeIsNotAskedForAgain) {
  auto behaviour = server().behaviour();
  behaviour.checksums = s3server::Support::Rejected;
  server().set_behaviour(behaviour);
  ASSERT_DONE(copy("to", source_));
  ASSERT_DONE(copy("to2", source_));
  int asked = 0;
  for (const auto& request : server().log()) {
    if (request.header("x-amz-checksum-algorithm") == "SHA256") ++asked;
  }
  EXPECT_EQ(asked, 1);
}

TEST_F(S3Copy, OfTheVersionThatIsNamed) {
  server().create_bucket("versioned", true);
  connect({.bucket = "versioned"});
  const auto first = put("k", "first");
  ASSERT_DONE(first);
  ASSERT_DONE(put("k", "second"));
  ASSERT_DONE(copy("to", {.key = "k", .version = first->version, .etag = first->etag}));
  EXPECT_EQ(server().object("versioned", "to")->body, "first");
}

TEST_F(S3Copy, ErrorInsideA200IsOne) {
  server().add_fault(
      {.operation = "CopyObject", .count = 1, .status = 200, .code = "InternalError"});
  expect_code(copy("to", source_), ErrorCode::Ambiguous);
  EXPECT_FALSE(server().object(bucket, "to"));
  server().add_fault({.operation = "CopyObject", .count = 1, .status = 200, .code = "SlowDown"});
  expect_code(copy("to", source_), ErrorCode::Throttled);
  ASSERT_DONE(copy("to", source_));
}

TEST_F(S3Copy, ReplyThatBreaksOffOrNeverComesIsAmbiguous) {
  server().add_fault({.operation = "CopyObject", .count = 1, .truncate_body = 40});
  expect_code(copy("to", source_), ErrorCode::Ambiguous);
  server().add_fault({.operation = "CopyObject", .count = 1, .cut = Cut::AfterCommit});
  expect_code(copy("to2", source_), ErrorCode::Ambiguous);
  EXPECT_EQ(server().object(bucket, "to2")->body, "content");
}

TEST_F(S3Copy, MayTakeItsTimeBehindABegunReply) {
  connect({.stall_timeout = std::chrono::milliseconds(100)});
  server().add_fault({.operation = "CopyObject", .count = 1, .drip = std::chrono::seconds(1)});
  ASSERT_DONE(copy("to", source_));
}

TEST_F(S3Copy, StoreThatDoesNotCopySaysSo) {
  server().add_fault({.operation = "CopyObject", .count = 1, .code = "NotImplemented"});
  const auto unknown = copy("to", source_);
  expect_code(unknown, ErrorCode::NeedsPerson);
  EXPECT_EQ(unknown.error().http_status, 501);
  server().add_fault({.operation = "CopyObject", .count = 1, .code = "AccessDenied"});
  const auto denied = copy("to", source_);
  expect_code(denied, ErrorCode::NeedsPerson);
  EXPECT_NE(denied.error().message.find("copy an object"), std::string::npos);
}

}  // namespace
}  // namespace waybill::integration
