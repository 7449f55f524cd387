#include "watcher/scanner.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "watcher/scanner_tree.h"

namespace waybill::watcher {

namespace {

constexpr std::size_t batch_size = 4096;

// When a pass that took that long may come again: rescans take no more than a tenth of the time.
Nanoseconds pause_after(Nanoseconds took, Nanoseconds wanted) {
  return std::max(wanted, took * 9);
}

template <typename... Case>
struct Cases : Case... {
  using Case::operator()...;
};
template <typename... Case>
Cases(Case...) -> Cases<Case...>;

}  // namespace

Scanner::Scanner(FileSystem& files, EventSource& events, Coalescer& dirt, const Clock& clock,
                 ObservationSink sink, std::function<bool()> drain)
    : tree_(std::make_unique<Tree>(files, events, dirt, clock, std::move(sink), std::move(drain))) {
}
Scanner::~Scanner() = default;

void Scanner::set_folders(std::vector<FolderSpec> folders) {
  tree_->post(Tree::SetFolders{std::move(folders)});
}
void Scanner::rescan(FolderId folder) {
  tree_->post(Tree::Rescan{folder});
}
void Scanner::accept_mount(FolderId folder, std::string path) {
  tree_->post(Tree::AcceptMount{.folder = folder, .path = std::move(path)});
}
void Scanner::look(FolderId folder, std::string path) {
  tree_->post(Tree::Look{.folder = folder, .path = std::move(path)});
}
void Scanner::look(FolderId folder, std::vector<std::string> paths, std::uint64_t id) {
  tree_->post(Tree::LookAll{.folder = folder, .paths = std::move(paths), .id = id});
}
void Scanner::list(FolderId folder, std::vector<std::string> directories, std::uint64_t id) {
  tree_->post(Tree::List{.folder = folder, .directories = std::move(directories), .id = id});
}
void Scanner::hold_listings(std::optional<BootTime> until) {
  tree_->post(Tree::HoldListings{.until = until});
}
void Scanner::barrier(std::uint64_t id) {
  tree_->post(Tree::BarrierRequest{.id = id});
}
void Scanner::prove() {
  tree_->post(Tree::Prove{});
}
std::optional<BootTime> Scanner::step() {
  return tree_->step();
}
std::optional<Scanner::UnderWay> Scanner::under_way() const {
  const MutexLock lock(tree_->mu);
  return tree_->under_way;
}
std::size_t Scanner::nodes() const {
  return tree_->nodes.size();
}

Scanner::Tree::Tree(FileSystem& files_in, EventSource& events_in, Coalescer& dirt_in,
                    const Clock& clock_in, ObservationSink sink_in, std::function<bool()> drain_in)
    : files(files_in),
      events(events_in),
      dirt(dirt_in),
      clock(clock_in),
      sink(std::move(sink_in)),
      drain(std::move(drain_in)),
      nodes([this](Node& node) { dropped(node); }) {}

void Scanner::Tree::post(Request request) {
  {
    const MutexLock lock(mu);
    requests.push_back(std::move(request));
  }
  dirt.wake();
}

void Scanner::Tree::touch(FolderId folder) {
  const MutexLock lock(mu);
  under_way = UnderWay{.since = clock.boot(), .folder = folder};
}

std::optional<BootTime> Scanner::Tree::step() {
  now = clock.boot();
  count_held();
  // Requests before dirt: a barrier then stands behind all dirt that was there when it was asked
  // for.
  std::vector<BarrierRequest> asked;
  take_requests(asked);
  take_dirt();
  keep_time();
  for (BarrierRequest& barrier : asked) {
    barrier.epoch = epoch;
    waiting_barriers.push_back(barrier);
  }
  if (!asked.empty()) ++epoch;
  look_up_names();
  answer_looks();
  if (!held()) list_piece();
  enter_next_mount();
  flush();
  conclude();
  {
    const MutexLock lock(mu);
    under_way.reset();
  }
  return next_step();
}

void Scanner::Tree::take_requests(std::vector<BarrierRequest>& barriers) {
  std::vector<Request> taken;
  {
    const MutexLock lock(mu);
    taken.swap(requests);
  }
  for (Request& request : taken) {
    std::visit(Cases{
                   [this](SetFolders& set) { set_folders(std::move(set.folders)); },
                   [this](const Rescan& rescan) {
                     const auto found = folders.find(rescan.folder);
                     if (found == folders.end()) return;
                     if (found->second.suspended) {
                       found->second.next_try = now;
                     } else {
                       start_scan(found->second);
                     }
                   },
                   [this](Look& look) { add_look(std::move(look)); },
                   [this](LookAll& all) {
                     for (std::string& path : all.paths) {
                       add_look({.folder = all.folder, .path = std::move(path)});
                     }
                     if (all.paths.empty()) return emit(Looked{all.id});
                     looks.back().last_of = all.id;
                   },
                   [this](const List& list) { start_listings(list); },
                   [this](const HoldListings& hold) { held_until = hold.until; },
                   [this](const Prove&) { prove(); },
                   [this](const AcceptMount& accept) { accept_mount(accept); },
                   [&barriers](const BarrierRequest& barrier) { barriers.push_back(barrier); },
               },
               request);
  }
}

void Scanner::Tree::take_dirt() {
  const Coalescer::Dirt taken = dirt.take(Nanoseconds::zero());
  // Those that are told with it came after the loss.
  if (taken.everything) forget_all_appearances();
  for (const auto& [watch, directory] : taken.directories_by_watch) {
    Node* const node = nodes.by_watch(watch);
    if (node == nullptr) {
      const bool ours_once = retired.contains(static_cast<std::int32_t>(watch));
      if (directory.gone) retired.erase(static_cast<std::int32_t>(watch));
      if (ours_once || directory.gone) continue;
      // Whose it is cannot be known: somewhere a directory is watched that has no place.
      for (auto& [id, folder] : folders) {
        if (!folder.suspended) agenda.mark_dirty(*folder.root, epoch, true);
      }
      continue;
    }
    if (directory.gone) {
      watch_ended(*node);
      continue;
    }
    note_appearances(*node, directory.appeared);
    if (directory.whole) agenda.mark_dirty(*node, epoch, true);
    for (const std::string& name : directory.names) agenda.add_name(*node, name, epoch);
  }
  hear_canary(taken);
  if (taken.mounts) look_at_mounts();
  if (taken.overflowed) emit(EventsLost{events.overflow_advice()});
  if (taken.overflowed && events.outgrown()) {
    begin_anew();
  } else if (taken.everything) {
    // The ends of watches may be among what was lost.
    retired.clear();
    for (auto& [id, folder] : folders) {
      if (!folder.suspended) start_scan(folder);
    }
  }
}

// Mounting over a directory and away again says nothing to those who watch it (WATCHING.md 1): a
// folder that it concerns is looked at anew.
void Scanner::Tree::look_at_mounts() {
  for (auto& [id, folder] : folders) {
    std::string found = files.mounts(folder.spec.path);
    if (found == folder.mounts) continue;
    folder.mounts = std::move(found);
    if (folder.suspended) {
      folder.next_try = now;
    } else {
      start_scan(folder);
    }
  }
}

// Nothing is reported from there any more. Why, its parent's look at the name will tell.
void Scanner::Tree::watch_ended(Node& node) {
  forget_appearances(node);
  nodes.set_watch(node, no_watch);
  if (node.parent == nullptr) {
    agenda.mark_dirty(node, epoch, true);
  } else {
    agenda.add_name(*node.parent, node.name, epoch);
  }
}

void Scanner::Tree::count_held() {
  if (held_until) {
    held_in_all += std::max(Nanoseconds::zero(), std::min(now, *held_until) - held_counted);
  }
  held_counted = now;
}

void Scanner::Tree::keep_time() {
  agenda.fire(now, epoch);
  for (auto& [id, folder] : folders) {
    if (folder.suspended) {
      if (folder.next_try <= now) try_root(folder);
      continue;
    }
    keep_canary_time(folder);
    if (folder.scan.next && *folder.scan.next <= now) start_scan(folder);
    if (folder.poll.next && *folder.poll.next <= now) start_poll(folder);
  }
  for (LaterLooks::Item& item : later_looks.take(now)) {
    add_look({.folder = item.folder, .path = std::move(item.path), .tries = item.tries + 1});
  }
}

void Scanner::Tree::conclude() {
  for (auto& [id, folder] : folders) {
    report(folder);
    if (folder.suspended) continue;
    Folder::Pass& scan = folder.scan;
    if (scan.epoch && agenda.settled(id, *scan.epoch) && !agenda.hoping(id)) {
      scan.epoch.reset();
      folder.scanned = scan.began;
      anew_took = std::max(anew_took, took(scan));
      emit(ScanComplete{id});
      const Nanoseconds wanted =
          folder.trusted() ? folder.spec.rescan : std::min(folder.spec.rescan, polling_interval);
      if (wanted > Nanoseconds::zero()) scan.next = now + pause_after(took(scan), wanted);
    }
    Folder::Pass& poll = folder.poll;
    if (!folder.polls()) {
      poll = {};
    } else if (poll.epoch && agenda.settled(id, *poll.epoch)) {
      poll.epoch.reset();
      folder.polled = poll.began;
      if (wholly_polled(folder)) folder.scanned = poll.began;
      poll.next = now + pause_after(took(poll), polling_interval);
    } else if (!poll.epoch && !poll.next) {
      poll.next = now + polling_interval;
    }
    // Doubts that had no room wait for a scan: so there is one, whatever `rescan` says.
    const BootTime owed = now + std::chrono::hours(1);
    if (folder.doubts_dropped && !scan.epoch) scan.next = std::min(scan.next.value_or(owed), owed);
    conclude_proof(id, folder);
  }
  std::erase_if(asked_listings, [this](const AskedListing& asked) {
    const auto found = folders.find(asked.folder);
    const bool there = found != folders.end() && !found->second.suspended;
    const bool listed = agenda.settled(asked.folder, asked.epoch) && !agenda.hoping(asked.folder);
    if (there && !listed) return false;
    emit(Listed{asked.id});
    return true;
  });
  std::erase_if(waiting_barriers, [this](const BarrierRequest& barrier) {
    if (!agenda.settled(barrier.epoch) || agenda.hoping(std::nullopt)) return false;
    emit(Barrier{barrier.id});
    return true;
  });
}

std::optional<BootTime> Scanner::Tree::next_step() const {
  const bool to_list = listing || agenda.has_listings() || !crossings.empty();
  if (!looks.empty() || agenda.has_names() || (to_list && !held())) return now;
  std::optional<BootTime> next = agenda.next_due();
  const auto sooner = [&next](const std::optional<BootTime>& due) {
    if (due && (!next || *due < *next)) next = due;
  };
  for (const auto& [id, folder] : folders) {
    if (folder.suspended) {
      sooner(folder.next_try);
    } else {
      sooner(folder.scan.next);
      sooner(folder.poll.next);
      if (folder.canary.touched) sooner(folder.canary.deadline);
      sooner(folder.canary.again);
    }
  }
  sooner(later_looks.next_due());
  if (to_list) sooner(held_until);
  return next;
}

void Scanner::Tree::emit(Observation observation) {
  flush();
  sink(std::move(observation));
}

void Scanner::Tree::see(FolderId folder, FileObservation file, WatchId watch) {
  if (batch.folder != folder) flush();
  batch.folder = folder;
  const auto* const present = std::get_if<Present>(&file.what);
  if (present != nullptr &&
      (present->arrival == Arrival::ByRename || present->arrival == Arrival::WithDirectory)) {
    claims.push_back({.index = batch.files.size(), .watch = watch});
  }
  batch.files.push_back(std::move(file));
  if (batch.files.size() >= batch_size) flush();
}

void Scanner::Tree::flush() {
  if (batch.files.empty()) return;
  confirm_arrivals();
  Seen full{.folder = batch.folder, .files = {}};
  full.files.swap(batch.files);
  sink(std::move(full));
}

}  // namespace waybill::watcher
