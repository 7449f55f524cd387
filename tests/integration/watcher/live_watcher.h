#pragma once

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/unit/watcher/belief.h"
#include "watcher/mount_table.h"
#include "watcher/scanner.h"
#include "watcher/watch_loop.h"

namespace waybill::watcher {

// The whole watcher over the real kernel, stepped by one thread; its time moves when the test says
// so. The kernel queues an event before the call that caused it returns, so after a barrier the
// belief is to be the truth: no test waits for time to pass.
class LiveWatcher {
 public:
  static constexpr FolderId folder{1};

  explicit LiveWatcher(std::string root, IgnoreRules ignore = IgnoreRules::defaults(),
                       std::unique_ptr<FileSystem> files = make_linux_file_system(),
                       std::unique_ptr<EventSource> events = inotify())
      : files_(std::move(files)),
        events_(std::move(events)),
        loop_(*events_, dirt_, mounts_.get()),
        scanner_(*files_, *events_, dirt_, clock, [this](const Observation& what) {
          belief.take(what);
          if (also != nullptr) also->take(what);
        }) {
    std::signal(SIGIO, SIG_IGN);
    spec.id = folder;
    spec.path = std::move(root);
    spec.ignore = std::move(ignore);
    scanner_.set_folders({spec});
  }

  // One piece of work of each thread.
  void step() {
    loop_.interrupt();
    if (!loop_.step()) throw std::runtime_error("the event source broke");
    scanner_.step();
  }
  // Scans without reading events: the reader is stopped.
  void step_scanner_only() { scanner_.step(); }

  // Until all that had happened on disk is believed. False: it does not come to rest.
  [[nodiscard]] bool catch_up() {
    constexpr int many = 200'000;
    int steps = 0;
    for (;;) {
      scanner_.barrier(++barrier_);
      do {
        step();
        if (++steps > many) return false;
        // What failed for the moment waits on the clock.
        if (steps % 64 == 0) clock.advance(std::chrono::milliseconds(100));
      } while (belief.barriers.empty() || belief.barriers.back() != barrier_);
      const std::vector<std::string> doubts = belief.take_doubts();
      if (doubts.empty()) return true;
      for (const std::string& path : doubts) scanner_.look(folder, path);
    }
  }

  Scanner& scanner() { return scanner_; }
  static std::unique_ptr<EventSource> inotify() {
    auto made = make_inotify_source();
    if (!made) throw std::runtime_error(made.error().describe());
    return std::move(*made);
  }
  [[nodiscard]] FolderStatus status() const { return belief.statuses.back(); }

  fakes::FakeClock clock;
  Belief belief{folder};
  Belief* also = nullptr;  // of another folder
  FolderSpec spec;

 private:
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<EventSource> events_;
  const UniqueFd mounts_ = open_mount_table();
  Coalescer dirt_;
  WatchLoop loop_;
  Scanner scanner_;
  std::uint64_t barrier_ = 0;
};

}  // namespace waybill::watcher
