#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/kill/mortal_journey.h"

// A real SIGKILL at any moment: nothing is lost, nothing is sent twice without
// need, and no row says more than the truth. It proves nothing about power
// loss: the kernel lives on.
namespace waybill::test {
namespace {

using s3server::Write;

constexpr std::size_t mebibyte = 1U << 20U;

class Kill : public MortalJourney {
 protected:
  // Each round the daemon dies at another moment, told by how many requests the
  // server has seen.
  void rounds(int count, std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    const auto one_in = [&dice](std::uint64_t n) { return dice() % n == 0; };
    for (int round = 0; round < count; ++round) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
      const std::size_t begin = server().request_count();
      start();
      const std::size_t new_files = 5 + dice() % 20;
      for (std::size_t i = 0; i < new_files; ++i) drop_something(dice);
      if (one_in(4))
        drop("large/" + std::to_string(round), bytes(17 * mebibyte + dice() % 1000, dice()));
      if (one_in(3)) replace_something(dice);
      if (one_in(3)) remove_something(dice);
      unchanged_ = 0;
      const std::size_t until = begin + dice() % 60;
      // By requests where there are as many, else when all is quiet.
      eventually([&] { return server().request_count() >= until || quiet(); });
      kill();
    }
    start();
    const Answer wait = waybill({"wait"});
    EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  }

  // Nothing has come for many questions in a row.
  bool quiet() {
    const std::size_t now = server().request_count();
    unchanged_ = std::exchange(last_seen_, now) == now ? unchanged_ + 1 : 0;
    constexpr int many = 50;
    return unchanged_ > many;
  }

  void drop_something(std::mt19937_64& dice) {
    const std::string name = "d" + std::to_string(dice() % 7) + "/" + std::to_string(++names_);
    drop(name, bytes(dice() % 5000, dice()));
  }
  std::string pick(std::mt19937_64& dice) {
    const std::vector<std::string> all = files();
    return all[dice() % all.size()];
  }
  void replace_something(std::mt19937_64& dice) { drop(pick(dice), bytes(dice() % 5000, dice())); }
  void remove_something(std::mt19937_64& dice) { remove(pick(dice)); }

 private:
  std::uint64_t names_ = 0;
  std::size_t last_seen_ = 0;
  int unchanged_ = 0;
};

TEST_F(Kill, AtAnyMomentLosesNothingAndSendsNothingTwice) {
  rounds(wished_kills(25), 20261121);
  everything_agrees();
}

TEST_F(Kill, UnderAServerThatFailsNowAndThenLosesNothing) {
  server().add_fault(
      {.operation = "PutObject", .key = "in/d*", .percent = 10, .cut = s3server::Cut::AfterCommit});
  server().add_fault({.key = "in/*", .percent = 10, .status = 503, .code = "SlowDown"});
  rounds(std::min(8, wished_kills(8)), 7);
  server().clear_faults();
  everything_agrees();
}

TEST_F(Kill, InTheMiddleOfALargeFileLeavesNoUploadAndNoTornObject) {
  server().add_fault({.operation = "UploadPart", .read_rate = 16 * mebibyte});
  start();
  drop("large", bytes(48 * mebibyte, 1));
  for (std::size_t parts = 1; parts <= 4; ++parts) {
    ASSERT_TRUE(eventually([&] { return server().count("UploadPart") >= parts; }));
    kill();
    start();
  }
  wait_until_all_stored();
  EXPECT_TRUE(eventually([&] { return server().uploads(bucket).empty(); }));
  EXPECT_EQ(server().history(bucket, "in/large").size(), 1U);
}

TEST_F(Kill, WhileSendingAndThenAReplacedFileStoresTheNewContent) {
  server().add_fault(
      {.operation = "PutObject", .key = "in/file", .count = 1, .never_answer = true});
  start();
  drop("file", "first");
  ASSERT_TRUE(eventually([&] { return requests("PutObject", "in/file") > 0; }));
  kill();
  drop("file", "second");
  start();
  wait_until_all_stored();
}

// Its condition on the object before would hold again, should these be that object's bytes; which
// they are shows only when they are read (PROTOCOL.md rule 2).
TEST_F(Kill, AfterAnUnansweredCompleteTheNextLargeContentSaysWhatItWaitsFor) {
  start();
  drop("large", bytes(17 * mebibyte, 1));
  wait_until_all_stored();
  server().add_fault({.operation = "CompleteMultipartUpload", .never_answer = true});
  drop("large", bytes(17 * mebibyte, 2));
  ASSERT_TRUE(eventually([&] { return server().count("CompleteMultipartUpload") == 2; }));
  kill();
  server().clear_faults();
  drop("large", bytes(18 * mebibyte, 3));
  start();
  EXPECT_TRUE(eventually([&] {
    return waybill({"show", local("large")}).says("was never answered and may still arrive");
  })) << waybill({"show", local("large")}).output;
  EXPECT_EQ(server().history(bucket, "in/large").size(), 1U);
}

}  // namespace
}  // namespace waybill::test
