#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "tests/fakes/pipeline_world.h"

// More files come at once than are watched while they settle: what is left out is taken up later,
// and nobody is told anything of it too early.
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::PipelineWorld;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class LeavingOut : public testing::Test {
 protected:
  static constexpr int many = 150;
  static constexpr std::size_t few = 60;  // that have room, or fewer

  LeavingOut() { world_.edges().settling_room = std::size_t{16} << 10U; }

  static std::string name(int i) { return "batch/file-" + std::to_string(i); }
  void drop_many() {
    for (int i = 0; i < many; ++i) world_.write(name(i), "content " + std::to_string(i));
  }
  // All that is there has been seen and told, and none of it has settled.
  void meet() {
    world_.start();
    world_.pass(milliseconds(300));
  }
  const FolderView& folder() { return world_.status().folders.front(); }
  std::size_t settling() {
    return world_.unrecorded({.folder = std::nullopt, .limit = 10'000}).files.size();
  }
  std::size_t stored(const std::string& directory = "batch") {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(world_.folder() + "/" + directory)) {
      const auto row = world_.row(directory + "/" + entry.path().filename().string());
      if (row && row->state == FileState::Stored) ++count;
    }
    return count;
  }

  PipelineWorld world_;
};

TEST_F(LeavingOut, OfVeryManyThatComeAtOnceFewAreInMemoryAndAllAreStored) {
  drop_many();
  meet();
  EXPECT_GT(settling(), 0U);
  EXPECT_LE(settling(), few);
  world_.settle_down();
  EXPECT_EQ(stored(), many);
}

TEST_F(LeavingOut, WithoutAnySettleLikewise) {
  world_.config().folders.front().settle = Nanoseconds::zero();
  meet();
  drop_many();
  world_.settle_down();
  EXPECT_EQ(stored(), many);
}

TEST_F(LeavingOut, StatusTellsOfThoseThatWaitInTheirDirectories) {
  drop_many();
  meet();
  EXPECT_EQ(folder().pending, many);
  EXPECT_TRUE(world_.has_reason("settling-full"));
  EXPECT_NE(folder().oldest_pending_since, 0);
  EXPECT_FALSE(world_.unrecorded({.folder = std::nullopt, .limit = 10'000}).complete);
  int left_out = 0;
  for (int i = 0; i < many; ++i) {
    const FileView view = world_.explain(name(i));
    EXPECT_EQ(view.phase, "settling") << name(i);
    if (view.due_in_ms == FileView{}.due_in_ms) ++left_out;
  }
  EXPECT_GT(left_out, 0);
  world_.settle_down();
  EXPECT_FALSE(world_.has_reason("settling-full"));
  EXPECT_TRUE(world_.unrecorded({.folder = std::nullopt, .limit = 10'000}).complete);
}

TEST_F(LeavingOut, AWaitIsForAllThatWasThere) {
  drop_many();
  meet();
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  EXPECT_EQ(stored(), many);
}

// Those that were left out have been as still as the others.
TEST_F(LeavingOut, ALongSettlePassesOnceForAllTogether) {
  world_.config().folders.front().settle = hours(1);
  drop_many();
  meet();
  world_.pass(hours(1));
  world_.pass(std::chrono::minutes(2));
  EXPECT_EQ(stored(), many);
}

TEST_F(LeavingOut, AWaitForWhatGoesToAStoredNameIsForItsNewContent) {
  world_.write("batch/final", "old");
  meet();
  world_.settle_down();
  world_.config().folders.front().settle = hours(1);
  world_.pipeline().reconfigure(world_.config());
  world_.pass(seconds(1));
  world_.write("batch/final.new", "new");
  world_.pass(seconds(1));
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.path_prefix = "batch/final.new", .ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).started; });
  drop_many();
  world_.pass(seconds(1));
  world_.rename("batch/final.new", "batch/final");
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 1);
  EXPECT_EQ(world_.row("batch/final")->sha256, sha256(as_bytes("new")));
}

TEST_F(LeavingOut, AWaitForAnotherFolderIsNotHeldUp) {
  FolderConfig other = world_.config().folders.front();
  other.name = "other";
  other.path += "-other";
  other.prefix = "other/";
  std::filesystem::create_directory(other.path);
  world_.config().folders.front().settle = hours(1);
  world_.config().folders.push_back(other);
  drop_many();
  std::filesystem::copy_file(world_.folder() + "/" + name(0), other.path + "/small");
  meet();
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.folder = world_.status().folders.back().id, .ticket = ticket});
  const BootTime begun = world_.clock.boot();
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 1) << "and there was room for its file";
  EXPECT_LT(world_.clock.boot() - begun, hours(1));
}

