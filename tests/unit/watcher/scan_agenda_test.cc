#include "watcher/scan_agenda.h"

#include <gtest/gtest.h>

#include "watcher/coalescer.h"

namespace waybill::watcher {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr FolderId watched{1};
constexpr BootTime begun{seconds(1000)};

Error passing() {
  return {.code = ErrorCode::RetryLater, .message = {}, .os_errno = EMFILE};
}
Error lasting() {
  return {.code = ErrorCode::NeedsPerson, .message = {}, .os_errno = EACCES};
}

class ScanAgendaTest : public testing::Test {
 protected:
  ScanAgenda agenda_;
  NodeTree tree_{[this](Node& node) { agenda_.forget(node); }};
  Node& root_ = tree_.add_root(watched);
  Node& a_ = tree_.add_child(root_, "a");
  Node& b_ = tree_.add_child(root_, "b");
};

TEST_F(ScanAgendaTest, ADirectoryMarkedManyTimesIsListedOnce) {
  agenda_.mark_dirty(a_, 1, false);
  agenda_.mark_dirty(a_, 2, true);
  agenda_.mark_dirty(a_, 3, false);
  const auto work = agenda_.next_listing();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->node, &a_);
  EXPECT_EQ(work->epoch, 1U);
  EXPECT_TRUE(work->urgent);
  EXPECT_FALSE(agenda_.next_listing());
}

TEST_F(ScanAgendaTest, WhatMayPassIsNewsOnceItHasLasted) {
  BootTime now = begun;
  int tries = 1;
  while (!agenda_.fail(a_, "x", passing(), now)) {
    now = *agenda_.next_due();
    ASSERT_LT(++tries, 100);
  }
  EXPECT_GT(now - begun, seconds(10));
  EXPECT_LT(now - begun, seconds(60));
  EXPECT_FALSE(agenda_.fail(a_, "x", passing(), now));
  // Another cause; and whoever listens anew has heard of neither.
  EXPECT_TRUE(agenda_.fail(a_, "x", lasting(), now));
  EXPECT_FALSE(agenda_.fail(a_, "x", lasting(), now));
  ScanAgenda::tell_again(a_);
  EXPECT_TRUE(agenda_.fail(a_, "x", lasting(), now));
}

// Whoever may make entries must not fill our memory with those that cannot be looked at.
TEST_F(ScanAgendaTest, OnlySoManyFailuresOfADirectoryAreKept) {
  for (std::size_t i = 0; i < 2 * ScanAgenda::failures_per_directory; ++i) {
    EXPECT_TRUE(agenda_.fail(a_, std::to_string(i), lasting(), begun));
  }
  agenda_.fail(a_, "", lasting(), begun);
  ASSERT_TRUE(a_.extras);
  // The directory's own and the rest's beside them.
  EXPECT_EQ(a_.extras->failures.size(), ScanAgenda::failures_per_directory + 2);
}

