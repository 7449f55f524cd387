#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/wrapped_file_system.h"
#include "tests/fuzz/bound_by_modes.h"
#include "tests/fuzz/limited_events.h"
#include "tests/fuzz/mischief.h"
#include "tests/integration/watcher/disk.h"
#include "tests/integration/watcher/live_watcher.h"

// Scenario 10 of WATCHING.md 4: whatever is done to the tree, whenever, in the end the watcher
// believes what is true: nothing missed, no ghosts, no watch lost on the way.
//
//   WAYBILL_FUZZ_SEEDS=N   as many seeds (200), spread over the tests that stand for a share each
//   WAYBILL_FUZZ_SEED=K    this one alone, in its share; it repeats what was seen
namespace waybill::watcher {
namespace {

constexpr unsigned shares = 8;

unsigned number_from(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

std::vector<unsigned> seeds_of(unsigned share, unsigned all) {
  constexpr unsigned none = ~0U;
  const unsigned only = number_from("WAYBILL_FUZZ_SEED", none);
  std::vector<unsigned> seeds;
  for (unsigned seed = share; seed < all; seed += shares) {
    if (only == none || only == seed) seeds.push_back(seed);
  }
  if (only != none && only >= all && only % shares == share) seeds.push_back(only);
  return seeds;
}

// In memory, where it is fast; some on the disk, whose file system does things in its own way.
std::filesystem::path place_of(unsigned seed) {
  if (const char* chosen = std::getenv("WAYBILL_FUZZ_PLACE")) return chosen;
  return seed % 25 == 0 ? std::filesystem::temp_directory_path() : fakes::TemporaryFolder::memory();
}

struct Tree {
  explicit Tree(unsigned seed) : folder(place_of(seed)) {
    disk::make_directory(root);
    disk::make_directory(outside);
  }
  [[nodiscard]] std::map<std::string, FileStatus> truth() const {
    const auto files = make_linux_file_system();
    std::map<std::string, FileStatus> all;
    for (const std::string& path : disk::files_below(root)) {
      all[path] = *(*files->open_file(root, path))->status();
    }
    return all;
  }
  const fakes::TemporaryFolder folder;
  const std::string root = folder.file("root");
  const std::string outside = folder.file("outside");
};

std::set<std::string> paths_of(const std::map<std::string, FileStatus>& files) {
  std::set<std::string> paths;
  for (const auto& [path, status] : files) paths.insert(path);
  return paths;
}

void expect_truth(const Belief& belief, const Tree& tree) {
  for (const auto& [path, status] : tree.truth()) {
    const auto believed = belief.files.find(path);
    ASSERT_NE(believed, belief.files.end()) << path;
    EXPECT_TRUE(believed->second == status.fingerprint) << path;
  }
}

// Nothing changes any more.
void expect_a_true_end(LiveWatcher& watcher, const Tree& tree) {
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), paths_of(tree.truth()));
  // What was done to a file by another of its names nobody reports: that is the rescan's business.
  watcher.scanner().rescan(LiveWatcher::folder);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), paths_of(tree.truth()));
  expect_truth(watcher.belief, tree);
  // And the events of every directory still come: each later change is seen without a rescan.
  const int scans = watcher.belief.complete_scans;
  for (const auto& [path, status] : tree.truth()) {
    if (status.links == 1) disk::write(tree.root + "/" + path, "last");
  }
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.complete_scans, scans);
  expect_truth(watcher.belief, tree);
}

std::size_t more_than_the_queue_holds() {
  std::size_t events = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> events;
  return events + 1000;
}

// What has no watch asks for one each time that it is polled: nine times as long after a poll as
// that took, by the clock that went on with the rounds.
void expect_watches_again(LiveWatcher& watcher) {
  for (int minutes = 0; minutes < 40; ++minutes) {
    watcher.clock.advance(std::chrono::minutes(1));
    ASSERT_TRUE(watcher.catch_up());
    if (watcher.status().health == FolderHealth::Watching) return;
  }
  FAIL() << "still polled: " << watcher.status().reason;
}

// One thread: the deeds come between any two of the watcher's questions to the disk, by the seed
// alone, so that a failure repeats.
void run_interleaved(unsigned seed) {
  const Tree tree(seed);
  const BoundByModes bound;
  Mischief mischief(tree.root, tree.outside, seed);
  fakes::Questions questions;
  constexpr std::size_t no_limit = 1'000'000;
  std::size_t limit = no_limit;
  std::optional<LiveWatcher> watcher;
  const auto start = [&] {
    watcher.emplace(tree.root, IgnoreRules(), std::make_unique<fakes::WrappedFileSystem>(questions),
                    std::make_unique<LimitedEvents>(LiveWatcher::inotify(), limit));
  };
  start();
  questions.meanwhile = [&mischief] {
    if (mischief.draw(4) == 0) mischief.act();
  };
  const bool overflows = seed % 8 == 3;
  const bool restarts = seed % 4 == 1;
  const bool limits = seed % 8 == 6;
  constexpr unsigned rounds = 400;
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned count = mischief.draw(12); count > 0; --count) mischief.act();
    if (overflows && round == rounds / 2) mischief.flood(more_than_the_queue_holds());
    if (restarts && round % (rounds / 4) == rounds / 8) {
      auto known = watcher->belief.files;
      start();
      watcher->belief.remember(std::move(known));
    }
    if (limits && round % 50 == 0) limit = mischief.draw(2) == 0 ? no_limit : mischief.draw(8);
    if (limits) watcher->clock.advance(std::chrono::milliseconds(500));
    if (mischief.draw(3) == 0) watcher->step();
    if (mischief.draw(5) == 0) watcher->step_scanner_only();
  }
  questions.meanwhile = [] {};
  limit = no_limit;
  mischief.open_up();
  if (limits) expect_watches_again(*watcher);
  expect_a_true_end(*watcher, tree);
  if (overflows) {
    EXPECT_GT(watcher->belief.overflows, 0);
  }
}

class InterleavedAdversary : public testing::TestWithParam<unsigned> {};

TEST_P(InterleavedAdversary, LeavesTheWatcherBelievingTheTruth) {
  for (const unsigned seed : seeds_of(GetParam(), number_from("WAYBILL_FUZZ_SEEDS", 200))) {
    SCOPED_TRACE("WAYBILL_FUZZ_SEED=" + std::to_string(seed));
    run_interleaved(seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Share, InterleavedAdversary, testing::Range(0U, shares));

// Two threads: the deeds come as fast as the kernel takes them, while the watcher works. What is
// done repeats by the seed; when, does not.
void run_at_full_speed(unsigned seed) {
  const Tree tree(seed);
  const BoundByModes bound;
  LiveWatcher watcher(tree.root, IgnoreRules());
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    Mischief mischief(tree.root, tree.outside, seed);
    constexpr int deeds = 20'000;
    for (int deed = 0; deed < deeds; ++deed) mischief.act();
    mischief.open_up();
    done = true;
  });
  while (!done) watcher.step();
  writer.join();
  expect_a_true_end(watcher, tree);
}

TEST(AdversaryAtFullSpeed, LeavesTheWatcherBelievingTheTruth) {
  const unsigned seeds = 1 + number_from("WAYBILL_FUZZ_SEEDS", 200) / 20;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run_at_full_speed(seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace waybill::watcher
