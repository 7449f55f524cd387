// The core under seeds: each draws file operations, faults of S3 and deaths of the process; an
// oracle with its own history checks P1 to P4 and P7. WAYBILL_SEEDS=N runs N of them,
// WAYBILL_SEED=K just one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "base/digest.h"
#include "tests/fakes/pipeline_world.h"

namespace waybill {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::PipelineWorld;

constexpr std::uint64_t default_seeds = 100;
constexpr const char* foreign_content = "somebody else's";

class Model {
 public:
  explicit Model(std::uint64_t seed) : dice_(seed * 7919 + 1), world_(seed) {
    world_.bucket.put_foreign("drop/dir/f1", foreign_content);
    world_.fault = [this](const Call& call) { return draw_fault(call); };
  }

  void run() {
    world_.start();
    for (int i = 0; i < 30 && !testing::Test::HasFailure(); ++i) {
      act();
      for (std::uint64_t steps = dice_.next() % 40; steps > 0 && world_.run_one(); --steps) {
      }
      if (dice_.next() % 4 == 0) pass_time();
      check_rows();
    }
    heal();
    check_converged();
    check_history();
  }

  [[nodiscard]] const std::string& trace() const { return trace_; }

 private:
  void act() {
    const std::string path = paths[dice_.next() % std::size(paths)];
    switch (dice_.next() % 8) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const std::string content =
            "content " + std::to_string(++contents_) + std::string(dice_.next() % 50, '.');
        note("write " + path + " = " + content);
        written_.insert(sha256(as_bytes(content)));
        world_.write(path, content);
        disk_[path] = content;
        break;
      }
      case 4:
        note("remove " + path);
        world_.remove(path);
        disk_.erase(path);
        break;
      case 5: {
        const std::string to = paths[dice_.next() % std::size(paths)];
        if (!disk_.contains(path) || to == path) return;
        note("rename " + path + " to " + to);
        world_.write(to, "");  // makes its directory
        written_.insert(sha256({}));
        world_.rename(path, to);
        disk_[to] = disk_[path];
        disk_.erase(path);
        break;
      }
      case 6:
        note("crash");
        world_.crash();
        world_.start();
        break;
      case 7:
        faults_ = dice_.next() % 3 == 0 ? dice_.next() % 40 : 0;
        note("faults " + std::to_string(faults_) + " %");
        break;
    }
  }

  Fault draw_fault(const Call&) {
    if (dice_.next() % 100 >= faults_) return Fault::None;
    constexpr Fault faults[] = {Fault::LostReply, Fault::LostRequest, Fault::FailBefore,
                                Fault::Throttle, Fault::LostReply};
    return faults[dice_.next() % std::size(faults)];
  }

  void pass_time() {
    const BootTime until = world_.clock.boot() + std::chrono::seconds(dice_.next() % 20);
    world_.run_until([&] { return world_.clock.boot() >= until; });
  }

  void heal() {
    note("heal");
    faults_ = 0;
    world_.settle_down();
    // The foreign object leaves, so that nothing needs a person any more.
    world_.bucket.erase("drop/dir/f1");
    const BootTime until = world_.clock.boot() + std::chrono::hours(3);
    world_.run_until([&] { return world_.clock.boot() >= until; });
    world_.settle_down();
  }

  // P3: what a row calls stored is there, with those bytes.
  void check_rows() {
    for (const char* path : paths) {
      const auto row = world_.row(path);
      if (!row || row->state != FileState::Stored) continue;
      const auto object = world_.object_of(*row);
      ASSERT_TRUE(object) << path;
      bool was_there = false;
      for (const auto& version : world_.bucket.history()) {
        was_there = was_there || (version.key == object->key && version.sha256 == object->sha256);
      }
      EXPECT_TRUE(was_there) << path << " is stored, and its object never was";
    }
  }

  // P1: all that lies on disk is stored as it is; what is not there is not said to be.
  void check_converged() {
    for (const char* path : paths) {
      const auto row = world_.row(path);
      const auto file = disk_.find(path);
      if (file == disk_.end()) {
        EXPECT_TRUE(!row || row->state == FileState::Gone) << path << " is not there";
        continue;
      }
      ASSERT_TRUE(row) << path;
      ASSERT_EQ(row->state, FileState::Stored) << path << ": " << row->reason;
      const auto object = world_.object_of(*row);
      ASSERT_TRUE(object) << path;
      EXPECT_EQ(object->sha256, sha256(as_bytes(file->second))) << path;
      const auto* there = world_.bucket.find(object->key);
      ASSERT_NE(there, nullptr) << object->key;
      EXPECT_EQ(there->sha256, object->sha256) << object->key;
    }
  }

  void check_history() {
    std::map<std::string, int> sends;
    for (const auto& version : world_.bucket.history()) {
      if (version.key.find("_waybill/") != std::string::npos || !version.body) continue;
      if (version.attempt.empty()) {
        EXPECT_EQ(version.sha256, sha256(as_bytes(foreign_content)));
        continue;
      }
      // P2: an object is a content that the file had as a whole. P4: one effect an attempt.
      EXPECT_TRUE(written_.contains(version.sha256)) << version.key << " is torn";
      EXPECT_EQ(++sends[version.attempt], 1) << version.key << " was sent twice";
      // P7: the foreign object was there until the end.
      EXPECT_NE(version.key == "drop/dir/f1" && !healed_foreign(version), true);
    }
  }

  // Ours may stand at the foreign object's key only once that had gone.
  bool healed_foreign(const fakes::FakeStore::Object& ours) {
    bool foreign_seen = false;
    for (const auto& version : world_.bucket.history()) {
      if (version.key != ours.key) continue;
      if (version.attempt.empty()) foreign_seen = true;
      if (version.attempt == ours.attempt) return foreign_seen;
    }
    return false;
  }

  void note(const std::string& what) { trace_ += what + "\n"; }

  static constexpr const char* paths[] = {"f0", "dir/f1", "dir/f2", "dir/sub/f3", "f4"};

  Random dice_;
  PipelineWorld world_;
  std::map<std::string, std::string> disk_;
  std::set<Sha256> written_;
  std::uint64_t contents_ = 0;
  std::uint64_t faults_ = 0;  // percent
  std::string trace_;
};

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(PipelineModel, RowAndObjectAgreeWhateverFailsAndWheneverTheProcessDies) {
  const std::uint64_t only = setting("WAYBILL_SEED", 0);
  const std::uint64_t last = only != 0 ? only : setting("WAYBILL_SEEDS", default_seeds);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
    Model model(seed);
    model.run();
    if (HasFailure()) {
      FAIL() << "seed " << seed << " (again: WAYBILL_SEED=" << seed << ")\n" << model.trace();
    }
  }
}

}  // namespace
}  // namespace waybill
