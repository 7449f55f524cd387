#include "watcher/later_looks.h"

#include <algorithm>
#include <chrono>

namespace waybill::watcher {

bool LaterLooks::add(Item item, BootTime now) {
  constexpr unsigned enough = 20;  // doublings beyond which every wait is the longest
  const Nanoseconds wait = std::min<Nanoseconds>(
      std::chrono::seconds(1) * (1LL << std::min(item.tries, enough)), std::chrono::hours(1));
  const BootTime due = now + wait;
  const Name name(item.folder, item.path);
  const auto known = waits_.find(name);
  if (known == waits_.end() && waits_.size() >= room) return false;
  if (known != waits_.end()) {
    if (known->second.due <= due) return true;
    schedule_.erase({known->second.due, item.folder, item.path});
  }
  waits_[name] = {.due = due, .tries = item.tries};
  schedule_.emplace(due, item.folder, std::move(item.path));
  return true;
}

std::vector<LaterLooks::Item> LaterLooks::take(BootTime now) {
  std::vector<Item> due;
  while (!schedule_.empty() && std::get<BootTime>(*schedule_.begin()) <= now) {
    auto first = schedule_.extract(schedule_.begin());
    auto& [when, folder, path] = first.value();
    const auto wait = waits_.extract(Name(folder, path));
    due.push_back({.folder = folder, .path = std::move(path), .tries = wait.mapped().tries});
  }
  return due;
}

std::optional<BootTime> LaterLooks::next_due() const {
  if (schedule_.empty()) return std::nullopt;
  return std::get<BootTime>(*schedule_.begin());
}

void LaterLooks::forget(FolderId folder) {
  std::erase_if(waits_, [folder](const auto& wait) { return wait.first.first == folder; });
  std::erase_if(schedule_,
                [folder](const auto& wait) { return std::get<FolderId>(wait) == folder; });
}

}  // namespace waybill::watcher
