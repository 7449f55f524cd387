#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/watcher/scanner_world.h"
#include "watcher/later_looks.h"

// What cannot be opened, listed or looked at, for a moment or for good (WATCHING.md 3).
namespace waybill::watcher {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class ScannerTrouble : public ScannerWorld {
 protected:
  // All is believed, and then not known from before, as after a restart.
  void start_again_without_reading(const std::string& directory) {
    start();
    settle();
    scanner.set_folders({});
    settle();
    disk.set_readable(directory, false);
    start();
    settle();
  }
};

TEST_F(ScannerTrouble, AnOpenThatFailsForAMomentIsTriedAgain) {
  disk.make_directory("/root/a");
  start();
  settle();
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  disk.fail_opens(1, system_error("open", EMFILE));
  settle();
  EXPECT_TRUE(belief.paths().empty());
  pass(seconds(1));
  EXPECT_EQ(belief.paths(), Paths{"a/b/x"});
}

TEST_F(ScannerTrouble, AnEntryThatCannotEvenBeLookedAtHidesNoneOfTheOthers) {
  disk.make_directory("/root/another's");
  disk.write("/root/another's/y", "1");
  disk.set_trouble("/root/another's", EACCES);
  disk.write("/root/x", "1");
  disk.write("/root/z", "1");
  start();
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"x", "z"}));
  EXPECT_TRUE(belief.unreadable.contains("another's"));
  disk.set_trouble("/root/another's", 0);
  pass(seconds(60));
  EXPECT_EQ(belief.paths(), (Paths{"another's/y", "x", "z"}));
}

// What passes by itself is nobody's news, until it does not pass.
TEST_F(ScannerTrouble, ADirectoryThatStaysBrokenIsNamedAfterAWhileAndComesBackByItself) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.set_trouble("/root/a", EIO);
  scanner.rescan(folder);
  for (int i = 0; i < 10; ++i) pass(seconds(1));
  EXPECT_TRUE(belief.unreadable.empty());
  for (int i = 0; i < 30; ++i) pass(seconds(1));
  ASSERT_TRUE(belief.unreadable.contains("a"));
  EXPECT_EQ(belief.unreadable["a"].os_errno, EIO);
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  disk.set_trouble("/root/a", 0);
  pass(seconds(10));
  EXPECT_TRUE(belief.unreadable.empty());
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
}

TEST_F(ScannerTrouble, ANameThatCannotBeLookedAtForLongIsAnsweredWithoutAConclusion) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.set_trouble("/root/a", EIO);
  scanner.look(folder, "a/x");
  settle();
  EXPECT_TRUE(belief.suspended.empty());
  for (int i = 0; i < 40; ++i) pass(seconds(1));
  EXPECT_EQ(belief.suspended, Paths{"a/x"});
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
}

// No listing would ever say so: the directory came and went before it was entered.
TEST_F(ScannerTrouble, AFileFoundByNameIsGoneWithADirectoryThatWasNeverEntered) {
  start();
  settle();
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  scanner.look(folder, "a/x");
  scanner.step();  // no event has been read yet
  ASSERT_EQ(belief.paths(), Paths{"a/x"});
  disk.remove("/root/a");
  settle();
  pass(seconds(1));
  EXPECT_TRUE(belief.paths().empty());
}

TEST_F(ScannerTrouble, AnUnreadableDirectoryIsNamedAndComesBackByItself) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  disk.set_readable("/root/a", false);
  start();
  settle();
  ASSERT_TRUE(belief.unreadable.contains("a"));
  EXPECT_EQ(belief.unreadable["a"].os_errno, EACCES);
  EXPECT_EQ(belief.complete_scans, 1);  // it waits for a person, the scan does not
  disk.set_readable("/root/a", true);
  settle();  // by the event alone, without time
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  EXPECT_TRUE(belief.unreadable.empty());
}

TEST_F(ScannerTrouble, AWatchedDirectoryThatBecomesUnreadableKeepsItsRowsAndComesBack) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.set_readable("/root/a", false);
  settle();
  EXPECT_TRUE(belief.unreadable.contains("a"));
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  disk.set_readable("/root/a", true);
  disk.write("/root/a/y", "1");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/x", "a/y"}));
  EXPECT_TRUE(belief.unreadable.empty());
}

// It was in nobody's doubt while it could not be entered; now all below it is.
TEST_F(ScannerTrouble, AnUnreadableDirectoryThatGoesTakesItsRowsWithIt) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.set_readable("/root/a", false);
  settle();
  disk.remove("/root/a");
  settle();
  EXPECT_TRUE(belief.paths().empty());
}

TEST_F(ScannerTrouble, WhatWentFromADirectoryWhileItCouldNotBeEnteredIsGone) {
  disk.make_directory("/root/a");
  disk.make_directory("/root/a/b");
  disk.write("/root/a/b/x", "1");
  start_again_without_reading("/root/a");
  scanner.look(folder, "a/b/x");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/b/x"});
  disk.remove("/root/a/b");
  disk.set_readable("/root/a", true);
  settle();
  EXPECT_TRUE(belief.paths().empty());
}

TEST_F(ScannerTrouble, ADirectoryThatCouldNotBeEnteredAndIsNotListedAnyMoreIsGone) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start_again_without_reading("/root/a");
  ASSERT_TRUE(belief.unreadable.contains("a"));
  // The time for the next try comes when the listing is about to look at every name anyway.
  clock.advance(seconds(6));
  disk.remove("/root/a");
  for (std::size_t i = 0; i < 2 * Coalescer::names_per_directory; ++i) {
    disk.write("/root/" + std::to_string(i), "1");
    disk.remove("/root/" + std::to_string(i));
  }
  settle();
  pass(std::chrono::hours(3));
  EXPECT_TRUE(belief.paths().empty());
}

