#include "tests/fakes/pipeline_world.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "watcher/translator.h"

namespace waybill::fakes {
PipelineWorld::PipelineWorld(std::uint64_t seed, const std::filesystem::path& where)
    : random(seed), place_(where) {
  std::signal(SIGIO, SIG_IGN);  // a broken lease sends it
  std::filesystem::create_directory(folder());
  std::filesystem::create_directory(place_.file("state"));
  // The files' times are the kernel's: the fake wall clock starts after all of them.
  clock.set_wall(SystemClock().wall() + std::chrono::hours(1));
  config_.agent_name = "intake-1";
  config_.state_dir = place_.file("state");
  config_.uploads = 4;
  agent::FolderConfig drop;
  drop.name = "drop";
  drop.path = folder();
  drop.prefix = "drop/";
  drop.s3.endpoint = "https://s3.lab";
  drop.s3.bucket = "bucket";
  config_.folders.push_back(drop);
  make_edges();
}

PipelineWorld::~PipelineWorld() = default;

void PipelineWorld::make_edges() {
  files_ = std::make_unique<WrappedFileSystem>(disk);
  auto events = watcher::make_inotify_source();
  if (!events) throw std::runtime_error(events.error().describe());
  events_ = std::move(*events);
  dirt_ = std::make_unique<watcher::Coalescer>();
  scanner_ = std::make_unique<watcher::Scanner>(
      *files_, *events_, *dirt_, clock, [this](watcher::Observation observation) {
        inbox_.push_back(
            [this, observation = std::move(observation)] { pipeline_->observe(observation); });
      });
  store_ = std::make_shared<FaultyStore>(
      bucket, [this](const Call& call) { return fault ? fault(call) : Fault::None; });
  edges_ = std::make_unique<agent::World>(agent::World{
      .clock = clock,
      .random = random,
      .log = log_,
      .files = *files_,
      .scanner = *scanner_,
      .read = [this](agent::Task task) { reads_.push_back(std::move(task)); },
      .post = [this](agent::Task task) { inbox_.push_back(std::move(task)); },
      .open_catalog =
          [this](const agent::Config& config) {
            return catalog::Catalog::open(config.state_dir, clock);
          },
      .connect = [this](const agent::S3Config&) -> Result<std::shared_ptr<uploader::ObjectStore>> {
        return std::shared_ptr<uploader::ObjectStore>(store_);
      },
      .publish = [this](agent::StatusPtr status) { status_ = std::move(status); }});
}

std::unique_ptr<catalog::Catalog> PipelineWorld::open_catalog() {
  auto opened = catalog::Catalog::open(config_.state_dir, clock);
  if (!opened) throw std::runtime_error(opened.error().describe());
  return std::move(*opened);
}

// --- the disk -----------------------------------------------------------------------------------

void PipelineWorld::write(const std::string& path, std::string_view content) {
  const std::filesystem::path whole = folder() + "/" + path;
  std::filesystem::create_directories(whole.parent_path());
  std::ofstream(whole, std::ios::binary | std::ios::trunc) << content;
}

void PipelineWorld::remove(const std::string& path) {
  std::filesystem::remove_all(folder() + "/" + path);
}

void PipelineWorld::rename(const std::string& from, const std::string& to) {
  std::filesystem::rename(folder() + "/" + from, folder() + "/" + to);
}

std::string PipelineWorld::read(const std::string& path) const {
  std::ostringstream content;
  content << std::ifstream(folder() + "/" + path, std::ios::binary).rdbuf();
  return content.str();
}

// --- the process --------------------------------------------------------------------------------

void PipelineWorld::start() {
  pipeline_ = std::make_unique<agent::Pipeline>(*edges_, config_);
  pipeline_due_ = clock.boot();
  scan_due_ = clock.boot();
}

void PipelineWorld::crash() {
  // What was sent may be applied, or not; nobody will hear of it.
  while (bucket.waiting() > 0 && random.next() % 2 == 0) {
    bucket.run_one(random.next() % bucket.waiting());
  }
  pipeline_.reset();
  bucket.drop_requests();
  inbox_.clear();
  reads_.clear();
  make_edges();
}

bool PipelineWorld::watch() {
  std::vector<watcher::RawEvent> events;
  const auto got = events_->read(events);
  for (const auto& event : events) dirt_->add(watcher::translate(event));
  if (!events.empty()) scan_due_ = clock.boot();
  return got && *got > 0;
}

void PipelineWorld::lose_events() {
  std::vector<watcher::RawEvent> lost;
  for (auto got = events_->read(lost); got && *got > 0; got = events_->read(lost)) {
  }
  dirt_->add(watcher::Overflowed{});
  scan_due_ = clock.boot();
}

bool PipelineWorld::scan() {
  if (!scan_due_ || *scan_due_ > clock.boot()) return false;
  scan_due_ = scanner_->step();
  return true;
}

bool PipelineWorld::run_one() {
  // Requests to the scanner (look, barrier) come without dirt: it is asked whenever all else rests.
  enum class Turn : std::uint8_t { Watch, Scan, Read, Deliver, Store };
  std::vector<Turn> possible{Turn::Watch};
  if (scan_due_ && *scan_due_ <= clock.boot()) possible.push_back(Turn::Scan);
  if (!reads_.empty()) possible.push_back(Turn::Read);
  if (!inbox_.empty()) possible.push_back(Turn::Deliver);
  if (bucket.waiting() > 0 && !bucket_hangs) possible.push_back(Turn::Store);
  const auto start = static_cast<std::size_t>(random.next() % possible.size());
  for (std::size_t i = 0; i < possible.size(); ++i) {
    switch (possible[(start + i) % possible.size()]) {
      case Turn::Watch:
        if (watch()) return true;
        break;
      case Turn::Scan:
        if (scan()) return true;
        break;
      case Turn::Read: {
        const agent::Task task = std::move(reads_.front());
        reads_.pop_front();
        ++reads;
        task();
        return true;
      }
      case Turn::Deliver: {
        // Some of what has arrived, then one step: a group of its own.
        clock.advance(Nanoseconds(1));
        delivered_at_ = clock.wall();
        const std::size_t group = 1 + random.next() % inbox_.size();
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
        bucket.now = clock.wall() + bucket.clock_ahead;
        bucket.run_one(random.next() % bucket.waiting());
        return true;
    }
  }
  if (pipeline_due_ && *pipeline_due_ <= clock.boot()) {
    pipeline_due_ = pipeline_->step();
    scan_due_ = clock.boot();
    return true;
  }
  return false;
}

void PipelineWorld::run() {
  while (run_one()) {
  }
}

std::optional<BootTime> PipelineWorld::next_due() const {
  if (!scan_due_ || !pipeline_due_) return scan_due_ ? scan_due_ : pipeline_due_;
  return std::min(*scan_due_, *pipeline_due_);
}

void PipelineWorld::pass(Nanoseconds time) {
  const BootTime until = clock.boot() + time;
  for (;;) {
    run();
    const BootTime next = std::min(next_due().value_or(until), until);
    if (clock.boot() >= until) return;
    if (next > clock.boot()) clock.advance(next - clock.boot());
  }
}

void PipelineWorld::run_until(const std::function<bool()>& done) {
  constexpr int patience = 100000;
  for (int i = 0; i < patience && !done(); ++i) {
    if (run_one()) continue;
    const std::optional<BootTime> due = next_due();
    if (!due) return;
    if (*due > clock.boot()) clock.advance(*due - clock.boot());
  }
}

void PipelineWorld::settle_down() {
  run_until([this] {
    run();  // what can be done now is done before time may pass
    if (!status_ || status_->folders.empty() || !pipeline_->idle() || !inbox_.empty()) return false;
    // Older than what was last delivered: the next one is due.
    if (WallTime(Nanoseconds(status_->at)) < delivered_at_) return false;
    const agent::FolderView& folder = status_->folders.front();
    return folder.watched == "inotify" && folder.pending == 0 && folder.uploading == 0;
  });
}

void PipelineWorld::command(agent::Command command) {
  // As the control server does before a wait: what the kernel has queued is taken in.
  while (watch()) {
  }
  auto shared = std::make_shared<agent::Command>(std::move(command));
  inbox_.push_back([this, shared] { pipeline_->command(std::move(*shared)); });
}

// --- what can be seen ---------------------------------------------------------------------------

bool PipelineWorld::has_reason(std::string_view code) const {
  if (!status_) return false;
  for (const agent::Reason& reason : status_->reasons) {
    if (reason.code == code) return true;
  }
  return false;
}

std::optional<catalog::FileRow> PipelineWorld::row(const std::string& path) {
  auto reader = catalog::Reader::open(config_.state_dir);
  if (!reader) return std::nullopt;
  const auto folders = (*reader)->folders();
  if (!folders || folders->empty()) return std::nullopt;
  auto found = (*reader)->find_live(folders->front().id, path);
  return found ? *found : std::nullopt;
}

std::optional<catalog::ObjectRow> PipelineWorld::object_of(const catalog::FileRow& row) {
  auto reader = catalog::Reader::open(config_.state_dir);
  if (!reader || !row.object) return std::nullopt;
  auto found = (*reader)->object(*row.object);
  return found ? *found : std::nullopt;
}

agent::FileView PipelineWorld::explain(const std::string& path) {
  agent::Explain question{.folder = status().folders.front().id, .path = path};
  auto answer = question.reply.get_future();
  command(std::move(question));
  run();
  return answer.get();
}

agent::Unrecorded PipelineWorld::unrecorded(agent::ListUnrecorded question) {
  auto answer = question.reply.get_future();
  command(std::move(question));
  run();
  return answer.get();
}

// Not one of the probe's own, which are below _waybill/.
bool carries_a_file(const Call& call) {
  const bool body = call.operation == Operation::Put || call.operation == Operation::PutPart;
  return body && call.key.find("_waybill/") == std::string::npos;
}

}  // namespace waybill::fakes
