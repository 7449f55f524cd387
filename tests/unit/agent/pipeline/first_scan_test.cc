#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/fakes/pipeline_world.h"

// What goes while the first scan after a start runs: it was seen, or is yet to be, and nobody hears
// of it.
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::PipelineWorld;

class FirstScan : public testing::Test {
 protected:
  PipelineWorld world_;
};

TEST_F(FirstScan, AFileThatWentUnheardDuringTheFirstScanIsGoneAfterIt) {
  constexpr int directories = 20;
  for (int i = 0; i < directories; ++i) {
    world_.write(std::to_string(i) + "/goes", "x");
    world_.write(std::to_string(i) + "/stays", "y");
  }
  world_.start();
  world_.settle_down();
  world_.crash();
  world_.start();
  // Some directories have been listed, and what was in them seen.
  const int listed = world_.disk.entries_listed;
  world_.run_until([&] { return world_.disk.entries_listed > listed + 2 * directories; });
  for (int i = 0; i < directories; ++i) world_.remove(std::to_string(i) + "/goes");
  world_.lose_events();
  world_.settle_down();
  world_.pass(std::chrono::seconds(10));
  for (int i = 0; i < directories; ++i) {
    EXPECT_EQ(world_.row(std::to_string(i) + "/goes")->state, FileState::Gone) << i;
    EXPECT_EQ(world_.row(std::to_string(i) + "/stays")->state, FileState::Stored) << i;
  }
}

// Whole directories, too: nothing lists again what is not there.
TEST_F(FirstScan, ADirectoryThatGoesWhileItsDiskIsAwayDuringTheFirstScanIsGoneAfterIt) {
  constexpr int directories = 20;
  for (int i = 0; i < directories; ++i) world_.write(std::to_string(i) + "/file", "x");
  world_.start();
  world_.settle_down();
  world_.crash();
  world_.start();
  const int listed = world_.disk.entries_listed;
  world_.run_until([&] { return world_.disk.entries_listed > listed + directories + 10; });
  const std::string away = world_.folder() + "-away";
  std::filesystem::rename(world_.folder(), away);
  world_.lose_events();
  world_.pass(std::chrono::seconds(10));
  ASSERT_TRUE(world_.has_reason("folder-suspended"));
  for (int i = 0; i < directories; i += 2) {
    std::filesystem::remove_all(away + "/" + std::to_string(i));
  }
  std::filesystem::rename(away, world_.folder());
  world_.pass(std::chrono::minutes(2));
  world_.settle_down();
  ASSERT_FALSE(world_.has_reason("folder-suspended"));
  for (int i = 0; i < directories; ++i) {
    const auto wanted = i % 2 == 0 ? FileState::Gone : FileState::Stored;
    EXPECT_EQ(world_.row(std::to_string(i) + "/file")->state, wanted) << i;
  }
}

// So many names of one directory are told as the directory alone.
TEST_F(FirstScan, FilesThatGoDuringTheFirstScanAreGoneHoweverManyTheyAre) {
  constexpr int others = 20;
  constexpr int many = 1100;
  for (int i = 0; i < others; ++i) world_.write(std::to_string(i) + "/f", "x");
  for (int i = 0; i < many; ++i) world_.write("many/" + std::to_string(i), "x");
  for (int i = others; i < 2 * others; ++i) world_.write(std::to_string(i) + "/f", "x");
  world_.start();
  world_.settle_down();
  world_.crash();
  world_.start();
  const int listed = world_.disk.entries_listed;
  world_.run_until([&] { return world_.disk.entries_listed > listed + many + 3 * others; });
  ASSERT_NE(world_.status().folders.front().watched, "inotify") << "all is listed";
  for (int i = 0; i < many; ++i) world_.remove("many/" + std::to_string(i));
  world_.settle_down();
  world_.pass(std::chrono::seconds(10));
  int stored = 0;
  for (int i = 0; i < many; ++i) {
    if (world_.row("many/" + std::to_string(i))->state != FileState::Gone) ++stored;
  }
  EXPECT_EQ(stored, 0);
}

}  // namespace
}  // namespace waybill::agent
