#include <algorithm>
#include <variant>

#include "tests/unit/watcher/scanner_world.h"

// A folder that reaches across mounts (WATCHING.md 3): what is on them is seen, and a disk that is
// not mounted is not an emptied one.
namespace waybill::watcher {
namespace {

class ScannerMounts : public ScannerWorld {
 protected:
  ScannerMounts() {
    spec.cross_mounts = true;
    disk.make_directory("/root/m");
  }
  void mounts_changed() {
    dirt.add(MountsChanged{});
    settle();
  }
  void mount(const std::string& path, const std::string& name = "disk",
             const std::string& blind_spot = {}) {
    disk.mount_disk(path, name, blind_spot);
    mounts_changed();
  }
  void unmount(const std::string& path) {
    disk.unmount(path);
    mounts_changed();
  }
  // A disk at m/ with x on it; or with deep/x.
  void start_with_a_disk() {
    disk.mount_disk("/root/m", "disk");
    disk.write("/root/m/x", "1");
    start();
    settle();
  }
  void start_with_a_deep_disk() {
    disk.mount_disk("/root/m", "disk");
    disk.make_directory("/root/m/deep");
    disk.write("/root/m/deep/x", "1");
    start();
    settle();
  }
  // A disk at data/, stored; then another way to it at backup/.
  void show_a_disk_twice() {
    disk.make_directory("/root/data");
    disk.mount_disk("/root/data", "disk");
    disk.write("/root/data/x", "1");
    start();
    settle();
    disk.make_directory("/root/backup");
    disk.bind("/root/data", "/root/backup");
  }
  // As after a restart, with what was made durable.
  void remember() {
    spec.mounts.clear();
    for (const MountEntered& mount : belief.mounts) {
      std::erase_if(spec.mounts, [&mount](const auto& known) {
        return known.path == mount.path || known.path == mount.before;
      });
      spec.mounts.push_back({mount.path, mount.dev, mount.ino, mount.btime});
    }
  }
  [[nodiscard]] const FolderStatus& status() const { return belief.statuses.back(); }
  [[nodiscard]] std::vector<std::string> missing() const {
    std::vector<std::string> paths;
    for (const MissingMount& mount : status().missing) paths.push_back(mount.path);
    return paths;
  }
  [[nodiscard]] std::vector<std::string> entered() const {
    std::vector<std::string> paths;
    for (const MountEntered& mount : belief.mounts) paths.push_back(mount.path);
    return paths;
  }
};

using Names = std::vector<std::string>;

TEST_F(ScannerMounts, WhatIsOnAMountIsSeenAndWatched) {
  disk.mount_disk("/root/m", "disk");
  disk.write("/root/m/x", "1");
  disk.make_directory("/root/m/deep");
  disk.write("/root/m/deep/y", "1");
  start();
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"m/x", "m/deep/y"}));
  EXPECT_EQ(entered(), Names{"m"});
  EXPECT_EQ(status().health, FolderHealth::Watching);
  disk.write("/root/m/deep/z", "1");
  settle();
  EXPECT_TRUE(belief.paths().contains("m/deep/z"));
}

TEST_F(ScannerMounts, AMountIsToldBeforeAnythingThatIsOnIt) {
  start_with_a_disk();
  const auto place = [this](const auto& is) {
    return std::find_if(heard.begin(), heard.end(), is) - heard.begin();
  };
  const auto told =
      place([](const auto& what) { return std::holds_alternative<MountEntered>(what); });
  const auto seen = place([](const auto& what) {
    const auto* const files = std::get_if<Seen>(&what);
    return files != nullptr && files->files.front().path.starts_with("m/");
  });
  EXPECT_LT(told, seen);
}

