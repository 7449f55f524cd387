#include "watcher/settle_tracker.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace waybill::watcher {
namespace {

using std::chrono::seconds;

constexpr FolderId drops{1};
constexpr FolderId other_folder{2};
constexpr SettlePolicy policy{.settle = seconds(2), .settle_nolease = seconds(60)};
constexpr BootTime first_look{seconds(1000)};

Fingerprint print(std::int64_t ctime) {
  return {.dev = 1, .ino = 2, .btime = 3, .size = 4, .mtime = 5, .ctime = ctime};
}

TEST(SettleTracker, AFileIsReadyOnceUnchangedForTheWholeWait) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(1), policy, first_look);
  EXPECT_EQ(tracker.next_due(), first_look + seconds(2));
  EXPECT_TRUE(tracker.take_due(first_look + seconds(2) - Nanoseconds(1), 10).empty());
  const auto due = tracker.take_due(first_look + seconds(2), 10);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].path, "a");
  EXPECT_EQ(due[0].folder, drops);
  EXPECT_EQ(due[0].fingerprint, print(1));
  EXPECT_EQ(tracker.size(), 0U);
  EXPECT_FALSE(tracker.next_due());
}

TEST(SettleTracker, FileStillGrowingIsNotReady) {
  SettleTracker tracker;
  for (int second = 0; second < 60; ++second) {
    tracker.observe(drops, "a", print(second), policy, first_look + seconds(second));
    EXPECT_TRUE(tracker.take_due(first_look + seconds(second), 10).empty());
  }
  EXPECT_TRUE(tracker.take_due(first_look + seconds(60), 10).empty());
  EXPECT_EQ(tracker.take_due(first_look + seconds(61), 10).size(), 1U);
}

TEST(SettleTracker, TheSameFingerprintSeenAgainDoesNotStartTheWaitOver) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(1), policy, first_look);
  tracker.observe(drops, "a", print(1), policy, first_look + seconds(1));
  EXPECT_EQ(tracker.next_due(), first_look + seconds(2));
}

TEST(SettleTracker, AWriterStartsTheWaitOver) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(1), policy, first_look);
  ASSERT_EQ(tracker.take_due(first_look + seconds(2), 10).size(), 1U);
  tracker.writer_found(drops, "a", print(1), policy, first_look + seconds(2));
  EXPECT_EQ(tracker.next_due(), first_look + seconds(4));
  EXPECT_TRUE(tracker.find(drops, "a")->writer);
}

TEST(SettleTracker, AWriterIsNotProbedForWithoutPauseWhereNothingSettles) {
  SettleTracker tracker;
  const SettlePolicy at_once{.settle = Nanoseconds::zero()};
  tracker.writer_found(drops, "a", print(1), at_once, first_look);
  EXPECT_EQ(tracker.next_due(), first_look + std::chrono::milliseconds(100));
  tracker.observe(drops, "a", print(2), at_once, first_look);
  EXPECT_EQ(tracker.next_due(), first_look) << "what has changed is looked at at once";
}

// Seen again while the probe ran: the later fact must not be overwritten by the probe's older one.
TEST(SettleTracker, AProbeDoesNotUndoWhatWasSeenSince) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(2), policy, first_look + seconds(3));
  tracker.writer_found(drops, "a", print(1), policy, first_look + seconds(2));
  EXPECT_EQ(tracker.find(drops, "a")->fingerprint, print(2));
  EXPECT_EQ(tracker.next_due(), first_look + seconds(5));
  tracker.no_lease(drops, "a", print(1), policy, first_look);
  EXPECT_EQ(tracker.next_due(), first_look + seconds(5));
}

TEST(SettleTracker, KnowsSinceWhenAFileIsIncompleteThroughChangesAndProbes) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(1), policy, first_look);
  tracker.observe(drops, "a", print(2), policy, first_look + seconds(1));
  EXPECT_EQ(tracker.find(drops, "a")->since, first_look);
  const auto settled = tracker.take_due(first_look + seconds(9), 9);
  ASSERT_EQ(settled.size(), 1U);
  EXPECT_EQ(settled[0].since, first_look);
  tracker.writer_found(drops, "a", print(2), policy, first_look + seconds(9));
  EXPECT_EQ(tracker.find(drops, "a")->since, first_look + seconds(9));
  tracker.waits_since(drops, "a", first_look);
  tracker.waits_since(drops, "a", first_look + seconds(5));
  EXPECT_EQ(tracker.find(drops, "a")->since, first_look);
  tracker.waits_since(drops, "b", first_look);
  EXPECT_EQ(tracker.size(), 1U);
}

TEST(SettleTracker, WithoutLeasesTheLongerWaitCountsFromTheLastChange) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(1), policy, first_look);
  ASSERT_EQ(tracker.take_due(first_look + seconds(2), 10).size(), 1U);
  tracker.no_lease(drops, "a", print(1), policy, first_look);
  EXPECT_EQ(tracker.next_due(), first_look + seconds(60));
  tracker.observe(drops, "a", print(1), policy, first_look + seconds(30));
  EXPECT_EQ(tracker.next_due(), first_look + seconds(60));
}

