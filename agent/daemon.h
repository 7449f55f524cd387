#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "agent/config.h"
#include "agent/control_server.h"
#include "agent/liveness.h"
#include "agent/pipeline.h"
#include "agent/status.h"
#include "agent/worker_pool.h"
#include "base/inbox.h"
#include "base/mutex.h"
#include "catalog/ballast.h"
#include "uploader/transfer_engine.h"
#include "watcher/mount_table.h"
#include "watcher/watch_loop.h"

namespace waybill::agent {

// The threads of DESIGN.md section 3 around the pipeline. Constructed, used and destroyed by the
// main thread, which never waits for any of it but at the end.
class Daemon {
 public:
  // Starts every thread. SIGIO must be ignored or blocked by the process: a broken lease sends it.
  static Result<std::unique_ptr<Daemon>> start(Config config, Log& log);
  // Lets running requests finish for `grace`, then stops every thread.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // A configuration that was read anew, or why it could not be: then the old one goes on.
  void reload(Result<Config> config);
  [[nodiscard]] StatusPtr status() const;
  // As of now, if coord answers soon; else the last one. Control threads.
  StatusPtr fresh_status();
  // True if coord has answered since the last call: what the watchdog is told.
  bool alive();

 private:
  Daemon(Config config, Log& log);
  Result<void> run();
  void wait_for_first_status();
  void watch(const std::stop_token& stop);
  void scan(const std::stop_token& stop);
  void coordinate(const std::stop_token& stop);
  void post(Task task) { inbox_.push(std::move(task)); }
  World make_world();

  static constexpr Nanoseconds grace = std::chrono::seconds(5);

  const Config initial_;
  Log& log_;
  catalog::Ballast ballast_;  // coord thread only
  SystemClock clock_;
  Random random_ = Random::from_system();
  Inbox<Task> inbox_;
  std::unique_ptr<watcher::FileSystem> files_;
  std::unique_ptr<watcher::EventSource> events_;
  const UniqueFd mounts_ = watcher::open_mount_table();
  watcher::Coalescer dirt_;
  std::unique_ptr<watcher::WatchLoop> watch_loop_;
  std::unique_ptr<watcher::Scanner> scanner_;
  std::unique_ptr<uploader::TransferEngine> engine_;
  std::unique_ptr<WorkerPool> readers_;
  std::unique_ptr<Pipeline> pipeline_;  // coord thread only, once that runs
  std::unique_ptr<ControlServer> control_;

  mutable Mutex mu_;
  Condition published_;
  StatusPtr status_ GUARDED_BY(mu_);
  std::atomic<int> observations_waiting_{0};  // back-pressure on the scanner
  Liveness liveness_;

  std::jthread watch_thread_;
  std::jthread scan_thread_;
  std::jthread coord_thread_;
};

}  // namespace waybill::agent
