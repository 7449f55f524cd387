#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>

#include "agent/pipeline.h"
#include "base/unique_fd.h"
#include "tests/fakes/pipeline_world.h"

// When a file is complete, by its folder's policy (WATCHING.md 2.4), and what is said of one that
// is not.
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::PipelineWorld;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Completeness : public testing::Test {
 protected:
  FolderConfig& folder() { return world_.config().folders.front(); }

  void pass(Nanoseconds time) { world_.pass(time); }
  [[nodiscard]] bool stored(const std::string& path) {
    const auto row = world_.row(path);
    return row && row->state == FileState::Stored;
  }
  void becomes_stored(const std::string& path) {
    world_.run_until([&] { return stored(path); });
    EXPECT_TRUE(stored(path)) << path;
  }
  Unrecorded unrecorded(bool ignored) { return world_.unrecorded({.ignored = ignored}); }
  std::string reason_of(const std::string& path, bool ignored = false) {
    for (const UnrecordedFile& file : unrecorded(ignored).files) {
      if (file.path == path) return file.reason;
    }
    return "not listed";
  }
  FileView explained(const std::string& path) { return world_.explain(path); }
  [[nodiscard]] const Reason* stuck() const {
    for (const Reason& reason : world_.status().reasons) {
      if (reason.code == "file-stuck") return &reason;
    }
    return nullptr;
  }
  [[nodiscard]] std::int64_t pending() const { return world_.status().folders.front().pending; }

  PipelineWorld world_;
};

// --- files without leases (WATCHING.md 2.3)
// -------------------------------------------------------

// The world's wall clock is an hour ahead of the kernel's, by which the file was written.
TEST_F(Completeness, WithoutALeaseOnlyALongSilenceCounts) {
  world_.disk.leases = false;
  folder().settle_nolease = hours(2);
  world_.start();
  world_.write("a", "content");
  pass(minutes(50));
  EXPECT_FALSE(stored("a"));
  EXPECT_EQ(pending(), 1);
  pass(minutes(20));
  EXPECT_TRUE(stored("a"));
}

TEST_F(Completeness, WhoRequiresALeaseIsToldThatThereIsNone) {
  world_.disk.leases = false;
  folder().lease = LeaseUse::Require;
  world_.start();
  world_.write("a", "content");
  pass(seconds(10));
  const auto row = world_.row("a");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->state, FileState::Blocked);
  EXPECT_TRUE(row->reason.find("no lease can be taken") != std::string::npos) << row->reason;
  world_.disk.leases = true;
  pass(hours(2));
  EXPECT_TRUE(stored("a"));
}

TEST_F(Completeness, WhereLeasesAreOffNobodyAsksForOne) {
  world_.disk.leases = false;
  folder().lease = LeaseUse::Off;
  folder().settle_nolease = hours(2);
  world_.start();
  world_.write("a", "content");
  pass(seconds(10));
  EXPECT_TRUE(stored("a"));
}

// --- scenario 13
// -----------------------------------------------------------------------------------

TEST_F(Completeness, WhatAnOverflowHidWhenTheProcessDiedIsStoredAfterTheNextStart) {
  std::size_t queue = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
  ASSERT_GT(queue, 0U);
  world_.start();
  pass(seconds(5));
  // Two events each: more than the queue holds, and nobody reads it meanwhile.
  const std::size_t files = queue / 2 + 100;
  for (std::size_t i = 0; i < files; ++i) world_.write(std::to_string(i), "");
  // Some of them get into the catalog, some on their way to the store.
  while (!world_.row("0") && world_.run_one()) {
  }
  for (int turns = 0; turns < 50; ++turns) world_.run_one();
  world_.crash();
  world_.start();
  world_.settle_down();
  EXPECT_EQ(world_.status().folders.front().stored, static_cast<std::int64_t>(files));
}

// --- scenarios 21 and 34 of WATCHING.md 4 --------------------------------------------------------

class ByMarker : public Completeness {
 protected:
  ByMarker() { folder().complete = CompleteBy::Marker; }
};

TEST_F(ByMarker, AFileWithoutItsMarkerIsNeverStoredAndSaysWhy) {
  world_.write("d/a.csv", "half of it");
  world_.start();
  pass(hours(5));
  EXPECT_FALSE(world_.row("d/a.csv"));
  EXPECT_EQ(pending(), 1);
  EXPECT_EQ(reason_of("d/a.csv"), "it waits for its marker a.csv.done");
  EXPECT_EQ(explained("d/a.csv").phase, "waiting-for-marker");
}

TEST_F(ByMarker, AMarkerAfterItsFileLetsItThrough) {
  world_.write("a", "whole");
  world_.start();
  pass(minutes(1));
  ASSERT_FALSE(world_.row("a"));
  world_.write("a.done", "");
  becomes_stored("a");
  EXPECT_FALSE(world_.row("a.done")) << "it is no file itself";
  EXPECT_EQ(reason_of("a.done", true), "marks a as complete");
  pass(seconds(1));
  EXPECT_EQ(pending(), 0);
}