TEST_F(ScannerMounts, OneThatComesLaterIsEnteredAtOnce) {
  start();
  settle();
  mount("/root/m");
  disk.write("/root/m/x", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
}

TEST_F(ScannerMounts, AnUnmountedDiskConcludesNothingAndIsTakenUpAgain) {
  start_with_a_deep_disk();
  unmount("/root/m");
  EXPECT_EQ(missing(), Names{"m"});
  disk.write("/root/m/on-the-mount-point", "1");
  settle();
  pass(std::chrono::hours(3));
  EXPECT_EQ(belief.paths(), Paths{"m/deep/x"});
  EXPECT_TRUE(belief.lost.empty());
  scanner.look(folder, "m/deep/x");
  settle();
  EXPECT_EQ(belief.suspended, Paths{"m/deep/x"});
  mount("/root/m");
  EXPECT_EQ(missing(), Names{});
  EXPECT_EQ(belief.paths(), Paths{"m/deep/x"});
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerMounts, WhatWentFromADiskWhileItWasAwayIsGoneOnceItIsBack) {
  disk.mount_disk("/root/m", "disk");
  disk.make_directory("/root/m/deep");
  disk.write("/root/m/deep/x", "1");
  disk.write("/root/m/kept", "1");
  start();
  settle();
  unmount("/root/m");
  disk.make_directory("/elsewhere");
  disk.mount_disk("/elsewhere", "disk");
  disk.remove("/elsewhere/deep");
  disk.unmount("/elsewhere");
  mount("/root/m");
  EXPECT_EQ(belief.paths(), Paths{"m/kept"});
}

TEST_F(ScannerMounts, ADiskThatIsNotMountedAtTheStartConcludesNothing) {
  start_with_a_disk();
  remember();
  disk.unmount("/root/m");
  Scanner another(disk, events, dirt, clock,
                  [this](const Observation& what) { belief.take(what); });
  another.set_folders({spec});
  another.look(folder, "m/x");
  for (int steps = 0; steps < 100; ++steps) another.step();
  EXPECT_EQ(missing(), Names{"m"});
  another.look(folder, "m/x");
  another.step();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
  EXPECT_TRUE(belief.suspended.contains("m/x"));
}

// Nor is it concluded anything while the kernel's word of it has not been heard.
TEST_F(ScannerMounts, AnAbsenceIsNotBelievedIfTheDiskWentMeanwhile) {
  start_with_a_deep_disk();
  disk.unmount("/root/m");
  scanner.look(folder, "m/deep/x");
  scanner.step();
  EXPECT_EQ(belief.paths(), Paths{"m/deep/x"});
  EXPECT_TRUE(belief.suspended.contains("m/deep/x"));
}

// As NFS tells of a server that has lost its handles: first the names go, then the mount.
TEST_F(ScannerMounts, AnAbsenceIsNotBelievedIfTheDiskGoesRightAfterIt) {
  start_with_a_disk();
  disk.set_look_hook([this](const std::string& name) {
    disk.set_look_hook({});
    if (name == "x") disk.set_trouble("/root/m", ESTALE);
    return std::optional(system_error("look", ESTALE));
  });
  scanner.look(folder, "m/x");
  scanner.step();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
  EXPECT_TRUE(belief.suspended.contains("m/x"));
}

TEST_F(ScannerMounts, ADiskThatDoesNotAnswerForLongIsMissingUntilItDoes) {
  start_with_a_deep_disk();
  const auto wait = [this] {
    for (int i = 0; i < 60; ++i) pass(std::chrono::seconds(1));
  };
  disk.set_trouble("/root/m", ENOTCONN);
  scanner.rescan(folder);
  settle();
  EXPECT_EQ(missing(), Names{});
  wait();
  ASSERT_EQ(missing(), Names{"m"});
  EXPECT_NE(status().missing.front().reason.find("does not answer"), std::string::npos);
  EXPECT_EQ(belief.paths(), Paths{"m/deep/x"});
  disk.set_trouble("/root/m", 0);  // no event tells of it
  wait();
  EXPECT_EQ(missing(), Names{});
  EXPECT_EQ(belief.paths(), Paths{"m/deep/x"});
  EXPECT_TRUE(belief.lost.empty());
  EXPECT_TRUE(belief.unreadable.empty());
}

TEST_F(ScannerMounts, WhatIsMountedOnADiskThatDoesNotAnswerIsLostWithIt) {
  disk.mount_disk("/root/m", "disk");
  disk.make_directory("/root/m/n");
  disk.mount_disk("/root/m/n", "inner");
  start();
  settle();
  ASSERT_FALSE(status().unproven.empty());
  disk.set_trouble("/root/m", EIO);
  scanner.rescan(folder);
  for (int i = 0; i < 60; ++i) pass(std::chrono::seconds(1));
  EXPECT_EQ(missing(), Names{"m"});
  EXPECT_EQ(status().unproven, "");  // nothing but the root's own mount is left
  disk.set_trouble("/root/m", 0);
  for (int i = 0; i < 20; ++i) pass(std::chrono::seconds(1));
  EXPECT_EQ(missing(), Names{});
  EXPECT_FALSE(status().unproven.empty());
}

TEST_F(ScannerMounts, ADiskThatDoesNotAnswerAtTheStartIsMissing) {
  start_with_a_disk();
  remember();
  scanner.set_folders({});
  settle();
  disk.set_trouble("/root/m", ENOTCONN);
  start();
  for (int i = 0; i < 60; ++i) pass(std::chrono::seconds(1));
  EXPECT_EQ(missing(), Names{"m"});
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
}

TEST_F(ScannerMounts, AMountThatIsIgnoredIsNotMissed) {
  start_with_a_disk();
  remember();
  spec.ignore.add("m/");
  start();
  unmount("/root/m");
  EXPECT_EQ(missing(), Names{});
}

TEST_F(ScannerMounts, AnAbsenceUnderAMountThatNobodyHasToldOfIsNotBelieved) {
  disk.make_directory("/root/m/deep");
  disk.write("/root/m/deep/x", "1");
  disk.write("/root/m/y", "1");
  start();
  settle();
  disk.mount_disk("/root/m", "disk");
  scanner.look(folder, "m/deep/x");
  scanner.look(folder, "m/y");
  scanner.step();
  EXPECT_EQ(belief.paths(), (Paths{"m/deep/x", "m/y"}));
  EXPECT_TRUE(belief.suspended.contains("m/deep/x"));
  EXPECT_TRUE(belief.suspended.contains("m/y"));
}

TEST_F(ScannerMounts, AnotherDiskInItsPlaceIsNotTakenForIt) {
  start_with_a_disk();
  disk.unmount("/root/m");
  mount("/root/m", "another");
  disk.write("/root/m/y", "1");
  settle();
  EXPECT_EQ(missing(), Names{"m"});
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
}

TEST_F(ScannerMounts, WhatAPersonAcceptsTakesThePlaceOfWhatWasThere) {
  start_with_a_disk();
  disk.unmount("/root/m");
  mount("/root/m", "another");
  disk.write("/root/m/y", "1");
  scanner.accept_mount(folder, "m");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"m/y"});
  EXPECT_EQ(missing(), Names{});
  EXPECT_TRUE(belief.mounts.back().accepted);
  // Also the bare mount point.
  disk.unmount("/root/m");
  mounts_changed();
  EXPECT_EQ(missing(), Names{"m"});
  scanner.accept_mount(folder, "m");
  disk.write("/root/m/z", "1");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"m/z"});
  EXPECT_EQ(missing(), Names{});
}