// Invariant (b): the mark is off before the listing, so one set meanwhile counts.
// What is not kept is owed a listing of its directory, on the back-off of what is looked up later.
TEST_F(ScanAgendaTest, WhatHasNoRoomAmongTheFailuresIsOwedAListing) {
  const auto fail_all = [&](BootTime now) {
    for (std::size_t i = 0; i < 2 * ScanAgenda::failures_per_directory; ++i) {
      agenda_.fail(a_, std::to_string(i), lasting(), now);
    }
  };
  // Only those of the rest: the others are tried every minute.
  const auto listed_at = [&](BootTime now) {
    while (!agenda_.idle()) {
      std::vector<std::string> names;
      while (const auto work = agenda_.next_names(100'000, names)) {
        agenda_.finish(watched, work->epoch);
      }
      const auto work = agenda_.next_listing();
      if (!work) continue;
      EXPECT_EQ(work->node, &a_);
      agenda_.finish(watched, work->epoch);
      return true;
    }
    static_cast<void>(now);
    return false;
  };
  BootTime now = begun;
  fail_all(now);
  EXPECT_TRUE(ScanAgenda::owes_listing(a_));
  const std::vector<int> waits{1, 2, 4, 8, 16};
  for (const int wait : waits) {
    EXPECT_FALSE(agenda_.listed_rest(a_)) << "not yet";
    agenda_.fire(now + seconds(wait) - milliseconds(1), 1);
    EXPECT_FALSE(listed_at(now)) << wait;
    now += seconds(wait);
    agenda_.fire(now, 1);
    EXPECT_TRUE(listed_at(now)) << wait;
    fail_all(now);
  }
  for (int i = 0; i < 20; ++i) {
    now += std::chrono::hours(1);
    agenda_.fire(now, 1);
    ASSERT_TRUE(listed_at(now)) << "at the latest after an hour";
    fail_all(now);
  }
  now += std::chrono::hours(1);
  agenda_.fire(now, 1);
  EXPECT_TRUE(agenda_.listed_rest(a_));
  EXPECT_FALSE(ScanAgenda::owes_listing(a_));
  EXPECT_FALSE(agenda_.listed_rest(a_));
}

TEST_F(ScanAgendaTest, AMarkSetDuringTheListingMeansAnotherListing) {
  agenda_.mark_dirty(a_, 1, true);
  ASSERT_TRUE(agenda_.next_listing());
  agenda_.mark_dirty(a_, 1, true);
  agenda_.finish(watched, 1);
  EXPECT_FALSE(agenda_.settled(1));
  EXPECT_TRUE(agenda_.next_listing());
}

TEST_F(ScanAgendaTest, UrgentDirectoriesDoNotWaitForAScanNorStarveIt) {
  agenda_.mark_dirty(root_, 1, false);
  agenda_.mark_dirty(a_, 2, true);
  agenda_.mark_dirty(b_, 3, true);
  EXPECT_EQ(agenda_.next_listing()->node, &a_);
  EXPECT_EQ(agenda_.next_listing()->node, &root_);
  EXPECT_EQ(agenda_.next_listing()->node, &b_);
}

TEST_F(ScanAgendaTest, AnEpochIsOpenUntilItsLastWorkIsFinished) {
  agenda_.mark_dirty(a_, 1, false);
  agenda_.add_name(b_, "x", 2);
  EXPECT_FALSE(agenda_.settled(1));
  const auto work = agenda_.next_listing();
  EXPECT_FALSE(agenda_.settled(1));
  agenda_.mark_dirty(b_, work->epoch, false);  // found by it: as old as it
  agenda_.finish(watched, work->epoch);
  EXPECT_FALSE(agenda_.settled(1));
  agenda_.finish(watched, agenda_.next_listing()->epoch);
  EXPECT_TRUE(agenda_.settled(1));
  EXPECT_FALSE(agenda_.settled(2));
  EXPECT_TRUE(agenda_.settled(FolderId{9}, 2));
  EXPECT_FALSE(agenda_.settled(watched, 2));
}

TEST_F(ScanAgendaTest, NamesComeInPiecesOfOneDirectory) {
  for (const char* name : {"x", "y", "z"}) agenda_.add_name(a_, name, 1);
  agenda_.add_name(b_, "w", 1);
  std::vector<std::string> names;
  auto work = agenda_.next_names(2, names);
  EXPECT_EQ(work->node, &a_);
  EXPECT_EQ(names.size(), 2U);
  agenda_.finish(watched, work->epoch);
  EXPECT_FALSE(agenda_.settled(1));
  std::size_t count = 0;
  names.clear();
  while ((work = agenda_.next_names(2, names))) {
    count += names.size();
    names.clear();
    agenda_.finish(watched, work->epoch);
  }
  EXPECT_EQ(count, 2U);
  EXPECT_TRUE(agenda_.settled(1));
  EXPECT_TRUE(agenda_.idle());
}

TEST_F(ScanAgendaTest, TooManyNamesBecomeOneListing) {
  for (std::size_t i = 0; i <= Coalescer::names_per_directory; ++i) {
    agenda_.add_name(a_, std::to_string(i), 1);
  }
  std::vector<std::string> names;
  EXPECT_FALSE(agenda_.next_names(10, names));
  const auto work = agenda_.next_listing();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->epoch, 1U);
}

