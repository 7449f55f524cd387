#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/config.h"
#include "agent/status.h"
#include "agent/timers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "uploader/object_store.h"
#include "watcher/file_system.h"
#include "watcher/scanner.h"

namespace waybill::agent {

// The edges of the pipeline, for the daemon, a test or a simulation to provide. All of it outlives
// the pipeline.
struct World {
  const Clock& clock;
  Random& random;
  Log& log;
  watcher::FileSystem& files;
  watcher::Scanner& scanner;  // requests only
  // Runs work that reads and hashes, off the coord thread (the hash pool).
  std::function<void(Task)> read;
  // Leaves a task for the coord thread. Any thread.
  std::function<void(Task)> post;
  std::function<Result<std::unique_ptr<catalog::Catalog>>(const Config&)> open_catalog;
  std::function<Result<std::shared_ptr<uploader::ObjectStore>>(const S3Config&)> connect;
  // Room on the disk of the state directory, so that acknowledgements can be recorded when somebody
  // has filled it (catalog/ballast.h).
  struct Room {
    std::function<bool()> hold = [] { return true; };  // some of it; false: there is too little
    std::function<void()> release = [] {};             // gives that to the catalog
    std::function<std::uint64_t()> free = [] { return ~std::uint64_t{0}; };  // bytes beside it
  };
  Room room;
  // Bytes of memory for files that settle, about: those of more are left in their directories.
  std::size_t settling_room = std::size_t{24} << 20U;
  // Sidecars that are known each, and that settle at a time: for more the catalog is asked.
  std::size_t most_sidecars = 10'000;
  // Takes each new status; coord thread.
  std::function<void(StatusPtr)> publish;
};

}  // namespace waybill::agent