// The disk was back when the word came, and nobody had noticed yet.
TEST_F(ScannerMounts, AcceptingTheDiskThatWasThereForgetsNothingOfIt) {
  start_with_a_disk();
  unmount("/root/m");
  disk.mount_disk("/root/m", "disk");
  scanner.accept_mount(folder, "m");
  scanner.step();
  disk.unmount("/root/m");
  mounts_changed();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
  EXPECT_EQ(missing(), Names{"m"});
  EXPECT_TRUE(belief.mounts.back().accepted);  // to be durable again
}

TEST_F(ScannerMounts, AMountPointThatIsRemovedConcludesNothing) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/m");
  disk.mount_disk("/root/a/m", "disk");
  disk.write("/root/a/m/x", "1");
  start();
  settle();
  unmount("/root/a/m");
  disk.remove("/root/a");
  settle();
  pass(std::chrono::hours(3));
  EXPECT_EQ(belief.paths(), Paths{"a/m/x"});
  EXPECT_EQ(missing(), Names{"a/m"});
}

TEST_F(ScannerMounts, ADirectoryThatIsRenamedTakesItsMountsAlong) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/m");
  disk.mount_disk("/root/a/m", "disk");
  disk.write("/root/a/m/x", "1");
  start();
  settle();
  disk.move("/root/a", "/root/b");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"b/m/x"});
  EXPECT_EQ(missing(), Names{});
  EXPECT_EQ(belief.mounts.back().before, "a/m");
}

