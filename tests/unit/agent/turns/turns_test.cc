#include "agent/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "base/random.h"

namespace waybill::agent {
namespace {

using catalog::Lane;

constexpr FolderId inbox{1};
constexpr FolderId scans{2};
constexpr std::uint64_t mebibyte = 1ULL << 20U;
constexpr std::uint64_t enough = 64 * mebibyte;

constexpr QueueName small{inbox, Lane::Small, false};
constexpr QueueName medium{inbox, Lane::Medium, false};
constexpr QueueName large{inbox, Lane::Large, false};
constexpr QueueName again{inbox, Lane::Small, true};

QueueName in(FolderId folder, QueueName queue) {
  queue.folder = folder;
  return queue;
}

// Starts as many of `waiting`, of which there is no end, as may start.
Load fill(Turns& turns, const std::vector<QueueName>& waiting) {
  Load load;
  while (const auto queue = turns.next(waiting, load)) load.started(*queue, 0);
  return load;
}

TEST(Turns, NobodyWaitsNobodyStarts) {
  Turns turns({.slots = 4, .memory = enough});
  EXPECT_EQ(turns.next({}, {}), std::nullopt);
}

TEST(Turns, SlotsBoundWhatIsUnderWay) {
  for (int slots = 1; slots <= 40; ++slots) {
    Turns turns({.slots = slots, .memory = enough});
    const Load load = fill(turns, {small});
    EXPECT_EQ(load.slots.at(small), slots) << "and none is left unused";
  }
}

TEST(Turns, AFloodOfBigFilesLeavesHalfOfTheSlotsToSmallOnes) {
  for (int slots = 2; slots <= 40; ++slots) {
    Turns turns({.slots = slots, .memory = enough});
    Load load = fill(turns, {medium, large});
    EXPECT_LE(load.slots[medium] + load.slots[large], std::max(1, slots / 2)) << slots;
    EXPECT_LE(load.slots[large], std::max(1, slots / 4)) << slots;
    EXPECT_EQ(turns.next({medium, large, small}, load), small) << slots;
  }
}

TEST(Turns, AFloodOfSmallFilesDoesNotKeepABigOneOut) {
  for (const QueueName& big : {medium, large, again}) {
    Turns turns({.slots = 4, .memory = enough});
    Load load = fill(turns, {small});
    EXPECT_EQ(turns.next({small, big}, load), std::nullopt);
    --load.slots[small];
    EXPECT_EQ(turns.next({small, big}, load), big) << "the first slot that becomes free is its";
  }
}

TEST(Turns, WithOneSlotAllKindsTakeTurns) {
  Turns turns({.slots = 1, .memory = enough});
  std::map<QueueName, int> served;
  const std::vector<QueueName> waiting{small, medium, large, again};
  for (int i = 0; i < 40; ++i) {
    const auto queue = turns.next(waiting, {});
    ASSERT_TRUE(queue);
    ++served[*queue];
  }
  for (const QueueName& queue : waiting) EXPECT_EQ(served[queue], 10);
}

TEST(Turns, AFolderThatFloodsLeavesTheNextSlotToTheOther) {
  for (const QueueName& queue : {small, medium, large}) {
    Turns turns({.slots = 8, .memory = enough});
    Load load = fill(turns, {queue});
    --load.slots[queue];
    EXPECT_EQ(turns.next({queue, in(scans, queue)}, load), in(scans, queue));
  }
}

TEST(Turns, FoldersShareTheSlotsEvenly) {
  Turns turns({.slots = 30, .memory = enough});
  const std::vector<QueueName> waiting{small, in(scans, small), in(FolderId{3}, small)};
  const Load load = fill(turns, waiting);
  for (const QueueName& queue : waiting) EXPECT_EQ(load.slots.at(queue), 10);
}

TEST(Turns, TheLastSlotForLargeFilesIsForAFolderWithoutOne) {
  Turns turns({.slots = 16, .memory = enough, .several_folders = true});
  Load load = fill(turns, {large});
  EXPECT_EQ(load.slots.at(large), 3) << "of four";
  EXPECT_EQ(turns.next({large, in(scans, large)}, load), in(scans, large));

  Turns alone({.slots = 16, .memory = enough});
  EXPECT_EQ(fill(alone, {large}).slots.at(large), 4) << "a single folder has all";
}

TEST(Turns, RetriesHaveAQuarterWhileOthersWaitAndAllWhenNobodyDoes) {
  for (const int slots : {1, 2, 4, 8, 32}) {
    Turns turns({.slots = slots, .memory = enough});
    const Load both = fill(turns, {small, again});
    const int retries = both.slots.contains(again) ? both.slots.at(again) : 0;
    EXPECT_LE(retries, std::max(1, slots / 4)) << slots;
    Turns alone({.slots = slots, .memory = enough});
    EXPECT_EQ(fill(alone, {again}).slots.at(again), slots);
  }
}

TEST(Turns, RetriesAreNotStarvedEither) {
  Turns turns({.slots = 8, .memory = enough});
  EXPECT_EQ(fill(turns, {small, again}).slots.at(again), 2);
}

TEST(Turns, ALargeRetryIsALargeFileStill) {
  Turns turns({.slots = 8, .memory = enough});
  const QueueName large_again{inbox, Lane::Large, true};
  EXPECT_EQ(fill(turns, {large, large_again}).slots.size(), 2U);
  EXPECT_EQ(fill(turns, {large_again}).slots.at(large_again), 2);
}

TEST(Turns, ContentInMemoryIsBounded) {
  Turns turns({.slots = 1000, .memory = 16 * mebibyte});
  Load load;
  while (const auto queue = turns.next({small}, load)) load.started(*queue, mebibyte);
  EXPECT_EQ(load.held_small, 16 * mebibyte);
}

TEST(Turns, HoweverMuchTheBigHoldAQuarterOfTheMemoryIsForTheSmall) {
  Turns turns({.slots = 1000, .memory = 64 * mebibyte});
  Load load;
  while (const auto queue = turns.next({medium}, load)) load.started(*queue, 16 * mebibyte);
  EXPECT_EQ(load.held_big, 48 * mebibyte);
  load.held_big = 500 * mebibyte;
  while (const auto queue = turns.next({medium, small}, load)) load.started(*queue, mebibyte);
  EXPECT_EQ(load.held_small, 16 * mebibyte);
}

TEST(Turns, WhatIsLargerThanAllMemoryStillHasItsTurn) {
  Turns turns({.slots = 8, .memory = mebibyte / 2});
  EXPECT_EQ(turns.next({small}, {}), small);
  EXPECT_EQ(turns.next({medium}, {}), medium);
}

// Everything at once: files of all kinds come and end by the dice, and nobody waits for ever.
TEST(Turns, WhoeverWaitsIsServedHoweverTheOthersCome) {
  std::vector<QueueName> all;
  for (const FolderId folder : {inbox, scans, FolderId{3}}) {
    for (const Lane lane : {Lane::Small, Lane::Medium, Lane::Large}) {
      for (const bool tried : {false, true}) all.push_back({folder, lane, tried});
    }
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random dice(seed);
    const Limits limits{
        .slots = 1 + static_cast<int>(dice.next() % 12), .memory = enough, .several_folders = true};
    Turns turns(limits);
    Load load;
    std::map<QueueName, int> passed_over;  // starts of others since it was served
    std::deque<QueueName> under_way;
    for (int step = 0; step < 3000; ++step) {
      while (const auto queue = turns.next(all, load)) {
        load.started(*queue, 0);
        under_way.push_back(*queue);
        for (const QueueName& other : all) ++passed_over[other];
        passed_over[*queue] = 0;
      }
      ASSERT_LE(static_cast<int>(under_way.size()), limits.slots);
      ASSERT_FALSE(under_way.empty());
      // One of them ends, whichever.
      const auto ended =
          under_way.begin() + static_cast<std::ptrdiff_t>(dice.next() % under_way.size());
      --load.slots[*ended];
      under_way.erase(ended);
    }
    for (const auto& [queue, times] : passed_over) {
      EXPECT_LT(times, 600) << "seed " << seed << ", folder " << value_of(queue.folder) << ", lane "
                            << static_cast<int>(queue.lane) << ", again " << queue.again;
    }
  }
}

}  // namespace
}  // namespace waybill::agent
