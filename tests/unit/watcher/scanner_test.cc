#include "watcher/scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class ScannerTest : public ScannerWorld {};

TEST_F(ScannerTest, AllThatLiesThereIsSeenOnceAndTheScanSaysItIsComplete) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  disk.write("/root/y", "2");
  start();
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "y"}));
  EXPECT_EQ(belief.times_seen["a/x"], 1);
  EXPECT_EQ(belief.complete_scans, 1);
  EXPECT_EQ(scanner.nodes(), 2U);
}

TEST_F(ScannerTest, AListingBeginsBeforeItsFilesAndEndsAfterThem) {
  disk.write("/root/y", "2");
  disk.make_directory("/root/a");
  start();
  settle();
  std::vector<std::string> order;
  for (const Observation& what : heard) {
    if (std::holds_alternative<FolderStatus>(what)) order.emplace_back("status");
    if (const auto* begins = std::get_if<ListingBegins>(&what)) {
      order.push_back("begin " + begins->directory);
    }
    if (const auto* seen = std::get_if<Seen>(&what)) order.push_back("seen " + seen->files[0].path);
    if (const auto* ends = std::get_if<ListingEnds>(&what)) {
      order.push_back("end " + ends->directory + (ends->complete ? "" : " incomplete"));
    }
    if (std::holds_alternative<ScanComplete>(what)) order.emplace_back("complete");
  }
  EXPECT_EQ(order, (std::vector<std::string>{"status", "begin ", "seen y", "end ", "begin a",
                                             "end a", "complete"}));
}

TEST_F(ScannerTest, ANewFileCostsALookAtItsNameAndNoListing) {
  start();
  settle();
  const int listings = belief.listings;
  disk.write("/root/new", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"new"});
  EXPECT_EQ(belief.listings, listings);
}

TEST_F(ScannerTest, EventsCarryNoFacts) {
  start();
  settle();
  disk.write("/root/a", "1");
  disk.remove("/root/a");
  disk.write("/root/b", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"b"});
  EXPECT_EQ(belief.times_seen.count("a"), 0U);
}

TEST_F(ScannerTest, ADirectoryMadeWithFilesInItBeforeItsWatchIsListed) {
  start();
  settle();
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/b/x"});
  disk.write("/root/a/b/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/b/x", "a/b/y"}));
}

TEST_F(ScannerTest, AnOverflowListsEverythingAgainAndLosesNothing) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/b");
  disk.write("/root/b/gone", "1");
  start();
  settle();
  disk.write("/root/a/new", "1");
  disk.remove("/root/b");
  disk.make_directory("/root/c");
  disk.write("/root/c/x", "1");
  events.overflow();
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/new", "c/x"}));
  EXPECT_EQ(belief.complete_scans, 2);
  disk.write("/root/c/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/new", "c/x", "c/y"}));
}

TEST_F(ScannerTest, ARenamedDirectoryKeepsItsWatchesAndItsFilesGetTheirNewPaths) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  start();
  settle();
  const std::size_t watches = events.watches();
  disk.move("/root/a", "/root/z");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"z/b/x"});
  EXPECT_EQ(events.watches(), watches);
  disk.write("/root/z/b/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"z/b/x", "z/b/y"}));
}

TEST_F(ScannerTest, ExchangedDirectoriesKeepTheirFilesApart) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/b");
  disk.write("/root/a/from_a", "1");
  disk.write("/root/b/from_b", "1");
  start();
  settle();
  disk.exchange("/root/a", "/root/b");
  disk.write("/root/a/new_in_a", "1");
  disk.write("/root/b/new_in_b", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/from_b", "a/new_in_a", "b/from_a", "b/new_in_b"}));
  EXPECT_EQ(scanner.nodes(), 3U);
  EXPECT_EQ(events.watches(), 3U);
}

TEST_F(ScannerTest, ADirectoryThatTakesItsParentsPlaceIsFollowed) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  start();
  settle();
  disk.move("/root/a/b", "/root/t");
  disk.remove("/root/a");
  disk.move("/root/t", "/root/a");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  disk.write("/root/a/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "a/y"}));
}

TEST_F(ScannerTest, ADirectoryMovedOutLosesItsWatchesAndItsRows) {
  disk.make_directory("/out");
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  start();
  settle();
  disk.move("/root/a", "/out/a");
  settle();
  disk.write("/out/a/b/y", "1");
  settle();
  EXPECT_TRUE(belief.paths().empty());
  EXPECT_EQ(events.watches(), 1U);
  EXPECT_EQ(scanner.nodes(), 1U);
}