TEST_F(ScannerMounts, ADiskOnADiskIsSeenAndMissed) {
  disk.mount_disk("/root/m", "disk");
  disk.make_directory("/root/m/n");
  disk.mount_disk("/root/m/n", "inner");
  disk.write("/root/m/n/x", "1");
  start();
  settle();
  EXPECT_EQ(entered(), (Names{"m", "m/n"}));
  disk.unmount("/root/m/n");
  unmount("/root/m");
  EXPECT_EQ(missing(), (Names{"m", "m/n"}));
  mount("/root/m");
  EXPECT_EQ(missing(), Names{"m/n"});
  EXPECT_EQ(belief.paths(), Paths{"m/n/x"});
  mount("/root/m/n", "inner");
  EXPECT_EQ(missing(), Names{});
  EXPECT_EQ(belief.paths(), Paths{"m/n/x"});
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerMounts, OfTwoWaysToADirectoryThatWithFewerMountsIsTaken) {
  disk.make_directory("/root/z");
  disk.write("/root/z/x", "1");
  disk.bind("/root/z", "/root/m");  // listed before z
  start();
  settle();
  EXPECT_EQ(belief.paths(), Paths{"z/x"});
  EXPECT_EQ(belief.ignored["m"], "the same directory as /root/z");
  EXPECT_TRUE(entered().empty());
  disk.write("/root/m/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"z/x", "z/y"}));
  pass(std::chrono::hours(3));
  EXPECT_EQ(belief.paths(), (Paths{"z/x", "z/y"}));
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerMounts, NoWayAcrossAMountIsTakenBeforeAllOthersWereMetHoweverLongThatTakes) {
  disk.make_directory("/root/z");
  disk.make_directory("/root/z/y");
  disk.make_directory("/root/z/y/deep");
  disk.write("/root/z/y/deep/x", "1");
  disk.bind("/root/z/y/deep", "/root/m");
  start();
  for (int steps = 0; steps < 50; ++steps) {
    step();
    clock.advance(std::chrono::seconds(11));
  }
  settle();
  EXPECT_EQ(belief.paths(), Paths{"z/y/deep/x"});
  EXPECT_TRUE(entered().empty());
}

TEST_F(ScannerMounts, WhatIsKnownUnderAPathKeepsItWhenAnotherWayToItComes) {
  show_a_disk_twice();
  remember();
  Belief fresh{folder};
  fakes::FakeEventSource own_events{disk};
  Coalescer own_dirt;
  Scanner another{disk, own_events, own_dirt, clock,
                  [&](const Observation& what) { fresh.take(what); }};
  another.set_folders({spec});
  for (auto next = another.step(); next && *next <= clock.boot(); next = another.step()) {
  }
  EXPECT_EQ(fresh.paths(), Paths{"data/x"});
  EXPECT_TRUE(fresh.ignored["backup"].starts_with("the same directory")) << fresh.ignored["backup"];
}

TEST_F(ScannerMounts, AnotherWayToADiskThatIsAwayDoesNotTakeItsPlace) {
  show_a_disk_twice();
  mounts_changed();
  unmount("/root/data");
  pass(std::chrono::hours(2));
  EXPECT_EQ(missing(), Names{"data"});
  EXPECT_TRUE(belief.paths().contains("data/x"));
}

TEST_F(ScannerMounts, ATreeThatIsMountedIntoItselfIsEnteredOnce) {
  disk.write("/root/x", "1");
  disk.bind("/root", "/root/m");
  start();
  settle();
  EXPECT_EQ(belief.paths(), Paths{"x"});
  EXPECT_EQ(belief.ignored["m"], "the same directory as /root");
}

TEST_F(ScannerMounts, OfTwoFoldersThatReachADirectoryTheOneOnWhoseDiskItIsHasIt) {
  disk.make_directory("/other");
  disk.make_directory("/other/d");
  disk.write("/other/d/x", "1");
  disk.bind("/other/d", "/root/m");
  FolderSpec second;
  second.id = FolderId{2};
  second.path = "/other";
  scanner.set_folders({spec, second});
  settle();
  EXPECT_EQ(belief.paths(), Paths{});
  EXPECT_EQ(belief.ignored["m"], "the same directory as /other/d");
}

TEST_F(ScannerMounts, OnlyWhatHasABlindSpotIsPolled) {
  disk.write("/root/x", "1");
  disk.mount_disk("/root/m", "remote", "NFS does not report changes made by other machines");
  start();
  settle();
  EXPECT_EQ(status().health, FolderHealth::Polling);
  EXPECT_FALSE(status().lacking);
  EXPECT_EQ(status().reason, "in m NFS does not report changes made by other machines");
  const int listed = belief.listings;
  pass(std::chrono::seconds(11));
  EXPECT_EQ(belief.listings, listed + 1);
}

TEST_F(ScannerMounts, ATouchInTheRootProvesNothingOfAMount) {
  start();
  settle();
  scanner.prove();
  settle();
  ASSERT_FALSE(belief.watermarks.empty());
  mount("/root/m");
  EXPECT_FALSE(status().unproven.empty());
  const auto known = belief.watermarks.back();
  clock.advance(std::chrono::minutes(1));
  scanner.prove();
  settle();
  EXPECT_EQ(belief.watermarks.back(), known);
}

TEST_F(ScannerMounts, WithoutLeaveNothingIsEntered) {
  spec.cross_mounts = false;
  start_with_a_disk();
  EXPECT_TRUE(belief.paths().empty());
  spec.cross_mounts = true;
  start();
  settle();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
  // What was entered once is not taken for gone when it is not to be entered any more.
  remember();
  spec.cross_mounts = false;
  start();
  settle();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
  disk.unmount("/root/m");
  mounts_changed();
  scanner.look(folder, "m/x");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"m/x"});
}

// A single file is no disk: it is told, and nothing is concluded of the one below.
TEST_F(ScannerMounts, AFileOverWhichAnotherIsMountedIsToldAndNotTaken) {
  disk.write("/root/x", "1");
  disk.write("/root/y", "other");
  for (const bool cross : {true, false}) {
    spec.cross_mounts = cross;
    start();
    settle();
    const Fingerprint before = belief.files["x"];
    disk.bind("/root/y", "/root/x");
    mounts_changed();
    EXPECT_EQ(belief.unreadable["x"].message, "something is mounted over this file");
    EXPECT_EQ(belief.files["x"], before);
    scanner.look(folder, "x");
    settle();
    EXPECT_EQ(belief.files["x"], before);
    disk.unmount("/root/x");
    mounts_changed();
    EXPECT_EQ(belief.files["x"], before);
    belief.unreadable.clear();
  }
}

}  // namespace
}  // namespace waybill::watcher
