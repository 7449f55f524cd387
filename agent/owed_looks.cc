#include "agent/owed_looks.h"

#include <algorithm>

namespace waybill::agent {

void OwedLooks::owe(FolderId folder, BootTime since, BootTime settled) {
  const Look asked{.due = settled, .since = since};
  const auto [at, first] = owed_.try_emplace(folder, Owed{.next = asked});
  if (first) return;
  auto& [next, after] = at->second;
  if (settled <= next.due) {
    next.since = std::min(next.since, since);
  } else {
    const Look before = after.value_or(asked);
    after = {.due = std::max(before.due, settled), .since = std::min(before.since, since)};
  }
}

std::set<FolderId> OwedLooks::begin(BootTime now) {
  std::set<FolderId> folders;
  for (auto at = owed_.begin(); at != owed_.end();) {
    auto& [folder, owed] = *at;
    if (owed.next.due > now) {
      ++at;
      continue;
    }
    BootTime since = owed.next.since;
    const bool both = owed.after && owed.after->due <= now;
    if (both) since = std::min(since, owed.after->since);
    folders.insert(folder);
    under_way_.emplace(folder, since);
    if (both || !owed.after) {
      at = owed_.erase(at);
    } else {
      owed = {.next = *owed.after};
      ++at;
    }
  }
  return folders;
}

bool OwedLooks::any(std::optional<FolderId> folder, BootTime then) const {
  const auto meant = [folder](FolderId one) { return !folder || one == *folder; };
  for (const auto& [one, owed] : owed_) {
    if (!meant(one)) continue;
    if (owed.next.since <= then || (owed.after && owed.after->since <= then)) return true;
  }
  return std::ranges::any_of(
      under_way_, [&](const auto& look) { return meant(look.first) && look.second <= then; });
}

std::optional<BootTime> OwedLooks::next_due() const {
  std::optional<BootTime> due;
  for (const auto& [folder, owed] : owed_)
    due = std::min(due.value_or(owed.next.due), owed.next.due);
  return due;
}

}  // namespace waybill::agent
