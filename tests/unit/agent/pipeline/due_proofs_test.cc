#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "tests/fakes/pipeline_world.h"

// An upload that was given up lands over what has been stored since, on a store that was found to
// guard against that and does not: a HEAD is due, and its answer is acted upon (PROTOCOL.md section
// 4, late landing).
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;

class DueProofs : public testing::Test {
 protected:
  explicit DueProofs(std::string path = "a") : path_(std::move(path)) {
    world_.config().folders.front().prefix = "in/";
    world_.fault = [this](const Call& call) {
      if (call.key != key_) return Fault::None;
      if (call.operation == Operation::Put) {
        ++sent_;
        if (sent_ == 1) return Fault::LandsLater;
        return puts_fail_ ? Fault::FailBefore : Fault::None;
      }
      // The first one finds what has landed.
      const bool proves = call.operation == Operation::Head && landed_ && ++heads_ > 1;
      return proves && hidden_ ? Fault::Denied : Fault::None;
    };
  }
  // "two" is stored.
  void store_two() {
    world_.write(path_, "one");
    world_.start();
    world_.settle_down();
    world_.write(path_, "two");
    world_.settle_down();
    ASSERT_EQ(world_.row(path_)->state, FileState::Stored);
    ASSERT_EQ(there(), "two");
  }
  // "one" is at its key.
  void land() {
    world_.bucket.behaviour.if_absent_on_put = fakes::StoreBehaviour::OnCondition::Ignores;
    world_.land_late_requests();
    world_.bucket.behaviour.if_absent_on_put = fakes::StoreBehaviour::OnCondition::Enforces;
    landed_ = true;
    ASSERT_EQ(there(), "one");
  }
  void land_and_look_until_it_is_due() {
    land();
    world_.run_until([this] { return object().proof_due != 0; });
    ASSERT_NE(object().proof_due, 0);
  }
  std::string there() { return std::string(as_text(*world_.bucket.find(key_)->body)); }
  catalog::ObjectRow object() { return *world_.object_of(*world_.row(path_)); }
  void expect_two_again() {
    ASSERT_EQ(world_.row(path_)->state, FileState::Stored);
    EXPECT_EQ(there(), "two");
    EXPECT_EQ(world_.bucket.find(key_)->attempt, object().attempt);
    EXPECT_EQ(object().key, key_);
    EXPECT_EQ(object().proof_due, 0);
  }

  static constexpr const char* sent_again =
      "what was stored was replaced by an upload that came late: it is sent again";
  static constexpr Nanoseconds until_it_is_looked_for = std::chrono::minutes(25);

  const std::string path_;
  const std::string key_ = "in/" + path_;
  fakes::PipelineWorld world_;
  int sent_ = 0;
  int heads_ = 0;
  bool landed_ = false;
  bool hidden_ = false;
  bool puts_fail_ = false;
};

TEST_F(DueProofs, WhatCameLateIsReplacedByWhatIsOnDisk) {
  store_two();
  land();
  world_.pass(until_it_is_looked_for);
  expect_two_again();
  EXPECT_EQ(world_.logged(sent_again), 1);
}

TEST_F(DueProofs, AreFoundAgainAfterARestart) {
  store_two();
  land_and_look_until_it_is_due();
  world_.crash();
  world_.start();
  world_.pass(std::chrono::seconds(10));
  expect_two_again();
}

TEST_F(DueProofs, OfWhatIsThereAreProvenAnew) {
  store_two();
  const auto ours = *world_.bucket.find("in/a");
  const auto proven_at = object().proven_at;
  land_and_look_until_it_is_due();
  world_.bucket.put_foreign("in/a", "two", ours.metadata);
  const int before = sent_;
  world_.pass(std::chrono::minutes(1));
  expect_two_again();
  EXPECT_GT(object().proven_at, proven_at);
  EXPECT_EQ(sent_, before);
}

TEST_F(DueProofs, ThatCannotBeHadAreAskedForAgainAndToldOf) {
  hidden_ = true;
  store_two();
  land_and_look_until_it_is_due();
  world_.write("b", "other");
  world_.settle_down();
  EXPECT_EQ(world_.row("b")->state, FileState::Stored) << "nobody waits for it";
  const auto proven_at = object().proven_at;
  world_.pass(std::chrono::hours(3));
  EXPECT_TRUE(world_.has_reason("proofs-due"));
  EXPECT_EQ(object().proven_at, proven_at);
  EXPECT_LE(heads_, 12) << "less and less often";

  hidden_ = false;
  world_.pass(std::chrono::hours(1) + std::chrono::minutes(1));
  expect_two_again();
  EXPECT_FALSE(world_.has_reason("proofs-due"));
}

TEST_F(DueProofs, OfTheOnlyCopyTellThatItIsLostUntilSomebodyTakesNote) {
  store_two();
  world_.remove("a");
  world_.settle_down();
  ASSERT_EQ(world_.row("a")->state, FileState::Gone);
  land();
  world_.pass(until_it_is_looked_for);
  ASSERT_EQ(world_.row("a")->state, FileState::Blocked);
  EXPECT_EQ(world_.row("a")->reason, catalog::lost_reason);
  EXPECT_EQ(world_.status().folders.front().blocked, 1);

  world_.crash();
  world_.start();
  world_.pass(std::chrono::hours(2));
  EXPECT_EQ(world_.row("a")->state, FileState::Blocked);

  Retry retry;
  world_.command(std::move(retry));
  world_.pass(std::chrono::minutes(1));
  EXPECT_EQ(world_.row("a")->state, FileState::Gone);
  EXPECT_EQ(there(), "one");
}

