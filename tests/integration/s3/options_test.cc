#include <algorithm>
#include <future>

#include "tests/integration/s3/s3_client.h"

// What is asked for, as a server sees it: signed, on every request that it belongs to.
namespace waybill::integration {
namespace {

class S3Options : public S3Client {
 protected:
  void SetUp() override {
    auto options = server_options();
    options.behaviour.smallest_part = 1;
    serve(std::move(options));
  }
  std::string sent(const std::string& operation, const std::string& header) {
    for (const auto& request : server().log()) {
      if (request.operation == operation) return request.header(header);
    }
    return "(no " + operation + ")";
  }
};

TEST_F(S3Options, AreSignedWithTheRequestsThatTheyBelongTo) {
  uploader::S3Options options;
  options.write.sse = "AES256";
  options.write.storage_class = "STANDARD_IA";
  options.write.tags = {{"team", "a b"}};
  options.write.metadata = {{"origin", "scanner"}};
  options.write.expected_bucket_owner = "111122223333";
  connect(std::move(options));
  ASSERT_DONE(put("k", "x"));
  ASSERT_DONE(head("k"));
  const auto id = create("m");
  ASSERT_DONE(id);
  const auto part = put_part("m", *id, 1, "part");
  ASSERT_DONE(part);
  ASSERT_DONE(complete("m", *id, {*part}));
  for (const char* operation : {"PutObject", "CreateMultipartUpload"}) {
    EXPECT_EQ(sent(operation, "x-amz-server-side-encryption"), "AES256");
    EXPECT_EQ(sent(operation, "x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(sent(operation, "x-amz-tagging"), "team=a%20b");
    EXPECT_EQ(sent(operation, "x-amz-meta-origin"), "scanner");
  }
  EXPECT_EQ(server().object(bucket, "k")->metadata.at("origin"), "scanner");
  for (const auto& request : server().log()) {
    EXPECT_EQ(request.header("x-amz-expected-bucket-owner"), "111122223333") << request.operation;
    EXPECT_EQ(request.status / 100, 2) << request.operation;
  }
}

TEST_F(S3Options, CustomersKeyGoesWithEachPartAndEachRetry) {
  uploader::S3Options options;
  options.write.sse_customer_key = Secret(std::string(32, 'k'));
  connect(std::move(options));
  const auto id = create("m");
  ASSERT_DONE(id);
  server().add_fault({.operation = "UploadPart", .count = 1, .status = 503});
  expect_code(put_part("m", *id, 1, "part"), ErrorCode::RetryLater);
  ASSERT_DONE(put_part("m", *id, 1, "part"));
  int parts = 0;
  for (const auto& request : server().log()) {
    if (request.operation != "UploadPart") continue;
    ++parts;
    EXPECT_EQ(request.header("x-amz-server-side-encryption-customer-algorithm"), "AES256");
    EXPECT_EQ(request.header("x-amz-server-side-encryption-customer-key-md5"),
              "mT2HRsMGJ5IX5C+0rreZ8Q==");
  }
  EXPECT_EQ(parts, 2);
}

// 12
TEST_F(S3Options, ChecksumThatTheStoreDoesNotKnowIsLeftOutFromThenOn) {
  auto behaviour = server().behaviour();
  behaviour.checksums = s3server::Support::Rejected;
  server().set_behaviour(behaviour);
  connect({.checksum_header = uploader::ChecksumHeader::Sha256});
  ASSERT_DONE(put("a", "x"));
  ASSERT_DONE(put("b", "x"));
  std::vector<int> statuses;
  for (const auto& request : server().log()) {
    statuses.push_back(request.status);
    EXPECT_EQ(request.header("x-amz-checksum-sha256").empty(), request.status == 200);
    EXPECT_NE(request.header("content-md5"), "");
  }
  EXPECT_EQ(statuses, (std::vector<int>{501, 200, 200}));
}

// 29
TEST_F(S3Options, StoreThatAsksForAPauseGetsIt) {
  connect();
  server().add_fault({.operation = "PutObject",
                      .count = 1,
                      .status = 503,
                      .code = "ServiceUnavailable",
                      .headers = {{"x-amz-retry-after", "300"}}});
  ASSERT_FALSE(put("k", "x"));
  ASSERT_DONE(put("k", "x"));
  const auto log = server().log();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_GE(log[1].begun - log[0].begun, std::chrono::milliseconds(299));
}

TEST_F(S3Options, PauseThatIsNoNumberIsNone) {
  connect();
  for (const char* nonsense : {"soon", "-3000", "3000s", ""}) {
    server().set_faults({{.operation = "PutObject",
                          .count = 1,
                          .status = 503,
                          .headers = {{"x-amz-retry-after", nonsense}}}});
    ASSERT_FALSE(put("k", "x"));
    ASSERT_DONE(put("k", "x"));
  }
}

// 27
TEST_F(S3Options, ThrottlingSlowsDownButStarvesNobody) {
  connect({}, 16);
  server().add_fault(
      {.operation = "PutObject", .count = 6, .percent = 30, .status = 503, .code = "SlowDown"});
  std::vector<Answer<uploader::PutReply>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(begin_put(put_request(std::to_string(i), "x")));
  int stored = 0;
  for (auto& answer : answers) {
    const auto reply = await(std::move(answer));
    stored += reply ? 1 : 0;
    if (!reply) {
      EXPECT_EQ(reply.error().code, ErrorCode::Throttled);
    }
  }
  EXPECT_GE(stored, 14);
}

TEST_F(S3Options, RequestThatWaitsForItsTurnCanBeCancelled) {
  connect();
  server().add_fault({.operation = "PutObject",
                      .count = 1,
                      .status = 503,
                      .headers = {{"x-amz-retry-after", "3600000"}}});
  ASSERT_FALSE(put("k", "x"));
  auto waiting = begin_put(put_request("k", "x"));
  close_store();
  expect_code(await(std::move(waiting)), ErrorCode::Cancelled);
  EXPECT_EQ(server().count("PutObject"), 1U);
}

}  // namespace
}  // namespace waybill::integration
