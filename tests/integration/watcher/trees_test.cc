#include <gtest/gtest.h>

#include "tests/fakes/temporary_folder.h"
#include "tests/integration/watcher/disk.h"
#include "tests/integration/watcher/live_watcher.h"

namespace waybill::watcher {
namespace {

// The scenarios of WATCHING.md 4 about directories that come, go and change places.
class Trees : public testing::Test {
 protected:
  Trees() : outside_(folder_.file("outside")), root_(folder_.file("root")) {
    disk::make_directory(outside_);
    disk::make_directory(root_);
  }
  [[nodiscard]] std::string at(const std::string& path) const { return root_ + "/" + path; }
  [[nodiscard]] std::set<std::string> truth() const { return disk::files_below(root_); }

  const fakes::TemporaryFolder folder_;
  const std::string outside_;
  const std::string root_;
};

TEST_F(Trees, WhatLiesThereAtTheStartIsSeen) {
  disk::make_directory(at("a"));
  disk::write(at("a/old"), "old");
  disk::write(at("top"), "top");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), (std::set<std::string>{"a/old", "top"}));
  EXPECT_EQ(watcher.belief.complete_scans, 1);
  EXPECT_EQ(watcher.status().health, FolderHealth::Watching);
}

// Scenario 1: each level may be made before the one above it is watched.
TEST_F(Trees, NestedDirectoriesMadeAtFullSpeedLoseNothing) {
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  for (int i = 0; i < 200; ++i) {
    std::string path = std::to_string(i);
    for (int level = 0; level < 3; ++level) {
      disk::make_directory(at(path));
      disk::write(at(path + "/file"), "x");
      if (i % 3 == level) watcher.step();  // the watcher is at work all the while
      path += "/sub";
    }
  }
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.files.size(), 600U);
  EXPECT_EQ(watcher.belief.paths(), truth());
  EXPECT_EQ(watcher.scanner().nodes(), 601U);
}

}  // namespace
}  // namespace waybill::watcher
