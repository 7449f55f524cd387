#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "agent/metadata_text.h"
#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {

using Said = std::map<std::string, std::string>;

// What people say of files, on a disk that has extended attributes.
class WhatIsSaid : public testing::Test {
 protected:
  [[nodiscard]] std::string at(const std::string& path) const {
    return world_.folder() + "/" + path;
  }
  FolderConfig& folder() { return world_.config().folders.front(); }

  // What the object that the file's row names has beside ours.
  Said on_object(const std::string& path) {
    const auto row = world_.row(path);
    const auto object = row ? world_.object_of(*row) : std::nullopt;
    const auto* const there = object ? world_.bucket.find(object->key) : nullptr;
    if (there == nullptr) return {{"it has", "no object"}};
    Said said;
    for (const auto& [name, value] : there->metadata) {
      if (!name.starts_with("waybill-") && name != "mtime") said.emplace(name, value);
    }
    return said;
  }
  Said in_row(const std::string& path) {
    const auto row = world_.row(path);
    const auto object = row ? world_.object_of(*row) : std::nullopt;
    if (!object) return {{"it has", "no object"}};
    const auto pairs = metadata_pairs(object->metadata);
    return pairs ? Said(pairs->begin(), pairs->end()) : Said{{"it is", "no metadata"}};
  }
  void expect_said(const std::string& path, const Said& said) {
    const auto row = world_.row(path);
    ASSERT_TRUE(row) << path;
    EXPECT_EQ(row->state, catalog::FileState::Stored) << row->reason;
    EXPECT_EQ(on_object(path), said);
    EXPECT_EQ(in_row(path), said);
  }
  void count_bodies() {
    world_.fault = [this](const fakes::Call& call) {
      if (fakes::carries_a_file(call)) ++bodies_;
      return fakes::Fault::None;
    };
  }

  fakes::PipelineWorld world_{1, std::filesystem::temp_directory_path()};
  int bodies_ = 0;
};

}  // namespace waybill::agent
