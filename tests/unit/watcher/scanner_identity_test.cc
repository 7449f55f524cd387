#include <cerrno>

#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A root whose file system tells no birth times is known by its inode and a mark of ours
// (WATCHING.md 1).
class ScannerIdentity : public ScannerWorld {
 protected:
  ScannerIdentity() {
    disk.forget_births();
    disk.mount_disk("/root", "first");
    disk.write("/root/x", "1");
  }
  // Another disk in the place of the first, which gives its directory the same numbers.
  void replace_disk(const std::string& name) {
    const FolderStatus& told = belief.statuses.back();
    disk.unmount("/root");
    disk.mount_disk("/root", name);
    disk.set_numbers("/root", told.dev, told.ino);
  }
  void bring_back() {
    disk.unmount("/root");
    disk.mount_disk("/root", "first");
    pass(minutes(1));
  }
  // As a row keeps it for the next start.
  void keep() {
    const FolderStatus& told = belief.statuses.back();
    spec.known_dev = told.dev;
    spec.known_ino = told.ino;
    spec.known_btime = told.btime;
    spec.known_mark = told.mark;
  }
  [[nodiscard]] FolderHealth health() const { return belief.statuses.back().health; }
};

TEST_F(ScannerIdentity, AMarkIsLeftWhereThereAreNoBirthTimesAndIsNoUpload) {
  start();
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_GE(belief.statuses.back().mark, least_mark);
  EXPECT_EQ(belief.statuses.back().unmarked, "");
  pass(minutes(120));
  EXPECT_EQ(belief.paths(), Paths{"x"});
  EXPECT_TRUE(belief.ignored.empty());
}

TEST_F(ScannerIdentity, ARootWithABirthTimeIsLeftAlone) {
  disk.make_directory("/born");
  disk.set_birth("/born", 4711);
  spec.path = "/born";
  start();
  settle();
  EXPECT_EQ(belief.statuses.back().mark, 0U);
  EXPECT_EQ(belief.statuses.back().btime, 4711);
  EXPECT_FALSE((*disk.open_directory("/born", ""))->look(".waybill"));
}

TEST_F(ScannerIdentity, AnotherDiskWithTheSameNumbersIsNotBelieved) {
  start();
  settle();
  replace_disk("second");
  scanner.rescan(folder);
  pass(minutes(10));
  EXPECT_EQ(health(), FolderHealth::Replaced);
  EXPECT_EQ(belief.paths(), Paths{"x"});
  bring_back();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_TRUE(belief.lost.empty());
}

TEST_F(ScannerIdentity, AnotherDiskWithTheSameNumbersIsNotBelievedAfterARestartEither) {
  start();
  settle();
  keep();
  replace_disk("second");
  Scanner another(disk, events, dirt, clock,
                  [this](const Observation& what) { belief.take(what); });
  another.set_folders({spec});
  another.step();
  EXPECT_EQ(health(), FolderHealth::Replaced);
}

TEST_F(ScannerIdentity, TheMarkCountsWhateverTheDeviceNumberIs) {
  start();
  settle();
  keep();
  spec.known_dev += 5;
  Scanner another(disk, events, dirt, clock,
                  [this](const Observation& what) { belief.take(what); });
  another.set_folders({spec});
  another.step();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.statuses.back().mark, spec.known_mark);
}

// The disk goes between the look at a name and the look at the root.
TEST_F(ScannerIdentity, AnAbsenceOnAnotherDiskWithTheSameNumbersIsNotBelieved) {
  start();
  settle();
  replace_disk("second");
  scanner.look(folder, "x");
  scanner.step();  // before any event is read
  EXPECT_EQ(belief.paths(), Paths{"x"});
  EXPECT_EQ(health(), FolderHealth::Replaced);
}

TEST_F(ScannerIdentity, ANameThatIsTriedAgainOnAnotherDiskIsNotTakenForGone) {
  disk.make_directory("/root/a");
  disk.write("/root/a/y", "1");
  start();
  settle();
  ASSERT_EQ(belief.paths(), (Paths{"a/y", "x"}));
  const FileStatus inside = *(*disk.open_directory("/root", "a"))->status();
  // An event tells of it; by the time it is looked up, the disk is another one.
  disk.append("/root/a/y", "2");
  disk.open_writer("/root/a/y");
  disk.close_writer("/root/a/y");
  drain_events();
  replace_disk("second");
  disk.make_directory("/root/a");
  disk.set_numbers("/root/a", inside.fingerprint.dev, inside.fingerprint.ino);
  scanner.step();
  EXPECT_EQ(belief.paths(), (Paths{"a/y", "x"}));
  settle();
  EXPECT_EQ(health(), FolderHealth::Replaced);
  EXPECT_EQ(belief.paths(), (Paths{"a/y", "x"}));
}

