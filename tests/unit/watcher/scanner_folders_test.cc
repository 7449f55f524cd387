#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <variant>

#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// The roots, and what is wrong with them.
class ScannerFolders : public ScannerWorld {
 protected:
  [[nodiscard]] FolderHealth health() const { return belief.statuses.back().health; }
  [[nodiscard]] std::string reason() const { return belief.statuses.back().reason; }
};

TEST_F(ScannerFolders, AHealthyFolderSaysSoOnceWithTheIdentityOfItsRoot) {
  start();
  settle();
  ASSERT_EQ(belief.statuses.size(), 1U);
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(reason(), "");
  EXPECT_NE(belief.statuses[0].ino, 0U);
}

TEST_F(ScannerFolders, AMissingRootIsLookedForMoreAndMoreRarelyAndFoundByItself) {
  spec.path = "/root/inbox";
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Missing);
  EXPECT_NE(reason().find("/root/inbox"), std::string::npos);
  const std::vector<int> waits{1, 2, 4, 8, 10, 10};
  for (const int wait : waits) {
    EXPECT_EQ(*step() - clock.boot(), seconds(wait));
    clock.advance(seconds(wait));
  }
  disk.make_directory("/root/inbox");
  disk.write("/root/inbox/x", "1");
  pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.paths(), Paths{"x"});
  EXPECT_EQ(belief.statuses.size(), 2U);
}

TEST_F(ScannerFolders, ARootThatGoesTakesNothingWithIt) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.move("/root", "/elsewhere");
  settle();
  EXPECT_EQ(health(), FolderHealth::Missing);
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  scanner.look(folder, "a/x");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  EXPECT_EQ(events.watches(), 0U);
  disk.write("/elsewhere/a/y", "1");
  disk.move("/elsewhere", "/root");
  pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "a/y"}));
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerFolders, AnotherDirectoryInTheRootsPlaceIsNotBelieved) {
  disk.write("/root/x", "1");
  start();
  settle();
  disk.move("/root", "/elsewhere");
  disk.make_directory("/root");
  settle();
  EXPECT_EQ(health(), FolderHealth::Replaced);
  pass(hours(2));
  EXPECT_EQ(belief.paths(), Paths{"x"});
  disk.remove("/root");
  disk.move("/elsewhere", "/root");
  pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerFolders, AnUnmountedDiskLooksLikeAnotherDirectoryAndDeletesNothing) {
  disk.mount("/root");
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  ASSERT_EQ(belief.paths(), Paths{"a/x"});
  disk.unmount("/root");
  settle();
  EXPECT_EQ(health(), FolderHealth::Replaced);
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
}

// The disk goes between the look at a name and the look at the root.
TEST_F(ScannerFolders, AnAbsenceIsNotBelievedIfTheRootWentMeanwhile) {
  disk.write("/root/x", "1");
  start();
  settle();
  disk.move("/root", "/elsewhere");
  disk.make_directory("/root");
  scanner.look(folder, "x");
  scanner.step();  // before any event is read
  EXPECT_EQ(belief.paths(), Paths{"x"});
  EXPECT_EQ(health(), FolderHealth::Replaced);
}

TEST_F(ScannerFolders, ARootKnownFromEarlierMustBeTheSame) {
  spec.known_dev = 1;
  spec.known_ino = 4711;
  spec.known_btime = 1;
  disk.write("/root/x", "1");
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Replaced);
  EXPECT_TRUE(belief.paths().empty());
  // A person says that it is the one.
  spec.known_dev = spec.known_ino = 0;
  spec.known_btime = 0;
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.paths(), Paths{"x"});
}

TEST_F(ScannerFolders, TheSameInodeAndBirthOnAnotherDeviceNumberIsTheSameRoot) {
  start();
  settle();
  spec.known_dev = belief.statuses[0].dev + 5;
  spec.known_ino = belief.statuses[0].ino;
  spec.known_btime = belief.statuses[0].btime;
  Scanner another(disk, events, dirt, clock,
                  [this](const Observation& what) { belief.take(what); });
  another.set_folders({spec});
  another.step();
  EXPECT_EQ(health(), FolderHealth::Watching);
}

// A server that is down, a FUSE process that died: what was under it is in no doubt.
TEST_F(ScannerFolders, ARootThatDoesNotAnswerForLongIsToldAndComesBack) {
  disk.write("/root/x", "1");
  start();
  settle();
  const auto seen_until = belief.watermarks.size();
  disk.set_trouble("/root", ENOTCONN);
  scanner.rescan(folder);
  scanner.look(folder, "x");
  for (int i = 0; i < 60; ++i) pass(seconds(1));
  EXPECT_EQ(health(), FolderHealth::Unreadable);
  EXPECT_EQ(belief.watermarks.size(), seen_until) << "nothing was looked at since";
  EXPECT_EQ(belief.paths(), Paths{"x"});
  disk.set_trouble("/root", 0);
  for (int i = 0; i < 20; ++i) pass(seconds(1));
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.paths(), Paths{"x"});
}

