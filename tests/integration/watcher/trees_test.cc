#include <atomic>
#include <fstream>
#include <thread>

#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

// The scenarios of WATCHING.md 4 about files and directories that come, go and change places.
class Trees : public WatchedFolder {};

TEST_F(Trees, WhatLiesThereAtTheStartIsSeen) {
  disk::make_directory(at("a"));
  disk::write(at("a/old"), "old");
  disk::write(at("top"), "top");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), (Paths{"a/old", "top"}));
  EXPECT_EQ(watcher.belief.complete_scans, 1);
  EXPECT_EQ(watcher.status().health, FolderHealth::Watching);
}

// Scenario 1: each level may be made before the one above it is watched.
TEST_F(Trees, NestedDirectoriesMadeAtFullSpeedLoseNothing) {
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  constexpr int trees = 2000;
  std::atomic<bool> made = false;
  std::jthread maker([&] {
    for (int i = 0; i < trees; ++i) {
      std::string path = std::to_string(i);
      for (int level = 0; level < 3; ++level) {
        disk::make_directory(at(path));
        disk::write(at(path + "/file"), "x");
        path += "/sub";
      }
    }
    made = true;
  });
  // The watcher is at work all the while.
  while (!made) watcher.step();
  maker.join();
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.files.size(), 3U * trees);
  EXPECT_EQ(watcher.belief.paths(), truth());
  EXPECT_EQ(watcher.scanner().nodes(), 3U * trees + 1);
}

TEST_F(Trees, APopulatedTreeMovedInIsSeenWhole) {  // scenario 3
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::make_directory(out("t"));
  disk::make_directory(out("t/sub"));
  disk::write(out("t/a"), "a");
  disk::write(out("t/sub/b"), "b");
  disk::move(out("t"), at("t"));
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), (Paths{"t/a", "t/sub/b"}));
}

TEST_F(Trees, ATreeMovedOutIsGoneAndWhatIsWrittenThereIsNobodysBusiness) {  // scenario 4
  disk::make_directory(at("t"));
  disk::make_directory(at("t/sub"));
  disk::write(at("t/sub/a"), "a");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::move(at("t"), out("t"));
  ASSERT_TRUE(watcher.catch_up());
  disk::write(out("t/sub/b"), "b");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_TRUE(watcher.belief.paths().empty());
  EXPECT_EQ(watcher.scanner().nodes(), 1U);
}

TEST_F(Trees, ADirectoryOutAndBackAtOnceLosesNothing) {  // scenario 5
  disk::make_directory(at("d"));
  disk::make_directory(at("d/sub"));
  disk::write(at("d/sub/a"), "a");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  for (int i = 0; i < 50; ++i) {
    disk::move(at("d"), out("d"));
    if (i % 2 == 0) watcher.step();
    disk::move(out("d"), at("d"));
    disk::write(at("d/sub/" + std::to_string(i)), "x");
    if (i % 3 == 0) watcher.step();
  }
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), truth());
  disk::write(at("d/sub/last"), "x");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_TRUE(watcher.belief.files.contains("d/sub/last"));
}

TEST_F(Trees, TwoDirectoriesExchangedKeepTheirFilesApart) {  // scenario 6
  for (const char* name : {"a", "b", "a/sub", "b/sub"}) disk::make_directory(at(name));
  disk::write(at("a/sub/from_a"), "x");
  disk::write(at("b/sub/from_b"), "x");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  for (int i = 0; i < 21; ++i) {
    disk::exchange(at("a"), at("b"));
    disk::write(at("a/sub/in_a" + std::to_string(i)), "x");
    disk::write(at("b/sub/in_b" + std::to_string(i)), "x");
    if (i % 4 == 0) watcher.step();
  }
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), truth());
  EXPECT_TRUE(watcher.belief.files.contains("b/sub/from_a"));
  EXPECT_EQ(watcher.scanner().nodes(), 5U);
}

TEST_F(Trees, AFileExchangedWithOneOutsideIsAnotherFile) {  // scenario 7
  disk::write(at("f"), "inside");
  disk::write(out("f"), "outside");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  const Fingerprint before = watcher.belief.files["f"];
  disk::exchange(at("f"), out("f"));
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_FALSE(watcher.belief.files["f"].same_inode(before));
}

TEST_F(Trees, ADirectoryRemovedAndMadeAgainIsWatched) {  // scenario 8
  disk::make_directory(at("d"));
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  for (int i = 0; i < 20; ++i) {
    disk::remove(at("d"));
    disk::make_directory(at("d"));
    disk::write(at("d/f"), "x");
    if (i % 2 == 0) {
      ASSERT_TRUE(watcher.catch_up());
      EXPECT_EQ(watcher.belief.paths(), Paths{"d/f"}) << i;
    }
    disk::remove(at("d/f"));
  }
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_TRUE(watcher.belief.paths().empty());
}

