#include "watcher/settle_tracker.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

namespace waybill::watcher {

namespace {

// However short a folder's wait: who has a file open may have it open for days.
constexpr Nanoseconds between_probes = std::chrono::milliseconds(100);

struct Entry {
  Fingerprint fingerprint;
  BootTime due;
  BootTime since;
  std::uint64_t order = 0;  // among equal due times: who was set first
  std::size_t place = 0;    // its index in the heap
  const std::string* path = nullptr;
  FolderId folder{};
  bool writer = false;
  std::multimap<BootTime, const Entry*>::iterator age;  // its place by `since`
};

bool sooner(const Entry* a, const Entry* b) {
  return std::tie(a->due, a->order) < std::tie(b->due, b->order);
}

// A binary heap whose entries know their place: setting a due time over moves the entry instead of
// leaving a stale one behind, so a file that changes all the time costs no memory.
class DueHeap {
 public:
  [[nodiscard]] Entry* first() const { return heap_.empty() ? nullptr : heap_.front(); }

  void insert(Entry& entry) {
    heap_.push_back(&entry);
    entry.place = heap_.size() - 1;
    rise(entry.place);
  }
  void update(Entry& entry) { sink(rise(entry.place)); }
  void erase(Entry& entry) {
    const std::size_t place = entry.place;
    put(place, heap_.back());
    heap_.pop_back();
    if (place < heap_.size()) sink(rise(place));
  }

 private:
  void put(std::size_t place, Entry* entry) {
    heap_[place] = entry;
    entry->place = place;
  }
  void swap(std::size_t a, std::size_t b) {
    Entry* const entry = heap_[a];
    put(a, heap_[b]);
    put(b, entry);
  }
  std::size_t rise(std::size_t place) {
    while (place > 0 && sooner(heap_[place], heap_[(place - 1) / 2])) {
      swap(place, (place - 1) / 2);
      place = (place - 1) / 2;
    }
    return place;
  }
  void sink(std::size_t place) {
    for (;;) {
      std::size_t least = place;
      for (std::size_t child = 2 * place + 1; child <= 2 * place + 2; ++child) {
        if (child < heap_.size() && sooner(heap_[child], heap_[least])) least = child;
      }
      if (least == place) return;
      swap(place, least);
      place = least;
    }
  }

  std::vector<Entry*> heap_;
};

// One folder's: `by_age` holds all of `map`.
struct Paths {
  std::map<std::string, Entry, std::less<>> map;
  std::multimap<BootTime, const Entry*> by_age;
  std::size_t bytes = 0;
};

SettleTracker::Waiting waiting_of(const Entry& entry) {
  return {.fingerprint = entry.fingerprint,
          .due = entry.due,
          .writer = entry.writer,
          .since = entry.since};
}

}  // namespace

struct SettleTracker::State {
  std::map<FolderId, Paths> folders;
  DueHeap heap;
  std::uint64_t order = 0;
  std::size_t count = 0;
  std::size_t bytes = 0;

  Entry* find(FolderId folder, std::string_view path) {
    const auto paths = folders.find(folder);
    if (paths == folders.end()) return nullptr;
    const auto found = paths->second.map.find(path);
    return found == paths->second.map.end() ? nullptr : &found->second;
  }

  Entry& insert(FolderId folder, std::string_view path, const Fingerprint& fingerprint,
                BootTime since, BootTime due) {
    Paths& paths = folders[folder];
    const auto [at, fresh] = paths.map.emplace(path, Entry{});
    Entry& entry = at->second;
    entry.fingerprint = fingerprint;
    entry.due = due;
    entry.since = since;
    entry.order = ++order;
    entry.path = &at->first;
    entry.folder = folder;
    entry.age = paths.by_age.emplace(since, &entry);
    heap.insert(entry);
    ++count;
    paths.bytes += bytes_of(path);
    bytes += bytes_of(path);
    return entry;
  }

  void postpone(Entry& entry, BootTime due) {
    entry.due = due;
    entry.order = ++order;
    heap.update(entry);
  }

