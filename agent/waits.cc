#include "agent/waits.h"

#include <algorithm>
#include <utility>

namespace waybill::agent {

Waits::Waits(std::function<Standing(const FilePath&)> standing) : standing_(std::move(standing)) {}

std::uint64_t Waits::start(StartWait wait) {
  const std::uint64_t id = next_++;
  waits_.push_back({.id = id, .what = std::move(wait)});
  return id;
}

void Waits::reached(std::uint64_t id, const std::vector<FilePath>& pending) {
  for (Wait& wait : waits_) {
    if (wait.id != id) continue;
    wait.held = false;
    if (wait.progress.started) continue;
    wait.progress.started = true;
    for (const FilePath& file : pending) {
      const bool meant = (!wait.what.folder || file.first == *wait.what.folder) &&
                         (wait.what.path_prefix.empty() || file.second == wait.what.path_prefix ||
                          file.second.starts_with(wait.what.path_prefix + "/"));
      if (meant) wait.files.insert(file);
    }
    wait.progress.remaining = static_cast<std::int64_t>(wait.files.size());
    wait.what.ticket->update(wait.progress);
  }
  drop_finished();
}

void Waits::look_at(const FilePath& file) {
  if (waits_.empty()) return;
  for (Wait& wait : waits_) settle(wait, file);
  drop_finished();
}

void Waits::moved(const FilePath& from, const FilePath& to) {
  for (Wait& wait : waits_) {
    if (wait.files.contains(from)) wait.files.insert(to);
    wait.progress.remaining = static_cast<std::int64_t>(wait.files.size());
  }
}

void Waits::look_at_some() {
  for (Wait& wait : waits_) {
    std::vector<FilePath> some;
    auto at = wait.files.lower_bound(wait.next);
    while (some.size() < std::min(looked_at_once, wait.files.size())) {
      if (at == wait.files.end()) at = wait.files.begin();
      some.push_back(*at++);
    }
    wait.next = at == wait.files.end() ? FilePath{} : *at;
    for (const FilePath& file : some) settle(wait, file);
  }
  drop_finished();
}

bool Waits::settle(Wait& wait, const FilePath& file) {
  if (wait.held || !wait.files.contains(file)) return false;
  const Standing now = standing_(file);
  if (now == Standing::Pending) return false;
  wait.files.erase(file);
  if (now == Standing::Stored) ++wait.progress.stored;
  if (now == Standing::Blocked) ++wait.progress.blocked;
  wait.progress.remaining = static_cast<std::int64_t>(wait.files.size());
  wait.what.ticket->update(wait.progress);
  return wait.progress.done();
}

void Waits::drop_finished() {
  // A client that went away leaves us the only holder of its ticket.
  std::erase_if(waits_, [](const Wait& wait) {
    return wait.progress.done() || wait.what.ticket.use_count() == 1;
  });
}

const StartWait* Waits::find(std::uint64_t id) const {
  const auto wait = std::ranges::find(waits_, id, &Wait::id);
  return wait == waits_.end() ? nullptr : &wait->what;
}

std::vector<std::uint64_t> Waits::hold() {
  std::vector<std::uint64_t> ids;
  for (Wait& wait : waits_) {
    wait.held = true;
    wait.id = next_++;
    ids.push_back(wait.id);
  }
  return ids;
}

}  // namespace waybill::agent
