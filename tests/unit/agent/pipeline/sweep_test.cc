// Multipart uploads that were left behind (PROTOCOL.md rule 12): ours are aborted in the end,
// others' are told and never touched.
#include "agent/upload_sweep.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {
namespace {

using catalog::AttemptRow;
using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using fakes::PipelineWorld;
using uploader::ListedUpload;
using namespace std::chrono_literals;

// --- whose an upload is --------------------------------------------------------------------------

constexpr WallTime now{std::chrono::hours(24 * 20'000)};

AttemptRow attempt(const std::string& key, const std::string& upload_id, Nanoseconds sent_ago) {
  AttemptRow row;
  row.key = key;
  row.kind = catalog::AttemptKind::Multipart;
  row.upload_id = upload_id;
  row.sent_at = (now - sent_ago).time_since_epoch().count();
  return row;
}

TEST(UnknownUploads, AreThoseThatNoAttemptHasByItsIdOrItsWindow) {
  const std::vector<AttemptRow> attempts = {attempt("k", "ours", 30h), attempt("l", "", 50h)};
  const std::vector<ListedUpload> listed = {
      {"k", "ours", now - 90h},  // by its id
      {"k", "of its window", now - 30h + 10min},
      {"k", "before it", now - 31h},  // 1
      {"k", "after it", now - 29h},   // 2
      {"l", "of a create", now - 50h - 1min},
      {"m", "another key", now - 40h},  // 3, the oldest
  };
  const auto unknown = find_unknown(listed, attempts, now);
  EXPECT_EQ(unknown.count, 3);
  EXPECT_EQ(unknown.example, "m");
  EXPECT_EQ(unknown.oldest, now - 40h);
}

TEST(UnknownUploads, ThatAreYoungerThanADayMayBeSomebodysAtWork) {
  const std::vector<ListedUpload> listed = {{"k", "young", now - 23h}, {"k", "old", now - 25h}};
  EXPECT_EQ(find_unknown(listed, {}, now).count, 1);
}

TEST(UnknownUploads, OnTheKeyOfASinglePutAreNotIts) {
  AttemptRow single = attempt("k", "", 30h);
  single.kind = catalog::AttemptKind::Single;
  EXPECT_EQ(find_unknown({{"k", "x", now - 25h}}, {single}, now).count, 1);
}

// --- in the pipeline -----------------------------------------------------------------------------

class SweepTest : public testing::Test {
 protected:
  void gone_before_its_complete_was_answered() {
    faults_[Operation::Complete] = Fault::LostRequest;
    world_.write("large.bin", large('a'));
    world_.start();
    world_.run_until([this] { return calls_[Operation::Complete] > 0; });
    world_.remove("large.bin");
    world_.pass(1min);
  }
  SweepTest() {
    world_.config().folders.front().s3.part_size = part_size;
    world_.fault = [this](const Call& call) {
      ++calls_[call.operation];
      if (call.operation == Operation::Complete && std::exchange(spoilt_, false)) {
        return Fault::Conflict;  // the upload is spoilt: a new one is begun
      }
      // The store's own probe is answered.
      if (call.operation == Operation::Head && call.key != "drop/large.bin") return Fault::None;
      const auto found = faults_.find(call.operation);
      return found == faults_.end() ? Fault::None : found->second;
    };
  }

  static std::string large(char first) {
    std::string content;
    for (int i = 0; i < 4; ++i) content.append(part_size, static_cast<char>(first + i));
    return content;
  }
  std::vector<ListedUpload> uploads() { return world_.bucket.uploads_under_way(); }
  [[nodiscard]] std::optional<std::int64_t> reported() const {
    return world_.status().stores.front().unknown_uploads;
  }
  [[nodiscard]] std::size_t attempts() {
    return world_.open_catalog()->open_attempts().value().size();
  }
  // Its first upload is spoilt and cannot be aborted; its second becomes the object.
  void store_and_leave_an_upload() {
    faults_[Operation::Abort] = Fault::Denied;
    spoilt_ = true;
    world_.write("large.bin", large('a'));
    world_.start();
    world_.settle_down();
    ASSERT_EQ(world_.row("large.bin")->state, FileState::Stored);
    ASSERT_EQ(uploads().size(), 1U);
  }

  static constexpr std::size_t part_size = 5U << 20U;
  PipelineWorld world_;
  std::map<Operation, Fault> faults_;
  std::map<Operation, int> calls_;
  bool spoilt_ = false;
};

// --- what we left behind ---

TEST_F(SweepTest, OneThatCouldNotBeAbortedIsAbortedLaterThoughItsFileIsLongStored) {
  store_and_leave_an_upload();
  faults_.clear();
  world_.pass(1h);
  EXPECT_TRUE(uploads().empty());
  world_.crash();
  EXPECT_EQ(attempts(), 0U);
}

TEST_F(SweepTest, OneThatCouldNotBeAbortedHoldsNeitherKeyNorFile) {
  world_.bucket.behaviour.if_absent_on_put = fakes::StoreBehaviour::OnCondition::Ignores;
  world_.bucket.behaviour.if_match = fakes::StoreBehaviour::OnCondition::Ignores;
  store_and_leave_an_upload();
  world_.write("large.bin", large('b'));
  world_.pass(2min);
  EXPECT_EQ(world_.row("large.bin")->state, FileState::Stored);
  EXPECT_EQ(world_.row("large.bin")->generation, 2);
  ASSERT_EQ(uploads().size(), 1U) << "it is still there";

  // Nor does it keep another file from that key once this one has gone.
  world_.remove("large.bin");
  world_.pass(1min);
  world_.config().folders.front().on_replace = agent::OnReplace::Overwrite;
  world_.crash();
  world_.start();
  world_.write("large.bin", "another file");
  world_.pass(2min);
  EXPECT_EQ(world_.row("large.bin")->state, FileState::Stored);
  EXPECT_EQ(world_.row("large.bin")->key, "drop/large.bin");
}

TEST_F(SweepTest, OneThatCouldNotBeAbortedIsKnownAfterARestart) {
  store_and_leave_an_upload();
  world_.crash();
  EXPECT_EQ(attempts(), 1U);
  world_.start();
  faults_.clear();
  world_.pass(1h);
  EXPECT_TRUE(uploads().empty());
}

// However many an attempt leaves, and though it is under way itself: all are known.
TEST_F(SweepTest, AttemptUnderWayGoesOnAfterARestartWithoutWhatItLeft) {
  faults_[Operation::Abort] = Fault::Denied;
  faults_[Operation::PutPart] = Fault::None;
  spoilt_ = true;
  world_.write("large.bin", large('a'));
  world_.start();
  world_.run_until(
      [this] { return calls_[Operation::Create] == 2 && calls_[Operation::PutPart] > 5; });
  world_.crash();
  world_.start();
  world_.settle_down();
  EXPECT_EQ(world_.row("large.bin")->state, FileState::Stored);
  faults_.clear();
  world_.pass(1h);
  EXPECT_TRUE(uploads().empty());
  world_.crash();
  EXPECT_EQ(attempts(), 0U);
}

TEST_F(SweepTest, AbortThatFailsInPassingIsRepeated) {
  store_and_leave_an_upload();
  faults_[Operation::Abort] = Fault::FailBefore;
  const int before = calls_[Operation::Abort];
  world_.run_until([&] { return calls_[Operation::Abort] > before + 3; });
  ASSERT_EQ(uploads().size(), 1U);
  faults_.clear();
  world_.pass(1h);
  EXPECT_TRUE(uploads().empty());
}

TEST_F(SweepTest, UploadThatCannotBeAbortedIsToldUntilItIsGone) {
  store_and_leave_an_upload();
  EXPECT_FALSE(world_.has_reason("uploads-left"));
  world_.pass(12h);
  EXPECT_TRUE(world_.has_reason("uploads-left"));
  EXPECT_LE(calls_[Operation::Abort], 22) << "once an hour at the most";
  world_.pass(36h);
  EXPECT_FALSE(world_.has_reason("unknown-uploads")) << "it is ours, and known";
  EXPECT_EQ(world_.row("large.bin")->state, FileState::Stored);

  faults_.clear();
  world_.pass(25h);
  EXPECT_TRUE(uploads().empty());
  EXPECT_FALSE(world_.has_reason("uploads-left"));
}

// A permission that is missing is missing for all of them: one asks for the others.
TEST_F(SweepTest, StoreThatRefusesAbortsIsAskedForOneOfThemNowAndThen) {
  constexpr std::size_t files = 5;
  std::set<std::string> spoilt;
  bool denied = true;
  int aborts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::Complete && spoilt.insert(call.key).second) {
      return Fault::Conflict;
    }
    if (call.operation != Operation::Abort) return Fault::None;
    ++aborts;
    return denied ? Fault::Denied : Fault::None;
  };
  for (std::size_t i = 0; i < files; ++i) {
    world_.write("large-" + std::to_string(i), large('a'));
  }
  world_.start();
  world_.settle_down();
  ASSERT_EQ(uploads().size(), files);
  world_.pass(12h);
  const int before = aborts;
  world_.pass(96h);
  EXPECT_LE(aborts - before, 15);
  const auto& reasons = world_.status().reasons;
  const auto told = std::ranges::find(reasons, "uploads-left", &Reason::code);
  ASSERT_NE(told, reasons.end());
  EXPECT_NE(told->sentence.find("5 multipart uploads of ours"), std::string::npos)
      << told->sentence;

  denied = false;
  world_.pass(25h);
  EXPECT_TRUE(uploads().empty());
  EXPECT_FALSE(world_.has_reason("uploads-left"));
}

TEST_F(SweepTest, UploadWhoseAbortAloneIsRefusedKeepsNoOtherThere) {
  std::set<std::string> spoilt;
  bool all_denied = true;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::Complete && spoilt.insert(call.key).second) {
      return Fault::Conflict;
    }
    if (call.operation != Operation::Abort) return Fault::None;
    return all_denied || call.key == "drop/large-0" ? Fault::Denied : Fault::None;
  };
  for (int i = 0; i < 3; ++i) world_.write("large-" + std::to_string(i), large('a'));
  world_.start();
  world_.settle_down();
  world_.pass(1h);
  ASSERT_EQ(uploads().size(), 3U);
  all_denied = false;
  world_.pass(12h);
  ASSERT_EQ(uploads().size(), 1U);
  EXPECT_EQ(uploads().front().key, "drop/large-0");
  EXPECT_TRUE(world_.has_reason("uploads-left"));
}