// WATCHING.md 1: a listing may miss a name that is renamed while it runs.
TEST_F(ScannerTest, AChildThatAListingMissedIsLookedUpBeforeItIsDropped) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/z");
  disk.write("/root/z/x", "1");
  start();
  settle();
  disk.move("/root/z", "/tmp");
  disk.set_listing_hook([this, done = false](const std::string& name) mutable {
    if (name == "a" && !std::exchange(done, true)) disk.move("/tmp", "/root/z");
  });
  scanner.rescan(folder);
  scanner.step();  // the events of the first move are not read yet
  EXPECT_EQ(scanner.nodes(), 3U);
  settle();
  EXPECT_EQ(belief.paths(), Paths{"z/x"});
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerTest, WhatHappensDuringAListingIsNotMissed) {
  disk.make_directory("/root/a");
  disk.write("/root/m", "1");
  disk.set_listing_hook([this, done = false](const std::string& name) mutable {
    if (name != "m" || std::exchange(done, true)) return;
    disk.write("/root/b", "1");  // behind the listing's back
    disk.make_directory("/root/c");
    disk.write("/root/c/x", "1");
    disk.remove("/root/a");
  });
  start();
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"b", "c/x", "m"}));
  EXPECT_EQ(scanner.nodes(), 2U);
}

// Longer than one piece: it goes on after its directory has another name.
TEST_F(ScannerTest, AListingEndsWithThePathThatItBeganUnder) {
  disk.make_directory("/root/b");
  for (int i = 0; i < 5000; ++i) disk.write("/root/b/" + std::to_string(i), "1");
  start();
  for (int steps = 0; steps < 10 && belief.paths().size() < 4000; ++steps) scanner.step();
  ASSERT_LT(belief.paths().size(), 5000U);
  disk.move("/root/b", "/root/a");
  bool moved = false;
  for (int steps = 0; steps < 1000; ++steps) {
    drain_events();
    heard.clear();
    scanner.step();
    for (const Observation& what : heard) {
      const auto* const gone = std::get_if<DirectoryGone>(&what);
      moved = moved || (gone != nullptr && gone->directory == "b");
      const auto* const files = std::get_if<Seen>(&what);
      if (!moved || files == nullptr) continue;
      for (const FileObservation& file : files->files) {
        EXPECT_FALSE(file.path.starts_with("b/")) << file.path;
      }
    }
  }
  EXPECT_TRUE(moved);
  settle();
  EXPECT_EQ(belief.paths().size(), 5000U);
}

TEST_F(ScannerTest, AQueueThatWasMadeLongerIsTakenUpAtItsNextOverflow) {
  start();
  settle();
  events.set_queue_size(5);
  const auto flood = [this] {
    for (int i = 0; i < 20; ++i) disk.write("/root/" + std::to_string(i), "1");
    settle();
  };
  flood();
  ASSERT_EQ(belief.overflows, 1);
  events.raise_queue_size(1000);
  flood();
  EXPECT_EQ(belief.overflows, 2);
  flood();
  EXPECT_EQ(belief.overflows, 2);
  EXPECT_EQ(belief.paths().size(), 20U);
}

TEST_F(ScannerTest, WhatIsNoFileIsListedWithItsKindAndNeverPresent) {
  disk.make("/root/link", FileKind::Symlink);
  disk.make("/root/fifo", FileKind::Fifo);
  disk.make("/root/socket", FileKind::Socket);
  disk.make("/root/device", FileKind::Device);
  disk.write("/root/a.part", "1");
  disk.make_directory("/root/.~tmp~");
  disk.write("/root/.~tmp~/x", "1");
  spec.ignore = IgnoreRules::defaults();
  start();
  settle();
  EXPECT_TRUE(belief.paths().empty());
  EXPECT_EQ(belief.ignored, (std::map<std::string, std::string>{{"link", "symbolic link"},
                                                                {"fifo", "FIFO"},
                                                                {"socket", "socket"},
                                                                {"device", "device"},
                                                                {"a.part", "matches *.part"},
                                                                {".~tmp~", "matches .~tmp~/"}}));
  EXPECT_EQ(scanner.nodes(), 1U);
}

TEST_F(ScannerTest, ATemporaryNameRenamedToItsRealOneBecomesAFile) {
  spec.ignore = IgnoreRules::defaults();
  start();
  settle();
  disk.write("/root/a.part", "1");
  settle();
  EXPECT_TRUE(belief.paths().empty());
  disk.move("/root/a.part", "/root/a");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a"});
  EXPECT_FALSE(belief.ignored.contains("a.part"));
}

TEST_F(ScannerTest, OurOwnDirectoryAtTheRootIsNeitherScannedNorMentioned) {
  disk.make_directory("/root/.waybill");
  disk.write("/root/.waybill/7.1", "1");
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/.waybill");
  disk.write("/root/a/.waybill/x", "1");
  start();
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/.waybill/x"});
  EXPECT_TRUE(belief.ignored.empty());
}

TEST_F(ScannerTest, AFileThatBecomesADirectoryIsGone) {
  disk.write("/root/a", "1");
  start();
  settle();
  disk.remove("/root/a");
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
}

