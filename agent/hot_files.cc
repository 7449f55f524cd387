#include "agent/hot_files.h"

#include <algorithm>

namespace waybill::agent {

void HotFiles::changed(FolderId folder, const std::string& path, const Fingerprint& to,
                       BootTime now) {
  const auto known = files_.find({folder, path});
  if (known != files_.end()) {
    Entry& entry = known->second;
    if (entry.to == to) return;
    entry.to = to;
    entry.changes = now - entry.last > recent ? 1 : entry.changes + 1;
    entry.last = now;
    return;
  }
  if (files_.size() >= most && now - swept_ > recent / 10) {
    swept_ = now;
    std::erase_if(files_, [now](const auto& file) { return now - file.second.last > recent; });
  }
  // More hot files than that: the newest of them go undamped.
  if (files_.size() < most) files_[{folder, path}] = {.changes = 1, .to = to, .last = now};
}

int HotFiles::heat(FolderId folder, const std::string& path, BootTime now) const {
  const auto known = files_.find({folder, path});
  if (known == files_.end() || now - known->second.last > recent) return 0;
  return known->second.changes - 1;
}

Nanoseconds HotFiles::settle(FolderId folder, const std::string& path, Nanoseconds settle,
                             BootTime now) const {
  const int hot = heat(folder, path, now);
  if (hot == 0) return settle;
  constexpr int enough = 9;  // 2^9 s is more than the longest
  const Nanoseconds damped = std::chrono::seconds(1LL << std::min(hot, enough));
  return std::max(settle, std::min(longest, damped));
}

}  // namespace waybill::agent