TEST_F(SweepTest, CreateThatWasNotAnsweredHoldsNothing) {
  world_.bucket.behaviour.if_absent_on_put = fakes::StoreBehaviour::OnCondition::Ignores;
  world_.bucket.behaviour.if_match = fakes::StoreBehaviour::OnCondition::Ignores;
  bool lose = true;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::Create && std::exchange(lose, false)) return Fault::LandsLater;
    return Fault::None;
  };
  world_.write("large.bin", large('a'));
  world_.start();
  world_.settle_down();
  world_.write("large.bin", large('b'));
  world_.pass(2min);
  EXPECT_EQ(world_.row("large.bin")->generation, 2);
  EXPECT_EQ(world_.row("large.bin")->state, FileState::Stored);
  world_.land_late_requests();
  EXPECT_EQ(uploads().size(), 1U) << "what it began came to be after all";
  world_.pass(1h);
  EXPECT_TRUE(uploads().empty());
}

TEST_F(SweepTest, CreateThatWasNotAnsweredIsNotTakenForThatOfALaterAttempt) {
  int creates = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation != Operation::Create) return Fault::None;
    ++creates;
    if (creates == 1) return Fault::LandsLater;
    if (creates != 3) return Fault::None;
    world_.land_late_requests();
    return Fault::LostRequest;
  };
  world_.write("large.bin", large('a'));
  world_.start();
  world_.settle_down();
  world_.write("large.bin", large('b'));
  world_.run_until([&] { return creates >= 3; });
  world_.settle_down();
  const auto row = world_.row("large.bin");
  ASSERT_EQ(row->generation, 2);
  ASSERT_EQ(row->state, FileState::Stored);
  const auto object = world_.object_of(*row);
  const auto* there = world_.bucket.find(object->key);
  ASSERT_NE(there, nullptr);
  EXPECT_EQ(there->attempt, object->attempt) << "it carries what is said of an earlier attempt";
  world_.pass(1h);
  EXPECT_TRUE(uploads().empty());
}

