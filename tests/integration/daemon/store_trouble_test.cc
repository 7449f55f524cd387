#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/daemon/journey.h"

// What can be wrong with S3: one cause, told once, and the files go on by
// themselves.
namespace waybill::test {
namespace {

using s3server::Behaviour;
using s3server::Cut;
using s3server::Support;

class StoreTrouble : public Journey {
 protected:
  // The trouble is of the store: it waits, and nobody is asked to do anything
  // about the file.
  void expect_waiting(const std::string& path) {
    const Shown shown = show(path);
    EXPECT_TRUE(!shown.known || shown.state == "queued" || shown.state == "uploading")
        << shown.state;
  }
};

TEST_F(StoreTrouble, UnreachableServerIsToldAndAllGoesOnWhenItComesBack) {
  start();
  drop("before", "before");
  wait_until_all_stored();
  server().set_reachable(false);
  for (int i = 0; i < 50; ++i) drop("meanwhile/" + std::to_string(i), std::to_string(i));
  EXPECT_TRUE(told("connect", "meanwhile/0"));
  expect_waiting("meanwhile/0");
  EXPECT_NE(status().reason("store-unreachable"), nullptr);
  server().set_reachable(true);
  wait_until_all_stored();
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(StoreTrouble, ServerThatWasDownAtTheStartIsNoReasonToEnd) {
  server().set_reachable(false);
  drop("early", "early");
  start();
  EXPECT_TRUE(told("connect", "early"));
  server().set_reachable(true);
  wait_until_all_stored();
}

TEST_F(StoreTrouble, OutageInTheMiddleOfALargeFileGoesOnAndLeavesRoomForOthers) {
  start();
  server().add_fault({.operation = "UploadPart", .read_rate = 8 * mebibyte});
  drop("large", bytes(60 * mebibyte, 1));
  ASSERT_TRUE(eventually([&] { return server().count("UploadPart") >= 2; }));
  server().set_reachable(false);
  EXPECT_TRUE(told("connect", "large"));
  server().clear_faults();
  server().set_reachable(true);
  for (int i = 0; i < 40; ++i) drop("small/" + std::to_string(i), std::to_string(i));
  wait_until_all_stored();
  EXPECT_TRUE(server().uploads(bucket).empty());
}

TEST_F(StoreTrouble, WrongSecretIsToldAndTheRightOneIsTakenInByAReload) {
  s3["secret_access_key"] = toml_string("wrong");
  start();
  drop("one", "one");
  EXPECT_TRUE(told("SignatureDoesNotMatch", "one"));
  expect_waiting("one");
  s3["secret_access_key"] = toml_string(server_options.secret_key);
  reload();
  wait_until_all_stored();
  EXPECT_EQ(daemon_log().find(server_options.secret_key), std::string::npos);
}

TEST_F(StoreTrouble, UnknownAccessKeyIsTold) {
  s3["access_key_id"] = toml_string("nobody");
  start();
  drop("one", "one");
  EXPECT_TRUE(told("InvalidAccessKeyId", "one"));
  s3["access_key_id"] = toml_string(server_options.access_key);
  reload();
  wait_until_all_stored();
}

TEST_F(StoreTrouble, MissingBucketIsToldAndUsedOnceItIsThere) {
  server_options.buckets = {};
  start();
  drop("one", "one");
  EXPECT_TRUE(told("NoSuchBucket", "one"));
  expect_waiting("one");
  server().create_bucket(bucket);
  wait_until_all_stored();
}

TEST_F(StoreTrouble, WrongRegionIsCorrectedByTheServersWord) {
  server_options.region = "eu-central-1";
  start();
  drop("one", "one");
  wait_until_all_stored();
}

TEST_F(StoreTrouble, BucketInAnotherRegionIsFollowedThere) {
  server_options.region = "eu-central-1";
  server_options.behaviour.wrong_region_redirects = true;
  start();
  drop("one", "one");
  wait_until_all_stored();
}

TEST_F(StoreTrouble, SkewedClockIsAdoptedFromTheServer) {
  server_options.behaviour.clock_offset_seconds = 20 * 60;
  start();
  drop("one", "one");
  drop("large", bytes(17 * mebibyte, 2));
  wait_until_all_stored();
}

TEST_F(StoreTrouble, UntrustedCertificateIsToldAndItsCaIsTakenInByAReload) {
  server_options.tls = true;
  start();
  drop("one", "one");
  EXPECT_TRUE(told("certificate", "one"));
  EXPECT_EQ(server().count("PutObject"), 0U);
  const std::string ca = aside("ca.pem");
  std::ofstream(ca) << server().ca_pem();
  s3["ca_file"] = toml_string(ca);
  reload();
  wait_until_all_stored();
}

TEST_F(StoreTrouble, StormOfSlowDownsOnlyTakesLonger) {
  start();
  server().add_fault({.operation = "PutObject", .percent = 40, .status = 503, .code = "SlowDown"});
  for (int i = 0; i < 60; ++i) drop("storm/" + std::to_string(i), std::to_string(i));
  ASSERT_TRUE(eventually([&] { return server().count("PutObject") >= 60; }));
  server().clear_faults();
  wait_until_all_stored();
}

TEST_F(StoreTrouble, InternalErrorsOfEveryKindOfRequestOnlyTakeLonger) {
  start();
  for (const char* key : {"in/s*", "in/l*"}) {
    server().add_fault({.key = key, .every = 4, .status = 500, .code = "InternalError"});
  }
  for (int i = 0; i < 20; ++i) drop("small/" + std::to_string(i), std::to_string(i));
  drop("large", bytes(40 * mebibyte, 3));
  wait_until_all_stored();
}

TEST_F(StoreTrouble, LostReplyAfterTheCommitIsResolvedByAHeadWithoutASecondBody) {
  start();
  server().add_fault(
      {.operation = "PutObject", .key = "in/one", .count = 1, .cut = Cut::AfterCommit});
  drop("one", "one");
  wait_until_all_stored();
  EXPECT_EQ(requests("PutObject", "in/one"), 1U);
  EXPECT_GE(requests("HeadObject", "in/one"), 1U);
  EXPECT_EQ(server().history(bucket, "in/one").size(), 1U);
}

TEST_F(StoreTrouble, LostReplyToACompleteIsResolvedByAHead) {
  start();
  server().add_fault({.operation = "CompleteMultipartUpload", .count = 1, .cut = Cut::AfterCommit});
  drop("large", bytes(20 * mebibyte, 4));
  wait_until_all_stored();
  EXPECT_EQ(server().history(bucket, "in/large").size(), 1U);
  EXPECT_TRUE(server().uploads(bucket).empty());
}

TEST_F(StoreTrouble, RequestThatIsAppliedLateDoesNoHarm) {
  start();
  server().add_fault({.operation = "PutObject",
                      .key = "in/one",
                      .count = 1,
                      .cut = Cut::BeforeCommit,
                      .late_on_demand = true});
  drop("one", "first");
  wait_until_all_stored();
  drop("one", "second");
  wait_until_all_stored();
  EXPECT_EQ(server().release_late_effects(), 1U);
  EXPECT_TRUE(agrees("one"));
}

TEST_F(StoreTrouble, ForeignObjectIsNeverOverwrittenAndTheFileGoesOnOnceItIsAway) {
  start();
  server().put_object(bucket, "in/report", "somebody else's");
  drop("report", "ours");
  EXPECT_TRUE(told("not ours", "report"));
  EXPECT_EQ(state_of("report"), "blocked");
  EXPECT_EQ(body_at("in/report"), "somebody else's");
  // What was there when `wait` was called is stored or blocked, and its exit
  // code tells which.
  EXPECT_EQ(waybill({"wait"}).code, 3);
  server().delete_object(bucket, "in/report");
  const Answer retry = waybill({"retry", local("report")});
  EXPECT_EQ(retry.code, 0) << retry.output << retry.error;
  wait_until_all_stored();
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(StoreTrouble, BlockedFileIsTriedAgainAfterARestart) {
  start();
  server().put_object(bucket, "in/report", "somebody else's");
  drop("report", "ours");
  ASSERT_TRUE(becomes("report", "blocked"));
  stop();
  server().delete_object(bucket, "in/report");
  start();
  wait_until_all_stored();
}

TEST_F(StoreTrouble, LargeFileInTheWayOfAForeignObjectLeavesNoUpload) {
  start();
  server().put_object(bucket, "in/large", "somebody else's");
  drop("large", bytes(17 * mebibyte, 5));
  EXPECT_TRUE(told("not ours", "large"));
  EXPECT_EQ(body_at("in/large"), "somebody else's");
  EXPECT_TRUE(eventually([&] { return server().uploads(bucket).empty(); }));
  server().delete_object(bucket, "in/large");
  waybill({"retry", "--all"});
  wait_until_all_stored();
}

TEST_F(StoreTrouble, EqualObjectOfSomebodyElseCountsAsStoredAndStaysTheirs) {
  start();
  server().put_object(bucket, "in/same", "the same bytes");
  drop("same", "the same bytes");
  ASSERT_TRUE(becomes("same", "stored"));
  EXPECT_EQ(server().history(bucket, "in/same").size(), 1U);
  // Other content of ours goes beside it.
  drop("same", "other bytes");
  wait_until_all_stored();
  EXPECT_EQ(body_at("in/same"), "the same bytes");
}

TEST_F(StoreTrouble, StoreWithoutConditionsIsCalledUnguardedAndStillWorks) {
  server_options.behaviour.put_if_none_match = Support::Ignored;
  server_options.behaviour.put_if_match = Support::Ignored;
  server_options.behaviour.complete_if_none_match = Support::Ignored;
  start();
  drop("one", "one");
  wait_until_all_stored();
  const Answer status = waybill({"status"});
  EXPECT_EQ(status.code, 3);
  EXPECT_TRUE(status.says("unguarded")) << status.output;
  drop("one", "two");
  wait_until_all_stored();
  server().put_object(bucket, "in/theirs", "somebody else's");
  drop("theirs", "ours");
  EXPECT_TRUE(told("not ours", "theirs"));
  EXPECT_EQ(body_at("in/theirs"), "somebody else's");
}

TEST_F(StoreTrouble, GatewayOfCephServesTheJourney) {
  server_options.behaviour = s3server::ceph_16();
  start();
  drop("small", "small");
  drop("large", bytes(20 * mebibyte, 6));
  wait_until_all_stored();
  drop("small", "replaced");
  wait_until_all_stored();
}

TEST_F(StoreTrouble, RefusalOfOneFileAloneBlocksThatFileAlone) {
  start();
  server().add_fault(
      {.operation = "PutObject", .key = "in/forbidden", .status = 403, .code = "AccessDenied"});
  drop("forbidden", "by a policy");
  drop("allowed", "allowed");
  ASSERT_TRUE(becomes("forbidden", "blocked"));
  EXPECT_TRUE(told("AccessDenied", "forbidden"));
  ASSERT_TRUE(becomes("allowed", "stored"));
  server().clear_faults();
  waybill({"retry", "--all"});
  wait_until_all_stored();
}

}  // namespace
}  // namespace waybill::test