TEST_F(LeavingOut, AFileThatIsRenamedMeanwhileIsWaitedForUnderItsNewName) {
  world_.start();
  world_.settle_down();
  world_.bucket_hangs = true;
  world_.write("kept", "content");
  world_.pass(seconds(10));
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.pass(seconds(1));
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
  drop_many();
  world_.run();
  world_.rename("kept", "batch/moved");
  world_.run();
  EXPECT_FALSE(world_.row("batch/moved"));
  world_.bucket_hangs = false;
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  const auto row = world_.row("batch/moved");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->state, FileState::Stored);
}

TEST_F(LeavingOut, NoPartOfThePastCountsAsSeenBeforeAllIsTakenIn) {
  drop_many();
  meet();
  EXPECT_EQ(folder().seen_until, 0);
  world_.settle_down();
  EXPECT_NE(folder().seen_until, 0);
}

TEST_F(LeavingOut, WhatChangedWhileNobodyWatchedIsNotTakenForGone) {
  world_.edges().settling_room = std::size_t{16} << 20U;
  drop_many();
  world_.start();
  world_.settle_down();
  std::map<int, FileId> before;
  for (int i = 0; i < many; ++i) before[i] = world_.row(name(i))->id;
  world_.crash();
  world_.edges().settling_room = std::size_t{16} << 10U;
  for (int i = 0; i < many; ++i) world_.write(name(i), "changed " + std::to_string(i));
  meet();
  EXPECT_EQ(folder().stored, many);
  world_.settle_down();
  for (int i = 0; i < many; ++i) {
    const auto row = world_.row(name(i));
    ASSERT_TRUE(row) << name(i);
    EXPECT_EQ(row->id, before[i]);
    EXPECT_EQ(row->state, FileState::Stored);
    EXPECT_EQ(row->generation, 2) << name(i);
  }
}

TEST_F(LeavingOut, ARestartTakesThemUp) {
  drop_many();
  meet();
  world_.pass(seconds(3));
  world_.crash();
  world_.edges().settling_room = std::size_t{16} << 10U;
  world_.start();
  world_.settle_down();
  EXPECT_EQ(stored(), many);
}

TEST_F(LeavingOut, ADirectoryThatIsRenamedMeanwhileIsTakenUnderItsNewName) {
  drop_many();
  meet();
  world_.rename("batch", "renamed");
  world_.settle_down();
  EXPECT_EQ(stored("renamed"), many);
  EXPECT_FALSE(world_.has_reason("settling-full"));
}

TEST_F(LeavingOut, WhatGoesMeanwhileIsNotWaitedFor) {
  drop_many();
  world_.write("kept", "content");
  meet();
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run();
  world_.remove("batch");
  world_.settle_down();
  EXPECT_EQ(folder().pending, 0);
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  EXPECT_FALSE(world_.has_reason("settling-full"));
}

TEST_F(LeavingOut, AFolderThatComesBackIsSeenWhole) {
  drop_many();
  meet();
  const std::string away = world_.folder() + "-away";
  std::filesystem::rename(world_.folder(), away);
  world_.run_until([&] { return folder().watched == "suspended"; });
  EXPECT_FALSE(world_.has_reason("settling-full"));
  std::filesystem::rename(away, world_.folder());
  world_.settle_down();
  EXPECT_EQ(stored(), many);
}

