#include <set>

#include "tests/integration/s3/s3_client.h"

// Single requests and what S3 answers to them; the numbers are those of S3.md section 10.
namespace waybill::integration {
namespace {

using s3server::Cut;
using s3server::Fault;
using uploader::IfAbsent;

class S3Object : public S3Client {};

TEST_F(S3Object, IsStoredWithItsMetadataAndType) {
  const auto reply = put("a/b.txt", "content");
  ASSERT_DONE(reply);
  const auto object = server().object(bucket, "a/b.txt");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->body, "content");
  EXPECT_EQ(object->content_type, "text/plain");
  EXPECT_EQ(object->metadata.at("waybill-attempt"), "a1");
  EXPECT_EQ(reply->etag, "\"" + object->etag + "\"");
  EXPECT_FALSE(reply->request_id.empty());
}

TEST_F(S3Object, WhatIsSaidOfAFileIsSignedAndArrivesAsItIs) {
  const uploader::Metadata said{
      {"empty", ""}, {"mode", "100644"}, {"sample", "HeLa 12, 50% =x"}, {"z", "%20a %20b%0A"}};
  auto request = put_request("k", "content");
  request.metadata = said;
  ASSERT_DONE(await(begin_put(std::move(request))));
  const auto found = head("k");
  ASSERT_DONE(found);
  EXPECT_EQ(found->metadata, said);

  const auto id = await(begin<std::string>([&](auto done) {
    store().create_upload({.key = "m", .metadata = said, .content_type = "text/csv"},
                          std::move(done));
  }));
  ASSERT_DONE(id);
  const auto part = put_part("m", *id, 1, "part");
  ASSERT_DONE(part);
  ASSERT_DONE(complete("m", *id, {*part}));
  const auto whole = head("m");
  ASSERT_DONE(whole);
  EXPECT_EQ(whole->metadata, said);
  for (const auto& sent : server().log()) {
    const bool makes_it =
        sent.operation == "PutObject" || sent.operation == "CreateMultipartUpload";
    EXPECT_EQ(sent.header("x-amz-meta-sample"), makes_it ? "HeLa 12, 50% =x" : "")
        << sent.operation;
  }
}

TEST_F(S3Object, EmptyOneIsSentWithItsLength) {
  ASSERT_DONE(put("empty", ""));
  EXPECT_EQ(server().log().at(0).header("content-length"), "0");
  EXPECT_EQ(server().object(bucket, "empty")->body, "");
}

TEST_F(S3Object, LargeOneArrivesWhole) {
  for (const std::size_t size : {(64U << 10U), (64U << 10U) + 1, (3U << 20U) + 7}) {
    std::string content(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) content[i] = static_cast<char>('a' + i % 23);
    ASSERT_DONE(put("large", content));
    EXPECT_TRUE(server().object(bucket, "large")->body == content) << size;
  }
}

TEST_F(S3Object, VersionIsToldWhereTheBucketHasVersions) {
  server().create_bucket("versioned", true);
  connect({.bucket = "versioned"});
  const auto reply = put("k", "1");
  ASSERT_DONE(reply);
  EXPECT_FALSE(reply->version.empty());
  EXPECT_EQ(head("k")->version, reply->version);
  connect();
  EXPECT_TRUE(put("k", "1")->version.empty());
}

TEST_F(S3Object, ChecksumHeaderComesBackFromHead) {
  connect({.checksum_header = uploader::ChecksumHeader::Sha256});
  ASSERT_DONE(put("k", "content"));
  EXPECT_EQ(head("k")->checksum_sha256, to_base64(sha256(as_bytes("content"))));
}

// 1
TEST_F(S3Object, ReplyLostAfterTheCommitIsAmbiguousAndHeadFindsIt) {
  server().add_fault({.operation = "PutObject", .cut = Cut::AfterCommit});
  expect_code(put("k", "content"), ErrorCode::Ambiguous);
  const auto found = head("k");
  ASSERT_DONE(found);
  EXPECT_EQ(found->metadata, (uploader::Metadata{{"waybill-attempt", "a1"}}));
  EXPECT_EQ(server().history(bucket, "k").size(), 1U);
}

TEST_F(S3Object, BodyCutShortCertainlyHadNoEffect) {
  server().add_fault(
      {.operation = "PutObject", .cut = Cut::InBody, .cut_after_bytes = 1000, .reset = true});
  const std::string content(32U << 20U, 'x');  // more than the kernel's buffers take
  expect_code(put("k", content), ErrorCode::RetryLater);
  EXPECT_FALSE(server().object(bucket, "k"));
}

// 4
TEST_F(S3Object, ExistingKeyIsNotOverwrittenUnderIfAbsent) {
  ASSERT_DONE(put("k", "first", IfAbsent{}));
  expect_code(put("k", "second", IfAbsent{}), ErrorCode::PreconditionFailed);
  EXPECT_EQ(server().object(bucket, "k")->body, "first");
}

// 7
TEST_F(S3Object, RaceOfConditionsMayBeTriedAgain) {
  server().add_fault({.status = 409, .code = "ConditionalRequestConflict"});
  const auto reply = put("k", "content", IfAbsent{});
  expect_code(reply, ErrorCode::RetryLater);
  EXPECT_EQ(reply.error().http_status, 409);
}

// 9
TEST_F(S3Object, PreconditionFailedInsideA200IsNoSuccess) {
  server().add_fault({.status = 200, .code = "PreconditionFailed"});
  expect_code(put("k", "content", IfAbsent{}), ErrorCode::PreconditionFailed);
}

TEST_F(S3Object, SuccessWithoutAnEtagIsNoSuccess) {
  server().add_fault({.status = 200, .body = "<html>Welcome to our hotel</html>"});
  expect_code(put("k", "content"), ErrorCode::Ambiguous);
}

// 13
TEST_F(S3Object, WrongChecksumOfTheReplyIsHandedOnAsItIs) {
  connect({.checksum_header = uploader::ChecksumHeader::Sha256});
  server().add_fault({.wrong_checksum = true});
  const auto reply = put("k", "content");
  ASSERT_DONE(reply);
  EXPECT_NE(reply->checksum_sha256, to_base64(sha256(as_bytes("content"))));
  EXPECT_FALSE(reply->checksum_sha256.empty());
}

// 14
TEST_F(S3Object, OtherBytesThanSignedAreDamage) {
  auto request = put_request("k", "content");
  request.body = bytes_of("CONTENT");
  expect_code(await(begin_put(std::move(request))), ErrorCode::Damaged);
  EXPECT_FALSE(server().object(bucket, "k"));
}

// 27, 29
TEST_F(S3Object, ThrottlingIsToldFromFailing) {
  server().set_faults({{.count = 1, .status = 503, .code = "SlowDown"},
                       {.count = 1, .status = 503, .code = "ServiceUnavailable"}});
  expect_code(put("k", "content"), ErrorCode::Throttled);
  expect_code(put("k", "content"), ErrorCode::RetryLater);
  ASSERT_DONE(put("k", "content"));
}

// 30
TEST_F(S3Object, TimeOutOfTheRequestMayBeTriedAgain) {
  server().add_fault({.count = 1, .status = 400, .code = "RequestTimeout"});
  expect_code(put("k", "content"), ErrorCode::RetryLater);
  ASSERT_DONE(put("k", "content"));
}

TEST_F(S3Object, ServerErrorAfterTheEffectIsAmbiguous) {
  server().add_fault(
      {.operation = "PutObject", .status = 500, .code = "InternalError", .after_effect = true});
  expect_code(put("k", "content"), ErrorCode::Ambiguous);
  ASSERT_DONE(head("k"));
}

// 31
TEST_F(S3Object, SkewedClockCostsOneMoreRequestOnce) {
  auto behaviour = server().behaviour();
  behaviour.clock_offset_seconds = 3600;
  server().set_behaviour(behaviour);
  ASSERT_DONE(put("k", "content"));
  EXPECT_EQ(server().request_count(), 2U);
  ASSERT_DONE(put("k", "content"));
  EXPECT_EQ(server().request_count(), 3U);
  // The clock was put right: the same again, the other way.
  behaviour.clock_offset_seconds = 0;
  server().set_behaviour(behaviour);
  ASSERT_DONE(head("k"));
}

// 32
TEST_F(S3Object, OtherRegionIsFoundAndRemembered) {
  for (const bool redirects : {false, true}) {
    auto options = server_options();
    options.region = "eu-west-1";
    options.behaviour.wrong_region_redirects = redirects;
    serve(std::move(options));
    connect();
    ASSERT_DONE(put("k", "content"));
    EXPECT_EQ(server().request_count(), 2U);
    ASSERT_DONE(put("k", "content"));
    EXPECT_EQ(server().request_count(), 3U);
  }
}

TEST_F(S3Object, EndlessRedirectsEndAtOnce) {
  server().set_faults({{.count = 1,
                        .status = 301,
                        .code = "PermanentRedirect",
                        .headers = {{"x-amz-bucket-region", "eu-west-1"}}},
                       {.status = 301,
                        .code = "PermanentRedirect",
                        .headers = {{"x-amz-bucket-region", "eu-west-2"}}}});
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::NeedsPerson);
  EXPECT_NE(reply.error().message.find("eu-west-2"), std::string::npos) << reply.error().message;
  EXPECT_EQ(server().request_count(), 2U);
}