// More than are kept by name.
class ManyThatFail : public ScannerWorld {
 protected:
  static constexpr int many = 1200;

  ManyThatFail() {
    spec.rescan = Nanoseconds::zero();
    disk.make_directory("/root/a");
    disk.set_look_hook([this](const std::string& name) -> std::optional<Error> {
      if (!broken_ || name.front() != 'd') return std::nullopt;
      return system_error("look at " + name, broken_);
    });
  }
  static std::string path(int i) { return "a/d" + std::to_string(i); }
  void wait_an_hour() {
    for (int i = 0; i < 60; ++i) pass(seconds(60));
  }
  int broken_ = 0;  // an errno
};

TEST_F(ManyThatFail, AreLookedAtAgainOnceTheyCanBe) {
  for (int i = 0; i < many; ++i) disk.write("/root/" + path(i), "1");
  broken_ = EIO;
  start();
  settle();
  EXPECT_TRUE(belief.paths().empty());
  // Lasting, all of them are told.
  for (int i = 0; i < 20; ++i) pass(seconds(10));
  EXPECT_EQ(belief.unreadable.size(), static_cast<std::size_t>(many));
  broken_ = 0;
  wait_an_hour();
  EXPECT_EQ(belief.paths().size(), static_cast<std::size_t>(many));
}

TEST_F(ManyThatFail, LeaveNoRowsOfWhatWentMeanwhile) {
  for (int i = 0; i < many; ++i) {
    disk.make_directory("/root/" + path(i));
    disk.write("/root/" + path(i) + "/x", "1");
  }
  start();
  settle();
  ASSERT_EQ(belief.paths().size(), static_cast<std::size_t>(many));
  // As at another start: what is not entered is nobody's.
  scanner.set_folders({});
  settle();
  broken_ = EACCES;
  start();
  settle();
  for (int i = 0; i < many; i += 3) disk.remove("/root/" + path(i));
  settle();
  EXPECT_EQ(belief.paths().size(), static_cast<std::size_t>(many));
  broken_ = 0;
  wait_an_hour();
  EXPECT_EQ(belief.paths().size(), static_cast<std::size_t>(many - many / 3));
}

// For whoever waits in vain: a disk that does not answer holds the step.
TEST_F(ScannerTrouble, AStepTellsSinceWhenItAsksADisk) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  EXPECT_FALSE(scanner.under_way());
  std::optional<Scanner::UnderWay> meanwhile;
  disk.set_look_hook([&](const std::string&) -> std::optional<Error> {
    clock.advance(seconds(100));
    meanwhile = scanner.under_way();
    return std::nullopt;
  });
  const BootTime asked = clock.boot();
  scanner.look(folder, "a/x");
  scanner.step();
  ASSERT_TRUE(meanwhile);
  EXPECT_EQ(meanwhile->folder, folder);
  EXPECT_EQ(meanwhile->since, asked);
  EXPECT_FALSE(scanner.under_way());
}

TEST_F(ScannerTrouble, ALookBelowWhatCannotBeEnteredConcludesNothing) {
  disk.make_directory("/root/a");
  disk.write("/root/a/x", "1");
  start();
  settle();
  disk.set_readable("/root/a", false);
  scanner.look(folder, "a/x");
  settle();
  EXPECT_EQ(belief.paths(), Paths{"a/x"});
  EXPECT_TRUE(belief.unreadable.contains("a/x"));
}

class ScannerTroubleWithMany : public ScannerTrouble,
                               public testing::WithParamInterface<Nanoseconds> {};

// Of more than are kept by their names a scan asks after everything, whatever `rescan` says.
TEST_P(ScannerTroubleWithMany, DoubtsThatHaveNoRoomWaitForAScan) {
  spec.rescan = GetParam();
  disk.make_directory("/root/a");
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < LaterLooks::room + 1; ++i) {
    paths.push_back("a/" + std::to_string(i));
    disk.write("/root/" + paths.back(), "1");
  }
  start();
  settle();
  disk.set_trouble("/root/a", EACCES);
  scanner.look(folder, paths, 1);
  settle();
  EXPECT_EQ(belief.unreadable.size(), LaterLooks::room + 1);
  EXPECT_EQ(belief.complete_scans, 1);
  disk.set_trouble("/root/a", 0);
  heard.clear();
  pass(hours(1));
  EXPECT_EQ(belief.complete_scans, 2);
  const auto asks_after_everything = [](const Observation& what) {
    const auto* const gone = std::get_if<DirectoryGone>(&what);
    return gone != nullptr && gone->directory.empty() && gone->there;
  };
  EXPECT_EQ(std::count_if(heard.begin(), heard.end(), asks_after_everything), 1);
  EXPECT_EQ(belief.paths().size(), paths.size());
  for (int i = 0; i < 3; ++i) pass(hours(1));
  EXPECT_EQ(belief.complete_scans, 2) << "nothing is owed any more";
}

INSTANTIATE_TEST_SUITE_P(Rescans, ScannerTroubleWithMany,
                         testing::Values(Nanoseconds::zero(), Nanoseconds(hours(24))));

TEST_F(ScannerTrouble, ALookThatMeetsATroubleOfOursIsAnsweredLater) {
  disk.write("/root/x", "1");
  start();
  settle();
  heard.clear();
  disk.fail_opens(1, system_error("open", EMFILE));
  scanner.look(folder, "x");
  settle();
  EXPECT_TRUE(heard.empty());
  pass(seconds(1));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Present>(std::get<Seen>(heard[0]).files[0].what));
}

}  // namespace
}  // namespace waybill::watcher
