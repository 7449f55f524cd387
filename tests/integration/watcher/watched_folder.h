#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/temporary_folder.h"
#include "tests/integration/watcher/disk.h"
#include "tests/integration/watcher/live_watcher.h"

namespace waybill::watcher {

// A folder to watch, and a place outside of it on the same file system.
class WatchedFolder : public testing::Test {
 protected:
  WatchedFolder() : outside_(folder_.file("outside")), root_(folder_.file("root")) {
    disk::make_directory(outside_);
    disk::make_directory(root_);
  }
  [[nodiscard]] std::string at(const std::string& path) const { return root_ + "/" + path; }
  [[nodiscard]] std::string out(const std::string& path) const { return outside_ + "/" + path; }
  [[nodiscard]] std::set<std::string> truth() const { return disk::files_below(root_); }

  const fakes::TemporaryFolder folder_;
  const std::string outside_;
  const std::string root_;
};

using Paths = std::set<std::string>;

}  // namespace waybill::watcher