// 33
TEST_F(S3Object, HeadOfAnotherRegionFindsItsWay) {
  auto options = server_options();
  options.region = "eu-west-1";
  serve(std::move(options));
  connect();
  server().put_object(bucket, "k", "content");
  const auto found = head("k");
  ASSERT_DONE(found);
  EXPECT_EQ(found->size, 7U);
}

TEST_F(S3Object, WrongSecretNeedsAPersonAndIsNamed) {
  auto options = server_options();
  options.secret_key = "another";
  serve(std::move(options));
  connect();
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::NeedsPerson);
  EXPECT_EQ(reply.error().s3_code, "SignatureDoesNotMatch");
  const auto found = head("k");
  expect_code(found, ErrorCode::NeedsPerson);
  EXPECT_EQ(found.error().s3_code, "SignatureDoesNotMatch") << "a HEAD is asked why";
}

TEST_F(S3Object, MissingBucketNeedsAPersonAndIsNamed) {
  connect({.bucket = "absent"});
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::NeedsPerson);
  EXPECT_EQ(reply.error().s3_code, "NoSuchBucket");
  EXPECT_NE(reply.error().message.find("\"absent\""), std::string::npos);
}

TEST_F(S3Object, AbsentObjectThatMayNotBeListedIsNotCalledAbsent) {
  auto behaviour = server().behaviour();
  behaviour.may_list = false;
  server().set_behaviour(behaviour);
  expect_code(head("k"), ErrorCode::NeedsPerson);
}

TEST_F(S3Object, RemovingItTwiceIsNoError) {
  ASSERT_DONE(put("k", "content"));
  ASSERT_DONE(remove("k"));
  EXPECT_FALSE(server().object(bucket, "k"));
  ASSERT_DONE(remove("k"));
}

}  // namespace
}  // namespace waybill::integration