TEST_F(ScannerTest, ADirectoryThatBecomesALinkIsLeftAlone) {
  disk.make_directory("/secret");
  disk.write("/secret/key", "1");
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.remove("/root/a");
  disk.make("/root/a", FileKind::Symlink);
  settle();
  EXPECT_TRUE(belief.paths().empty());
  EXPECT_EQ(belief.ignored["a"], "symbolic link");
  EXPECT_EQ(scanner.nodes(), 1U);
}

TEST_F(ScannerTest, AMountedFileSystemIsNamedAndNothingBelowIsConcluded) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.mount("/root/a");
  scanner.rescan(folder);
  settle();
  EXPECT_EQ(belief.ignored["a"], "another file system is mounted here");
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  EXPECT_TRUE(belief.lost.empty());
  disk.unmount("/root/a");
  disk.write("/root/a/y", "1");
  pass(hours(1));
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "a/y"}));
}

TEST_F(ScannerTest, ALookAnswersWithWhatIsThere) {
  spec.ignore = IgnoreRules::defaults();
  disk.make_directory("/root/d");
  disk.write("/root/d/x", "1");
  disk.make("/root/fifo", FileKind::Fifo);
  disk.write("/root/d/x.part", "1");
  start();
  settle();
  heard.clear();
  const std::vector<std::string> paths{"d/x",      "d/nothing", "nowhere/x", "d",
                                       "d/x.part", "fifo",      "d/x/below"};
  for (const std::string& path : paths) scanner.look(folder, path);
  scanner.look(FolderId{99}, "x");
  settle();
  std::map<std::string, std::size_t> answers;
  for (const Observation& what : heard) {
    for (const FileObservation& file : std::get<Seen>(what).files) {
      answers[file.path] = file.what.index();
    }
  }
  const std::map<std::string, std::size_t> expected{{"d/x", 0}, {"d/nothing", 1}, {"nowhere/x", 1},
                                                    {"d", 1},   {"d/x/below", 1}, {"d/x.part", 2},
                                                    {"fifo", 2}};
  EXPECT_EQ(answers, expected);
}

TEST_F(ScannerTest, LooksAskedForTogetherAreAnsweredTogether) {
  std::vector<std::string> paths;
  for (int i = 0; i < 200; ++i) {
    paths.push_back(std::to_string(i));
    if (i % 2 == 0) disk.write("/root/" + paths.back(), "1");
  }
  disk.make_directory("/root/broken");
  disk.write("/root/broken/x", "1");
  start();
  settle();
  disk.set_trouble("/root/broken", EIO);
  paths.emplace_back("broken/x");
  heard.clear();
  scanner.look(folder, paths, 5);
  scanner.look(folder, {}, 6);
  scanner.look(FolderId{99}, {"x"}, 7);
  settle();
  std::size_t answers = 0;
  std::size_t before_the_answer = 0;
  for (const Observation& what : heard) {
    if (const auto* seen = std::get_if<Seen>(&what)) answers += seen->files.size();
    const auto* looked = std::get_if<Looked>(&what);
    if (looked != nullptr && looked->id == 5) before_the_answer = answers;
  }
  EXPECT_EQ(answers, 200U);
  EXPECT_EQ(before_the_answer, 200U);
  std::sort(belief.answered.begin(), belief.answered.end());
  EXPECT_EQ(belief.answered, (std::vector<std::uint64_t>{5, 6, 7}));
}

TEST_F(ScannerTest, DirectoriesAskedForAreListedAgainAndThenThatIsSaid) {
  for (const char* path : {"a", "a/b", "c"}) {
    disk.make_directory("/root/" + std::string(path));
    disk.write("/root/" + std::string(path) + "/x", "1");
  }
  start();
  settle();
  belief.times_seen.clear();
  scanner.list(folder, {"a", "gone"}, 5);
  scanner.list(FolderId{99}, {"a"}, 6);
  settle();
  EXPECT_EQ(belief.times_seen, (std::map<std::string, int>{{"a/x", 1}}));
  EXPECT_EQ(belief.answered, (std::vector<std::uint64_t>{5, 6}));
  heard.clear();
  scanner.list(folder, {}, 7);
  settle();
  EXPECT_EQ(belief.times_seen, (std::map<std::string, int>{{"a/x", 2}, {"a/b/x", 1}, {"c/x", 1}}));
  EXPECT_TRUE(std::holds_alternative<Listed>(heard.back())) << "after all that was listed";
}

