#include "watcher/coalescer.h"

#include <utility>

namespace waybill::watcher {

namespace {

void add_to(Coalescer::Dirt& dirt, const Change& change) {
  // Everything is dirty already; but that a watch ended must still be known, or a dead watch would
  // be trusted after the scan.
  if (const auto* ended = std::get_if<WatchEnded>(&change)) {
    dirt.directories_by_watch[ended->watch].gone = true;
  } else if (std::holds_alternative<Overflowed>(change)) {
    dirt.everything = true;
    dirt.overflowed = true;
    dirt.directories_by_watch.clear();
    dirt.appearances = 0;
  } else if (std::holds_alternative<MountsChanged>(change)) {
    dirt.mounts = true;
  } else if (dirt.everything) {
    return;
  } else if (const auto* name = std::get_if<NameChanged>(&change)) {
    Coalescer::Directory& directory = dirt.directories_by_watch[name->watch];
    if (directory.whole) return;
    directory.names.insert(name->name);
    if (directory.names.size() > Coalescer::names_per_directory) {
      directory.whole = true;
      directory.names.clear();
    }
  } else if (const auto* dirty = std::get_if<DirectoryDirty>(&change)) {
    Coalescer::Directory& directory = dirt.directories_by_watch[dirty->watch];
    directory.whole = true;
    directory.names.clear();
  }
  if (dirt.directories_by_watch.size() > Coalescer::directories) {
    dirt.everything = true;
    dirt.directories_by_watch.clear();
    dirt.appearances = 0;
  }
}

// Apart from what is dirty: a listing finds out what is there, and never how it came.
void note_appearance(Coalescer::Dirt& dirt, const Change& change) {
  const auto* const name = std::get_if<NameChanged>(&change);
  if (name == nullptr || name->appeared == Appearance::None) return;
  auto& appeared = dirt.directories_by_watch[name->watch].appeared;
  const auto known = appeared.find(name->name);
  if (known != appeared.end()) {
    known->second = name->appeared;
  } else if (dirt.appearances < Coalescer::appearances) {
    appeared.emplace(name->name, name->appeared);
    ++dirt.appearances;
  }
}

}  // namespace

void Coalescer::add(const Change& change) {
  if (std::holds_alternative<Nothing>(change)) return;
  {
    const MutexLock lock(mu_);
    if (keep_appearances_) note_appearance(dirt_, change);
    add_to(dirt_, change);
  }
  arrived_.notify_one();
}

void Coalescer::wait(std::optional<Nanoseconds> patience) {
  const MutexLock lock(mu_);
  if (dirt_.empty() && !woken_) {
    if (!patience) {
      while (dirt_.empty() && !woken_) arrived_.wait(mu_);
    } else if (*patience > Nanoseconds::zero()) {
      arrived_.wait_for(mu_, *patience);
    }
  }
  woken_ = false;
}

Coalescer::Dirt Coalescer::take(std::optional<Nanoseconds> patience) {
  // Without waiting, a wake-up stays for the wait that it is meant to end.
  if (!patience || *patience > Nanoseconds::zero()) wait(patience);
  const MutexLock lock(mu_);
  return std::exchange(dirt_, {});
}

void Coalescer::keep_appearances(bool keep) {
  const MutexLock lock(mu_);
  keep_appearances_ = keep;
}

bool Coalescer::overtaken(WatchId watch, const std::string& name) const {
  const MutexLock lock(mu_);
  if (dirt_.everything) return true;
  const auto directory = dirt_.directories_by_watch.find(watch);
  if (directory == dirt_.directories_by_watch.end()) return false;
  return directory->second.gone || directory->second.appeared.contains(name) ||
         dirt_.appearances >= appearances;
}

void Coalescer::wake() {
  {
    const MutexLock lock(mu_);
    woken_ = true;
  }
  arrived_.notify_one();
}

}  // namespace waybill::watcher