TEST_F(ScanAgendaTest, AFailureComesBackWithDoubledWaitsUpToALimit) {
  BootTime now = begun;
  Nanoseconds expected = milliseconds(100);
  for (int attempt = 0; attempt < 40; ++attempt) {
    agenda_.fail(a_, "", passing(), now);
    EXPECT_EQ(agenda_.next_due(), now + expected);
    agenda_.fire(now + expected - Nanoseconds(1), 1);
    EXPECT_FALSE(agenda_.next_listing());
    now += expected;
    agenda_.fire(now, 1);
    ASSERT_TRUE(agenda_.next_listing());
    expected = std::min<Nanoseconds>(expected * 2, seconds(10));
  }
}

TEST_F(ScanAgendaTest, WhatAPersonMustMendIsTriedMoreRarely) {
  agenda_.fail(a_, "x", lasting(), begun);
  EXPECT_EQ(agenda_.next_due(), begun + seconds(5));
  EXPECT_EQ(ScanAgenda::failure(a_, "x")->os_errno, EACCES);
  agenda_.fire(begun + seconds(5), 4);
  std::vector<std::string> names;
  const auto work = agenda_.next_names(9, names);
  ASSERT_TRUE(work);
  EXPECT_EQ(names, std::vector<std::string>{"x"});
  EXPECT_EQ(work->epoch, 4U);
}

TEST_F(ScanAgendaTest, SuccessForgetsTheFailure) {
  agenda_.fail(a_, "x", passing(), begun);
  agenda_.succeed(a_, "x");
  EXPECT_EQ(ScanAgenda::failure(a_, "x"), nullptr);
  EXPECT_FALSE(agenda_.next_due());
  EXPECT_EQ(a_.extras, nullptr);
}

TEST_F(ScanAgendaTest, AWaitingFailureCanBeTriedAtOnce) {
  agenda_.hasten(a_, 3);
  EXPECT_FALSE(agenda_.next_listing());
  agenda_.fail(a_, "", passing(), begun);
  agenda_.hasten(a_, 3);
  EXPECT_FALSE(agenda_.next_due());
  EXPECT_EQ(agenda_.next_listing()->epoch, 3U);
}

// "All that had happened is known" is not said while something may still turn up by itself.
TEST_F(ScanAgendaTest, AFewPassingFailuresAreWaitedForOthersAreNot) {
  agenda_.fail(a_, "", lasting(), begun);
  EXPECT_FALSE(agenda_.hoping(std::nullopt));
  agenda_.fail(b_, "", passing(), begun);
  EXPECT_TRUE(agenda_.hoping(std::nullopt));
  EXPECT_TRUE(agenda_.hoping(watched));
  EXPECT_FALSE(agenda_.hoping(FolderId{2}));
  for (int attempt = 0; attempt < 10; ++attempt) agenda_.fail(b_, "", passing(), begun);
  EXPECT_FALSE(agenda_.hoping(std::nullopt));
}

TEST_F(ScanAgendaTest, ADroppedDirectoryLeavesNothingBehind) {
  agenda_.mark_dirty(a_, 1, false);
  agenda_.add_name(a_, "x", 1);
  agenda_.fail(a_, "y", passing(), begun);
  tree_.drop(a_);
  EXPECT_TRUE(agenda_.idle());
  EXPECT_TRUE(agenda_.settled(1));
  EXPECT_FALSE(agenda_.next_due());
}

}  // namespace
}  // namespace waybill::watcher
