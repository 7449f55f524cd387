#include <gtest/gtest.h>

#include "tests/s3server/behaviour_script.h"
#include "tests/s3server/fault.h"
#include "tests/s3server/fault_table.h"

namespace waybill::s3server {
namespace {

using std::chrono::milliseconds;

Fault only(const std::string& script) {
  std::string error;
  const auto faults = parse_faults(script, error);
  EXPECT_TRUE(faults) << error;
  EXPECT_EQ(faults ? faults->size() : 0, 1U);
  return faults && !faults->empty() ? faults->front() : Fault{};
}

TEST(FaultScript, EveryWordSetsItsPart) {
  const Fault fault = only(
      "operation=PutObject method=PUT bucket=b key=a/* first=3 every=2 count=5 percent=30 "
      "status=503 code=SlowDown message=\"slow down\" body=\"a\\\"b\\\\c\\n\" after-effect early "
      "header=\"x-amz-retry-after: 3000\" header=A:b delay=250ms cut=in-body:4096 reset late=2s "
      "never-answer no-continue refuse-expect drip=60s read-rate=1000 skew=-3600 wrong-checksum "
      "truncate-body=100  # and this is said to nobody");
  EXPECT_EQ(fault.operation, "PutObject");
  EXPECT_EQ(fault.method, "PUT");
  EXPECT_EQ(fault.bucket, "b");
  EXPECT_EQ(fault.key, "a/*");
  EXPECT_EQ(fault.first, 3U);
  EXPECT_EQ(fault.every, 2U);
  EXPECT_EQ(fault.count, 5U);
  EXPECT_EQ(fault.percent, 30U);
  EXPECT_EQ(fault.status, 503);
  EXPECT_EQ(fault.code, "SlowDown");
  EXPECT_EQ(fault.message, "slow down");
  EXPECT_EQ(fault.body, "a\"b\\c\n");
  EXPECT_TRUE(fault.after_effect);
  EXPECT_TRUE(fault.early);
  const std::vector<std::pair<std::string, std::string>> headers = {{"x-amz-retry-after", "3000"},
                                                                    {"A", "b"}};
  EXPECT_EQ(fault.headers, headers);
  EXPECT_EQ(fault.delay, milliseconds(250));
  EXPECT_EQ(fault.cut, Cut::InBody);
  EXPECT_EQ(fault.cut_after_bytes, 4096U);
  EXPECT_TRUE(fault.reset);
  EXPECT_EQ(fault.late_effect, milliseconds(2000));
  EXPECT_TRUE(fault.never_answer);
  EXPECT_TRUE(fault.no_continue);
  EXPECT_TRUE(fault.refuse_expect);
  EXPECT_EQ(fault.drip, milliseconds(60'000));
  EXPECT_EQ(fault.read_rate, 1000U);
  EXPECT_EQ(fault.clock_offset_seconds, -3600);
  EXPECT_TRUE(fault.wrong_checksum);
  EXPECT_EQ(fault.truncate_body, 100U);
}

TEST(FaultScript, EveryCutHasAName) {
  EXPECT_EQ(only("cut=before-body").cut, Cut::BeforeBody);
  EXPECT_EQ(only("cut=in-body").cut, Cut::InBody);
  EXPECT_EQ(only("cut=before-commit").cut, Cut::BeforeCommit);
  EXPECT_EQ(only("cut=after-commit").cut, Cut::AfterCommit);
  EXPECT_EQ(only("cut=in-reply").cut, Cut::InReply);
  EXPECT_EQ(only("cut=after-reply").cut, Cut::AfterReply);
  EXPECT_TRUE(only("late=on-demand").late_on_demand);
}

TEST(FaultScript, NthIsOneRequestAlone) {
  const Fault fault = only("nth=4 status=500");
  EXPECT_EQ(fault.first, 4U);
  EXPECT_EQ(fault.count, 1U);
}

TEST(FaultScript, BlankLinesAndCommentsAreNoFaults) {
  std::string error;
  const auto faults = parse_faults("\n# nothing\n  \nstatus=500\r\n\n", error);
  ASSERT_TRUE(faults) << error;
  EXPECT_EQ(faults->size(), 1U);
}

TEST(FaultScript, MistakesAreToldWithTheirLine) {
  const auto mistake = [](const std::string& script) {
    std::string error;
    EXPECT_FALSE(parse_faults(script, error)) << script;
    return error;
  };
  EXPECT_EQ(mistake("status=500\nstaus=500\n"), "line 2: there is no 'staus'");
  EXPECT_EQ(mistake("status=1000"), "line 1: 'status' cannot be '1000'");
  EXPECT_EQ(mistake("cut=sometimes"), "line 1: 'cut' cannot be 'sometimes'");
  EXPECT_EQ(mistake("cut=after-commit:5"), "line 1: 'cut' cannot be 'after-commit:5'");
  EXPECT_EQ(mistake("delay=5m"), "line 1: 'delay' cannot be '5m'");
  EXPECT_EQ(mistake("message=\"x"), "line 1: a quote is not closed");
  EXPECT_EQ(mistake("percent=101"), "line 1: 'percent' cannot be '101'");
  EXPECT_EQ(mistake("reset=perhaps"), "line 1: 'reset' cannot be 'perhaps'");
  EXPECT_EQ(mistake("header=novalue"), "line 1: 'header' cannot be 'novalue'");
}

// Which of the first ten requests to PutObject a/b the only fault befalls.
std::string pattern(Fault fault) {
  FaultTable table;
  table.add(std::move(fault));
  std::string out;
  for (int i = 0; i < 10; ++i) {
    out += table.strike("PutObject", "PUT", "bucket", "a/b") ? 'x' : '.';
  }
  return out;
}

TEST(FaultTable, SelectsByNumber) {
  EXPECT_EQ(pattern({}), "xxxxxxxxxx");
  EXPECT_EQ(pattern({.first = 3}), "..xxxxxxxx");
  EXPECT_EQ(pattern({.first = 3, .count = 2}), "..xx......");
  EXPECT_EQ(pattern({.first = 2, .every = 3}), ".x..x..x..");
  EXPECT_EQ(pattern({.first = 2, .every = 3, .count = 2}), ".x..x.....");
}

TEST(FaultTable, SelectsByWhatTheRequestIs) {
  EXPECT_EQ(pattern({.operation = "PutObject", .count = 1}), "x.........");
  EXPECT_EQ(pattern({.operation = "GetObject"}), "..........");
  EXPECT_EQ(pattern({.method = "PUT", .count = 1}), "x.........");
  EXPECT_EQ(pattern({.method = "GET"}), "..........");
  EXPECT_EQ(pattern({.bucket = "other"}), "..........");
  EXPECT_EQ(pattern({.key = "a/*", .count = 1}), "x.........");
  EXPECT_EQ(pattern({.key = "b/*"}), "..........");
}

TEST(FaultTable, APercentageIsAboutThatManyAndTheSameInEveryRun) {
  EXPECT_EQ(pattern({.percent = 0}), "..........");
  EXPECT_EQ(pattern({.percent = 50}), pattern({.percent = 50}));
  FaultTable table;
  table.add({.percent = 30});
  int struck = 0;
  for (int i = 0; i < 10'000; ++i) struck += table.strike("", "", "", "") ? 1 : 0;
  EXPECT_NEAR(struck, 3000, 200);
}

TEST(FaultTable, TheFirstThatStrikesWinsAndTheRestDoNotCount) {
  FaultTable table;
  table.add({.count = 1, .status = 500});
  table.add({.count = 1, .status = 503});
  const auto status = [&] {
    const auto fault = table.strike("", "", "", "");
    return fault ? fault->status : 0;
  };
  EXPECT_EQ(status(), 500);
  EXPECT_EQ(status(), 503);
  EXPECT_EQ(status(), 0);
}

TEST(BehaviourScript, WordsChangeWhatTheyName) {
  Behaviour behaviour;
  std::string error;
  ASSERT_TRUE(
      parse_behaviour("ceph-16 checksums=rejected may-list=no\nclock-offset-seconds=-90 "
                      "smallest-part=1 list-parts-page=7 random-etags=yes",
                      behaviour, error))
      << error;
  EXPECT_TRUE(behaviour.if_match_needs_bare_etag);
  EXPECT_EQ(behaviour.complete_if_none_match, Support::Ignored);
  EXPECT_EQ(behaviour.checksums, Support::Rejected);
  EXPECT_FALSE(behaviour.may_list);
  EXPECT_EQ(behaviour.clock_offset_seconds, -90);
  EXPECT_EQ(behaviour.smallest_part, 1U);
  EXPECT_EQ(behaviour.list_parts_page, 7);
  EXPECT_TRUE(behaviour.random_etags);
}

TEST(BehaviourScript, AMistakeChangesNothing) {
  Behaviour behaviour;
  std::string error;
  EXPECT_FALSE(parse_behaviour("may-list=no checksums=perhaps", behaviour, error));
  EXPECT_EQ(error, "'checksums=perhaps' is no behaviour of this server");
  EXPECT_TRUE(behaviour.may_list);
}

}  // namespace
}  // namespace waybill::s3server
