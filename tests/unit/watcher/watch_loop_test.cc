#include "watcher/watch_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/fakes/fake_event_source.h"
#include "tests/fakes/fake_file_system.h"

namespace waybill::watcher {
namespace {

class WatchLoopTest : public testing::Test {
 protected:
  WatchLoopTest() {
    disk_.make_directory("/root");
    watch_ = *events_.add(**disk_.open_directory("/root", ""));
  }
  fakes::FakeFileSystem disk_;
  fakes::FakeEventSource events_{disk_};
  Coalescer dirt_;
  WatchLoop loop_{events_, dirt_};
  WatchId watch_{};
};

TEST_F(WatchLoopTest, WhatTheKernelQueuedBecomesDirt) {
  disk_.write("/root/a", "x");
  ASSERT_TRUE(loop_.step());
  const Coalescer::Dirt dirt = dirt_.take(Nanoseconds::zero());
  EXPECT_EQ(dirt.directories_by_watch.at(watch_).names, std::set<std::string>{"a"});
}

TEST_F(WatchLoopTest, AnOverflowMakesEverythingDirty) {
  events_.overflow();
  ASSERT_TRUE(loop_.step());
  EXPECT_TRUE(dirt_.take(Nanoseconds::zero()).everything);
}

TEST_F(WatchLoopTest, ABrokenSourceIsAnErrorAndEverythingIsDirty) {
  events_.break_next_read();
  EXPECT_FALSE(loop_.step());
  EXPECT_TRUE(dirt_.take(Nanoseconds::zero()).everything);
}

TEST_F(WatchLoopTest, AnInterruptEndsAWaitWithoutEvents) {
  loop_.interrupt();
  EXPECT_TRUE(loop_.step());
  EXPECT_TRUE(dirt_.take(Nanoseconds::zero()).empty());
}

TEST_F(WatchLoopTest, ADrainReturnsWhenAllThatWasQueuedIsDirt) {
  std::atomic<bool> stop = false;
  std::jthread watch([&] {
    while (!stop) EXPECT_TRUE(loop_.step());
  });
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i);
    disk_.write("/root/" + name, "x");
    EXPECT_TRUE(loop_.drain(std::chrono::minutes(1)));
    const Coalescer::Dirt dirt = dirt_.take(Nanoseconds::zero());
    const auto found = dirt.directories_by_watch.find(watch_);
    ASSERT_NE(found, dirt.directories_by_watch.end()) << i;
    EXPECT_TRUE(found->second.names.contains(name));
  }
  stop = true;
  loop_.interrupt();
}

TEST_F(WatchLoopTest, ADrainThatNobodyAnswersGivesUp) {
  EXPECT_FALSE(loop_.drain(std::chrono::milliseconds(1)));
}

}  // namespace
}  // namespace waybill::watcher
