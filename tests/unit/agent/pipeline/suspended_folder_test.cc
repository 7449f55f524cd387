#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "agent/pipeline.h"
#include "tests/fakes/held_back.h"
#include "tests/fakes/pipeline_world.h"

// A folder whose disk was pulled: nothing is concluded of it, and nothing tried, until it is back.
namespace waybill::agent {
namespace {

using catalog::FileState;
using std::chrono::hours;
using std::chrono::minutes;

class SuspendedFolder : public testing::Test {
 protected:
  void pull_the_disk() {
    std::filesystem::rename(world_.folder(), away_);
    world_.run_until([this] { return world_.status().folders.front().watched == "suspended"; });
  }
  void put_it_back() { std::filesystem::rename(away_, world_.folder()); }

  fakes::PipelineWorld world_;
  const std::string away_ = world_.folder() + "-away";
};

TEST_F(SuspendedFolder, WhatIsQueuedThereWaitsUntilItIsBack) {
  constexpr int files = 100;
  const auto name = [](int i) { return "file-" + std::to_string(i); };
  bool out = true;
  world_.fault = [&out](const fakes::Call&) {
    return out ? fakes::Fault::FailBefore : fakes::Fault::None;
  };
  world_.start();
  world_.settle_down();
  for (int i = 0; i < files; ++i) world_.write(name(i), "content");
  world_.pass(minutes(5));
  ASSERT_EQ(world_.row(name(files - 1))->state, FileState::Queued);
  pull_the_disk();
  for (int i = 0; i < files; ++i) world_.disk.opens_fail[name(i)] = system_error("open it", EIO);
  out = false;
  world_.pass(minutes(5));
  const int reads = world_.reads;
  world_.pass(hours(1));
  EXPECT_EQ(world_.reads, reads);
  world_.disk.opens_fail.clear();
  put_it_back();
  world_.settle_down();
  for (int i = 0; i < files; ++i) EXPECT_EQ(world_.row(name(i))->state, FileState::Stored) << i;
}

TEST_F(SuspendedFolder, WhatWasReadWhenItsDiskWentIsWaitedForUntilItIsBack) {
  fakes::HeldBack readings(world_.edges().read);
  world_.start();
  world_.settle_down();
  readings.hold();
  world_.write("file", "content");
  world_.run_until([&readings] { return readings.any(); });
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run();
  pull_the_disk();
  readings.let_go();
  world_.pass(hours(1));
  EXPECT_FALSE(ticket->wait(Nanoseconds::zero()).done());
  EXPECT_EQ(world_.explain("file").phase, "waiting-for-folder");
  put_it_back();
  world_.settle_down();
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 1);
}

// Each would fail, and would be tried again as one that is being written.
TEST_F(SuspendedFolder, NothingIsLookedAtThereThatLiesBesideFiles) {
  world_.config().folders.front().sidecar = "{name}.meta.json";
  world_.write("file", "content");
  world_.write("file.meta.json", R"({"colour": "red"})");
  fakes::HeldBack readings(world_.edges().read);
  world_.start();
  world_.settle_down();
  readings.hold();
  world_.write("file.meta.json", R"({"colour": "blue"})");
  world_.run_until([&readings] { return readings.any(); });
  for (const char* path : {"file", "file.meta.json"}) {
    world_.disk.opens_fail[path] = system_error("open it", EIO);
  }
  pull_the_disk();
  readings.let_go();
  world_.pass(minutes(5));
  const int reads = world_.reads;
  world_.pass(hours(1));
  EXPECT_EQ(world_.reads, reads);
  world_.disk.opens_fail.clear();
  put_it_back();
  world_.settle_down();
  EXPECT_NE(world_.object_of(*world_.row("file"))->metadata.find("blue"), std::string::npos);
}

TEST_F(SuspendedFolder, NobodyWaitsForWhatWentWithTheDisk) {
  fakes::HeldBack readings(world_.edges().read);
  world_.start();
  world_.settle_down();
  readings.hold();
  world_.write("file", "content");
  world_.run_until([&readings] { return readings.any(); });
  ASSERT_FALSE(world_.row("file"));
  pull_the_disk();
  readings.let_go();
  world_.pass(minutes(5));
  std::filesystem::remove(away_ + "/file");
  put_it_back();
  world_.settle_down();
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.pass(minutes(5));
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
}

}  // namespace
}  // namespace waybill::agent
