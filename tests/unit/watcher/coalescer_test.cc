#include "watcher/coalescer.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace waybill::watcher {
namespace {

constexpr Nanoseconds at_once = Nanoseconds::zero();

TEST(Coalescer, ManyEventsOfANameAreOneName) {
  Coalescer coalescer;
  for (int i = 0; i < 1000; ++i) coalescer.add(NameChanged{WatchId{1}, "a"});
  coalescer.add(NameChanged{WatchId{1}, "b"});
  coalescer.add(NameChanged{WatchId{2}, "a"});
  const Coalescer::Dirt dirt = coalescer.take(at_once);
  ASSERT_EQ(dirt.directories_by_watch.size(), 2U);
  EXPECT_EQ(dirt.directories_by_watch.at(WatchId{1}).names, (std::set<std::string>{"a", "b"}));
  EXPECT_FALSE(dirt.directories_by_watch.at(WatchId{1}).whole);
}

TEST(Coalescer, WhatWasTakenIsNotTakenAgain) {
  Coalescer coalescer;
  coalescer.add(NameChanged{WatchId{1}, "a"});
  EXPECT_FALSE(coalescer.take(at_once).empty());
  EXPECT_TRUE(coalescer.take(at_once).empty());
}

TEST(Coalescer, TooManyNamesMakeTheDirectoryDirtyAndNoMoreAreKept) {
  Coalescer coalescer;
  for (std::size_t i = 0; i < Coalescer::names_per_directory; ++i) {
    coalescer.add(NameChanged{WatchId{1}, std::to_string(i)});
  }
  coalescer.add(NameChanged{WatchId{1}, "one more"});
  coalescer.add(NameChanged{WatchId{1}, "and another"});
  const Coalescer::Dirt dirt = coalescer.take(at_once);
  EXPECT_TRUE(dirt.directories_by_watch.at(WatchId{1}).whole);
  EXPECT_TRUE(dirt.directories_by_watch.at(WatchId{1}).names.empty());
  EXPECT_FALSE(dirt.everything);
}

TEST(Coalescer, TooManyDirectoriesMakeEverythingDirty) {
  Coalescer coalescer;
  for (std::size_t i = 0; i <= Coalescer::directories; ++i) {
    coalescer.add(DirectoryDirty{WatchId{static_cast<std::int32_t>(i)}});
  }
  const Coalescer::Dirt dirt = coalescer.take(at_once);
  EXPECT_TRUE(dirt.everything);
  EXPECT_TRUE(dirt.directories_by_watch.empty());
}

// A dead watch that is still trusted would leave its directory unwatched after the scan.
TEST(Coalescer, TheEndOfAWatchSurvivesAnOverflowBeforeIt) {
  Coalescer coalescer;
  coalescer.add(NameChanged{WatchId{1}, "a"});
  coalescer.add(Overflowed{});
  coalescer.add(NameChanged{WatchId{1}, "b"});
  coalescer.add(WatchEnded{WatchId{3}});
  const Coalescer::Dirt dirt = coalescer.take(at_once);
  EXPECT_TRUE(dirt.everything);
  ASSERT_EQ(dirt.directories_by_watch.size(), 1U);
  EXPECT_TRUE(dirt.directories_by_watch.at(WatchId{3}).gone);
}

TEST(Coalescer, AWakeUpEndsTheNextWaitEvenIfDirtWasTakenInBetween) {
  Coalescer coalescer;
  coalescer.wake();
  EXPECT_TRUE(coalescer.take(at_once).empty());
  coalescer.wait(std::nullopt);  // for ever, were the wake-up lost
}

TEST(Coalescer, DirtEndsTheWaitOfAnotherThread) {
  Coalescer coalescer;
  std::jthread watch([&coalescer] { coalescer.add(NameChanged{WatchId{1}, "a"}); });
  coalescer.wait(std::nullopt);
  EXPECT_FALSE(coalescer.take(at_once).empty());
}

}  // namespace
}  // namespace waybill::watcher
