#include "watcher/translator.h"

#include <sys/inotify.h>

namespace waybill::watcher {

namespace {

Appearance appearance_in(std::uint32_t mask) {
  if ((mask & IN_MOVED_TO) != 0) return Appearance::Moved;
  if ((mask & IN_CREATE) != 0) return Appearance::Made;
  return Appearance::None;
}

}  // namespace

Change translate(const RawEvent& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0 || event.watch < WatchId{0}) return Overflowed{};
  // The last thing ever said of a watch, whatever ended it: directory deleted, file system
  // unmounted, watch removed. IN_DELETE_SELF and IN_UNMOUNT are always followed by it.
  if ((event.mask & IN_IGNORED) != 0) return WatchEnded{event.watch};
  if ((event.mask & (IN_DELETE_SELF | IN_UNMOUNT)) != 0) return Nothing{};
  if (event.name.empty()) return DirectoryDirty{event.watch};
  return NameChanged{event.watch, event.name, appearance_in(event.mask)};
}

}  // namespace waybill::watcher
