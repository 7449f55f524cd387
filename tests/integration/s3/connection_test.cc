#include <set>

#include "tests/integration/s3/s3_client.h"

// Connections: reused, lost, refused, silent. What counts is that nothing is sent twice unreported
// and that an error says whether the request may have had its effect.
namespace waybill::integration {
namespace {

using s3server::Cut;
using std::chrono::milliseconds;

class S3Connection : public S3Client {
 protected:
  [[nodiscard]] std::set<std::uint64_t> connections() {
    std::set<std::uint64_t> seen;
    for (const auto& record : server().log()) seen.insert(record.connection);
    return seen;
  }
};

TEST_F(S3Connection, IsReusedForOneRequestAfterAnother) {
  for (int i = 0; i < 10; ++i) ASSERT_DONE(put("k" + std::to_string(i), "content"));
  ASSERT_DONE(head("k1"));
  const auto id = create("multipart");
  ASSERT_DONE(id);
  ASSERT_DONE(put_part("multipart", *id, 1, std::string(100'000, 'x')));
  ASSERT_DONE(abort("multipart", *id));
  ASSERT_DONE(remove("k1"));
  EXPECT_EQ(connections().size(), 1U);
}

TEST_F(S3Connection, AreNeverMoreThanAllowed) {
  connect({}, 3);
  std::vector<Answer<uploader::PutReply>> answers;
  for (int i = 0; i < 300; ++i) {
    answers.push_back(begin_put(put_request("k" + std::to_string(i), std::to_string(i))));
  }
  for (auto& answer : answers) ASSERT_DONE(await(std::move(answer)));
  EXPECT_EQ(server().keys(bucket).size(), 300U);
  EXPECT_LE(connections().size(), 3U);
}

// 2. libcurl alone would send each of these again, unasked, on a new connection.
TEST_F(S3Connection, ReusedOneThatDiesWithoutAnAnswerLeadsToNoUnreportedSecondPut) {
  for (const std::size_t size : {0U, 100U, 60'000U, 500'000U, 3'000'000U}) {
    for (const Cut cut : {Cut::BeforeCommit, Cut::AfterCommit}) {
      ASSERT_DONE(put("warm", "the connection is reused"));
      server().clear_log();
      server().set_faults({{.operation = "PutObject", .count = 1, .cut = cut}});
      expect_code(put("k", std::string(size, 'x')), ErrorCode::Ambiguous);
      EXPECT_EQ(server().count("PutObject"), 1U) << size;
      ASSERT_EQ(server().log().size(), 1U);
      server().clear_faults();
    }
  }
}

TEST_F(S3Connection, ReusedOneThatDiesIsReplacedWithoutAWordForWhatOnlyReads) {
  ASSERT_DONE(put("k", "content"));
  server().add_fault({.operation = "HeadObject", .count = 1, .cut = Cut::BeforeCommit});
  ASSERT_DONE(head("k"));
}

TEST_F(S3Connection, IdleOneThatTheServerClosedIsNotUsed) {
  server().add_fault({.count = 1, .cut = Cut::AfterReply});
  ASSERT_DONE(put("k", "content"));
  ASSERT_TRUE(server().wait_for("PutObject", 1, std::chrono::seconds(60)));
  const auto second = put("k2", "content");
  // The close and the next request may cross; then it is reported, and still sent only once.
  if (!second) expect_code(second, ErrorCode::Ambiguous);
  EXPECT_LE(server().count("PutObject"), 2U);
  ASSERT_DONE(put("k3", "content"));
}

TEST_F(S3Connection, RefusedOneCertainlyHadNoEffectAndServiceGoesOnByItself) {
  ASSERT_DONE(put("k", "content"));
  server().set_reachable(false);
  const auto refused = put("k2", "content");
  ASSERT_FALSE(refused);
  const auto second = put("k2", "content");
  expect_code(second, ErrorCode::RetryLater);
  EXPECT_NE(second.error().message.find(std::to_string(server().port())), std::string::npos);
  server().set_reachable(true);
  ASSERT_DONE(put("k2", "content"));
}

TEST_F(S3Connection, NameThatDoesNotResolveIsSaidToBeSo) {
  connect({.endpoint = "http://no-such-host.invalid", .path_style = true});
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::RetryLater);
  EXPECT_NE(reply.error().message.find("no-such-host.invalid"), std::string::npos);
}

TEST_F(S3Connection, OneThatEndsWithinTheHeadOfItsReplyIsNoSuccess) {
  server().add_fault({.cut = Cut::InReply});
  expect_code(put("k", "content"), ErrorCode::Ambiguous);
}

// 38
TEST_F(S3Connection, ServerThatNeverAnswersIsGivenUpAfterTheStallTime) {
  connect({.stall_timeout = milliseconds(200)});
  server().add_fault({.never_answer = true});
  expect_code(put("k", "content"), ErrorCode::Ambiguous);
  expect_code(head("k"), ErrorCode::RetryLater);
}

// 38
TEST_F(S3Connection, ServerThatHardlyReadsIsGivenUpAndTheBodyWasIncomplete) {
  connect({.stall_timeout = milliseconds(300)});
  server().add_fault({.read_rate = 1});
  expect_code(put("k", std::string(32U << 20U, 'x')), ErrorCode::RetryLater);
  EXPECT_FALSE(server().object(bucket, "k"));
}

// 36
TEST_F(S3Connection, EarlyRefusalOfALargeBodyStopsIt) {
  server().add_fault({.status = 403, .code = "AccessDenied", .early = true});
  const auto reply = put("k", std::string(64U << 20U, 'x'));
  expect_code(reply, ErrorCode::NeedsPerson);
  EXPECT_EQ(reply.error().s3_code, "AccessDenied");
  ASSERT_EQ(server().request_count(), 1U);
  EXPECT_EQ(server().log().at(0).header("expect"), "100-continue");
  EXPECT_LT(server().log().at(0).body_bytes, 64U << 20U);
}

// 37
TEST_F(S3Connection, ContinueThatNeverComesIsWaitedForOnce) {
  server().add_fault({.no_continue = true});
  ASSERT_DONE(put("k", std::string(3U << 20U, 'x')));
  ASSERT_DONE(put("k", std::string(3U << 20U, 'x')));
  ASSERT_EQ(server().log().size(), 2U);
  EXPECT_EQ(server().log().at(0).header("expect"), "100-continue");
  EXPECT_EQ(server().log().at(1).header("expect"), "");
}

// 37
TEST_F(S3Connection, RefusedExpectationLeadsToTheSameRequestWithoutIt) {
  server().add_fault({.refuse_expect = true});
  ASSERT_DONE(put("k", std::string(3U << 20U, 'x')));
  EXPECT_EQ(server().object(bucket, "k")->body.size(), 3U << 20U);
  EXPECT_EQ(server().history(bucket, "k").size(), 1U);
}

TEST_F(S3Connection, SmallBodiesNeverWaitForContinue) {
  ASSERT_DONE(put("k", std::string((2U << 20U) - 1, 'x')));
  EXPECT_EQ(server().log().at(0).header("expect"), "");
}

TEST_F(S3Connection, CancelledRequestUnderWayEndsAtOnce) {
  server().add_fault({.never_answer = true});
  auto promise = std::make_shared<std::promise<Result<uploader::PutReply>>>();
  auto answer = promise->get_future();
  const auto id = store().put(put_request("k", "content"),
                              [promise](auto reply) { promise->set_value(std::move(reply)); });
  await_requests(1);
  store().cancel(id);
  expect_code(await(std::move(answer)), ErrorCode::Cancelled);
  server().clear_faults();
  ASSERT_DONE(put("k2", "the engine goes on"));
  EXPECT_FALSE(server().object(bucket, "k"));
}

TEST_F(S3Connection, CancelledRequestInTheQueueIsNeverSent) {
  connect({}, 1);
  server().add_fault({.key = "first", .never_answer = true});
  auto first = std::make_shared<std::promise<Result<uploader::PutReply>>>();
  auto second = std::make_shared<std::promise<Result<uploader::PutReply>>>();
  auto first_answer = first->get_future();
  auto second_answer = second->get_future();
  const auto first_id = store().put(put_request("first", "content"),
                                    [first](auto reply) { first->set_value(std::move(reply)); });
  await_requests(1);
  const auto second_id = store().put(put_request("second", "content"),
                                     [second](auto reply) { second->set_value(std::move(reply)); });
  store().cancel(second_id);
  expect_code(await(std::move(second_answer)), ErrorCode::Cancelled);
  store().cancel(first_id);
  expect_code(await(std::move(first_answer)), ErrorCode::Cancelled);
  EXPECT_EQ(server().request_count(), 1U);
}

TEST_F(S3Connection, StoreThatGoesAnswersWhatIsOutstandingFirst) {
  connect({}, 1);
  server().add_fault({.never_answer = true});
  auto under_way = begin_put(put_request("first", "content"));
  auto queued = begin_put(put_request("second", "content"));
  await_requests(1);
  close_store();
  ASSERT_EQ(under_way.wait_for(milliseconds(0)), std::future_status::ready);
  ASSERT_EQ(queued.wait_for(milliseconds(0)), std::future_status::ready);
  expect_code(under_way.get(), ErrorCode::Cancelled);
  expect_code(queued.get(), ErrorCode::Cancelled);
}

}  // namespace
}  // namespace waybill::integration