TEST_F(ScannerIdentity, WhoeverChangesOrRemovesTheMarkSuspendsTheFolderAndNothingElse) {
  start();
  settle();
  const std::vector<std::string> texts{"", "no mark", std::to_string(least_mark + 999)};
  for (const std::string& text : texts) {
    const std::string was = disk.content("/root/.waybill/disk");
    disk.write("/root/.waybill/disk", text);
    disk.remove("/root/x");
    scanner.look(folder, "x");
    settle();
    EXPECT_EQ(health(), FolderHealth::Replaced) << text;
    EXPECT_EQ(belief.paths(), Paths{"x"}) << text;
    disk.write("/root/.waybill/disk", was);
    disk.write("/root/x", "1");
    pass(minutes(1));
    EXPECT_EQ(health(), FolderHealth::Watching) << text;
  }
  disk.remove("/root/.waybill");
  scanner.rescan(folder);
  settle();
  EXPECT_EQ(health(), FolderHealth::Replaced);
  EXPECT_NE(belief.statuses.back().reason.find(".waybill"), std::string::npos);
}

class ScannerIdentityTrouble : public ScannerIdentity, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Errors, ScannerIdentityTrouble, testing::Values(EIO, ESTALE, ENOTCONN));

TEST_P(ScannerIdentityTrouble, AMarkThatCannotBeReadForTheMomentConcludesNothing) {
  start();
  settle();
  disk.set_trouble("/root/.waybill", GetParam());
  disk.remove("/root/x");
  scanner.look(folder, "x");
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.paths(), Paths{"x"});
  for (int i = 0; i < 20; ++i) pass(seconds(10));
  EXPECT_EQ(health(), FolderHealth::Unreadable);
  EXPECT_EQ(belief.paths(), Paths{"x"});
  disk.set_trouble("/root/.waybill", 0);
  pass(minutes(1));
  EXPECT_EQ(health(), FolderHealth::Watching);
}

TEST_F(ScannerIdentity, WhereNoneCanBeLeftItSaysSoAndTheNumbersDecide) {
  disk.set_read_only(true);
  start();
  settle();
  EXPECT_EQ(belief.statuses.back().mark, 0U);
  EXPECT_NE(belief.statuses.back().unmarked, "");
  EXPECT_EQ(health(), FolderHealth::Watching);
  // It is tried again.
  disk.set_read_only(false);
  clock.advance(minutes(2));
  scanner.rescan(folder);
  settle();
  EXPECT_NE(belief.statuses.back().mark, 0U);
  EXPECT_EQ(belief.statuses.back().unmarked, "");
}

TEST_F(ScannerIdentity, WhereNothingIsToBeTouchedNoneIsLeftButOneThatIsThereCounts) {
  spec.prove = false;
  start();
  settle();
  EXPECT_EQ(belief.statuses.back().unmarked, "the configuration does not want it");
  EXPECT_FALSE((*disk.open_directory("/root", ""))->look(".waybill"));
  ASSERT_TRUE((*disk.open_directory("/root", ""))->leave_mark(".waybill"));
  clock.advance(minutes(2));
  scanner.rescan(folder);
  settle();
  EXPECT_NE(belief.statuses.back().mark, 0U);
}

TEST_F(ScannerIdentity, AMarkOfAnotherAgentServesBoth) {
  const auto theirs = (*disk.open_directory("/root", ""))->leave_mark(".waybill");
  ASSERT_TRUE(theirs);
  start();
  settle();
  EXPECT_EQ(belief.statuses.back().mark, *theirs);
}

TEST_F(ScannerIdentity, OnceBirthTimesAreToldTheyDecideAndTheMarkNoMore) {
  start();
  settle();
  keep();
  disk.set_birth("/root", 4711);
  start();
  scanner.rescan(folder);
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_EQ(belief.statuses.back().btime, 4711);
  EXPECT_EQ(belief.statuses.back().mark, 0U);
  disk.remove("/root/.waybill");
  scanner.rescan(folder);
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
}

TEST_F(ScannerIdentity, APersonsWordMakesWhatLiesThereTheRoot) {
  start();
  settle();
  keep();
  start();
  replace_disk("second");
  disk.write("/root/z", "1");
  scanner.rescan(folder);
  settle();
  ASSERT_EQ(health(), FolderHealth::Replaced);
  const std::uint64_t before = spec.known_mark;
  scanner.accept_mount(folder, "");
  settle();
  EXPECT_EQ(health(), FolderHealth::Watching);
  EXPECT_NE(belief.statuses.back().mark, before);
  EXPECT_NE(belief.statuses.back().mark, 0U);
  EXPECT_EQ(belief.paths(), Paths{"z"});
}

}  // namespace
}  // namespace waybill::watcher