TEST_F(DueProofs, OfAFileThatGoesBeforeItIsSentAgainTellThatItIsLost) {
  store_two();
  puts_fail_ = true;
  land();
  world_.pass(until_it_is_looked_for);
  ASSERT_NE(world_.row("a")->state, FileState::Stored);
  world_.remove("a");
  world_.pass(std::chrono::minutes(1));
  EXPECT_EQ(world_.row("a")->state, FileState::Blocked);
  EXPECT_EQ(world_.row("a")->reason, catalog::lost_reason);
}

// Most who delete a file delete what lies beside it.
TEST_F(DueProofs, ThatTellOfALossDoSoWhateverChangesBesideTheName) {
  world_.config().folders.front().sidecar = "{name}.meta.json";
  store_two();
  world_.remove("a");
  world_.settle_down();
  land();
  world_.pass(until_it_is_looked_for);
  ASSERT_EQ(world_.row("a")->reason, catalog::lost_reason);
  world_.write("a.meta.json", R"({"colour": "red"})");
  world_.pass(std::chrono::minutes(1));
  world_.remove("a.meta.json");
  world_.pass(std::chrono::minutes(1));
  EXPECT_EQ(world_.row("a")->reason, catalog::lost_reason);
}

TEST_F(DueProofs, ThatTellOfALossEndWhereItsFileIsFoundUnderAnotherName) {
  store_two();
  const std::string outside = world_.folder() + "-outside";
  std::filesystem::rename(world_.folder() + "/a", outside);
  world_.settle_down();
  land();
  world_.pass(until_it_is_looked_for);
  ASSERT_EQ(world_.row("a")->reason, catalog::lost_reason);
  std::filesystem::rename(outside, world_.folder() + "/b");
  world_.settle_down();
  EXPECT_FALSE(world_.row("a"));
  ASSERT_EQ(world_.row("b")->state, FileState::Stored);
  EXPECT_EQ(world_.object_of(*world_.row("b"))->key, "in/b");
  EXPECT_EQ(world_.status().folders.front().blocked, 0);
  EXPECT_EQ(there(), "one");
}

// Another file has its name: no row tells of it.
TEST_F(DueProofs, OfAFormerFileTellThatItIsLostUntilSomebodyTakesNote) {
  store_two();
  world_.remove("a");
  world_.settle_down();
  land();
  world_.write("a", "three");
  world_.pass(until_it_is_looked_for);
  ASSERT_EQ(world_.row("a")->state, FileState::Stored);
  EXPECT_TRUE(world_.has_reason("objects-lost"));
  world_.crash();
  world_.start();
  world_.settle_down();
  EXPECT_TRUE(world_.has_reason("objects-lost"));

  world_.command(Retry{.folder = world_.row("a")->folder, .path = "a", .reply = {}});
  world_.settle_down();
  EXPECT_TRUE(world_.has_reason("objects-lost")) << "that was not said of it";
  world_.command(Retry{});
  world_.settle_down();
  EXPECT_FALSE(world_.has_reason("objects-lost"));
  world_.crash();
  world_.start();
  world_.settle_down();
  EXPECT_FALSE(world_.has_reason("objects-lost"));
}

// Its folder goes elsewhere now: nobody can ask, and nobody is woken for it.
TEST_F(DueProofs, OfAStoreThatNoFolderGoesToAreANotice) {
  hidden_ = true;
  store_two();
  land_and_look_until_it_is_due();
  world_.config().folders.front().prefix = "elsewhere/";
  world_.edges().post([this] { world_.pipeline().reconfigure(world_.config()); });
  world_.pass(std::chrono::minutes(1));
  const int asked = heads_;
  world_.pass(std::chrono::hours(5));
  EXPECT_EQ(heads_, asked);
  const auto& reasons = world_.status().reasons;
  const auto told = std::ranges::find(reasons, "proofs-due", &Reason::code);
  ASSERT_NE(told, reasons.end());
  EXPECT_EQ(told->severity, Severity::Notice);
}

class DueProofsBelow : public DueProofs {
 protected:
  DueProofsBelow() : DueProofs("d/a") {}
};

// Moved out of the folder and back with its directory, it is as it was to the last bit.
TEST_F(DueProofsBelow, OfAFileThatIsBackUnchangedHaveItSent) {
  store_two();
  puts_fail_ = true;
  land();
  world_.pass(until_it_is_looked_for);
  world_.rename("d", "../d");
  world_.pass(std::chrono::minutes(1));
  ASSERT_EQ(world_.row(path_)->reason, catalog::lost_reason);
  const Fingerprint before = world_.row(path_)->fingerprint;
  puts_fail_ = false;
  world_.rename("../d", "d");
  world_.pass(std::chrono::minutes(5));
  expect_two_again();
  EXPECT_EQ(world_.row(path_)->fingerprint, before);
}

}  // namespace
}  // namespace waybill::agent
