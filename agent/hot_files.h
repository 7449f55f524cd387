#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/fingerprint.h"
#include "base/ids.h"

namespace waybill::agent {

// Files that change again and again after they were taken: each of their contents is worth an
// upload only once they are quiet for longer (PROTOCOL.md section 8). A pure function of what it is
// told and of time. Coord thread only.
class HotFiles {
 public:
  static constexpr Nanoseconds recent = std::chrono::minutes(10);
  static constexpr Nanoseconds longest = std::chrono::minutes(5);
  static constexpr std::size_t most = 10'000;  // remembered: the memory is bounded

  // Content that was taken has been changed to this.
  void changed(FolderId folder, const std::string& path, const Fingerprint& to, BootTime now);
  // How long it must be still: max(settle, min(5 min, 2^n s)), n being the recent changes but for
  // the first: a file that is replaced once is not hot.
  [[nodiscard]] Nanoseconds settle(FolderId folder, const std::string& path, Nanoseconds settle,
                                   BootTime now) const;
  // Recent changes but for the first; 0: it is not hot.
  [[nodiscard]] int heat(FolderId folder, const std::string& path, BootTime now) const;

 private:
  struct Entry {
    int changes = 0;
    Fingerprint to;  // the last: seen twice it is one change
    BootTime last;
  };
  std::map<std::pair<FolderId, std::string>, Entry> files_;
  BootTime swept_{};  // of what is no longer recent
};

}  // namespace waybill::agent
