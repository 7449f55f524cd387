#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_event_source.h"
#include "tests/fakes/fake_file_system.h"
#include "tests/unit/watcher/belief.h"
#include "watcher/scanner.h"
#include "watcher/watch_loop.h"

namespace waybill::watcher {

// A scanner over a disk in memory, stepped by hand.
class ScannerWorld : public testing::Test {
 protected:
  static constexpr FolderId folder{1};

  ScannerWorld() {
    disk.make_directory("/root");
    spec.id = folder;
    spec.path = "/root";
  }

  void start() { scanner.set_folders({spec}); }

  void drain_events() {
    loop.interrupt();
    static_cast<void>(loop.step());
  }
  std::optional<BootTime> step() {
    drain_events();
    return scanner.step();
  }
  // Until there is nothing to do now; every doubt is asked about.
  void settle() {
    for (int steps = 0; steps < 100'000; ++steps) {
      const auto next = step();
      for (const std::string& path : belief.take_doubts()) scanner.look(folder, path);
      if ((!next || *next > clock.boot()) && belief.doubtless()) {
        if (const auto again = step(); !again || *again > clock.boot()) return;
      }
    }
    FAIL() << "the scanner does not come to rest";
  }
  void pass(Nanoseconds time) {
    clock.advance(time);
    settle();
  }

  fakes::FakeFileSystem disk;
  fakes::FakeEventSource events{disk};
  fakes::FakeClock clock;
  Coalescer dirt;
  WatchLoop loop{events, dirt};
  Belief belief{folder};
  std::vector<Observation> heard;
  Scanner scanner{disk, events, dirt, clock, [this](const Observation& what) {
                    heard.push_back(what);
                    belief.take(what);
                  }};
  FolderSpec spec;
};

using Paths = std::set<std::string>;

}  // namespace waybill::watcher