// --- whose Complete was not answered ---

class HeadThatFailsAs : public SweepTest, public testing::WithParamInterface<Fault> {};

// HEAD first: a store that is still at that Complete would take the bytes away with the upload.
TEST_P(HeadThatFailsAs, ItDoesIsToldAndNothingIsAbortedBeforeOneSaysWhetherItLanded) {
  faults_[Operation::Complete] = Fault::LostRequest;
  world_.write("large.bin", large('a'));
  world_.start();
  world_.run_until([this] { return calls_[Operation::Complete] > 0; });
  faults_[Operation::Head] = GetParam();
  world_.remove("large.bin");
  world_.pass(12h);
  EXPECT_EQ(calls_[Operation::Abort], 0);
  EXPECT_LE(calls_[Operation::Head], 40) << "once an hour at the most";
  EXPECT_TRUE(world_.has_reason("uploads-unsettled"));
  ASSERT_EQ(uploads().size(), 1U);

  faults_.clear();
  world_.pass(2h);
  EXPECT_TRUE(uploads().empty());
  EXPECT_FALSE(world_.has_reason("uploads-unsettled"));
  world_.crash();
  EXPECT_EQ(attempts(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Sweep, HeadThatFailsAs,
                         testing::Values(Fault::Denied, Fault::FailBefore, Fault::Throttle));

// An outage has a reason of its own.
TEST_F(SweepTest, WhatAnAttemptBecameIsNotSaidToBeUntoldInAnOutage) {
  gone_before_its_complete_was_answered();
  world_.fault = [](const Call&) { return Fault::FailBefore; };
  world_.write("another", "bytes");
  world_.pass(12h);
  EXPECT_TRUE(world_.has_reason("store-unreachable"));
  EXPECT_FALSE(world_.has_reason("uploads-unsettled"));
}

// Nobody can ask there, and nobody but a person can change that.
TEST_F(SweepTest, WhatAnAttemptBecameAtAStoreThatIsNotConfiguredAnyMoreIsTold) {
  gone_before_its_complete_was_answered();
  world_.crash();
  faults_.clear();
  world_.config().folders.front().s3.bucket = "another";
  world_.start();
  world_.pass(12h);
  const auto& reasons = world_.status().reasons;
  const auto told = std::ranges::find(reasons, "uploads-unsettled", &Reason::code);
  ASSERT_NE(told, reasons.end());
  EXPECT_EQ(told->severity, Severity::Notice);
  EXPECT_EQ(told->sentence,
            "a store that is not configured: whether 1 upload that was given up arrived after all "
            "cannot be told, the first for drop/large.bin: no folder goes there any more");
  EXPECT_EQ(calls_[Operation::Abort], 0);

  world_.crash();
  world_.config().folders.front().s3.bucket = "bucket";
  world_.start();
  world_.pass(2h);
  EXPECT_FALSE(world_.has_reason("uploads-unsettled"));
  EXPECT_TRUE(uploads().empty());
}

TEST_F(SweepTest, UploadThatLandedAfterAllIsRecordedAndNotAbortedAtOnce) {
  faults_[Operation::Complete] = Fault::LandsLater;
  world_.write("large.bin", large('a'));
  world_.start();
  world_.run_until([this] { return calls_[Operation::Complete] > 0; });
  faults_.clear();
  world_.remove("large.bin");
  world_.pass(1min);
  world_.land_late_requests();
  EXPECT_TRUE(uploads().empty()) << "it is the object";
  world_.pass(30min);
  EXPECT_EQ(calls_[Operation::Abort], 0);
  auto catalog_known = [this] {
    auto catalog = world_.open_catalog();
    return catalog->live_object_at(catalog->open_attempts()->at(0).store, "drop/large.bin");
  };
  world_.crash();
  const auto object = catalog_known();
  ASSERT_TRUE(object && *object);
  EXPECT_TRUE((*object)->sole);
}

// --- whose an upload on our key is (PROTOCOL.md rule 12) ---

TEST_F(SweepTest, AnUploadThatSomebodyBeganOnOurKeyLaterIsNotTaken) {
  for (const Nanoseconds ahead : {Nanoseconds(0), Nanoseconds(3h), Nanoseconds(-3h)}) {
    PipelineWorld world;
    world.config().folders.front().s3.part_size = part_size;
    world.bucket.clock_ahead = ahead;
    int creates = 0;
    world.fault = [&](const Call& call) {
      if (call.operation == Operation::Create) ++creates;
      return call.operation == Operation::Create ? Fault::LostReply : Fault::None;
    };
    world.write("large.bin", large('a'));
    world.start();
    world.run_until([&] { return creates == 1; });
    world.run_until([&] { return !world.bucket.uploads_under_way().empty(); });
    world.crash();
    world.fault = nullptr;
    ASSERT_EQ(world.bucket.uploads_under_way().size(), 1U);

    world.clock.advance(48h);
    world.bucket.now = world.clock.wall() + ahead;
    const std::string theirs = world.bucket.create_foreign_upload("drop/large.bin");
    world.start();
    world.settle_down();
    world.pass(2h);
    EXPECT_EQ(world.row("large.bin")->state, FileState::Stored);
    EXPECT_EQ(creates, 1) << "ours was found by the store's clock";
    ASSERT_EQ(world.bucket.uploads_under_way().size(), 1U);
    EXPECT_EQ(world.bucket.uploads_under_way()[0].upload_id, theirs);
  }
}

// --- what others left behind ---

TEST_F(SweepTest, UploadsOfOthersAreCountedAndNeverTouched) {
  world_.bucket.now = world_.clock.wall() - 48h;
  world_.bucket.create_foreign_upload("drop/theirs");
  world_.bucket.create_foreign_upload("elsewhere/theirs");
  world_.write("large.bin", large('a'));
  world_.start();
  world_.settle_down();
  world_.pass(1min);
  EXPECT_EQ(reported(), 1) << "below our prefix";
  EXPECT_TRUE(world_.has_reason("unknown-uploads"));
  EXPECT_EQ(uploads().size(), 2U);
  EXPECT_EQ(calls_[Operation::Abort], 0);

  // What is told is not told for a day once its cause is gone.
  world_.bucket.forget_uploads();
  world_.pass(70min);
  EXPECT_EQ(reported(), 0);
  EXPECT_FALSE(world_.has_reason("unknown-uploads"));
}

TEST_F(SweepTest, StoreThatDoesNotListUploadsSaysSoAndStoresAllTheSame) {
  faults_[Operation::ListUploadsBelow] = Fault::Denied;
  world_.write("a", "content");
  world_.start();
  world_.settle_down();
  world_.pass(30min);
  EXPECT_EQ(world_.row("a")->state, FileState::Stored);
  EXPECT_EQ(world_.status().stores.front().state, "ok");
  EXPECT_TRUE(world_.has_reason("uploads-unlisted"));
  EXPECT_EQ(reported(), std::nullopt);
  EXPECT_EQ(calls_[Operation::ListUploadsBelow], 1);

  faults_.clear();
  world_.pass(1h);
  EXPECT_EQ(calls_[Operation::ListUploadsBelow], 2);
  EXPECT_FALSE(world_.has_reason("uploads-unlisted"));
  world_.pass(20h);
  EXPECT_EQ(calls_[Operation::ListUploadsBelow], 2) << "once a day";
}

TEST_F(SweepTest, StoreThatRefusesTheListIsNotAskedForItWithEachUpload) {
  faults_[Operation::ListUploadsBelow] = Fault::Denied;
  world_.start();
  for (char name = 'a'; name < 'k'; ++name) {
    world_.write(std::string(1, name), large(name));
    world_.settle_down();
  }
  EXPECT_LE(calls_[Operation::ListUploadsBelow], 2);
}

TEST_F(SweepTest, UploadThatIsNotListedInPassingIsNotForgotten) {
  bool lose = true;
  bool out = false;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::Create && std::exchange(lose, false)) return Fault::LandsLater;
    return out && call.operation == Operation::ListUploads ? Fault::FailBefore : Fault::None;
  };
  world_.write("large.bin", large('a'));
  world_.start();
  world_.settle_down();
  world_.land_late_requests();
  out = true;
  world_.pass(6h);
  EXPECT_EQ(uploads().size(), 1U);
  out = false;
  world_.pass(2h);
  EXPECT_TRUE(uploads().empty());
}

