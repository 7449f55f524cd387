#include <cerrno>

#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A folder proves that its events arrive (WATCHING.md 3).
class ScannerProof : public ScannerWorld {
 protected:
  ScannerProof() {
    disk.make_directory("/root/a");
    disk.write("/root/a/x", "1");
    start();
    settle();
  }
  // A second later, so that the times differ.
  BootTime prove() {
    pass(seconds(1));
    const BootTime asked = clock.boot();
    scanner.prove();
    settle();
    return asked;
  }
  [[nodiscard]] BootTime watermark() const { return belief.watermarks.back(); }
  [[nodiscard]] const FolderStatus& status() const { return belief.statuses.back(); }
};

TEST_F(ScannerProof, AFirstScanIsAProofOfItsBeginning) {
  EXPECT_EQ(belief.watermarks, std::vector<BootTime>{clock.boot()});
}

TEST_F(ScannerProof, ATouchThatComesBackProvesThatNothingOlderIsUnseen) {
  for (int i = 0; i < 2; ++i) {
    const BootTime asked = prove();
    EXPECT_EQ(watermark(), asked);
  }
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  EXPECT_TRUE(belief.ignored.empty());
  EXPECT_EQ(status().health, FolderHealth::Watching);
}

TEST_F(ScannerProof, WhereItIsNotWantedNothingIsTouchedAndTheFolderIsSaidToBeUnproven) {
  spec.prove = false;
  scanner.set_folders({spec});
  settle();
  EXPECT_EQ(status().unproven, "the configuration does not want it");
  EXPECT_EQ(status().health, FolderHealth::Watching);
  const std::size_t watermarks = belief.watermarks.size();
  prove();
  pass(minutes(1));
  EXPECT_EQ(belief.watermarks.size(), watermarks);
  EXPECT_FALSE((*disk.open_directory("/root", ""))->look(".waybill"));
  spec.prove = true;
  scanner.set_folders({spec});
  const BootTime asked = prove();
  EXPECT_EQ(status().unproven, "");
  EXPECT_EQ(watermark(), asked);
}

TEST_F(ScannerProof, IsSilentWhileNobodyAsks) {
  const std::size_t watermarks = belief.watermarks.size();
  pass(minutes(10));
  EXPECT_EQ(belief.watermarks.size(), watermarks);
}

TEST_F(ScannerProof, CoversOnlyWhatHasBeenWorkedOff) {
  pass(seconds(1));
  const std::size_t watermarks = belief.watermarks.size();
  disk.write("/root/a/y", "2");
  scanner.prove();
  scanner.step();
  // Heard of both, but neither the root nor its directory can be opened for the moment.
  disk.fail_opens(2, {.code = ErrorCode::RetryLater, .message = "not now", .os_errno = EIO});
  for (int i = 0; i < 5; ++i) step();
  EXPECT_FALSE(belief.files.contains("a/y"));
  EXPECT_EQ(belief.watermarks.size(), watermarks);
  pass(seconds(1));
  EXPECT_TRUE(belief.files.contains("a/y"));
  EXPECT_EQ(belief.watermarks.size(), watermarks + 1);
  EXPECT_EQ(watermark(), clock.boot() - seconds(1));
}

TEST_F(ScannerProof, ADeafSourceIsToldMadeAnewAndHeardAgain) {
  events.deafen(true);
  disk.write("/root/a/unheard", "2");
  prove();
  EXPECT_EQ(status().health, FolderHealth::Watching);
  const std::size_t before = belief.statuses.size();
  pass(seconds(10));
  ASSERT_GT(belief.statuses.size(), before);
  const FolderStatus& told = belief.statuses[before];
  EXPECT_EQ(told.health, FolderHealth::Polling);
  EXPECT_TRUE(told.lacking);
  EXPECT_NE(told.reason.find("inotify does not report"), std::string::npos);
  EXPECT_TRUE(belief.files.contains("a/unheard"));
  // The new watches were tried, and work.
  EXPECT_EQ(status().health, FolderHealth::Watching);
  disk.write("/root/a/heard", "3");
  settle();
  EXPECT_TRUE(belief.files.contains("a/heard"));
}

TEST_F(ScannerProof, ASourceThatStaysDeafIsPolled) {
  events.deafen(false);
  prove();
  pass(seconds(10));
  EXPECT_EQ(status().health, FolderHealth::Polling);
  disk.write("/root/a/y", "2");
  for (int i = 0; i < 6; ++i) pass(seconds(10));
  EXPECT_TRUE(belief.files.contains("a/y"));
  EXPECT_EQ(status().health, FolderHealth::Polling);
  EXPECT_GT(watermark(), clock.boot() - minutes(1));
}

TEST_F(ScannerProof, AFolderThatCannotBeWrittenSaysThatItIsUnproven) {
  disk.set_read_only(true);
  prove();
  EXPECT_EQ(status().health, FolderHealth::Watching);
  EXPECT_NE(status().unproven, "");
  disk.set_read_only(false);
  const BootTime asked = prove();
  EXPECT_EQ(watermark(), asked);
  EXPECT_EQ(status().unproven, "");
}

TEST_F(ScannerProof, AFileOfOurNameIsLeftAlone) {
  disk.write("/root/.waybill", "somebody's");
  settle();
  prove();
  EXPECT_NE(status().unproven, "");
  EXPECT_TRUE(belief.files.contains(".waybill"));
}

TEST_F(ScannerProof, AnOverflowIsNoProofAndIsAskedAnew) {
  pass(seconds(1));
  scanner.prove();
  scanner.step();
  events.overflow();
  settle();
  EXPECT_EQ(watermark(), clock.boot());
  EXPECT_EQ(status().health, FolderHealth::Watching);
}

TEST_F(ScannerProof, AStormInWhichTheTouchIsLostIsNoDeafness) {
  pass(seconds(1));
  scanner.prove();
  scanner.step();
  for (int second = 0; second < 30; ++second) {
    events.overflow();
    drain_events();
    clock.advance(seconds(1));
    scanner.step();
    EXPECT_EQ(status().health, FolderHealth::Watching) << second;
  }
  settle();
  EXPECT_EQ(status().health, FolderHealth::Watching);
  const BootTime asked = prove();
  EXPECT_EQ(watermark(), asked);
}

// Somebody who meets a deaf folder by asking for polling is not told of its deafness for ever.
TEST_F(ScannerProof, DeafnessEndsWhereEventsAreNotUsed) {
  events.deafen(false);
  prove();
  for (int i = 0; i < 3; ++i) pass(seconds(10));
  ASSERT_TRUE(status().lacking);
  spec.poll = PollPolicy::Always;
  start();
  pass(seconds(1));
  prove();
  for (int i = 0; i < 3; ++i) pass(seconds(10));
  EXPECT_FALSE(status().lacking);
}

TEST_F(ScannerProof, WithoutWatchesWhatWasLookedAtCounts) {
  events.set_watch_limit(0);
  spec.path = "/other";
  disk.make_directory("/other");
  start();
  settle();
  const BootTime first = watermark();
  for (int i = 0; i < 3; ++i) pass(seconds(10));
  prove();
  EXPECT_GT(watermark(), first);
  EXPECT_TRUE(status().unproven.empty());
}

}  // namespace
}  // namespace waybill::watcher
