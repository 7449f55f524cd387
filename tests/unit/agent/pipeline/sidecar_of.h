#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tests/integration/watcher/disk.h"
#include "tests/unit/agent/pipeline/said.h"

namespace waybill::agent {

// A folder that asks for sidecars.
class SidecarOf : public WhatIsSaid {
 protected:
  SidecarOf() { folder().sidecar = "{name}.meta.json"; }

  // Of the file at `path`.
  void say(const std::string& path, const std::string& json) {
    watcher::disk::let_clock_tick(world_.folder());
    world_.write(path + ".meta.json", json);
  }
  // What changed has settled, and was looked at.
  void rest() {
    world_.pass(std::chrono::seconds(10));
    world_.settle_down();
  }

  void reload() {
    world_.edges().post([this] { world_.pipeline().reconfigure(world_.config()); });
    rest();
  }

  void expect_blocked(const std::string& path, std::string_view why) {
    const auto row = world_.row(path);
    ASSERT_TRUE(row) << path;
    EXPECT_EQ(row->state, catalog::FileState::Blocked);
    EXPECT_TRUE(row->reason.find(why) != std::string::npos) << row->reason;
  }
  std::string sentence_of(const std::string& code) {
    for (const Reason& reason : world_.status().reasons) {
      if (reason.code == code) return reason.sentence;
    }
    return "not told";
  }
  std::string ignored_as(const std::string& path) {
    for (const UnrecordedFile& file : world_.unrecorded({.ignored = true}).files) {
      if (file.path == path) return file.reason;
    }
    return "not listed";
  }
};

}  // namespace waybill::agent
