#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/pipeline.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/reader.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/faulty_store.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/wrapped_file_system.h"
#include "watcher/coalescer.h"
#include "watcher/event_source.h"
#include "watcher/file_system.h"
#include "watcher/scanner.h"

namespace waybill::fakes {

// The whole core on one thread, stepped by a test: a real folder, a real catalog and real inotify,
// a fake clock, and a bucket in memory. The process can die at any step; folder, state directory
// and bucket stay.
class PipelineWorld {
 public:
  // `where`: its folders; a file system in memory may lack extended attributes (Linux before 6.6).
  explicit PipelineWorld(std::uint64_t seed = 1,
                         const std::filesystem::path& where = TemporaryFolder::memory());
  ~PipelineWorld();
  PipelineWorld(const PipelineWorld&) = delete;
  PipelineWorld& operator=(const PipelineWorld&) = delete;

  // --- the disk ---
  void write(const std::string& path, std::string_view content);
  void remove(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  [[nodiscard]] std::string read(const std::string& path) const;
  [[nodiscard]] std::string folder() const { return place_.file("drop"); }

  // The kernel says so to the watch thread.
  void mounts_changed() {
    if (!dirt_) return;
    dirt_->add(watcher::MountsChanged{});
    scan_due_ = clock.boot();
  }

  // The queue of events overflows, and what was in it is never told.
  void lose_events();

  // --- the process ---
  void start();
  void crash();  // nothing more of it happens; what it had sent may still land
  // One thing at a time, chosen by the seed, until nothing is left to do now.
  void run();
  // One thing; false: nothing is left to do now.
  bool run_one();
  // So much time passes, and all that is due on the way is done.
  void pass(Nanoseconds time);
  // Lets time pass as long as something waits for it and `done` is false.
  void run_until(const std::function<bool()>& done);
  // Everything that was dropped is stored, blocked or gone, and nothing is under way.
  void settle_down();

  // --- what can be seen ---
  [[nodiscard]] const agent::Status& status() const { return *status_; }
  [[nodiscard]] bool has_reason(std::string_view code) const;
  [[nodiscard]] std::optional<catalog::FileRow> row(const std::string& path);
  [[nodiscard]] std::optional<catalog::ObjectRow> object_of(const catalog::FileRow& row);
  // What `waybill show` and `waybill ls --ignored` are told.
  agent::FileView explain(const std::string& path);
  agent::Unrecorded unrecorded(agent::ListUnrecorded question);

  agent::World& edges() { return *edges_; }
  agent::Config& config() { return config_; }
  std::unique_ptr<catalog::Catalog> open_catalog();
  agent::Pipeline& pipeline() { return *pipeline_; }
  void command(agent::Command command);

  FakeClock clock;
  Random random;
  FakeStore bucket;
  // What S3 does to each call; none by default.
  std::function<Fault(const Call&)> fault;
  // How often this line was logged, whatever its fields.
  [[nodiscard]] int logged(const std::string& message) const {
    const auto found = log_.lines.find(message);
    return found == log_.lines.end() ? 0 : found->second;
  }
  // What is under way to S3, and given up here, arrives (Fault::LandsLater).
  void land_late_requests() {
    bucket.now = clock.wall() + bucket.clock_ahead;
    store_->land_zombies();
    bucket.land_zombies();
    run();
  }
  // Tasks that the reading threads have done.
  int reads = 0;
  // What the disk is asked for.
  Questions disk;
  // True: requests stay where they are, unanswered.
  bool bucket_hangs = false;

 private:
  void make_edges();
  bool watch();
  bool scan();
  [[nodiscard]] std::optional<BootTime> next_due() const;

  TemporaryFolder place_;
  // All is on one thread here.
  struct CountingLog final : Log {
    void write(LogLevel, std::string_view message, std::initializer_list<LogField>) override {
      ++lines[std::string(message)];
    }
    std::map<std::string, int> lines;
  };
  CountingLog log_;
  agent::Config config_;
  std::unique_ptr<watcher::FileSystem> files_;
  std::unique_ptr<watcher::EventSource> events_;
  std::unique_ptr<watcher::Coalescer> dirt_;
  std::unique_ptr<watcher::Scanner> scanner_;
  std::deque<agent::Task> inbox_;
  std::deque<agent::Task> reads_;
  std::shared_ptr<FaultyStore> store_;
  std::unique_ptr<agent::World> edges_;
  std::unique_ptr<agent::Pipeline> pipeline_;
  agent::StatusPtr status_;
  WallTime delivered_at_{};
  std::optional<BootTime> pipeline_due_;
  std::optional<BootTime> scan_due_;
};

// A request with a file's bytes.
[[nodiscard]] bool carries_a_file(const Call& call);

}  // namespace waybill::fakes
