#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/fakes/pipeline_world.h"

// Who is sent first where many wait (turns.h), by the whole core.
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using fakes::PipelineWorld;
using std::chrono::seconds;

class Fairness : public testing::Test {
 protected:
  Fairness() {
    world_.fault = [this](const Call& call) {
      if (call.key.find("_waybill/") != std::string::npos) return down_;
      if (call.operation == Operation::Put) sent_.push_back(call.key);
      return down_;
    };
  }
  // How many of the keys that were sent hold `part`.
  std::size_t sent(const std::string& part) const {
    return static_cast<std::size_t>(std::count_if(
        sent_.begin(), sent_.end(),
        [&part](const std::string& key) { return key.find(part) != std::string::npos; }));
  }
  void pass(Nanoseconds time) {
    const BootTime until = world_.clock.boot() + time;
    world_.run_until([&] {
      world_.run();
      return world_.clock.boot() >= until;
    });
  }

  PipelineWorld world_;
  Fault down_ = Fault::None;
  std::vector<std::string> sent_;
};

TEST_F(Fairness, ASmallFileIsSentWhileBigOnesHangAtTheStore) {
  world_.start();
  world_.settle_down();
  world_.bucket_hangs = true;
  const std::string big((1U << 20U) + 1, 'b');
  for (int i = 0; i < 6; ++i) world_.write("big" + std::to_string(i), big);
  pass(seconds(30));
  EXPECT_EQ(sent("big"), 2U) << "half of the four slots";
  world_.write("small", "a few bytes");
  pass(seconds(30));
  EXPECT_EQ(sent("small"), 1U);
  world_.bucket_hangs = false;
  world_.settle_down();
  EXPECT_EQ(world_.status().folders.front().stored, 7);
}

TEST_F(Fairness, AFolderWithManyFilesHoldsUpNoOther) {
  const std::string other = std::filesystem::path(world_.folder()).parent_path() / "other";
  std::filesystem::create_directory(other);
  FolderConfig quiet = world_.config().folders.front();
  quiet.name = "quiet";
  quiet.path = other;
  world_.config().folders.push_back(quiet);
  world_.config().uploads = 1;
  world_.start();
  world_.settle_down();
  down_ = Fault::FailBefore;  // all of them wait when it ends
  for (int i = 0; i < 60; ++i) world_.write("busy" + std::to_string(i), "content");
  pass(seconds(30));
  world_.write("../other/one", "content");
  world_.write("../other/two", "content");
  pass(seconds(30));
  down_ = Fault::None;
  sent_.clear();
  const auto quiet_sent = [this] { return sent("drop/one") + sent("drop/two"); };
  world_.run_until([&] { return quiet_sent() == 2; });
  EXPECT_EQ(quiet_sent(), 2U);
  EXPECT_LE(sent("busy"), 4U) << "they take turns";
}

TEST_F(Fairness, TheOrderIsAsConfigured) {
  for (const Order order : {Order::Oldest, Order::Newest}) {
    PipelineWorld world;
    Fault down = Fault::None;
    std::vector<std::string> sent;
    world.fault = [&](const Call& call) {
      const bool file = call.key.find("_waybill/") == std::string::npos;
      if (file && call.operation == Operation::Put && down == Fault::None) sent.push_back(call.key);
      return down;
    };
    world.config().folders.front().order = order;
    world.config().uploads = 1;
    world.start();
    world.settle_down();
    down = Fault::FailBefore;
    // The first finds out that the store is down, and its attempt goes on first.
    for (const char* name : {"canary", "a", "b", "c", "d"}) {
      world.write(name, "content");
      const BootTime until = world.clock.boot() + seconds(20);
      world.run_until([&] {
        world.run();
        return world.clock.boot() >= until;
      });
    }
    down = Fault::None;
    world.run_until([&] { return sent.size() >= 5; });
    ASSERT_EQ(sent.size(), 5U);
    std::erase(sent, "drop/canary");
    const std::vector<std::string> oldest{"drop/a", "drop/b", "drop/c", "drop/d"};
    const std::vector<std::string> newest(oldest.rbegin(), oldest.rend());
    EXPECT_EQ(sent, order == Order::Oldest ? oldest : newest);
  }
}

TEST_F(Fairness, AFileThatChangesAgainAndAgainIsSentEverMoreSeldom) {
  world_.start();
  world_.settle_down();
  std::vector<Nanoseconds> waits;
  for (int i = 0; i < 8; ++i) {
    world_.write("hot", "content " + std::to_string(i));
    const BootTime written = world_.clock.boot();
    const std::size_t before = sent_.size();
    world_.run_until([&] { return sent_.size() > before; });
    waits.push_back(world_.clock.boot() - written);
    world_.settle_down();
  }
  // The first two are a file and its one replacement.
  EXPECT_LT(waits[1], seconds(4));
  EXPECT_GE(waits[4], seconds(8));
  EXPECT_GE(waits[7], seconds(64));
  EXPECT_LT(waits[7], seconds(90));
  world_.write("cool", "content");
  const BootTime written = world_.clock.boot();
  world_.run_until([&] { return sent("cool") == 1; });
  EXPECT_LT(world_.clock.boot() - written, seconds(4)) << "no other file waits for that";
}

}  // namespace
}  // namespace waybill::agent