TEST_F(LeavingOut, WhatArrivedByRenameIsKnownToHave) {
  world_.config().folders.front().complete = CompleteBy::Rename;
  meet();
  const std::string staging = world_.folder() + "-staging";
  std::filesystem::create_directory(staging);
  drop_many();
  world_.pass(seconds(60));
  EXPECT_EQ(folder().stored, 0) << "they were made there";
  std::filesystem::rename(world_.folder() + "/batch", staging + "/batch");
  world_.settle_down();
  std::filesystem::rename(staging + "/batch", world_.folder() + "/batch");
  world_.settle_down();
  EXPECT_EQ(stored(), many);
}

TEST_F(LeavingOut, AMarkerThatIsSeenBeforeItsFileHasRoomCountsAllTheSame) {
  world_.config().folders.front().complete = CompleteBy::Marker;
  world_.config().folders.front().marker = "{name}.done";
  drop_many();
  for (int i = 0; i < many; ++i) world_.write(name(i) + ".done", "");
  meet();
  world_.settle_down();
  EXPECT_EQ(stored(), many);
}

// It was read, which failed, and its place was taken meanwhile: it goes on settling as before.
TEST_F(LeavingOut, AFileThatWasTakenInBeforeNeverIs) {
  world_.config().folders.front().settle = hours(1);
  world_.start();
  world_.write("kept", "content");
  world_.pass(hours(1) - seconds(10));
  const std::int64_t since = folder().oldest_pending_since;
  world_.disk.opens_fail["kept"] = system_error("open it", EIO);
  drop_many();
  world_.pass(seconds(11));
  ASSERT_EQ(world_.explain("kept").explanation,
            "it changed while it was read: it is looked at again");
  for (int i = 0; i < 5; ++i) world_.write("batch/late-" + std::to_string(i), "late");
  world_.pass(seconds(10));
  EXPECT_GT(world_.explain("kept").due_in_ms, 0) << world_.explain("kept").explanation;
  EXPECT_EQ(folder().oldest_pending_since, since);
  world_.disk.opens_fail.clear();
  world_.settle_down();
  EXPECT_EQ(world_.row("kept")->state, FileState::Stored);
}

// --- listings are held for as long as files settle soon ------------------------------------------

class HeldListings : public LeavingOut {
 protected:
  static constexpr int directories = 10;
  static constexpr int in_each = 20;
  void drop_directories() {
    for (int i = 0; i < directories * in_each; ++i) {
      world_.write("batch-" + std::to_string(i % directories) + "/" + std::to_string(i), "content");
    }
  }
  int changes_ = 0;
};

TEST_F(HeldListings, WaitForFilesThatSettleSoon) {
  drop_directories();
  meet();
  EXPECT_LT(folder().pending, directories * in_each);
  world_.settle_down();
  EXPECT_EQ(folder().stored, directories * in_each);
}

TEST_F(HeldListings, DoNotWaitForALongSettle) {
  world_.config().folders.front().settle = hours(1);
  drop_directories();
  meet();
  EXPECT_EQ(folder().pending, directories * in_each);
}

TEST_F(HeldListings, GiveWayToFilesThatDoNotSettle) {
  world_.start();
  const auto change_all = [this] {
    for (int i = 0; i < 35; ++i) {
      world_.write("hot-" + std::to_string(i), std::to_string(++changes_));
    }
  };
  change_all();
  world_.pass(milliseconds(100));
  world_.write("quiet/one", "content");
  for (int second = 0; second < 7; ++second) {
    world_.pass(seconds(1));
    change_all();
  }
  world_.pass(milliseconds(100));
  EXPECT_TRUE(world_.row("quiet/one") || world_.explain("quiet/one").due_in_ms > 0);
}

}  // namespace
}  // namespace waybill::agent
