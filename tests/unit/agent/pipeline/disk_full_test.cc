#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fakes/pipeline_world.h"
#include "tests/fakes/sqlite_disk.h"

// The disk of the state directory is full: what S3 acknowledged is recorded all the same, nothing
// new is begun, everybody is told, and it goes on by itself (PROTOCOL.md section 5).
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using fakes::PipelineWorld;
using std::chrono::seconds;

constexpr std::uint64_t plenty = 1ULL << 30U;

// A disk beneath the catalog that somebody else fills.
class FillingDisk final : public fakes::SqliteDisk {
 public:
  bool full = false;
  bool ballast = false;

  int write(File& file, const void* from, int n, sqlite3_int64 at) override {
    return full && !ballast_given ? SQLITE_FULL : SqliteDisk::write(file, from, n, at);
  }
  World::Room room() {
    return {.hold =
                [this] {
                  if (full) return false;
                  ballast_given = false;
                  return ballast = true;
                },
            .release =
                [this] {
                  ballast_given = ballast_given || ballast;
                  ballast = false;
                },
            .free = [this] { return full ? 0 : plenty; }};
  }

  bool ballast_given = false;
};

class DiskFull : public testing::Test {
 protected:
  DiskFull() {
    world_.edges().room = disk_.room();
    world_.fault = [this](const Call& call) {
      const bool file = call.key.find("_waybill/") == std::string::npos;
      if (file && call.operation == Operation::Put) sent_.push_back(call.key);
      return Fault::None;
    };
  }
  void pass(Nanoseconds time) {
    const BootTime until = world_.clock.boot() + time;
    world_.run_until([&] {
      world_.run();
      return world_.clock.boot() >= until;
    });
  }
  bool sent(const std::string& key) const {
    return std::find(sent_.begin(), sent_.end(), key) != sent_.end();
  }
  FileState state_of(const std::string& path) { return world_.row(path).value().state; }

  FillingDisk disk_;  // outlives the catalog
  PipelineWorld world_;
  std::vector<std::string> sent_;
};

TEST_F(DiskFull, TheBallastLetsAcknowledgementsLandAndNothingNewIsBegun) {
  world_.start();
  world_.settle_down();
  EXPECT_TRUE(disk_.ballast);
  world_.bucket_hangs = true;
  world_.write("under way", "content");
  pass(seconds(10));
  ASSERT_TRUE(sent("drop/under way"));
  disk_.full = true;
  world_.bucket_hangs = false;
  pass(seconds(60));
  EXPECT_EQ(state_of("under way"), FileState::Stored);
  EXPECT_FALSE(disk_.ballast) << "it was given for that";
  EXPECT_TRUE(world_.has_reason("catalog-disk-full"));

  world_.write("new", "content");
  pass(seconds(60));
  EXPECT_FALSE(sent("drop/new"));
  EXPECT_EQ(world_.status().folders.front().pending, 1) << "it is seen all the same";

  disk_.full = false;
  world_.settle_down();
  EXPECT_EQ(state_of("new"), FileState::Stored);
  EXPECT_FALSE(world_.has_reason("catalog-disk-full"));
  EXPECT_TRUE(disk_.ballast) << "held again";
}

TEST_F(DiskFull, BeforeTheLastOfTheRoomIsGoneNothingNewIsBegun) {
  std::uint64_t free = plenty;
  world_.edges().room.free = [&free] { return free; };
  world_.start();
  world_.settle_down();
  free = 1ULL << 20U;
  world_.write("new", "content");
  pass(seconds(60));
  EXPECT_FALSE(sent("drop/new"));
  EXPECT_TRUE(disk_.ballast) << "nobody needed it yet";
  EXPECT_TRUE(world_.has_reason("catalog-disk-full"));
  free = plenty;
  world_.settle_down();
  EXPECT_EQ(state_of("new"), FileState::Stored);
  EXPECT_FALSE(world_.has_reason("catalog-disk-full"));
}

TEST_F(DiskFull, WithoutABallastItWaitsAndGoesOnByItself) {
  world_.start();
  world_.settle_down();
  disk_.ballast = false;
  disk_.full = true;
  world_.write("new", "content");
  pass(seconds(60));
  EXPECT_TRUE(world_.has_reason("catalog-disk-full"));
  disk_.full = false;
  world_.run_until([&] {
    world_.run();
    const auto row = world_.row("new");
    return row && row->state == FileState::Stored;
  });
  EXPECT_EQ(state_of("new"), FileState::Stored);
  EXPECT_FALSE(world_.has_reason("catalog-disk-full"));
}

}  // namespace
}  // namespace waybill::agent
