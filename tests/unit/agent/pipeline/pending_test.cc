#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/pipeline_world.h"

// What status says of files that wait: how many, and since when; and what a wait waits for.
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::PipelineWorld;
using std::chrono::hours;
using std::chrono::seconds;

class Pending : public testing::Test {
 protected:
  Pending() {
    world_.fault = [this](const Call&) { return down_; };
  }
  void pass(Nanoseconds time) {
    const BootTime until = world_.clock.boot() + time;
    world_.run_until([&] {
      world_.run();
      return world_.clock.boot() >= until;
    });
  }
  const FolderView& folder() { return world_.status().folders.front(); }
  std::int64_t now() { return world_.clock.wall().time_since_epoch().count(); }
  std::int64_t age() {
    return folder().oldest_pending_since == 0 ? -1 : now() - folder().oldest_pending_since;
  }
  static std::int64_t ns(Nanoseconds time) { return time.count(); }

  PipelineWorld world_;
  Fault down_ = Fault::None;
};

TEST_F(Pending, EveryFileIsCountedOnceWhereverItWaits) {
  world_.start();
  world_.settle_down();
  down_ = Fault::FailBefore;
  for (int i = 0; i < 20; ++i) world_.write("f" + std::to_string(i), "content");
  pass(seconds(60));
  EXPECT_EQ(folder().pending + folder().uploading, 20) << "in the catalog";
  // The rows are read into memory, and four of them are sent.
  down_ = Fault::None;
  world_.run_until([&] { return world_.status().stores.front().state == "ok"; });
  world_.bucket_hangs = true;
  pass(seconds(10));
  const std::int64_t stored = folder().stored;
  EXPECT_EQ(folder().pending + folder().uploading + stored, 20);
  // One of those that wait changes: it settles, and is still one file.
  for (int i = 0; i < 20; ++i) {
    const std::string name = "f" + std::to_string(i);
    if (world_.row(name)->state == FileState::Queued) {
      world_.write(name, "changed content");
      break;
    }
  }
  pass(seconds(1));
  EXPECT_EQ(folder().pending + folder().uploading + folder().stored, 20);
  world_.bucket_hangs = false;
  world_.settle_down();
  EXPECT_EQ(folder().stored, 20);
  EXPECT_EQ(folder().pending, 0);
}

TEST_F(Pending, TheOldestIsToldFromItsFirstSightUntilItIsStored) {
  world_.start();
  world_.settle_down();
  EXPECT_EQ(folder().oldest_pending_since, 0) << "nothing waits";
  down_ = Fault::FailBefore;
  world_.write("first", "content");
  pass(seconds(1));
  EXPECT_GE(age(), 0) << "while it settles";
  pass(seconds(100));
  const std::int64_t since = folder().oldest_pending_since;
  EXPECT_GE(age(), ns(seconds(90)));
  world_.write("second", "content");
  pass(seconds(100));
  EXPECT_EQ(folder().oldest_pending_since, since) << "a later one changes nothing";
  world_.crash();
  world_.start();
  pass(seconds(100));
  EXPECT_LE(folder().oldest_pending_since - since, ns(seconds(5)));
  EXPECT_GE(age(), ns(seconds(290))) << "a restart makes nothing younger";
  down_ = Fault::None;
  world_.settle_down();
  EXPECT_EQ(folder().oldest_pending_since, 0);
}

TEST_F(Pending, VeryManyThatSettleAtOnceAreRecordedInTheOrderOfTheirNames) {
  constexpr int many = 1201;
  down_ = Fault::FailBefore;
  for (int i = 0; i < many; ++i) world_.write(std::to_string(10'000 + i * 7 % many), "");
  world_.start();
  pass(seconds(10));
  std::int64_t last = 0;
  for (int i = 0; i < many; ++i) {
    const auto row = world_.row(std::to_string(10'000 + i));
    ASSERT_TRUE(row);
    EXPECT_GT(value_of(row->id), last);
    last = value_of(row->id);
  }
}

TEST_F(Pending, AFileThatKeepsChangingGrowsOldAllTheSame) {
  world_.start();
  world_.settle_down();
  for (int i = 0; i < 30; ++i) {
    world_.write("log", std::string(static_cast<std::size_t>(i) + 1, 'x'));
    pass(seconds(1));
  }
  EXPECT_GE(age(), ns(seconds(25)));
}

TEST_F(Pending, AWaitIsNotProlongedByWhatComesLater) {
  world_.start();
  world_.settle_down();
  world_.write("meant", "content");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run();
  int later = 0;
  // There is always a file that has just come.
  world_.run_until([&] {
    if (later < 500 && world_.random.next() % 16 == 0) {
      world_.write("later" + std::to_string(later++), "content");
    }
    return ticket->wait(Nanoseconds::zero()).done();
  });
  const auto progress = ticket->wait(Nanoseconds::zero());
  EXPECT_TRUE(progress.done());
  EXPECT_EQ(progress.stored, 1);
  EXPECT_GT(later, 0);
}

TEST_F(Pending, HistoryGoesByTheSettingAlone) {
  world_.write("f", "content");
  world_.start();
  world_.settle_down();
  const auto events = [this] {
    const auto reader = catalog::Reader::open(world_.config().state_dir);
    return (*reader)->events_of(world_.row("f")->id, 100)->size();
  };
  EXPECT_EQ(events(), 3U);
  pass(hours(48));
  EXPECT_EQ(events(), 3U) << "by default it is kept";
  Config config = world_.config();
  config.keep_history = hours(24);
  world_.pipeline().reconfigure(config);
  world_.write("g", "content");  // the last event of all stays
  world_.settle_down();
  pass(hours(2));
  EXPECT_EQ(events(), 0U);
  EXPECT_EQ(world_.row("f")->state, FileState::Stored);
}

}  // namespace
}  // namespace waybill::agent
