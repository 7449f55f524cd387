#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/pipeline.h"
#include "base/log.h"
#include "base/random.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_event_source.h"
#include "tests/fakes/fake_file_system.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/model/mortal_disk.h"
#include "tests/model/witness.h"
#include "watcher/coalescer.h"
#include "watcher/scanner.h"

namespace waybill::model {

// The whole core on one thread, in a world that is nothing but dice: disk, kernel, clock and bucket
// in memory, the catalog a real SQLite over a disk that forgets. Process and machine can die at any
// effect.
class World {
 public:
  World(std::uint64_t seed, std::function<void(const std::string&)> complain);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void start();
  // Dies before its so many-th effect from here on.
  void die_at(std::uint64_t effects) { doom_ = effects; }
  void live_on() { doom_.reset(); }
  enum class Death : std::uint8_t { Process, Power };
  std::function<Death()> how;
  std::function<void()> died;  // after a death, before the next life
  // One thing, chosen by the seed; false: nothing is left to do now.
  bool run_one();
  // Lets time pass as long as something waits for it.
  void run_until(const std::function<bool()>& done, BootTime until = BootTime::max());
  // As the control server: what the kernel has queued is taken in first.
  void command(agent::Command command);

  [[nodiscard]] std::string catalog_path() const { return state_.file("catalog.db"); }
  [[nodiscard]] const std::string& state_dir() const { return state_.path(); }
  [[nodiscard]] bool resting() const;
  [[nodiscard]] bool has_reason(std::string_view code) const;

  static constexpr const char* folder = "/drop";

  Random dice;
  fakes::FakeClock clock;
  fakes::FakeFileSystem files;
  fakes::FakeStore bucket;
  Witness witness;
  MortalDisk disk;
  agent::Config config;
  // One in so many chances to answer a request is taken: more happens while it is under way.
  std::uint64_t slow = 1;
  // Sidecars that the core knows, and that settle at a time; from the next start on.
  std::size_t most_sidecars = 10'000;

 private:
  bool effect();
  void die();
  void make_edges();
  bool watch();
  void answer_one();
  void age_zombies();

  fakes::TemporaryFolder state_{fakes::TemporaryFolder::memory()};
  NullLog log_;
  bool dead_ = false;
  std::optional<std::uint64_t> doom_;
  std::optional<BootTime> zombies_until_;
  // The file system tells all that ever listened: former lives' sources stay.
  std::vector<std::unique_ptr<fakes::FakeEventSource>> events_;
  std::unique_ptr<watcher::Coalescer> dirt_;
  std::unique_ptr<watcher::Scanner> scanner_;
  std::deque<agent::Task> inbox_;
  std::deque<agent::Task> reads_;
  std::unique_ptr<agent::World> edges_;
  std::unique_ptr<agent::Pipeline> pipeline_;
  agent::StatusPtr status_;
  WallTime delivered_at_{};
  std::optional<BootTime> pipeline_due_;
  std::optional<BootTime> scan_due_;
};

}  // namespace waybill::model
