#include "tests/integration/watcher/own_kernel.h"
#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

class Mounts : public WatchedFolder {
 protected:
  Mounts() {
    disk::make_directory(at("d"));
    disk::write(at("d/x"), "x");
  }
  static void expect_rest(LiveWatcher& watcher) {
    expect(watcher.catch_up(), "the watcher comes to rest");
  }
  static void pass(LiveWatcher& watcher, Nanoseconds time) {
    watcher.clock.advance(time);
    watcher.step();
    expect_rest(watcher);
  }
};

// Scenario 42 of WATCHING.md 4. No event tells of it; no time needs to pass either.
TEST_F(Mounts, OverASubdirectoryAreNoticedAtOnceAndDeleteNothing) {
  EXPECT_EQ(in_own_kernel([this] {
              LiveWatcher watcher(root_);
              expect_rest(watcher);
              mount("tmpfs", "none", at("d"));
              disk::write(at("d/hidden"), "hidden");
              expect_rest(watcher);
              expect(watcher.belief.ignored["d"] == "another file system is mounted here",
                     "the mount is named");
              expect(watcher.belief.paths() == Paths{"d/x"}, "nothing is concluded");
              unmount(at("d"));
              disk::write(at("d/y"), "y");
              expect_rest(watcher);
              expect(watcher.belief.paths() == Paths{"d/x", "d/y"}, "it is watched again");
              expect(watcher.belief.lost.empty(), "nothing was ever believed gone");
            }),
            0);
}

// Scenario 43: a disk that is mounted over the root, or goes from it.
TEST_F(Mounts, OverTheRootSuspendTheFolderAtOnceAndDeleteNothing) {
  EXPECT_EQ(in_own_kernel([this] {
              LiveWatcher watcher(root_);
              expect_rest(watcher);
              mount("tmpfs", "none", root_);
              expect_rest(watcher);
              expect(watcher.status().health == FolderHealth::Replaced, "the folder is suspended");
              unmount(root_);
              expect_rest(watcher);
              expect(watcher.status().health == FolderHealth::Watching, "it is taken up again");
              expect(watcher.belief.paths() == Paths{"d/x"} && watcher.belief.lost.empty(),
                     "nothing was ever believed gone");
            }),
            0);
}

TEST_F(Mounts, ARootThatIsUnmountedSuspendsTheFolderAndDeletesNothing) {
  EXPECT_EQ(in_own_kernel([this] {
              mount("tmpfs", "none", root_);
              disk::write(at("x"), "x");
              LiveWatcher watcher(root_);
              expect_rest(watcher);
              expect(watcher.belief.paths() == Paths{"x"}, "what is on the disk is seen");
              unmount(root_);
              expect_rest(watcher);
              expect(watcher.status().health == FolderHealth::Replaced, "the folder is suspended");
              pass(watcher, std::chrono::hours(2));
              expect(watcher.belief.paths() == Paths{"x"}, "nothing is concluded");
            }),
            0);
}

// A disk that is mounted again is the same by another way to it.
TEST_F(Mounts, ADiskInAFolderThatReachesAcrossIsWatchedAndMissedAndTakenUpAgain) {
  EXPECT_EQ(
      in_own_kernel([this] {
        mount("tmpfs", "none", outside_);
        disk::make_directory(out("deep"));
        disk::write(out("deep/x"), "x");
        mount(nullptr, outside_, at("d"), MS_BIND);
        LiveWatcher watcher(root_);
        watcher.spec.cross_mounts = true;
        watcher.scanner().set_folders({watcher.spec});
        expect_rest(watcher);
        expect(watcher.belief.paths() == Paths{"d/deep/x"}, "what is on it is seen");
        disk::write(at("d/deep/y"), "y");
        expect_rest(watcher);
        expect(watcher.belief.paths() == Paths{"d/deep/x", "d/deep/y"}, "it is watched");
        unmount(at("d"));
        disk::write(at("d/on-the-mount-point"), "z");
        expect_rest(watcher);
        expect(watcher.status().missing.size() == 1, "it is missed");
        pass(watcher, std::chrono::hours(2));
        expect(watcher.belief.paths() == Paths{"d/deep/x", "d/deep/y"}, "nothing is concluded");
        disk::remove(out("deep/x"));
        mount(nullptr, outside_, at("d"), MS_BIND);
        expect_rest(watcher);
        expect(watcher.status().missing.empty(), "it is back");
        expect(watcher.belief.paths() == Paths{"d/deep/y"}, "and so is what is on it");
      }),
      0);
}

TEST_F(Mounts, ADiskThatIsUnmountedForGoodTellsByItsLastEventThatItWent) {
  EXPECT_EQ(in_own_kernel([this] {
              mount("tmpfs", "none", at("d"));
              disk::write(at("d/x"), "x");
              LiveWatcher watcher(root_);
              watcher.spec.cross_mounts = true;
              watcher.scanner().set_folders({watcher.spec});
              expect_rest(watcher);
              unmount(at("d"));
              expect_rest(watcher);
              mount("tmpfs", "none", at("d"));
              expect_rest(watcher);
              expect(watcher.belief.paths() == Paths{"d/x"}, "nothing is concluded");
              expect(watcher.status().missing.size() == 1, "another disk is not taken for it");
            }),
            0);
}