TEST_F(ScannerTest, ListingsThatAreHeldWaitAndNamesAreLookedAtAllTheSame) {
  disk.make_directory("/root/a");
  start();
  settle();
  scanner.hold_listings(clock.boot() + std::chrono::seconds(5));
  disk.write("/root/a/x", "1");
  disk.make_directory("/root/b");
  disk.write("/root/b/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  scanner.barrier(1);
  const auto next = step();
  EXPECT_TRUE(belief.barriers.empty()) << "something is not seen yet";
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, clock.boot() + std::chrono::seconds(5))
      << "and until then nothing is to be done";
  pass(std::chrono::seconds(5));
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "b/y"}));
  EXPECT_EQ(belief.barriers, std::vector<std::uint64_t>{1});
}

TEST_F(ScannerTest, ListingsGoOnAsSoonAsTheyAreHeldNoMore) {
  start();
  settle();
  scanner.hold_listings(clock.boot() + std::chrono::hours(1));
  disk.make_directory("/root/b");
  disk.write("/root/b/y", "1");
  settle();
  scanner.hold_listings(std::nullopt);
  settle();
  EXPECT_EQ(belief.paths(), Paths{"b/y"});
}

TEST_F(ScannerTest, AListingAskedForOfAFolderThatGoesIsAnswered) {
  disk.make_directory("/root/a");
  start();
  settle();
  disk.remove("/root");
  scanner.list(folder, {"a"}, 5);
  settle();
  EXPECT_EQ(belief.answered, std::vector<std::uint64_t>{5});
}

TEST_F(ScannerTest, ABarrierStandsBehindAllThatHadHappened) {
  start();
  settle();
  std::string path = "/root";
  for (int level = 0; level < 20; ++level) {
    path += "/d";
    disk.make_directory(path);
    disk.write(path + "/x", "1");
  }
  drain_events();
  scanner.barrier(7);
  while (belief.barriers.empty()) scanner.step();
  EXPECT_EQ(belief.barriers, std::vector<std::uint64_t>{7});
  EXPECT_EQ(belief.paths().size(), 20U);
}

TEST_F(ScannerTest, ABarrierAskedForWithTheFolderCoversTheFirstScan) {
  for (int i = 0; i < 10; ++i) disk.make_directory("/root/" + std::to_string(i));
  disk.write("/root/9/x", "1");
  start();
  scanner.barrier(1);
  while (belief.barriers.empty()) scanner.step();
  EXPECT_EQ(belief.paths(), Paths{"9/x"});
}

TEST_F(ScannerTest, ABarrierDoesNotWaitForWhatHappensAfterIt) {
  start();
  settle();
  for (int i = 0; i < 200; ++i) disk.write("/root/" + std::to_string(i), "1");
  drain_events();
  scanner.barrier(1);
  int steps = 0;
  while (belief.barriers.empty()) {
    scanner.step();
    for (int i = 0; i < 200; ++i) disk.write("/root/" + std::to_string(i), "2");
    drain_events();
    ASSERT_LT(++steps, 20);
  }
}

TEST_F(ScannerTest, AStepIsABoundedPiece) {
  for (int i = 0; i < 10'000; ++i) disk.write("/root/" + std::to_string(i), "1");
  start();
  scanner.step();
  EXPECT_EQ(belief.files.size(), 4096U);
  EXPECT_EQ(belief.complete_scans, 0);
  disk.write("/root/urgent", "1");
  step();
  EXPECT_TRUE(belief.files.contains("urgent"));
  settle();
  EXPECT_EQ(belief.files.size(), 10'001U);
}

TEST_F(ScannerTest, NoBatchIsLargerThanAllowed) {
  for (int i = 0; i < 9000; ++i) disk.write("/root/" + std::to_string(i), "1");
  start();
  settle();
  for (const Observation& what : heard) {
    if (const auto* seen = std::get_if<Seen>(&what)) {
      EXPECT_LE(seen->files.size(), 4096U);
    }
  }
}

TEST_F(ScannerTest, AWriteThroughALinkOutsideIsFoundByTheNextRescan) {
  disk.make_directory("/out");
  disk.write("/root/a", "1");
  disk.link("/root/a", "/out/a");
  start();
  settle();
  const Fingerprint before = belief.files["a"];
  disk.write("/out/a", "changed");
  settle();
  EXPECT_EQ(belief.files["a"], before);
  pass(hours(1));
  EXPECT_NE(belief.files["a"], before);
}

TEST_F(ScannerTest, AnIdleScannerSleepsUntilTheRescan) {
  start();
  settle();
  const auto next = step();
  ASSERT_TRUE(next);
  EXPECT_EQ(*next - clock.boot(), hours(1));
}

TEST_F(ScannerTest, EventsOfARemovedWatchDoNotListAnything) {
  disk.make_directory("/root/a");
  start();
  settle();
  const int listings = belief.listings;
  disk.write("/root/a/x", "1");
  disk.remove("/root/a");
  settle();
  EXPECT_EQ(belief.listings, listings);
  EXPECT_EQ(events.watches(), 1U);
}

}  // namespace
}  // namespace waybill::watcher
