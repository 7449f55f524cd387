#include "agent/sidecars.h"

#include <algorithm>
#include <utility>

#include "base/paths.h"
#include "base/test_points.h"

namespace waybill::agent {
namespace {

// Two ticks of the slowest kernel clock: within them a second write may leave the same times.
constexpr Nanoseconds least_settle = std::chrono::milliseconds(20);
// Who is at it may be so for long.
constexpr Nanoseconds between_tries = std::chrono::seconds(2);

watcher::SettlePolicy long_enough(watcher::SettlePolicy policy) {
  policy.settle = std::max(policy.settle, least_settle);
  return policy;
}

// No file has it.
constexpr Fingerprint nothing{.ino = ~std::uint64_t{0}};

}  // namespace

void Sidecars::present(const FilePath& sidecar, const Fingerprint& fingerprint,
                       const watcher::SettlePolicy& policy, BootTime now, bool known) {
  const auto found = known_.find(sidecar);
  if (found != known_.end() && found->second == fingerprint) return;
  if (known && found == known_.end()) return know(sidecar, fingerprint);
  change(sidecar, fingerprint, policy, now);
}

void Sidecars::absent(const FilePath& sidecar, const watcher::SettlePolicy& policy, BootTime now) {
  change(sidecar, nothing, policy, now);
}

// What cannot settle is not known either: it would be taken for settled.
void Sidecars::change(const FilePath& sidecar, const Fingerprint& into,
                      const watcher::SettlePolicy& policy, BootTime now) {
  const auto& [folder, path] = sidecar;
  const bool there = !(into == nothing);
  known_.erase(sidecar);
  settled_.erase(sidecar);
  if (!may_settle(sidecar)) {
    if (there) unknown_[folder].directories.left_out(parent_of(path), false);
    return owe(folder, now, now + long_enough(policy).settle);
  }
  if (there) know(sidecar, into);
  why_later_.erase(sidecar);
  settling_.observe(folder, path, into, long_enough(policy), now);
}

void Sidecars::know(const FilePath& sidecar, const Fingerprint& fingerprint) {
  const auto& [folder, path] = sidecar;
  if (known_.size() < most_) {
    known_.emplace(sidecar, fingerprint);
  } else {
    unknown_[folder].directories.left_out(parent_of(path), false);
  }
}

void Sidecars::owe(FolderId folder, BootTime since, BootTime settled) {
  if (WAYBILL_PLANTED(SidecarBeyondRoomForgotten)) return;
  owed_.owe(folder, since, settled);
}

bool Sidecars::may_use(const FilePath& sidecar, const std::optional<watcher::Sidecar>& read,
                       const watcher::SettlePolicy& policy, bool lease_wanted, Nanoseconds wall_age,
                       BootTime now) {
  const auto& [folder, path] = sidecar;
  if (settling(sidecar)) return false;
  if (!read && known_.contains(sidecar)) {
    // It has just gone, perhaps for another to take its place.
    absent(sidecar, policy, now);
    return false;
  }
  if (!read) return true;
  // Without a lease nobody can tell whether a writer still has it open: then only a longer silence
  // counts (WATCHING.md 2.3).
  if (lease_wanted && !read->leased && wall_age < policy.settle_nolease) {
    const BootTime last_change = now - std::max(wall_age, Nanoseconds::zero());
    if (may_settle(sidecar)) {
      settling_.no_lease(folder, path, read->fingerprint, long_enough(policy), last_change);
    } else {
      owe(folder, last_change, last_change + policy.settle_nolease);
    }
    return false;
  }
  const auto seen = known_.find(sidecar);
  if (seen != known_.end() && seen->second == read->fingerprint) return true;
  if (seen == known_.end() && wall_age >= long_enough(policy).settle) return true;
  const auto settled = settled_.find(sidecar);
  if (settled != settled_.end() && settled->second == read->fingerprint) return true;
  // It came, or changed, so lately that it was read before it was seen.
  present(sidecar, read->fingerprint, policy, now, false);
  return false;
}

void Sidecars::try_later(const FilePath& sidecar, const std::string& why,
                         const watcher::SettlePolicy& policy, BootTime now) {
  const Nanoseconds wait = std::max(policy.settle, between_tries);
  const auto& [folder, path] = sidecar;
  // Nobody could tell since when it has been what it is: it may have been for ever.
  if (!may_settle(sidecar)) return owe(folder, BootTime::min(), now + wait);
  why_later_[sidecar] = why;
  settling_.writer_found(folder, path, nothing, {.settle = wait}, now);
}

std::string Sidecars::why_later(const FilePath& sidecar) const {
  const auto found = why_later_.find(sidecar);
  return found == why_later_.end() ? "" : found->second;
}

std::optional<BootTime> Sidecars::due(const FilePath& sidecar) const {
  const auto waiting = settling_.find(sidecar.first, sidecar.second);
  if (!waiting) return std::nullopt;
  return waiting->due;
}

std::vector<FilePath> Sidecars::all_settling() const {
  std::vector<FilePath> all;
  settling_.each([&all](FolderId folder, const std::string& path, const auto&) {
    all.emplace_back(folder, path);
  });
  return all;
}

std::vector<FilePath> Sidecars::take_due(BootTime now) {
  std::vector<FilePath> due;
  for (auto& settled : settling_.take_due(now, most_)) {
    due.emplace_back(settled.folder, std::move(settled.path));
    why_later_.erase(due.back());
    if (settled.fingerprint == nothing || known_.contains(due.back())) continue;
    if (settled_.size() >= most_) settled_.clear();
    settled_.insert_or_assign(due.back(), settled.fingerprint);
  }
  return due;
}

std::vector<std::string> Sidecars::in(FolderId folder, const std::string& directory) const {
  const std::string start = directory.empty() ? "" : directory + '/';
  std::vector<std::string> paths;
  for (auto at = known_.lower_bound({folder, start});
       at != known_.end() && at->first.first == folder && at->first.second.starts_with(start);
       ++at) {
    const std::string& path = at->first.second;
    if (path.find('/', start.size()) == std::string::npos) paths.push_back(path);
  }
  return paths;
}

void Sidecars::listing_begins(FolderId folder, const std::string& directory) {
  const auto found = unknown_.find(folder);
  if (found == unknown_.end()) return;
  auto& [directories, listed] = found->second;
  if (listed) directories.left_out(*listed, false);
  listed.reset();
  if (directories.take(directory)) listed = directory;
}

void Sidecars::listing_ends(FolderId folder, const std::string& directory, bool complete,
                            BootTime now) {
  const auto found = unknown_.find(folder);
  if (found == unknown_.end() || found->second.listed != directory) return;
  found->second.listed.reset();
  if (complete) return owe(folder, now, now);
  found->second.directories.left_out(directory, false);
}

void Sidecars::forget_below(FolderId folder, const std::string& directory) {
  const std::string start = directory + '/';
  const auto first = known_.lower_bound({folder, start});
  auto last = first;
  while (last != known_.end() && last->first.first == folder &&
         last->first.second.starts_with(start)) {
    ++last;
  }
  known_.erase(first, last);
  const auto unknown = unknown_.find(folder);
  if (unknown != unknown_.end()) unknown->second.directories.forget_below(directory);
}

}  // namespace waybill::agent
