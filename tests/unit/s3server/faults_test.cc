#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <vector>

#include "tests/s3server/encoding.h"
#include "tests/s3server/server.h"
#include "tests/s3server/xml.h"
#include "tests/unit/s3server/client.h"

// Each action of a fault, as a client meets it.
namespace waybill::s3server {
namespace {

using std::chrono::milliseconds;
using testing::call;
using testing::Connection;
using testing::get;
using testing::head;
using testing::put;

constexpr std::chrono::seconds kPatience{20};

class Faults : public ::testing::Test {
 protected:
  bool stored() const { return server.object("bucket", "k").has_value(); }
  RequestRecord first() const { return server.log().at(0); }
  std::string put_bytes(const std::string& body, const std::string& more = {}) const {
    const auto wanted = put("/bucket/k", body);
    std::string top = signed_head(wanted, "127.0.0.1");
    top.replace(top.find("\r\n\r\n"), 4, "\r\n" + more + "\r\n");
    return top;
  }

  Server server{Options{.buckets = {"bucket"}}};
  std::uint16_t port = server.port();
};

TEST_F(Faults, ACodeIsAnsweredInsteadOfTheEffect) {
  server.add_fault({.operation = "PutObject",
                    .count = 1,
                    .code = "SlowDown",
                    .message = "not so fast",
                    .headers = {{"x-amz-retry-after", "3000"}}});
  const auto refused = call(port, put("/bucket/k", "x"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.code(), "SlowDown");
  EXPECT_EQ(refused.element("Message"), "not so fast");
  EXPECT_EQ(refused.header("x-amz-retry-after"), "3000");
  EXPECT_FALSE(refused.element("RequestId").empty());
  EXPECT_FALSE(stored());
  EXPECT_TRUE(first().faulted);
  EXPECT_EQ(first().code, "SlowDown");
  EXPECT_EQ(call(port, put("/bucket/k", "x")).status, 200);
  EXPECT_FALSE(server.log().at(1).faulted);
}

TEST_F(Faults, AStatusAloneHasNoBody) {
  server.add_fault({.method = "HEAD", .status = 400});
  EXPECT_EQ(call(port, head("/bucket/k")).status, 400);
  server.set_faults({{.status = 500}});
  const auto bare = call(port, put("/bucket/k", "x"));
  EXPECT_EQ(bare.status, 500);
  EXPECT_EQ(bare.body, "");
}

TEST_F(Faults, AnErrorMayComeAfterTheEffect) {
  server.add_fault({.code = "InternalError", .after_effect = true});
  EXPECT_EQ(call(port, put("/bucket/k", "x")).status, 500);
  EXPECT_TRUE(stored());
  EXPECT_TRUE(first().effect);
}

TEST_F(Faults, AnErrorMayComeIn200) {
  server.add_fault({.status = 200, .code = "InternalError"});
  const auto reply = call(port, put("/bucket/k", "x"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.code(), "InternalError");
  EXPECT_FALSE(stored());
}

TEST_F(Faults, ABodyOfOnesOwnIsSentAsItIs) {
  server.add_fault({.status = 503, .body = "<html>proxy</html>"});
  EXPECT_EQ(call(port, put("/bucket/k", "x")).body, "<html>proxy</html>");
}

TEST_F(Faults, ARefusalMayComeBeforeTheBody) {
  server.add_fault({.code = "AccessDenied", .early = true});
  Connection connection(port);
  ASSERT_TRUE(connection.send(put_bytes(std::string(8U << 20, 'x'))));
  EXPECT_EQ(connection.receive().code(), "AccessDenied");
  EXPECT_TRUE(connection.at_end());
  EXPECT_EQ(first().body_bytes, 0U);
}

TEST_F(Faults, AfterAnEarlyRefusalOfAShortBodyTheConnectionGoesOn) {
  server.add_fault({.count = 1, .code = "AccessDenied", .early = true});
  Connection connection(port);
  EXPECT_EQ(connection.call(put("/bucket/k", "short")).code(), "AccessDenied");
  EXPECT_EQ(connection.call(put("/bucket/k", "short")).status, 200);
}

TEST_F(Faults, CutBeforeTheBody) {
  server.add_fault({.cut = Cut::BeforeBody});
  Connection connection(port);
  ASSERT_TRUE(connection.send(put_bytes("body")));
  EXPECT_TRUE(connection.at_end());
  EXPECT_FALSE(stored());
  EXPECT_EQ(first().status, 0);
}

TEST_F(Faults, CutInTheBody) {
  server.add_fault({.cut = Cut::InBody, .cut_after_bytes = 3});
  Connection connection(port);
  ASSERT_TRUE(connection.send(put_bytes("body") + "bo"));
  EXPECT_EQ(connection.receive_some(milliseconds(20)), "");
  ASSERT_TRUE(connection.send("d"));
  EXPECT_TRUE(connection.at_end());
  ASSERT_TRUE(server.wait_for("PutObject", 1, kPatience));
  EXPECT_EQ(first().body_bytes, 3U);
  EXPECT_FALSE(stored());
}

TEST_F(Faults, CutBeforeTheCommit) {
  server.add_fault({.cut = Cut::BeforeCommit});
  EXPECT_EQ(call(port, put("/bucket/k", "body")).status, 0);
  ASSERT_TRUE(server.wait_for("PutObject", 1, kPatience));
  EXPECT_EQ(first().body_bytes, 4U);
  EXPECT_FALSE(first().effect);
  EXPECT_FALSE(stored());
}

TEST_F(Faults, CutAfterTheCommit) {
  server.add_fault({.cut = Cut::AfterCommit});
  EXPECT_EQ(call(port, put("/bucket/k", "body")).status, 0);
  EXPECT_TRUE(stored());
  EXPECT_TRUE(first().effect);
  EXPECT_EQ(first().status, 0);
}

TEST_F(Faults, CutInTheReply) {
  server.put_object("bucket", "k", std::string(1000, 'x'));
  server.add_fault({.cut = Cut::InReply});
  const auto half = call(port, get("/bucket/k"));
  EXPECT_EQ(half.status, 200);
  EXPECT_FALSE(half.whole);
  EXPECT_EQ(half.body.size(), 500U);
}

TEST_F(Faults, CutBehindTheReplyKillsTheNextRequest) {
  server.add_fault({.count = 1, .cut = Cut::AfterReply});
  Connection connection(port);
  const auto reply = connection.call(put("/bucket/k", "x"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("connection"), "");
  EXPECT_TRUE(connection.at_end());
}

TEST_F(Faults, ACutMayBeAReset) {
  server.add_fault({.cut = Cut::AfterCommit, .reset = true});
  Connection connection(port);
  EXPECT_EQ(connection.call(put("/bucket/k", "x")).status, 0);
  EXPECT_TRUE(connection.was_reset());
  EXPECT_TRUE(stored());
}

TEST_F(Faults, AZombieIsAppliedWhenItsTimeHasCome) {
  server.add_fault({.count = 1, .late_effect = milliseconds(50)});
  EXPECT_EQ(call(port, put("/bucket/k", "late")).status, 0);
  // The retry overtakes it and is overwritten, unless this machine is slow: then it comes after it.
  EXPECT_EQ(call(port, put("/bucket/k", "retry")).status, 200);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (server.history("bucket", "k").size() < 2 && std::chrono::steady_clock::now() < deadline) {
    call(port, head("/bucket/k"));
  }
  std::vector<std::uint64_t> sizes;
  for (const auto& version : server.history("bucket", "k")) sizes.push_back(version.size);
  EXPECT_THAT(sizes, ::testing::UnorderedElementsAre(4, 5));
  EXPECT_TRUE(first().effect);
  EXPECT_TRUE(first().late);
}

TEST_F(Faults, ZombiesAreAppliedOnDemandInTheirOrder) {
  server.add_fault({.count = 2, .late_on_demand = true});
  call(port, put("/bucket/k", "one"));
  call(port, put("/bucket/k", "two"));
  EXPECT_EQ(call(port, put("/bucket/k", "three")).status, 200);
  EXPECT_EQ(server.release_late_effects(), 2U);
  EXPECT_EQ(server.object("bucket", "k")->body, "two");
  EXPECT_EQ(server.history("bucket", "k").size(), 3U);
  EXPECT_EQ(server.release_late_effects(), 0U);
}

TEST_F(Faults, AZombieIsHeldToItsCondition) {
  server.add_fault({.count = 1, .late_on_demand = true});
  call(port, put("/bucket/k", "late", {{"if-none-match", "*"}}));
  call(port, put("/bucket/k", "retry", {{"if-none-match", "*"}}));
  server.release_late_effects();
  EXPECT_EQ(server.object("bucket", "k")->body, "retry");
  EXPECT_FALSE(first().effect);
  EXPECT_EQ(first().code, "PreconditionFailed");
}

TEST_F(Faults, AServerMayNeverAnswer) {
  server.add_fault({.count = 1, .never_answer = true});
  Connection silent(port);
  ASSERT_TRUE(silent.send(put_bytes("body") + "body"));
  // Others are served meanwhile.
  EXPECT_EQ(call(port, put("/bucket/other", "x")).status, 200);
  EXPECT_EQ(silent.receive_some(milliseconds(20)), "");
  EXPECT_FALSE(stored());
  silent.end_of_output();
  EXPECT_TRUE(silent.at_end());
  EXPECT_TRUE(server.wait_for("PutObject", 2, kPatience));
}

TEST_F(Faults, ANeverAnsweredRequestMayStillBeApplied) {
  server.add_fault({.count = 1, .late_on_demand = true, .never_answer = true});
  Connection silent(port);
  ASSERT_TRUE(silent.send(put_bytes("body") + "body"));
  // Its body has been read when the next request is answered on the same loop.
  while (server.release_late_effects() == 0) call(port, head("/bucket/other"));
  EXPECT_TRUE(stored());
  EXPECT_EQ(silent.receive_some(milliseconds(0)), "");
}

TEST_F(Faults, ADelayComesBetweenEffectAndReply) {
  server.add_fault({.count = 1, .delay = milliseconds(200)});
  const auto begun = std::chrono::steady_clock::now();
  Connection slow(port);
  ASSERT_TRUE(slow.send(put_bytes("body") + "body"));
  EXPECT_EQ(slow.receive().status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(200));
}

TEST_F(Faults, ASlowReaderTakesItsTime) {
  server.add_fault({.count = 1, .read_rate = 1000});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(call(port, put("/bucket/k", std::string(300, 'x'))).status, 200);
  // The last portion is not waited for.
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(200));
  EXPECT_EQ(server.object("bucket", "k")->body.size(), 300U);
}

TEST_F(Faults, ContinueMayNeverBeSent) {
  server.add_fault({.no_continue = true});
  Connection connection(port);
  ASSERT_TRUE(connection.send(put_bytes("body", "Expect: 100-continue\r\n")));
  EXPECT_EQ(connection.receive_some(milliseconds(20)), "");
  ASSERT_TRUE(connection.send("body"));
  EXPECT_EQ(connection.receive().status, 200);
}

TEST_F(Faults, ExpectMayBeRefused) {
  server.add_fault({.refuse_expect = true});
  Connection connection(port);
  ASSERT_TRUE(connection.send(put_bytes("body", "Expect: 100-continue\r\n")));
  EXPECT_EQ(connection.receive().status, 417);
  EXPECT_EQ(call(port, put("/bucket/k", "without")).status, 200);
}

TEST_F(Faults, AClockMayBeWrongForOneRequest) {
  server.add_fault({.count = 1, .clock_offset_seconds = -7200});
  const auto refused = call(port, put("/bucket/k", "x"));
  EXPECT_EQ(refused.code(), "RequestTimeTooSkewed");
  EXPECT_NEAR(static_cast<double>(*parse_http_date(refused.header("date")) - std::time(nullptr)),
              -7200.0, 60.0);
  EXPECT_EQ(call(port, put("/bucket/k", "x")).status, 200);
}

TEST_F(Faults, AReplyMayCarryWrongChecksums) {
  const auto right = call(port, put("/bucket/k", "x"));
  server.add_fault({.wrong_checksum = true});
  const auto wrong = call(port, put("/bucket/k", "x"));
  EXPECT_EQ(wrong.status, 200);
  EXPECT_NE(wrong.header("etag"), right.header("etag"));
  EXPECT_EQ(wrong.header("etag").size(), right.header("etag").size());
  EXPECT_EQ("\"" + server.object("bucket", "k")->etag + "\"", right.header("etag"));
}

TEST_F(Faults, AReplyMayBeCutShortAndYetBeWholeHttp) {
  server.add_fault({.operation = "ListObjectsV2", .truncate_body = 50});
  const auto listed = call(port, {.path = "/bucket", .query = "list-type=2"});
  EXPECT_EQ(listed.status, 200);
  EXPECT_TRUE(listed.whole);
  EXPECT_EQ(listed.body.size(), 50U);
  EXPECT_FALSE(parse_xml(listed.body));
}

class CompleteFaults : public Faults {
 protected:
  void SetUp() override {
    id = call(port, {.method = "POST", .path = "/bucket/k", .query = "uploads="})
             .element("UploadId");
    etag = call(port, {.method = "PUT",
                       .path = "/bucket/k",
                       .query = "partNumber=1&uploadId=" + id,
                       .body = "body"})
               .header("etag");
    server.clear_log();
  }
  testing::Reply complete() {
    return call(port, {.method = "POST",
                       .path = "/bucket/k",
                       .query = "uploadId=" + id,
                       .body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                               etag + "</ETag></Part></CompleteMultipartUpload>"});
  }
  std::string id;
  std::string etag;
};

TEST_F(CompleteFaults, WhiteSpaceMayPrecedeTheResult) {
  server.add_fault({.operation = "CompleteMultipartUpload", .drip = milliseconds(100)});
  const auto reply = complete();
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.whole);
  const auto root = parse_xml(reply.body);
  ASSERT_TRUE(root) << reply.body;
  EXPECT_EQ(root->name, "CompleteMultipartUploadResult");
  EXPECT_NE(reply.body.find("?>  "), std::string::npos);
}

TEST_F(CompleteFaults, WhiteSpaceMayPrecedeAnError) {
  server.put_object("bucket", "k", "foreign");
  server.add_fault({.status = 200, .code = "InternalError", .drip = milliseconds(50)});
  const auto reply = complete();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(parse_xml(reply.body)->text_of("Code"), "InternalError");
  EXPECT_EQ(server.object("bucket", "k")->body, "foreign");
}

TEST_F(CompleteFaults, TheResultMayBreakOffAfterTheEffect) {
  server.add_fault({.truncate_body = 80});
  const auto reply = complete();
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(parse_xml(reply.body));
  EXPECT_TRUE(stored());
}

TEST_F(CompleteFaults, TheResultMayCarryAWrongEtag) {
  server.add_fault({.wrong_checksum = true});
  const std::string told = parse_xml(complete().body)->text_of("ETag");
  EXPECT_NE(told, "\"" + server.object("bucket", "k")->etag + "\"");
}

TEST_F(CompleteFaults, CutAfterTheCommitTheReplayTellsTheResult) {
  server.add_fault({.count = 1, .cut = Cut::AfterCommit});
  EXPECT_EQ(complete().status, 0);
  EXPECT_TRUE(stored());
  EXPECT_EQ(complete().status, 200);
  EXPECT_EQ(server.history("bucket", "k").size(), 1U);
}

}  // namespace
}  // namespace waybill::s3server