TEST_F(Mounts, ATreeMountedIntoItselfIsSeenOnceThoughMountsAreCrossed) {
  disk::make_directory(at("again"));
  EXPECT_EQ(in_own_kernel([this] {
              mount(nullptr, root_, at("again"), MS_BIND);
              mount(nullptr, folder_.path(), at("d"), MS_BIND);  // what is above the root
              LiveWatcher watcher(root_);
              watcher.spec.cross_mounts = true;
              watcher.scanner().set_folders({watcher.spec});
              disk::write(out("seen"), "x");
              expect_rest(watcher);
              expect(watcher.belief.paths() == Paths{"d/outside/seen"},
                     "what is above is seen, and the root in it is not entered again");
              expect(watcher.belief.ignored.contains("again") &&
                         watcher.belief.ignored.contains("d/root"),
                     "what is left out is named");
            }),
            0);
}

TEST_F(Mounts, AFileOverWhichOneIsMountedIsNamedAndNotTaken) {
  disk::write(out("other"), "other");
  EXPECT_EQ(in_own_kernel([this] {
              LiveWatcher watcher(root_);
              expect_rest(watcher);
              const auto before = watcher.belief.files["d/x"];
              mount(nullptr, out("other"), at("d/x"), MS_BIND);
              expect_rest(watcher);
              expect(watcher.belief.unreadable["d/x"].os_errno == EXDEV, "it is named");
              expect(watcher.belief.files["d/x"] == before, "nothing is concluded");
            }),
            0);
}

// Scenario 44, its first half.
TEST_F(Mounts, ATreeMountedIntoItselfIsNotEntered) {
  disk::make_directory(at("again"));
  EXPECT_EQ(in_own_kernel([this] {
              mount(nullptr, root_, at("again"), MS_BIND);
              LiveWatcher watcher(root_);
              expect_rest(watcher);
              expect(watcher.belief.paths() == Paths{"d/x"}, "each file is seen once");
              disk::write(at("d/y"), "y");
              expect_rest(watcher);
              expect(watcher.belief.paths() == Paths{"d/x", "d/y"}, "events go on");
              expect(watcher.belief.ignored.contains("again"), "what is left out is named");
            }),
            0);
}

// Nor is there a second folder on what another one watches, by whatever path.
TEST_F(Mounts, AFolderMountedInTwoPlacesIsWatchedByOneFolder) {
  EXPECT_EQ(in_own_kernel([this] {
              mount(nullptr, root_, outside_, MS_BIND);
              LiveWatcher watcher(root_);
              FolderSpec second = watcher.spec;
              second.id = FolderId{2};
              second.path = outside_;
              Belief of_second{second.id};
              watcher.also = &of_second;
              watcher.scanner().set_folders({watcher.spec, second});
              expect_rest(watcher);
              for (int tries = 0; tries < 3; ++tries) pass(watcher, std::chrono::seconds(10));
              expect(of_second.statuses.size() == 1, "it is refused, and nothing else is said");
              expect(of_second.statuses[0].health == FolderHealth::Unreadable, "it is refused");
              expect(watcher.belief.paths() == Paths{"d/x"}, "the first goes on");
              unmount(outside_);
              expect_rest(watcher);
              expect(of_second.statuses.back().health == FolderHealth::Watching,
                     "what lay below the mount is taken up at once");
              expect(of_second.paths().empty(), "and is empty");
            }),
            0);
}

// Scenario 44, its second half: what is written behind an overlay is silent, and found all the
// same.
TEST_F(Mounts, WhatIsWrittenBehindAnOverlayIsFoundByPolling) {
  // An overlay refuses upper layers on some file systems: all of it lies on a tmpfs.
  EXPECT_EQ(
      in_own_kernel([this] {
        mount("tmpfs", "none", outside_);
        for (const char* name : {"lower", "upper", "work", "merged"}) {
          disk::make_directory(out(name));
        }
        mount("overlay", "none", out("merged"), 0,
              "lowerdir=" + out("lower") + ",upperdir=" + out("upper") + ",workdir=" + out("work"));
        LiveWatcher watcher(out("merged"));
        expect_rest(watcher);
        expect(watcher.status().health == FolderHealth::Polling && !watcher.status().lacking,
               "the folder is polled, as its kind demands");
        expect(watcher.status().reason.starts_with("overlayfs"), "the reason is named");
        disk::write(out("upper/x"), "x");
        pass(watcher, std::chrono::seconds(11));
        expect(watcher.belief.paths() == Paths{"x"}, "it is found");
      }),
      0);
}

}  // namespace
}  // namespace waybill::watcher
