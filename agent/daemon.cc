#include "agent/daemon.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <utility>

#include "base/environment.h"
#include "base/thread_name.h"
#include "catalog/catalog.h"
#include "uploader/credentials.h"
#include "uploader/request_options.h"
#include "uploader/s3_store.h"
#include "watcher/event_source.h"

namespace waybill::agent {
namespace {

// Enough that coord never starves, little enough that memory stays small (4,096 names each at
// most, of two such and a third), and that a listing can be held while there is room for what is on
// its way.
constexpr int observations_in_flight = 16;
constexpr std::size_t names_like_an_observation = 512;
constexpr Nanoseconds status_patience = std::chrono::milliseconds(500);
constexpr Nanoseconds drain_patience = std::chrono::seconds(5);
constexpr Nanoseconds ready_patience = std::chrono::seconds(10);

Result<std::shared_ptr<uploader::ObjectStore>> connect(const S3Config& s3,
                                                       uploader::TransferEngine& engine,
                                                       const Clock& clock) {
  auto credentials = uploader::make_credentials(
      {.access_key_id = s3.access_key_id,
       .secret_access_key = s3.secret_access_key,
       .session_token = s3.session_token,
       .credentials_file = s3.credentials_file,
       .profile = s3.profile,
       .systemd_directory = environment("CREDENTIALS_DIRECTORY").value_or(""),
       .region = s3.region,
       .instance_metadata = uploader::instance_metadata_of_this_machine()},
      clock);
  uploader::S3Options options{.endpoint = s3.endpoint,
                              .region = s3.region,
                              .bucket = s3.bucket,
                              .path_style = s3.path_style,
                              .ca_file = s3.ca_file,
                              .proxy = s3.proxy,
                              .dual_stack = s3.dual_stack,
                              .fips = s3.fips,
                              .accelerate = s3.accelerate,
                              .write = s3.write,
                              .checksum_header = s3.checksum};
  if (!s3.sse_customer_key_file.empty()) {
    auto key = uploader::read_customer_key(s3.sse_customer_key_file);
    if (!key) return fail(std::move(key.error()));
    options.write.sse_customer_key = std::move(*key);
  }
  auto store = uploader::make_s3_store(std::move(options), std::move(credentials), engine, clock);
  if (!store) return fail(store.error());
  return std::shared_ptr<uploader::ObjectStore>(std::move(*store));
}

Result<std::unique_ptr<catalog::Catalog>> open_catalog(const std::string& state_dir,
                                                       const Clock& clock) {
  if (::mkdir(state_dir.c_str(), 0750) != 0 && errno != EEXIST) {
    Error error = system_error("create the state directory " + state_dir, errno);
    error.code = ErrorCode::NeedsPerson;
    return fail(std::move(error));
  }
  return catalog::Catalog::open(state_dir, clock);
}

int weight_of(const watcher::Observation& observation) {
  const auto* const seen = std::get_if<watcher::Seen>(&observation);
  const std::size_t names = seen == nullptr ? 0 : seen->files.size();
  return static_cast<int>(std::max<std::size_t>(1, names / names_like_an_observation));
}

}  // namespace

Daemon::Daemon(Config config, Log& log)
    : initial_(std::move(config)), log_(log), ballast_(initial_.state_dir) {}

Result<std::unique_ptr<Daemon>> Daemon::start(Config config, Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), log));
  if (auto started = daemon->run(); !started) return fail(started.error());
  return daemon;
}

Result<void> Daemon::run() {
  auto events = watcher::make_inotify_source();
  if (!events) return fail(events.error());
  events_ = std::move(*events);
  auto engine = uploader::TransferEngine::start(
      {.max_connections = initial_.uploads + 2, .bandwidth = initial_.bandwidth}, clock_);
  if (!engine) return fail(engine.error());
  engine_ = std::move(*engine);
  files_ = watcher::make_linux_file_system();
  watch_loop_ = std::make_unique<watcher::WatchLoop>(*events_, dirt_, mounts_.get());
  scanner_ = std::make_unique<watcher::Scanner>(
      *files_, *events_, dirt_, clock_,
      [this](watcher::Observation observation) {
        const int weight = weight_of(observation);
        observations_waiting_.fetch_add(weight);
        post([this, weight, observation = std::move(observation)] {
          pipeline_->observe(observation);
          observations_waiting_.fetch_sub(weight);
          observations_waiting_.notify_one();
        });
        // Slower than coord is fast enough; unbounded is not.
        // The value that is waited on is the one that was judged: a second look could miss the last
        // change, and with it every wake-up.
        for (int waiting = observations_waiting_.load();
             waiting > observations_in_flight && !scan_thread_.get_stop_token().stop_requested();
             waiting = observations_waiting_.load()) {
          observations_waiting_.wait(waiting);
        }
      },
      [this] { return watch_loop_->drain(drain_patience); });
  const unsigned cores = std::thread::hardware_concurrency();
  readers_ = std::make_unique<WorkerPool>(std::clamp(static_cast<int>(cores), 2, 8));
  pipeline_ = std::make_unique<Pipeline>(make_world(), initial_);

  auto control =
      ControlServer::start(initial_.socket, initial_.state_dir,
                           {.status = [this] { return fresh_status(); },
                            .post =
                                [this](Command command) {
                                  auto shared = std::make_shared<Command>(std::move(command));
                                  post([this, shared] { pipeline_->command(std::move(*shared)); });
                                },
                            .drain_watcher = [this] { watch_loop_->drain(drain_patience); }},
                           log_);
  if (!control) return fail(control.error());
  control_ = std::move(*control);

  watch_thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  scan_thread_ = std::jthread([this](const std::stop_token& stop) { scan(stop); });
  coord_thread_ = std::jthread([this](const std::stop_token& stop) { coordinate(stop); });
  wait_for_first_status();
  return {};
}