TEST_F(SweepTest, CreateThatWasNotAnsweredIsNotForgottenWhereListingIsForbidden) {
  bool lose = true;
  bool forbid = true;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::Create && std::exchange(lose, false)) return Fault::LandsLater;
    return forbid && call.operation == Operation::ListUploads ? Fault::Denied : Fault::None;
  };
  world_.write("large.bin", large('a'));
  world_.start();
  world_.settle_down();
  world_.land_late_requests();
  world_.pass(6h);
  ASSERT_EQ(uploads().size(), 1U);
  EXPECT_TRUE(world_.has_reason("uploads-left"));
  forbid = false;
  world_.pass(2h);
  EXPECT_TRUE(uploads().empty());
  EXPECT_FALSE(world_.has_reason("uploads-left"));
}

TEST_F(SweepTest, UploadsOfAFolderBelowAnothersPrefixAreKnown) {
  FolderConfig outer = world_.config().folders.front();
  world_.config().folders.front().prefix += "inner/";
  outer.name = "outer";
  outer.path = world_.folder() + "-outer";
  std::filesystem::create_directory(outer.path);
  world_.config().folders.push_back(outer);
  faults_[Operation::Abort] = Fault::Denied;
  spoilt_ = true;
  world_.write("large.bin", large('a'));
  world_.start();
  world_.settle_down();
  ASSERT_EQ(uploads().size(), 1U);
  world_.pass(60h);
  EXPECT_FALSE(world_.has_reason("unknown-uploads")) << "the other folder knows it";
}

