#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "watcher/event_source.h"

namespace waybill::watcher {

// What an event says about where to look. Never what is there: that is found by looking.
// What has come to have a name, as the event told it; what it is by now, a look tells.
enum class Appearance : std::uint8_t {
  None,   // nothing new
  Moved,  // by a rename
  Made,   // created or linked
};
struct NameChanged {
  WatchId watch{};
  std::string name;
  Appearance appeared = Appearance::None;
};
struct DirectoryDirty {
  WatchId watch{};
};
struct WatchEnded {  // the directory went, its file system was unmounted, or the watch was removed
  WatchId watch{};
};
struct Overflowed {};
struct MountsChanged {};  // not of an event: of the mount table
struct Nothing {};
using Change =
    std::variant<NameChanged, DirectoryDirty, WatchEnded, Overflowed, MountsChanged, Nothing>;

// Pure.
Change translate(const RawEvent& event);

}  // namespace waybill::watcher
