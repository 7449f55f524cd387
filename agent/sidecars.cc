#include "agent/sidecars.h"

#include <algorithm>
#include <utility>

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
  if (found != known_.end()) {
    found->second = fingerprint;
  } else if (known_.size() < most) {
    known_.emplace(sidecar, fingerprint);
  }
  if (!known || found != known_.end()) change(sidecar, fingerprint, policy, now);
}

void Sidecars::absent(const FilePath& sidecar, const watcher::SettlePolicy& policy, BootTime now) {
  known_.erase(sidecar);
  change(sidecar, nothing, policy, now);
}

void Sidecars::change(const FilePath& sidecar, const Fingerprint& into,
                      const watcher::SettlePolicy& policy, BootTime now) {
  const auto& [folder, path] = sidecar;
  if (settling_.size() >= most && !settling(sidecar)) {
    overflowed_.insert(folder);
    return;
  }
  why_later_.erase(sidecar);
  settling_.observe(folder, path, into, long_enough(policy), now);
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
    if (settling_.size() < most) {
      settling_.no_lease(folder, path, read->fingerprint, long_enough(policy),
                         now - std::max(wall_age, Nanoseconds::zero()));
    } else {
      overflowed_.insert(folder);
    }
    return false;
  }
  const auto seen = known_.find(sidecar);
  if (seen != known_.end() && seen->second == read->fingerprint) return true;
  if (seen == known_.end() && wall_age >= long_enough(policy).settle) return true;
  // It came, or changed, so lately that it was read before it was seen.
  present(sidecar, read->fingerprint, policy, now, false);
  return false;
}

void Sidecars::try_later(const FilePath& sidecar, const std::string& why,
                         const watcher::SettlePolicy& policy, BootTime now) {
  why_later_[sidecar] = why;
  settling_.writer_found(sidecar.first, sidecar.second, nothing,
                         {.settle = std::max(policy.settle, between_tries)}, now);
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
  for (auto& settled : settling_.take_due(now, most)) {
    due.emplace_back(settled.folder, std::move(settled.path));
    why_later_.erase(due.back());
  }
  return due;
}

std::set<FolderId> Sidecars::take_overflowed() {
  if (settling_.size() > 0) return {};
  return std::exchange(overflowed_, {});
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

void Sidecars::forget_below(FolderId folder, const std::string& directory) {
  const std::string start = directory + '/';
  const auto first = known_.lower_bound({folder, start});
  auto last = first;
  while (last != known_.end() && last->first.first == folder &&
         last->first.second.starts_with(start)) {
    ++last;
  }
  known_.erase(first, last);
}

}  // namespace waybill::agent
