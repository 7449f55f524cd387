#include "tests/model/world.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "watcher/translator.h"

namespace waybill::model {
namespace {

// A request that was not answered is applied within 20 minutes or never (PROTOCOL.md rule 2).
constexpr Nanoseconds zombies_live = std::chrono::minutes(19);
constexpr Nanoseconds kernel_tick = std::chrono::milliseconds(10);

}  // namespace

World::World(std::uint64_t seed, std::function<void(const std::string&)> complain)
    : dice(seed),
      witness({.bucket = bucket,
               .dice = dice,
               .effect = [this] { return effect(); },
               .store_time = [this] { return clock.wall() + bucket.clock_ahead; },
               .complain = std::move(complain)}),
      disk([this] { return effect(); }) {
  files.use_clock(clock, kernel_tick);
  files.make_directory(folder);
  config.agent_name = "intake-1";
  config.state_dir = state_.path();
  config.uploads = 4;
  agent::FolderConfig drop;
  drop.name = "drop";
  drop.path = folder;
  drop.prefix = "drop/";
  drop.s3.endpoint = "https://s3.lab";
  drop.s3.bucket = "bucket";
  config.folders.push_back(drop);
  make_edges();
}

World::~World() {
  dead_ = true;  // what it still does in going is of no account
}

bool World::effect() {
  if (dead_) return false;
  if (doom_ && (*doom_)-- == 0) {
    dead_ = true;
    doom_.reset();
    return false;
  }
  return true;
}

void World::make_edges() {
  events_.push_back(std::make_unique<fakes::FakeEventSource>(files));
  dirt_ = std::make_unique<watcher::Coalescer>();
  scanner_ = std::make_unique<watcher::Scanner>(
      files, *events_.back(), *dirt_, clock, [this](watcher::Observation observation) {
        inbox_.push_back(
            [this, observation = std::move(observation)] { pipeline_->observe(observation); });
      });
  edges_ = std::make_unique<agent::World>(agent::World{
      .clock = clock,
      .random = dice,
      .log = log_,
      .files = files,
      .scanner = *scanner_,
      .read = [this](agent::Task task) { reads_.push_back(std::move(task)); },
      .post = [this](agent::Task task) { inbox_.push_back(std::move(task)); },
      .open_catalog =
          [this](const agent::Config& with) {
            return catalog::Catalog::open(with.state_dir, clock);
          },
      .connect = [this](const agent::S3Config&) -> Result<std::shared_ptr<uploader::ObjectStore>> {
        // The witness outlives all lives.
        return std::shared_ptr<uploader::ObjectStore>(std::shared_ptr<void>(), &witness);
      },
      .publish = [this](agent::StatusPtr status) { status_ = std::move(status); }});
}

void World::start() {
  edges_->most_sidecars = most_sidecars;
  pipeline_ = std::make_unique<agent::Pipeline>(*edges_, config);
  pipeline_due_ = clock.boot();
  scan_due_ = clock.boot();
}

void World::die() {
  const Death death = how();
  witness.process_died();
  bucket.orphan_requests([this] { return dice.next() % 2 == 0; });
  pipeline_.reset();
  disk.end_process();
  if (death == Death::Power) {
    disk.lose_power(dice);
    std::filesystem::remove(state_.file("catalog.db-shm"));
  }
  inbox_.clear();
  reads_.clear();
  status_.reset();
  scanner_.reset();
  dead_ = false;
  died();
  make_edges();
  start();
}

bool World::watch() {
  std::vector<watcher::RawEvent> events;
  const auto got = events_.back()->read(events);
  for (const auto& event : events) dirt_->add(watcher::translate(event));
  if (!events.empty()) scan_due_ = clock.boot();
  return got && *got > 0;
}

bool World::run_one() {
  bucket.now = clock.wall() + bucket.clock_ahead;
  if (dead_) die();
  age_zombies();
  enum class Turn : std::uint8_t { Watch, Scan, Read, Deliver, Store };
  std::array<Turn, 5> possible{Turn::Watch};
  std::size_t turns = 1;
  if (scan_due_ && *scan_due_ <= clock.boot()) possible[turns++] = Turn::Scan;
  if (!reads_.empty()) possible[turns++] = Turn::Read;
  if (!inbox_.empty()) possible[turns++] = Turn::Deliver;
  const bool store_has_its_turn = bucket.waiting() > 0 && (slow <= 1 || dice.next() % slow == 0);
  if (store_has_its_turn) possible[turns++] = Turn::Store;
  const auto first = static_cast<std::size_t>(dice.next() % turns);
  for (std::size_t i = 0; i < turns; ++i) {
    switch (possible[(first + i) % turns]) {
      case Turn::Watch:
        if (watch()) return true;
        break;
      case Turn::Scan:
        scan_due_ = scanner_->step();
        return true;
      case Turn::Read: {
        const agent::Task task = std::move(reads_.front());
        reads_.pop_front();
        task();
        return true;
      }
      case Turn::Deliver: {
        // Some of what has arrived, then one step: a group of its own.
        clock.advance(std::chrono::microseconds(100));
        delivered_at_ = clock.wall();
        const std::size_t group = 1 + dice.next() % inbox_.size();
        for (std::size_t j = 0; j < group && !inbox_.empty(); ++j) {
          const agent::Task task = std::move(inbox_.front());
          inbox_.pop_front();
          task();
        }
        pipeline_due_ = pipeline_->step();
        scan_due_ = clock.boot();
        return true;
      }
      case Turn::Store:
        answer_one();
        return true;
    }
  }
  if (pipeline_due_ && *pipeline_due_ <= clock.boot()) {
    pipeline_due_ = pipeline_->step();
    scan_due_ = clock.boot();
    return true;
  }
  if (bucket.waiting() > 0 && !dead_) {
    answer_one();
    return true;
  }
  return dead_;
}

void World::answer_one() {
  bucket.now = clock.wall() + bucket.clock_ahead;
  bucket.run_one(dice.next() % bucket.waiting());
}

// They land at any time, or never.
void World::age_zombies() {
  if (bucket.zombies() == 0) return zombies_until_.reset();
  if (!zombies_until_) zombies_until_ = clock.boot() + zombies_live;
  if (dice.next() % 64 == 0) bucket.land_zombie(dice.next() % bucket.zombies());
  if (clock.boot() < *zombies_until_) return;
  while (bucket.zombies() > 0 && dice.next() % 2 == 0) {
    bucket.land_zombie(dice.next() % bucket.zombies());
  }
  bucket.forget_zombies();
}

void World::run_until(const std::function<bool()>& done, BootTime until) {
  constexpr int patience = 200'000;
  for (int i = 0; i < patience && !done(); ++i) {
    if (run_one()) continue;
    if (clock.boot() >= until) return;
    std::optional<BootTime> due = pipeline_due_;
    if (scan_due_ && (!due || *scan_due_ < *due)) due = scan_due_;
    if (until != BootTime::max()) due = due ? std::min(*due, until) : until;
    if (!due) return;
    if (bucket.zombies() > 0 && zombies_until_) due = std::min(*due, *zombies_until_);
    if (*due > clock.boot()) clock.advance(*due - clock.boot());
  }
}

bool World::resting() const {
  if (!status_ || status_->folders.empty() || !inbox_.empty()) return false;
  // Older than what was last delivered: the next one is due.
  if (WallTime(Nanoseconds(status_->at)) < delivered_at_ || !pipeline_->idle()) return false;
  const agent::FolderView& view = status_->folders.front();
  return view.watched == "inotify" && view.pending == 0 && view.uploading == 0;
}

bool World::has_reason(std::string_view code) const {
  return status_ && std::ranges::any_of(status_->reasons, [code](const agent::Reason& reason) {
           return reason.code == code;
         });
}

void World::command(agent::Command command) {
  while (watch()) {
  }
  auto shared = std::make_shared<agent::Command>(std::move(command));
  inbox_.push_back([this, shared] { pipeline_->command(std::move(*shared)); });
}

}  // namespace waybill::model
