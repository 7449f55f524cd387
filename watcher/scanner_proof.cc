#include <algorithm>
#include <chrono>

#include "watcher/scanner_tree.h"

// That a quiet folder is quiet, and not unheard: a touch in our own place must come back as an
// event of the root's watch. The kernel queues in order, so with it everything from before has
// arrived; once that is worked off, nothing older is unseen.
namespace waybill::watcher {

namespace {

constexpr Nanoseconds canary_patience = std::chrono::seconds(10);
constexpr Nanoseconds at_most_every = std::chrono::seconds(1);
constexpr Nanoseconds anew_at_most_every = std::chrono::minutes(1);

}  // namespace

void Scanner::Tree::prove() {
  for (auto& [id, folder] : folders) {
    if (folder.canary.touched) continue;
    if (folder.canary.last && now - *folder.canary.last < at_most_every) continue;
    touch_canary(folder);
  }
}

void Scanner::Tree::touch_canary(Folder& folder) {
  folder.canary.touched.reset();
  folder.canary.again.reset();
  // Where there are no events, there is nothing to prove: what was looked at counts.
  if (folder.suspended || !folder.blind.empty() || folder.root->watch == no_watch) {
    folder.deaf.clear();
    return;
  }
  if (!folder.spec.prove) {
    folder.deaf.clear();
    return;
  }
  const auto directory = open_root(folder);
  if (directory == nullptr) return;
  const Result<void> done = directory->touch(own_directory);
  folder.unproven = done ? "" : done.error().describe();
  if (!done) {
    folder.deaf.clear();
    return;
  }
  folder.canary.touched = folder.canary.last = now;
  // From here, since the disk may have taken its time.
  folder.canary.deadline = clock.boot() + canary_patience;
}

void Scanner::Tree::hear_canary(const Coalescer::Dirt& taken) {
  for (auto& [id, folder] : folders) {
    if (!folder.canary.touched) continue;
    const auto dirt_of_root = taken.directories_by_watch.find(folder.root->watch);
    const bool some = dirt_of_root != taken.directories_by_watch.end();
    if (some && dirt_of_root->second.names.contains(std::string(own_directory))) {
      folder.canary.heard = folder.canary.touched;
      folder.canary.touched.reset();
      folder.canary.epoch = epoch++;
      folder.deaf.clear();
    } else if (taken.everything || (some && dirt_of_root->second.whole)) {
      // It may have been among what is not told by name. Not in every step of a storm.
      folder.canary.touched.reset();
      folder.canary.again = now + at_most_every;
    }
  }
}

void Scanner::Tree::keep_canary_time(Folder& folder) {
  if (folder.canary.again && *folder.canary.again <= now) return touch_canary(folder);
  if (!folder.canary.touched || folder.canary.deadline > now) return;
  folder.canary.touched.reset();
  folder.deaf = "inotify does not report what happens in it: a change of ours did not come back";
  // Rescanned by time from here on, until it is heard again.
  // Looking at everything again takes no more than a tenth of the time, as all rescans.
  const Nanoseconds pause = std::max(anew_at_most_every, anew_took * 9);
  if (!began_anew || now - *began_anew >= anew_took + pause) {
    begin_anew();
  } else if (!folder.scan.epoch && !folder.scan.next) {
    start_scan(folder);
  }
}

// Whatever is wrong with the events, it may be wrong with those of every folder.
void Scanner::Tree::begin_anew() {
  began_anew = now;
  anew_took = Nanoseconds::zero();
  for (auto& [id, folder] : folders) {
    if (folder.suspended) continue;
    NodeTree::each(*folder.root, [this](Node& node) { nodes.set_watch(node, no_watch); });
    folder.canary.touched.reset();
    folder.canary.again.reset();
  }
  retired.clear();
  forget_all_appearances();
  events.renew();
  for (auto& [id, folder] : folders) {
    if (!folder.suspended) start_scan(folder);
  }
}

// No directory of it has a watch: a pass over what is polled is one over everything.
bool Scanner::Tree::wholly_polled(const Folder& folder) {
  if (folder.root->watch != no_watch) return false;
  bool all = true;
  NodeTree::each(*folder.root, [&all](const Node& node) { all = all && node.watch == no_watch; });
  return all;
}

void Scanner::Tree::conclude_proof(FolderId id, Folder& folder) {
  Folder::Canary& canary = folder.canary;
  if (canary.heard && agenda.settled(id, canary.epoch) && !agenda.hoping(id)) {
    folder.proven = std::exchange(canary.heard, std::nullopt);
  }
  // Once all has been looked at with new watches, they are tried.
  if (!folder.deaf.empty() && !canary.touched && !canary.again && folder.scanned &&
      !folder.scan.epoch && (!canary.last || *canary.last < *folder.scanned)) {
    touch_canary(folder);
  }
  // What is heard from the root proves nothing of other mounts.
  std::optional<BootTime> until =
      folder.trusted() && !folder.crosses() ? folder.proven : folder.scanned;
  if (until && folder.polls()) {
    until = folder.polled ? std::optional(std::min(*until, *folder.polled)) : std::nullopt;
  }
  if (folder.scanned && (!until || *until < *folder.scanned)) until = folder.scanned;
  if (!until || (folder.watermark && *until <= *folder.watermark)) return;
  folder.watermark = until;
  emit(Watermark{.folder = id, .until = *until});
}

}  // namespace waybill::watcher