TEST(SettleTracker, ForgottenFilesNeverComeDue) {
  SettleTracker tracker;
  tracker.observe(drops, "a", print(1), policy, first_look);
  tracker.observe(drops, "b", print(1), policy, first_look);
  tracker.observe(other_folder, "a", print(1), policy, first_look);
  tracker.forget(drops, "a");
  tracker.forget(drops, "never seen");
  EXPECT_EQ(tracker.size(drops), 1U);
  tracker.forget_folder(other_folder);
  tracker.forget_folder(FolderId{99});
  const auto due = tracker.take_due(first_look + seconds(9), 10);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].path, "b");
}

TEST(SettleTracker, FilesComeInTheOrderTheyCameDueAndNoMoreThanAsked) {
  SettleTracker tracker;
  tracker.observe(drops, "c", print(1), policy, first_look);
  tracker.observe(drops, "a", print(1), policy, first_look);
  tracker.observe(drops, "b", print(1), policy, first_look - seconds(1));
  auto due = tracker.take_due(first_look + seconds(2), 2);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].path, "b");
  EXPECT_EQ(due[1].path, "c");
  EXPECT_EQ(tracker.take_due(first_look + seconds(2), 2).at(0).path, "a");
}

TEST(SettleTracker, TellsHowMuchMemoryThoseThatWaitTake) {
  SettleTracker tracker;
  const std::string path(1000, 'p');
  EXPECT_EQ(tracker.bytes(), 0U);
  tracker.observe(drops, path, print(1), policy, first_look);
  tracker.observe(drops, path, print(2), policy, first_look + seconds(1));
  tracker.observe(other_folder, "a", print(1), policy, first_look);
  tracker.observe(other_folder, "b", print(1), policy, first_look);
  EXPECT_GT(tracker.bytes(drops), path.size());
  EXPECT_EQ(tracker.bytes(other_folder), 2 * SettleTracker::bytes_of("a"));
  EXPECT_EQ(tracker.bytes(), tracker.bytes(drops) + tracker.bytes(other_folder));
  tracker.forget(other_folder, "a");
  EXPECT_EQ(tracker.bytes(other_folder), SettleTracker::bytes_of("b"));
  tracker.forget_folder(drops);
  EXPECT_EQ(tracker.bytes(), SettleTracker::bytes_of("b"));
  tracker.take_due(first_look + seconds(100), 10);
  EXPECT_EQ(tracker.bytes(), 0U);
}

TEST(SettleTracker, WaitingPathsAreListedInPathOrderFolderByFolder) {
  SettleTracker tracker;
  for (const char* path : {"b", "a", "c"})
    tracker.observe(drops, path, print(1), policy, first_look);
  tracker.observe(other_folder, "x", print(1), policy, first_look);
  EXPECT_EQ(tracker.paths(drops, 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(tracker.paths(other_folder, 9), (std::vector<std::string>{"x"}));
  EXPECT_TRUE(tracker.paths(FolderId{99}, 9).empty());
}

// Against a plain map that is searched from end to end.
TEST(SettleTracker, AgreesWithAnObviousTrackerOverRandomHistories) {
  std::mt19937 random(20260701);
  SettleTracker tracker;
  std::map<std::string, std::pair<Fingerprint, BootTime>> obvious;
  BootTime now = first_look;
  for (int step = 0; step < 20'000; ++step) {
    const std::string path = std::to_string(random() % 50);
    switch (random() % 4) {
      case 0:
        now += Nanoseconds(random() % 500'000'000);
        break;
      case 1: {
        const Fingerprint fingerprint = print(static_cast<std::int64_t>(random() % 3));
        tracker.observe(drops, path, fingerprint, policy, now);
        const auto [at, fresh] = obvious.try_emplace(path, fingerprint, now + policy.settle);
        if (!fresh && at->second.first != fingerprint) {
          at->second = {fingerprint, now + policy.settle};
        }
        break;
      }
      case 2:
        if (random() % 4 == 0) {
          tracker.forget(drops, path);
          obvious.erase(path);
        }
        break;
      default: {
        BootTime last{};
        for (const Settled& settled : tracker.take_due(now, 5)) {
          const auto at = obvious.find(settled.path);
          ASSERT_NE(at, obvious.end());
          EXPECT_EQ(at->second.first, settled.fingerprint);
          EXPECT_LE(at->second.second, now);
          EXPECT_GE(at->second.second, last);
          last = at->second.second;
          obvious.erase(at);
        }
      }
    }
    ASSERT_EQ(tracker.size(), obvious.size());
    std::optional<BootTime> first;
    for (const auto& [name, entry] : obvious) {
      if (!first || entry.second < *first) first = entry.second;
    }
    ASSERT_EQ(tracker.next_due(), first);
  }
}

}  // namespace
}  // namespace waybill::watcher