TEST_F(ScannerFolders, ANameThatIsNotThereIsAskedForAgainIfItsRootDoesNotAnswerThen) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.remove("/root/a/x");
  drain_events();
  dirt.take(Nanoseconds::zero());  // nobody hears of it
  disk.set_look_hook([this](const std::string&) {
    disk.set_look_hook({});
    disk.set_trouble("/root", EIO);
    return std::optional(system_error("look", ENOENT));
  });
  scanner.look(folder, "a/x");
  scanner.step();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  disk.set_trouble("/root", 0);
  for (int i = 0; i < 5; ++i) pass(seconds(1));
  EXPECT_TRUE(belief.paths().empty());
}

TEST_F(ScannerFolders, AnUnreadableRootIsSuspendedAndComesBack) {
  disk.write("/root/x", "1");
  start();
  settle();
  disk.set_readable("/root", false);
  settle();
  EXPECT_EQ(health(), FolderHealth::Unreadable);
  EXPECT_EQ(belief.paths(), Paths{"x"});
  disk.set_readable("/root", true);
  pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Watching);
}

TEST_F(ScannerFolders, WithoutWatchesTheRestIsPolledAndTheReasonNamesTheSetting) {
  for (const char* name : {"a", "b", "c"}) disk.make_directory(std::string("/root/") + name);
  events.set_watch_limit(2);
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Polling);
  EXPECT_NE(reason().find("sysctl fs.inotify.max_user_watches="), std::string::npos);
  for (const char* name : {"a", "b", "c"}) disk.write(std::string("/root/") + name + "/x", "1");
  pass(seconds(10));
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "b/x", "c/x"}));
  // Room again: watched again, by itself.
  events.set_watch_limit(100);
  pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(events.watches(), 4U);
  const auto next = step();
  EXPECT_GT(*next - clock.boot(), seconds(10));
}

TEST_F(ScannerFolders, WhatIsPolledForWantOfWatchesIsLacking) {
  events.set_watch_limit(0);
  start();
  settle();
  EXPECT_TRUE(belief.statuses.back().lacking);
  events.set_watch_limit(100);
  pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_FALSE(belief.statuses.back().lacking);
}

// Mounting is silent to those who watch; the table of mounts is not.
TEST_F(ScannerFolders, AMountOverASubdirectoryIsNoticedAndDeletesNothing) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.mount("/root/a");
  disk.write("/root/a/hidden", "1");
  dirt.add(MountsChanged{});
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  EXPECT_EQ(belief.ignored["a"], "another file system is mounted here");
  disk.unmount("/root/a");
  disk.write("/root/a/y", "2");
  dirt.add(MountsChanged{});
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "a/y"}));
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerFolders, AMountElsewhereCostsNoScan) {
  disk.make_directory("/elsewhere");
  start();
  settle();
  const int listings = belief.listings;
  disk.mount("/elsewhere");
  dirt.add(MountsChanged{});
  settle();
  EXPECT_EQ(belief.listings, listings);
}

TEST_F(ScannerFolders, AnOverflowIsToldWithWhatHelps) {
  start();
  settle();
  events.overflow();
  settle();
  EXPECT_EQ(belief.overflows, 1);
}

TEST_F(ScannerFolders, WithNoWatchAtAllEverythingIsStillFound) {
  events.set_watch_limit(0);
  start();
  settle();
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  for (int i = 0; i < 4; ++i) pass(seconds(10));
  EXPECT_EQ(belief.paths(), Paths{"a/b/x"});
  disk.move("/root/a", "/root/c");
  for (int i = 0; i < 4; ++i) pass(seconds(10));
  EXPECT_EQ(belief.paths(), Paths{"c/b/x"});
}

TEST_F(ScannerFolders, AFileSystemThatDoesNotReportItsChangesIsRescanned) {
  disk.set_blind_spot("FUSE does not report changes made behind it");
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Polling);
  EXPECT_EQ(reason(), "FUSE does not report changes made behind it");
  disk.write("/root/x", "1");
  events.set_queue_size(0);
  std::vector<RawEvent> lost;
  static_cast<void>(events.read(lost));
  pass(seconds(10));
  EXPECT_EQ(belief.paths(), Paths{"x"});
}

TEST_F(ScannerFolders, PollingIsForThePersonToAskForAndToForbid) {
  spec.poll = PollPolicy::Always;
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Polling);
  EXPECT_EQ(reason(), "the configuration asks for it");
  EXPECT_FALSE(belief.statuses.back().lacking);
  const int scans = belief.complete_scans;
  pass(seconds(10));
  EXPECT_EQ(belief.complete_scans, scans + 1);
  spec.poll = PollPolicy::WhereBlind;
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
}