TEST_F(ByMarker, AMarkerBeforeItsFileLetsItThrough) {
  world_.start();
  world_.write("d/a.done", "");
  pass(minutes(1));
  world_.write("d/a", "whole");
  becomes_stored("d/a");
  EXPECT_FALSE(world_.row("d/a.done"));
}

TEST_F(ByMarker, AMarkerThatIsTakenBackInTimeIsNone) {
  folder().settle = seconds(10);
  world_.start();
  world_.write("a", "half of it");
  world_.write("a.done", "");
  pass(seconds(5));
  world_.remove("a.done");
  pass(minutes(10));
  EXPECT_FALSE(world_.row("a"));
  EXPECT_EQ(reason_of("a.done", true), "not listed");
  world_.write("a.done", "");
  becomes_stored("a");
}

TEST_F(ByMarker, AWriterThatWasKilledLeavesAFileThatWaits) {
  world_.start();
  {
    const UniqueFd writer(
        ::open((world_.folder() + "/a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_EQ(::write(writer.get(), "half", 4), 4);
    pass(seconds(30));
    EXPECT_EQ(reason_of("a"), "it waits for its marker a.done");
  }
  // What the kernel does to the descriptors of the killed is what it does to those of the living.
  pass(hours(3));
  EXPECT_FALSE(world_.row("a"));
  EXPECT_EQ(reason_of("a"), "it waits for its marker a.done");
}

TEST_F(Completeness, WhatIsHeldOpenIsLookedAtNowAndThenThoughNothingSettles) {
  folder().settle = Nanoseconds::zero();
  world_.start();
  world_.settle_down();
  const UniqueFd writer(
      ::open((world_.folder() + "/a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  world_.reads = 0;
  const BootTime end = world_.clock.boot() + minutes(1);
  world_.run_until([&] { return world_.reads > 1000 || world_.clock.boot() >= end; });
  EXPECT_LE(world_.reads, 1000) << "in a minute";
  EXPECT_FALSE(world_.row("a"));
}

TEST_F(ByMarker, AMarkerDoesNotCutAWriterShort) {
  world_.start();
  UniqueFd writer(::open((world_.folder() + "/a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(writer.get(), "half", 4), 4);
  world_.write("a.done", "");
  pass(minutes(5));
  EXPECT_FALSE(world_.row("a"));
  EXPECT_EQ(reason_of("a"), "somebody has it open for writing");
  writer.reset();
  becomes_stored("a");
}

TEST_F(ByMarker, WhatALinkMarksIsNotMarked) {
  world_.write("elsewhere", "");
  world_.write("a", "x");
  std::filesystem::create_symlink("elsewhere", world_.folder() + "/a.done");
  world_.start();
  pass(minutes(10));
  EXPECT_FALSE(world_.row("a"));
}

TEST_F(ByMarker, NewContentUnderAnOldMarkerIsStoredToo) {
  world_.write("a", "first");
  world_.write("a.done", "");
  world_.start();
  becomes_stored("a");
  world_.write("a", "second, longer");
  world_.run_until([&] { return world_.row("a")->generation == 2 && stored("a"); });
  EXPECT_EQ(world_.row("a")->generation, 2);
}

TEST_F(ByMarker, NewContentWhoseMarkerWentWaitsBesideTheStoredOne) {
  world_.write("a", "first");
  world_.write("a.done", "");
  world_.start();
  becomes_stored("a");
  world_.remove("a.done");
  world_.write("a", "half of the second");
  pass(minutes(10));
  EXPECT_TRUE(stored("a"));
  EXPECT_EQ(world_.row("a")->generation, 1);
  EXPECT_EQ(pending(), 1);
  EXPECT_EQ(explained("a").phase, "waiting-for-marker");
  world_.write("a.done", "");
  world_.run_until([&] { return world_.row("a")->generation == 2 && stored("a"); });
  EXPECT_EQ(world_.row("a")->generation, 2);
}

TEST_F(ByMarker, WhatWaitsAndGoesIsForgotten) {
  world_.write("a", "x");
  world_.write("d/e/b", "x");
  world_.write("d/c", "x");
  world_.start();
  pass(minutes(1));
  ASSERT_EQ(pending(), 3);
  world_.remove("a");
  world_.rename("d", "../aside");
  pass(minutes(1));
  EXPECT_EQ(pending(), 0);
  EXPECT_TRUE(unrecorded(false).files.empty());
}

TEST_F(ByMarker, WhatWaitsAndMovesWaitsUnderItsNewName) {
  world_.write("d/a", "x");
  world_.start();
  pass(minutes(1));
  world_.rename("d", "e");
  pass(minutes(1));
  EXPECT_EQ(pending(), 1);
  EXPECT_EQ(reason_of("e/a"), "it waits for its marker a.done");
  world_.write("e/a.done", "");
  becomes_stored("e/a");
}

TEST_F(ByMarker, MarkersThatCameWhileNobodyWatchedCount) {
  for (const char* name : {"a", "b"}) world_.write(name, name);
  world_.start();
  pass(minutes(1));
  world_.crash();
  world_.write("a.done", "");
  world_.start();
  becomes_stored("a");
  pass(minutes(1));
  EXPECT_FALSE(world_.row("b"));
}

TEST_F(ByMarker, AQueuedFileWhoseMarkerWentWaitsForItAgain) {
  bool out = true;
  world_.fault = [&](const fakes::Call&) {
    return out ? fakes::Fault::FailBefore : fakes::Fault::None;
  };
  world_.write("a", "x");
  world_.write("a.done", "");
  world_.start();
  world_.run_until([&] { return world_.row("a").has_value(); });
  ASSERT_EQ(world_.row("a")->state, FileState::Queued);
  world_.remove("a.done");
  pass(minutes(1));
  out = false;
  pass(minutes(10));
  EXPECT_EQ(world_.row("a")->state, FileState::Queued);
  world_.write("a.done", "");
  becomes_stored("a");
}

TEST_F(ByMarker, ItsNameIsTheFoldersChoice) {
  folder().marker = ".{name}-ok";
  world_.write("a", "x");
  world_.write("b.done", "a file like any other");
  world_.start();
  pass(minutes(1));
  world_.write(".a-ok", "");
  becomes_stored("a");
  EXPECT_EQ(reason_of("b.done"), "it waits for its marker .b.done-ok");
}

TEST_F(ByMarker, AWaitGoesOnUntilTheMarkerComesOrIsGivenUp) {
  folder().stuck_after = hours(1);
  world_.write("a", "x");
  world_.start();
  pass(minutes(1));
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  pass(minutes(30));
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).started);
  EXPECT_FALSE(ticket->wait(Nanoseconds::zero()).done());
  pass(hours(1));
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).blocked, 1);
}

// --- stuck_after ---------------------------------------------------------------------------------

TEST_F(ByMarker, AMarkerThatDoesNotComeIsAnAlarmUntilItDoes) {
  folder().stuck_after = hours(2);
  for (const char* name : {"a", "b"}) world_.write(name, name);
  world_.start();
  pass(minutes(119));
  EXPECT_EQ(stuck(), nullptr);
  pass(minutes(2));
  ASSERT_NE(stuck(), nullptr);
  EXPECT_EQ(stuck()->severity, Severity::Degraded);
  EXPECT_EQ(stuck()->files, 2);
  EXPECT_EQ(stuck()->example, "a");
  EXPECT_EQ(stuck()->folder, "drop");
  EXPECT_NE(stuck()->sentence.find("marker"), std::string::npos);
  world_.write("a.done", "");
  becomes_stored("a");
  pass(seconds(10));
  ASSERT_NE(stuck(), nullptr);
  EXPECT_EQ(stuck()->files, 1);
  world_.remove("b");
  pass(seconds(10));
  EXPECT_EQ(stuck(), nullptr);
}

TEST_F(Completeness, AWriterThatNeverClosesIsAnAlarmAndIsNotForced) {
  folder().stuck_after = hours(2);
  world_.start();
  UniqueFd writer(::open((world_.folder() + "/a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(writer.get(), "half", 4), 4);
  pass(minutes(119));
  EXPECT_EQ(stuck(), nullptr);
  pass(minutes(2));
  ASSERT_NE(stuck(), nullptr);
  EXPECT_NE(stuck()->sentence.find("somebody has it open"), std::string::npos);
  EXPECT_FALSE(world_.row("a"));
  writer.reset();
  becomes_stored("a");
  pass(seconds(10));
  EXPECT_EQ(stuck(), nullptr);
}

TEST_F(Completeness, AFileThatKeepsChangingIsAnAlarm) {
  folder().stuck_after = minutes(1);
  world_.start();
  std::string log;
  for (int second = 0; second < 70; ++second) {
    log += "line\n";
    world_.write("log", log);
    pass(seconds(1));
  }
  ASSERT_NE(stuck(), nullptr);
  EXPECT_NE(stuck()->sentence.find("it keeps changing"), std::string::npos);
  becomes_stored("log");
  pass(seconds(10));
  EXPECT_EQ(stuck(), nullptr);
}

// --- what the catalog has no row for -------------------------------------------------------------

// Whatever is asked when, a file that is there is in one of the two lists.
TEST_F(Completeness, BetweenTheTwoListsNoFileIsMissed) {
  world_.write("a", "x");
  world_.start();
  pass(seconds(1));
  ASSERT_EQ(pending(), 1);
  bool recorded = false;
  for (int steps = 0; steps < 10'000 && !recorded; ++steps) {
    ListUnrecorded question;
    auto answer = question.reply.get_future();
    world_.command(std::move(question));
    while (answer.wait_for(seconds(0)) != std::future_status::ready) world_.run_one();
    const Unrecorded list = answer.get();
    recorded = world_.row("a").has_value();
    const bool listed = std::any_of(list.files.begin(), list.files.end(),
                                    [](const UnrecordedFile& file) { return file.path == "a"; });
    ASSERT_TRUE(listed || recorded) << steps;
    world_.run_one();
    if (steps % 8 == 0) world_.clock.advance(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(recorded);
}

}  // namespace
}  // namespace waybill::agent