// Scenario 9: every directory's turn comes while its grandparent is elsewhere, in one run or
// another.
TEST_F(Trees, AnAncestorRenamedAwayAndBackInMidScanLosesNothing) {
  for (const char* name : {"a", "a/b", "a/b/c", "a/b/c/d"}) disk::make_directory(at(name));
  disk::write(at("a/b/c/d/x"), "x");
  for (int when = 0; when < 12; ++when) {
    LiveWatcher watcher(root_);
    for (int i = 0; i < when; ++i) watcher.step();
    disk::move(at("a"), out("a"));
    disk::write(out("a/b/c/" + std::to_string(when)), "x");
    watcher.step();
    watcher.step();
    disk::move(out("a"), at("a"));
    ASSERT_TRUE(watcher.catch_up());
    EXPECT_EQ(watcher.belief.paths(), truth()) << when;
  }
}

unsigned queue_size() {
  unsigned events = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> events;
  return events;
}

// Scenario 11: nobody reads, the kernel's queue ends.
TEST_F(Trees, MoreFilesThanTheEventQueueHoldsAreAllSeen) {
  disk::make_directory(at("before"));
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  const unsigned files = queue_size() / 2 + 1000;  // two events each
  for (unsigned i = 0; i < files; ++i) disk::write(at("before/" + std::to_string(i)), "");
  disk::make_directory(at("after"));
  disk::write(at("after/x"), "");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.complete_scans, 2);  // the second is the overflow's
  EXPECT_EQ(watcher.belief.files.size(), files + 1);
  EXPECT_EQ(watcher.belief.paths(), truth());
}

// Scenario 13: the process dies with the queue full; the next one looks at everything.
TEST_F(Trees, AnOverflowThatNobodyReadIsNoLossForTheNextStart) {
  disk::make_directory(at("d"));
  {
    LiveWatcher watcher(root_);
    ASSERT_TRUE(watcher.catch_up());
    for (unsigned i = 0; i < queue_size() / 2 + 1000; ++i) {
      disk::write(at("d/" + std::to_string(i)), "");
    }
    watcher.step_scanner_only();
  }
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), truth());
}

TEST_F(Trees, AnOverflowInMidScanConverges) {  // scenario 12
  for (int i = 0; i < 50; ++i) {
    disk::make_directory(at(std::to_string(i)));
    disk::write(at(std::to_string(i) + "/x"), "");
  }
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  watcher.scanner().rescan(LiveWatcher::folder);
  for (int i = 0; i < 10; ++i) watcher.step();
  for (unsigned i = 0; i < queue_size(); ++i) {
    disk::write(at(std::to_string(i % 50) + "/" + std::to_string(i % 500)), "");
    if (i % 2000 == 0) watcher.step_scanner_only();
  }
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), truth());
}

// Scenarios 15, 16 and 18: what happened while nobody watched is found, whatever the times say.
TEST_F(Trees, ChangesMadeWhileNobodyWatchedAreFound) {
  for (const char* name : {"stays", "goes", "renamed", "rewritten", "reborn"}) {
    disk::write(at(name), "12345");
  }
  std::map<std::string, Fingerprint> earlier;
  {
    LiveWatcher watcher(root_);
    ASSERT_TRUE(watcher.catch_up());
    earlier = watcher.belief.files;
  }
  disk::let_clock_tick(outside_);
  disk::remove(at("goes"));
  disk::move(at("renamed"), at("new name"));
  disk::write(at("rewritten"), "54321");
  disk::set_times_to_1970(at("rewritten"));
  disk::remove(at("reborn"));
  disk::write(at("reborn"), "12345");
  disk::write(at("added"), "1");
  disk::set_times_to_1970(at("added"));

  LiveWatcher watcher(root_);
  watcher.belief.files = earlier;
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), truth());
  EXPECT_EQ(watcher.belief.files["stays"], earlier["stays"]);
  EXPECT_NE(watcher.belief.files["rewritten"], earlier["rewritten"]);
  EXPECT_NE(watcher.belief.files["reborn"], earlier["reborn"]);
  EXPECT_EQ(watcher.belief.lost, (Paths{"goes", "renamed"}));
}

TEST_F(Trees, ALinkedInFileIsSeenThoughNobodyClosedIt) {  // scenario 26
  disk::write(out("f"), "x");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::link(out("f"), at("f"));
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), Paths{"f"});
  EXPECT_EQ(watcher.belief.times_seen["f"], 1);
}

TEST_F(Trees, AWriteThroughALinkOutsideIsFoundByTheRescan) {  // scenario 2
  disk::write(at("f"), "x");
  disk::link(at("f"), out("f"));
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  const Fingerprint before = watcher.belief.files["f"];
  disk::let_clock_tick(outside_);
  disk::write(out("f"), "y");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.files["f"], before);
  watcher.clock.advance(std::chrono::hours(1));
  watcher.step();
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_NE(watcher.belief.files["f"], before);
}

}  // namespace
}  // namespace waybill::watcher