// A pass pauses for nine times of what it cost.
TEST_F(ScannerFolders, WhatAPassWaitedForOthersIsNotWhatItCost) {
  spec.poll = PollPolicy::Always;
  start();
  settle();
  const int scans = belief.complete_scans;
  pass(seconds(9));
  scanner.hold_listings(clock.boot() + seconds(8));
  pass(seconds(1));  // it begins
  pass(seconds(6));
  EXPECT_EQ(belief.complete_scans, scans);
  pass(seconds(1));
  EXPECT_EQ(belief.complete_scans, scans + 1);
  pass(seconds(10));
  EXPECT_EQ(belief.complete_scans, scans + 2);
}

TEST_F(ScannerFolders, AFileSystemThatIsSaidToReportItsChangesIsNotPolled) {
  disk.set_blind_spot("FUSE does not report changes made behind it");
  spec.poll = PollPolicy::Never;
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
}

TEST_F(ScannerFolders, FoldersThatStayKeepTheirWatches) {
  disk.make_directory("/root/a");
  disk.make_directory("/second");
  start();
  settle();
  const int listings = belief.listings;
  FolderSpec second;
  second.id = FolderId{2};
  second.path = "/second";
  scanner.set_folders({spec, second});
  settle();
  EXPECT_EQ(belief.listings, listings);
  EXPECT_EQ(events.watches(), 3U);
  scanner.set_folders({second});
  settle();
  EXPECT_EQ(events.watches(), 1U);
  EXPECT_EQ(scanner.nodes(), 1U);
}

// Whoever sets the folders has forgotten what was said before, as after a reload.
TEST_F(ScannerFolders, FoldersThatAreSetAgainSayAgainHowTheyAre) {
  FolderSpec missing;
  missing.id = FolderId{2};
  missing.path = "/missing";
  scanner.set_folders({spec, missing});
  settle();
  heard.clear();
  scanner.set_folders({spec, missing});
  settle();
  std::map<FolderId, FolderHealth> said;
  for (const Observation& what : heard) {
    if (const auto* status = std::get_if<FolderStatus>(&what))
      said[status->folder] = status->health;
  }
  EXPECT_EQ(said, (std::map<FolderId, FolderHealth>{{folder, FolderHealth::Watching},
                                                    {FolderId{2}, FolderHealth::Missing}}));
}

TEST_F(ScannerFolders, WhatCannotBeReadIsToldAgainOnceFoldersAreSetAgain) {
  disk.make_directory("/root/a");
  disk.set_readable("/root/a", false);
  start();
  settle();
  ASSERT_TRUE(belief.unreadable.contains("a"));
  belief.unreadable.clear();
  start();
  scanner.rescan(folder);
  settle();
  EXPECT_TRUE(belief.unreadable.contains("a"));
}

TEST_F(ScannerFolders, OtherIgnoreRulesMeanALookAtEverything) {
  disk.write("/root/a.part", "1");
  start();
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a.part"});
  spec.ignore = IgnoreRules::defaults();
  start();
  settle();
  EXPECT_TRUE(belief.paths().empty());
}

TEST_F(ScannerFolders, AFolderInsideAnotherBelongsToItselfAlone) {
  disk.make_directory("/root/inner");
  disk.write("/root/inner/x", "1");
  disk.write("/root/y", "1");
  FolderSpec inner;
  inner.id = FolderId{2};
  inner.path = "/root/inner";
  Belief inner_belief{FolderId{2}};
  start();
  settle();
  scanner.set_folders({spec, inner});
  heard.clear();
  settle();
  scanner.rescan(folder);
  settle();
  for (const Observation& what : heard) inner_belief.take(what);
  EXPECT_EQ(inner_belief.paths(), Paths{"x"});
  EXPECT_EQ(belief.ignored["inner"], "another folder");
  disk.write("/root/inner/z", "1");
  heard.clear();
  settle();
  for (const Observation& what : heard) inner_belief.take(what);
  EXPECT_EQ(inner_belief.paths(), (Paths{"x", "z"}));
}

TEST_F(ScannerFolders, ADirectoryMovedFromFolderToFolderIsWatchedInItsNewPlace) {
  disk.make_directory("/second");
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  FolderSpec second;
  second.id = FolderId{2};
  second.path = "/second";
  scanner.set_folders({spec, second});
  settle();
  disk.move("/root/a", "/second/a");
  settle();
  disk.write("/second/a/y", "1");
  settle();
  Belief second_belief{FolderId{2}};
  for (const Observation& what : heard) second_belief.take(what);
  EXPECT_TRUE(belief.paths().empty());
  EXPECT_EQ(second_belief.paths(), (Paths{"a/x", "a/y"}));
  EXPECT_EQ(events.watches(), 3U);
}

TEST_F(ScannerFolders, TwoFoldersOnOneDirectoryAreRefused) {
  FolderSpec twin = spec;
  twin.id = FolderId{2};
  scanner.set_folders({spec, twin});
  settle();
  bool refused = false;
  for (const Observation& what : heard) {
    const auto* status = std::get_if<FolderStatus>(&what);
    if (status != nullptr && status->health == FolderHealth::Unreadable) {
      refused = true;
      EXPECT_EQ(status->reason, "another folder watches the same directory");
    }
  }
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace waybill::watcher
