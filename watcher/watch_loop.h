#pragma once

#include <cstdint>

#include "base/event_fd.h"
#include "base/mutex.h"
#include "base/result.h"
#include "watcher/coalescer.h"
#include "watcher/event_source.h"

namespace waybill::watcher {

// The watch thread: drains the kernel into the coalescer and does nothing else, so that the event
// queue stays short whatever the scan thread is busy with.
class WatchLoop {
 public:
  // `mounts`: tells with POLLPRI that the mounts changed (open_mount_table); -1: nothing does. Must
  // outlive the loop.
  WatchLoop(EventSource& events, Coalescer& dirt, int mounts = -1);

  // Watch thread: waits until there is something (or interrupt()), drains it. Errors: the source is
  // broken and events may have been lost; everything was marked dirty.
  Result<void> step();
  // Any thread: returns after the watch thread has drained everything that the kernel had queued
  // before the call, or after `patience`; true if it has.
  bool drain(Nanoseconds patience);
  // Any thread: ends a wait in step().
  void interrupt() const { wake_.signal(); }

 private:
  EventSource& events_;
  Coalescer& dirt_;
  const int mounts_;
  EventFd wake_;
  Mutex mu_;
  Condition drained_;
  std::uint64_t asked_ GUARDED_BY(mu_) = 0;
  std::uint64_t answered_ GUARDED_BY(mu_) = 0;
};

}  // namespace waybill::watcher
