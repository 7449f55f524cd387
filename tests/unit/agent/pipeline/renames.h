#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "catalog/sqlite.h"
#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {

// Files that get other names in a folder, under keys that tell the name.
class Renames : public testing::Test {
 protected:
  Renames() {
    folder().prefix = "in/";
    world_.fault = [this](const fakes::Call& call) {
      if (!fakes::carries_a_file(call)) return fakes::Fault::None;
      ++sent_;
      const auto* there = world_.bucket.find(call.key);
      for (const Sha256& kept : kept_) {
        if (there == nullptr || there->sha256 != kept) continue;
        EXPECT_GT(copies_of(kept), 1) << call.key << " is written over";
      }
      if (call.key == forbid_) return fakes::Fault::Denied;
      if (lose_) return fakes::Fault::LostReply;
      return refuse_ ? fakes::Fault::FailBefore : fakes::Fault::None;
    };
  }
  FolderConfig& folder() { return world_.config().folders.front(); }
  void start_and_settle() {
    world_.start();
    world_.settle_down();
  }
  void start_for(Nanoseconds time) {
    world_.start();
    world_.pass(time);
  }
  // As after write, start and settling down.
  FileId stored(const std::string& path, const std::string& content) {
    world_.write(path, content);
    start_and_settle();
    EXPECT_EQ(world_.row(path)->state, catalog::FileState::Stored);
    return world_.row(path)->id;
  }
  std::string key_of(const std::string& path) {
    const auto row = world_.row(path);
    const auto object = row ? world_.object_of(*row) : std::nullopt;
    return object ? object->key : "none";
  }
  void expect_renamed(FileId id, const std::string& from, const std::string& to) {
    const auto row = world_.row(to);
    ASSERT_TRUE(row) << "no row of " << to;
    EXPECT_EQ(row->id, id) << "its history is that of another file";
    EXPECT_EQ(row->state, catalog::FileState::Stored);
    EXPECT_FALSE(world_.row(from)) << from;
    bool told = false;
    auto reader = catalog::Reader::open(world_.config().state_dir);
    const auto events = (*reader)->events_of(id, 100);
    for (const auto& event : *events) {
      told = told || (event.event == catalog::FileEvent::Renamed && event.reason == from);
    }
    EXPECT_TRUE(told) << "its history does not say that it was " << from;
  }
  // a is stored and renamed to b; while that cannot be sent, another file comes as a, which may
  // overwrite and waits.
  void renamed_with_another_at_its_name() {
    folder().on_replace = OnReplace::Overwrite;
    const FileId id = stored("a", "bytes");
    refuse_ = true;
    world_.rename("a", "b");
    world_.run_until([&] { return world_.row("b") && world_.row("b")->id == id; });
    world_.write("a", "another file");
    world_.run_until([&] { return phase("a") == "waiting-for-renamed-file"; });
  }
  std::string phase(const std::string& path) { return world_.explain(path).phase; }
  // No key of `content` is written over while no other one has it.
  void expect_always_in_bucket(const std::string& content) {
    kept_.push_back(sha256(as_bytes(content)));
  }
  std::optional<catalog::ObjectRow> object_at(const std::string& key) {
    auto catalog = catalog::Connection::open(world_.config().state_dir + "/catalog.db",
                                             catalog::Connection::Mode::ReadOnly);
    auto found = catalog->prepare("SELECT id FROM objects WHERE live = 1 AND key = ?");
    auto rows = found->query({catalog::Value::blob(key)});
    if (!*rows->next()) return std::nullopt;
    auto reader = catalog::Reader::open(world_.config().state_dir);
    return *(*reader)->object(rows->id<ObjectId>(0));
  }
  void expect_in_bucket(const std::string& key, const std::string& content) {
    const auto* there = world_.bucket.find(key);
    ASSERT_NE(there, nullptr) << key;
    EXPECT_EQ(there->sha256, sha256(as_bytes(content))) << key;
  }

  int copies_of(const Sha256& content) {
    std::set<std::string> keys;
    for (const auto& version : world_.bucket.history()) {
      const auto* now = world_.bucket.find(version.key);
      if (now != nullptr && now->sha256 == content) keys.insert(version.key);
    }
    return static_cast<int>(keys.size());
  }

  fakes::PipelineWorld world_;
  std::vector<Sha256> kept_;
  std::string forbid_;
  int sent_ = 0;
  bool refuse_ = false;
  bool lose_ = false;
};

}  // namespace waybill::agent