TEST_F(SweepTest, NoneIsSaidOnlyOfAStoreThatWasSeenToListBelowAPrefix) {
  world_.write("a", "content");
  world_.start();
  world_.settle_down();
  world_.pass(1h);
  EXPECT_EQ(reported(), std::nullopt) << "nothing was there to be listed";
  world_.write("large.bin", large('a'));
  world_.settle_down();
  EXPECT_EQ(reported(), 0);
  EXPECT_FALSE(world_.has_reason("uploads-unlisted"));
}

// MinIO takes the prefix for a whole key.
TEST_F(SweepTest, StoreThatListsUploadsOfWholeKeysOnlySaysSo) {
  world_.bucket.lists_whole_keys_only = true;
  store_and_leave_an_upload();
  world_.bucket.now = world_.clock.wall() - 48h;
  world_.bucket.create_foreign_upload("drop/theirs");
  EXPECT_EQ(reported(), std::nullopt);
  EXPECT_TRUE(world_.has_reason("uploads-unlisted"));
  // Ours are found there all the same.
  faults_.clear();
  world_.pass(1h);
  EXPECT_EQ(uploads().size(), 1U);
}

TEST_F(SweepTest, AnOutageInItIsNoRefusalAndItLooksAgain) {
  faults_[Operation::ListUploadsBelow] = Fault::FailBefore;
  world_.start();
  world_.settle_down();
  world_.pass(1min);
  EXPECT_FALSE(world_.has_reason("uploads-unlisted"));
  EXPECT_EQ(reported(), std::nullopt);
  faults_.clear();
  world_.pass(2h);
  EXPECT_EQ(calls_[Operation::ListUploadsBelow], 2);
}

}  // namespace
}  // namespace waybill::agent
