#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "watcher/scanner_tree.h"

namespace waybill::watcher {

namespace {

constexpr Nanoseconds first_try_after = std::chrono::seconds(1);
constexpr Nanoseconds tries_at_most_every = std::chrono::seconds(10);

}  // namespace

void Scanner::Tree::set_folders(std::vector<FolderSpec> specs) {
  std::set<FolderId> wanted;
  for (const FolderSpec& spec : specs) wanted.insert(spec.id);
  std::vector<FolderId> leaving;
  for (const auto& [id, folder] : folders) {
    if (!wanted.contains(id)) leaving.push_back(id);
  }
  for (const FolderId id : leaving) remove_folder(id);

  dirt.keep_appearances(
      std::any_of(specs.begin(), specs.end(), [](const auto& spec) { return spec.arrivals; }));
  for (FolderSpec& spec : specs) {
    const auto found = folders.find(spec.id);
    if (found != folders.end() && found->second.spec.path == spec.path &&
        found->second.spec.cross_mounts == spec.cross_mounts) {
      replace_spec(found->second, std::move(spec));
      // Whoever sets them anew, after a reload or with another session, has heard nothing yet.
      found->second.reported.reset();
      report(found->second);
      NodeTree::each(*found->second.root, [](Node& node) { ScanAgenda::tell_again(node); });
      continue;
    }
    if (found != folders.end()) remove_folder(spec.id);
    const FolderId id = spec.id;
    Folder& folder = folders[id];
    folder.spec = std::move(spec);
    folder.known = known_root(folder.spec);
    know_mounts(folder);
    folder.root = &nodes.add_root(id);
    folder.next_try = now;
  }
}

void Scanner::Tree::replace_spec(Folder& folder, FolderSpec spec) {
  const bool other_rules = !(folder.spec.ignore == spec.ignore);
  const KnownRoot said = known_root(spec);
  const bool other_identity = said != known_root(folder.spec) && said != folder.known;
  const bool other_rescan = folder.spec.rescan != spec.rescan || folder.spec.poll != spec.poll;
  folder.spec = std::move(spec);
  // Somebody has decided something about it.
  if (other_identity) folder.known = said;
  folder.mark_due.reset();
  know_mounts(folder);
  judge_events(folder);
  if (folder.suspended) {
    folder.next_try = now;
    return;
  }
  if (other_identity) agenda.mark_dirty(*folder.root, epoch, true);
  if (other_rules || other_rescan) start_scan(folder);
}

void Scanner::Tree::remove_folder(FolderId id) {
  flush();
  later_looks.forget(id);
  nodes.drop_root(id);
  folders.erase(id);
}

void Scanner::Tree::start_scan(Folder& folder) {
  check_mounts(folder);
  if (std::exchange(folder.doubts_dropped, false)) {
    emit(DirectoryGone{.folder = folder.spec.id, .directory = "", .there = true});
  }
  NodeTree::each(*folder.root, [this](Node& node) { agenda.mark_dirty(node, epoch, false); });
  folder.scan.epoch = epoch;
  folder.scan.began = now;
  folder.scan.held_before = held_in_all;
  folder.scan.next.reset();
  // What happens from here on is no part of it.
  ++epoch;
}

void Scanner::Tree::start_poll(Folder& folder) {
  for (Node* const node : folder.unwatched) agenda.mark_dirty(*node, epoch, false);
  if (folder.blind_mount() != nullptr) {
    NodeTree::each(*folder.root, [&](Node& node) {
      if (folder.is_blind(node)) agenda.mark_dirty(node, epoch, false);
    });
  }
  folder.poll.epoch = epoch;
  folder.poll.began = now;
  folder.poll.held_before = held_in_all;
  folder.poll.next.reset();
  ++epoch;
}

void Scanner::Tree::start_listings(const List& list) {
  const auto found = folders.find(list.folder);
  if (found != folders.end() && !found->second.suspended) {
    Node& root = *found->second.root;
    const auto mark = [this](Node& node) { agenda.mark_dirty(node, epoch, false); };
    for (const std::string& directory : list.directories) {
      if (Node* const node = NodeTree::find(root, directory)) mark(*node);
    }
    if (list.directories.empty()) NodeTree::each(root, mark);
  }
  asked_listings.push_back({.folder = list.folder, .id = list.id, .epoch = epoch});
  ++epoch;
}

void Scanner::Tree::try_root(Folder& folder) {
  // Before its directories are looked at: what is mounted from here on is told.
  folder.mounts = files.mounts(folder.spec.path);
  const KnownRoot before = folder.known;
  const std::unique_ptr<OpenDirectory> directory = open_root(folder);
  if (directory == nullptr) return;
  if (has_twin(folder)) {
    // What it was tried on is not what it is to be found on again.
    folder.known = before;
    return refuse_twin(folder);
  }
  folder.suspended = false;
  folder.try_wait = Nanoseconds::zero();
  folder.blind_spot = directory->blind_spot();
  judge_events(folder);
  report(folder);
  start_scan(folder);
}

// The same directory by another path, as a bind mount gives it: one of the two would hear nothing.
// Told before it is watched, so that nobody hears of a folder that is watched for a moment.
bool Scanner::Tree::has_twin(const Folder& folder) const {
  return std::any_of(folders.begin(), folders.end(), [&folder](const auto& other) {
    return &other.second != &folder && !other.second.suspended &&
           other.second.root->identity == folder.root->identity;
  });
}

void Scanner::Tree::refuse_twin(Folder& folder) {
  suspend(folder, FolderHealth::Unreadable, "another folder watches the same directory");
}

void Scanner::Tree::judge_events(Folder& folder) {
  folder.unproven = folder.spec.prove ? "" : "the configuration does not want it";
  switch (folder.spec.poll) {
    case PollPolicy::WhereBlind:
      folder.blind = folder.blind_spot;
      break;
    case PollPolicy::Always:
      folder.blind =
          folder.blind_spot.empty() ? "the configuration asks for it" : folder.blind_spot;
      break;
    case PollPolicy::Never:
      folder.blind.clear();
      break;
  }
}

void Scanner::Tree::suspend(Folder& folder, FolderHealth health, std::string reason) {
  if (!folder.suspended) {
    folder.suspended = true;
    folder.try_wait = Nanoseconds::zero();
    if (listing && listing->folder == folder.spec.id) abort_listing();
    nodes.drop_children(*folder.root);
    forget_appearances(*folder.root);
    agenda.forget(*folder.root);
    retire(*folder.root);
    folder.root->unwatched = false;
    folder.unwatched.clear();
    folder.root->span = nullptr;
    folder.spans.clear();
    folder.second_views.clear();
    later_looks.forget(folder.spec.id);
    folder.doubts_dropped = false;
    for (auto& [path, mount] : folder.entered) {
      mount = Folder::Mount{
          .identity = mount.identity, .blind_spot = {}, .in_place = false, .trouble = {}};
    }
    folder.scan = {};
    folder.poll = {};
    folder.canary = {};
    folder.proven.reset();
    folder.scanned.reset();
    folder.polled.reset();
  }
  folder.try_wait = std::clamp(folder.try_wait * 2, first_try_after, tries_at_most_every);
  folder.next_try = now + folder.try_wait;
  folder.trouble = health;
  folder.trouble_reason = std::move(reason);
  report(folder);
}

void Scanner::Tree::report(Folder& folder) {
  FolderStatus status{.folder = folder.spec.id, .health = FolderHealth::Watching, .reason = {}};
  if (folder.suspended) {
    // Not tried yet: nothing to say.
    if (folder.try_wait == Nanoseconds::zero()) return;
    status.health = folder.trouble;
    status.reason = folder.trouble_reason;
  } else {
    status.unproven = folder.unproven;
    // The touch is made in the root: it says nothing of the mounts.
    if (status.unproven.empty() && folder.crosses()) {
      status.unproven = "only what lies on the same mount as the folder itself is proven";
    }
    for (const auto& [path, mount] : folder.entered) {
      if (!mount.trouble.empty()) status.missing.push_back({path, mount.trouble});
    }
    const auto* const blind = folder.blind_mount();
    if (!folder.trusted() || folder.polls()) {
      status.health = FolderHealth::Polling;
      status.lacking = !folder.unwatched.empty() || !folder.deaf.empty();
      status.reason = !folder.unwatched.empty() ? folder.limit
                      : !folder.deaf.empty()    ? folder.deaf
                      : !folder.blind.empty()
                          ? folder.blind
                          : "in " + printable(blind->first) + " " + blind->second.blind_spot;
    }
    status.dev = folder.known.identity.dev;
    status.ino = folder.known.identity.ino;
    status.btime = folder.known.identity.btime;
    status.mark = folder.known.mark;
    status.unmarked = folder.unmarked;
  }
  if (folder.reported == status) return;
  folder.reported = status;
  emit(std::move(status));
}

}  // namespace waybill::watcher