// Ready means that questions are answered: the catalog is open, or what is wrong with it is told.
// One that takes longer to open answers later; a service manager would not wait for ever.
void Daemon::wait_for_first_status() {
  const BootTime deadline = clock_.boot() + ready_patience;
  const MutexLock lock(mu_);
  for (BootTime now = clock_.boot(); !status_ && now < deadline; now = clock_.boot()) {
    published_.wait_for(mu_, deadline - now);
  }
}

Daemon::~Daemon() {
  control_.reset();
  if (coord_thread_.joinable()) {
    coord_thread_.request_stop();
    inbox_.wake();
    coord_thread_.join();
  }
  if (scan_thread_.joinable()) {
    scan_thread_.request_stop();
    observations_waiting_.store(0);
    observations_waiting_.notify_all();
    dirt_.wake();
    scan_thread_.join();
  }
  if (watch_thread_.joinable()) {
    watch_thread_.request_stop();
    watch_loop_->interrupt();
    watch_thread_.join();
  }
  readers_.reset();
  pipeline_.reset();
}

World Daemon::make_world() {
  return {.clock = clock_,
          .random = random_,
          .log = log_,
          .files = *files_,
          .scanner = *scanner_,
          .read = [this](Task task) { readers_->run(std::move(task)); },
          .post = [this](Task task) { post(std::move(task)); },
          .open_catalog =
              [this](const Config& config) {
                const Liveness::Opening opening(liveness_);
                return open_catalog(config.state_dir, clock_);
              },
          .connect = [this](const S3Config& s3) { return connect(s3, *engine_, clock_); },
          .room = {.hold = [this] { return ballast_.hold().has_value(); },
                   .release = [this] { ballast_.release(); },
                   // What cannot be asked is no reason to stop.
                   .free = [this] { return ballast_.free().value_or(~std::uint64_t{0}); }},
          .publish =
              [this](StatusPtr status) {
                const MutexLock lock(mu_);
                status_ = std::move(status);
                published_.notify_all();
              }};
}

StatusPtr Daemon::status() const {
  const MutexLock lock(mu_);
  return status_;
}

StatusPtr Daemon::fresh_status() {
  scanner_->prove();
  const auto told = std::make_shared<std::promise<void>>();
  std::future<void> fresh = told->get_future();
  post([this, told] { pipeline_->refresh([told] { told->set_value(); }); });
  fresh.wait_for(status_patience);
  return status();
}

void Daemon::reload(Result<Config> config) {
  if (config && (config->state_dir != initial_.state_dir || config->socket != initial_.socket)) {
    config = fail(ErrorCode::BadConfig,
                  "state_dir and socket cannot change while it runs: restart waybilld instead");
  }
  if (!config) {
    log_.error("configuration refused, the old one goes on", {{"cause", config.error().message}});
    post([this, sentence = config.error().message] { pipeline_->config_refused(sentence); });
    return;
  }
  log_.info("configuration read anew");
  engine_->limit(config->bandwidth);
  auto shared = std::make_shared<Config>(std::move(*config));
  post([this, shared] { pipeline_->reconfigure(std::move(*shared)); });
}

bool Daemon::alive() {
  scanner_->prove();
  return liveness_.check([this](Task task) { post(std::move(task)); });
}

void Daemon::watch(const std::stop_token& stop) {
  name_this_thread("watch");
  while (!stop.stop_requested()) {
    if (auto done = watch_loop_->step(); !done) {
      log_.error("events may have been lost, everything is looked at again",
                 {{"cause", done.error().describe()}});
    }
  }
}

void Daemon::scan(const std::stop_token& stop) {
  name_this_thread("scan");
  while (!stop.stop_requested()) {
    const auto due = scanner_->step();
    dirt_.wait(due ? std::optional(std::max(Nanoseconds::zero(), *due - clock_.boot()))
                   : std::nullopt);
  }
}

void Daemon::coordinate(const std::stop_token& stop) {
  name_this_thread("coord");
  std::optional<BootTime> stop_by;
  while (true) {
    std::optional<BootTime> due = pipeline_->step();
    const BootTime now = clock_.boot();
    if (stop.stop_requested()) {
      if (!stop_by) {
        stop_by = now + grace;
        pipeline_->stop_claiming();
      }
      if (pipeline_->idle() || now >= *stop_by) return;
      due = due ? std::min(*due, *stop_by) : *stop_by;
    }
    const auto patience =
        due ? std::optional(std::max(Nanoseconds::zero(), *due - now)) : std::nullopt;
    for (Task& task : inbox_.drain(patience)) task();
  }
}

}  // namespace waybill::agent
