#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "watcher/file_system.h"

namespace waybill::watcher {

// The kernel's name for a watch; the only identity of a watched directory (WATCHING.md 3 e).
enum class WatchId : std::int32_t {};

struct RawEvent {
  WatchId watch{-1};
  std::uint32_t mask = 0;  // IN_* as inotify(7) has them
  std::uint32_t cookie = 0;
  std::string name;  // empty: the watched directory itself
};

// The edge to change notification. read: watch thread; poll_fd: any; the rest: scan thread.
class EventSource {
 public:
  virtual ~EventSource() = default;
  // Watching a directory that is watched already returns its WatchId.
  // NeedsPerson with errno ENOSPC: the limit of watches is reached; EMFILE: that of instances. The
  // message names the setting to raise; asking again later is how to find out that it was raised.
  virtual Result<WatchId> add(const OpenDirectory& directory) = 0;
  virtual void remove(WatchId watch) = 0;
  // Begins anew, with no watch and nothing queued: for a source that does not report any more.
  virtual void renew() = 0;
  // What a person can do against overflows of the queue; empty: nothing.
  [[nodiscard]] virtual std::string overflow_advice() const = 0;
  // A limit of the queue was raised that holds for a source that begins anew only.
  [[nodiscard]] virtual bool outgrown() const = 0;
  // Appends what has happened and returns at once; how many were appended.
  virtual Result<std::size_t> read(std::vector<RawEvent>& into) = 0;
  // Readable when read() would give something. -1: none.
  [[nodiscard]] virtual int poll_fd() const = 0;
};

// An instance of inotify that cannot be had now is asked for again with each add().
Result<std::unique_ptr<EventSource>> make_inotify_source();

}  // namespace waybill::watcher