  void erase(Entry& entry) {
    heap.erase(entry);
    --count;
    const auto paths = folders.find(entry.folder);
    paths->second.bytes -= bytes_of(*entry.path);
    bytes -= bytes_of(*entry.path);
    paths->second.by_age.erase(entry.age);
    paths->second.map.erase(paths->second.map.find(*entry.path));
    if (paths->second.map.empty()) folders.erase(paths);
  }
};

SettleTracker::SettleTracker() : state_(std::make_unique<State>()) {}
SettleTracker::~SettleTracker() = default;

void SettleTracker::observe(FolderId folder, std::string_view path, const Fingerprint& fingerprint,
                            const SettlePolicy& policy, BootTime now) {
  Entry* const entry = state_->find(folder, path);
  if (entry == nullptr) {
    state_->insert(folder, path, fingerprint, now, now + policy.settle);
    return;
  }
  if (entry->fingerprint == fingerprint) return;
  entry->fingerprint = fingerprint;
  state_->postpone(*entry, now + policy.settle);
}

void SettleTracker::writer_found(FolderId folder, std::string_view path,
                                 const Fingerprint& fingerprint, const SettlePolicy& policy,
                                 BootTime now) {
  Entry* entry = state_->find(folder, path);
  const BootTime due = now + std::max(policy.settle, between_probes);
  if (entry == nullptr) {
    entry = &state_->insert(folder, path, fingerprint, now, due);
  } else if (entry->due < due) {
    // It was seen again since it left for the probe; what was seen then is the newer fact.
    state_->postpone(*entry, due);
  }
  entry->writer = true;
}

void SettleTracker::no_lease(FolderId folder, std::string_view path, const Fingerprint& fingerprint,
                             const SettlePolicy& policy, BootTime last_change) {
  Entry* const entry = state_->find(folder, path);
  const BootTime due = last_change + policy.settle_nolease;
  if (entry == nullptr) {
    state_->insert(folder, path, fingerprint, last_change, due);
  } else if (entry->fingerprint == fingerprint && entry->due < due) {
    state_->postpone(*entry, due);
  }
}

void SettleTracker::waits_since(FolderId folder, std::string_view path, BootTime since) {
  Entry* const entry = state_->find(folder, path);
  if (entry == nullptr || entry->since <= since) return;
  Paths& paths = state_->folders.at(folder);
  paths.by_age.erase(entry->age);
  entry->since = since;
  entry->age = paths.by_age.emplace(since, entry);
}

void SettleTracker::forget(FolderId folder, std::string_view path) {
  if (Entry* const entry = state_->find(folder, path)) state_->erase(*entry);
}

void SettleTracker::forget_folder(FolderId folder) {
  const auto paths = state_->folders.find(folder);
  if (paths == state_->folders.end()) return;
  for (auto& [path, entry] : paths->second.map) {
    state_->heap.erase(entry);
    --state_->count;
  }
  state_->bytes -= paths->second.bytes;
  state_->folders.erase(paths);
}

std::vector<Settled> SettleTracker::take_due(BootTime now, std::size_t limit) {
  std::vector<Settled> due;
  while (due.size() < limit) {
    Entry* const entry = state_->heap.first();
    if (entry == nullptr || entry->due > now) break;
    due.push_back({.folder = entry->folder,
                   .path = *entry->path,
                   .fingerprint = entry->fingerprint,
                   .since = entry->since});
    state_->erase(*entry);
  }
  return due;
}

std::optional<BootTime> SettleTracker::next_due() const {
  const Entry* const entry = state_->heap.first();
  return entry == nullptr ? std::nullopt : std::optional(entry->due);
}

std::size_t SettleTracker::size() const {
  return state_->count;
}

std::size_t SettleTracker::size(FolderId folder) const {
  const auto paths = state_->folders.find(folder);
  return paths == state_->folders.end() ? 0 : paths->second.map.size();
}

std::size_t SettleTracker::bytes() const {
  return state_->bytes;
}

std::size_t SettleTracker::bytes(FolderId folder) const {
  const auto paths = state_->folders.find(folder);
  return paths == state_->folders.end() ? 0 : paths->second.bytes;
}

// Its place in both trees, with what holds a tree together, in the heap, and its path.
std::size_t SettleTracker::bytes_of(std::string_view path) {
  constexpr std::size_t node = 4 * sizeof(void*) + 2 * sizeof(void*);
  return sizeof(decltype(Paths::map)::value_type) + sizeof(decltype(Paths::by_age)::value_type) +
         2 * node + 2 * sizeof(void*) + path.size();
}

std::optional<BootTime> SettleTracker::oldest(FolderId folder) const {
  const auto paths = state_->folders.find(folder);
  if (paths == state_->folders.end()) return std::nullopt;
  return paths->second.by_age.begin()->first;
}

std::optional<SettleTracker::Waiting> SettleTracker::find(FolderId folder,
                                                          std::string_view path) const {
  const Entry* const entry = state_->find(folder, path);
  if (entry == nullptr) return std::nullopt;
  return waiting_of(*entry);
}

void SettleTracker::each(
    const std::function<void(FolderId, const std::string&, const Waiting&)>& visit) const {
  for (const auto& [folder, paths] : state_->folders) {
    for (const auto& [path, entry] : paths.map) visit(folder, path, waiting_of(entry));
  }
}

std::vector<std::string> SettleTracker::paths(FolderId folder, std::size_t limit,
                                              std::string_view from) const {
  std::vector<std::string> names;
  const auto paths = state_->folders.find(folder);
  if (paths == state_->folders.end()) return names;
  for (auto at = paths->second.map.lower_bound(from);
       at != paths->second.map.end() && names.size() < limit; ++at) {
    names.push_back(at->first);
  }
  return names;
}

}  // namespace waybill::watcher
