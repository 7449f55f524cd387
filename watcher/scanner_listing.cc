#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "watcher/scanner_tree.h"

// The algorithm of WATCHING.md 3; the letters are its invariants.
namespace waybill::watcher {

namespace {

constexpr std::size_t entries_a_step = 4096;

Error gone_for_now() {
  return {.code = ErrorCode::SourceGone, .message = "it is not in its place", .os_errno = ENOENT};
}

bool is_watch_limit(const Error& error) {
  return error.code == ErrorCode::NeedsPerson &&
         (error.os_errno == ENOSPC || error.os_errno == EMFILE);
}

}  // namespace

// --- listings
// -------------------------------------------------------------------------------------

void Scanner::Tree::list_piece() {
  if (!listing && !begin_listing()) return;
  touch(listing->folder);
  const Spot spot{*listing->node, *listing->directory, listing->path,
                  listing->epoch, listing->urgent,     listing->came};
  std::size_t count = 0;
  const Result<void> outcome =
      listing->directory->list([&](std::string_view name, const Result<FileStatus>& status) {
        std::string kept(name);
        if (meet(spot, kept, status, true)) listing->subdirectories.push_back(std::move(kept));
        return ++count < entries_a_step;
      });
  flush();
  if (!outcome || count < entries_a_step) end_listing(outcome);
}

bool Scanner::Tree::begin_listing() {
  // The mark is off from here on: whatever happens meanwhile sets it again (b).
  const auto work = agenda.next_listing();
  if (!work) return false;
  auto directory = open_node(*work->node, work->epoch);
  // The watch comes before the listing, on the same descriptor (a).
  if (directory == nullptr || !arm(*work->node, *directory, work->epoch)) {
    agenda.finish(work->folder, work->epoch);
    return false;
  }
  std::string path = NodeTree::path(*work->node);
  emit(ListingBegins{.folder = work->folder, .directory = path});
  listing = Listing{.node = work->node,
                    .directory = std::move(directory),
                    .path = std::move(path),
                    .epoch = work->epoch,
                    .urgent = work->urgent,
                    .folder = work->folder,
                    .subdirectories = {},
                    .came = work->node->came};
  return true;
}

void Scanner::Tree::end_listing(const Result<void>& outcome) {
  Listing done = std::move(*listing);
  listing.reset();
  if (outcome) {
    const Spot spot{*done.node, *done.directory, done.path, done.epoch, done.urgent, done.came};
    std::sort(done.subdirectories.begin(), done.subdirectories.end());
    std::vector<std::string> unlisted;
    for (const auto& child : done.node->children) {
      if (!std::binary_search(done.subdirectories.begin(), done.subdirectories.end(),
                              child->name)) {
        unlisted.push_back(child->name);
      }
    }
    for (std::string& name : ScanAgenda::failing_names(*done.node)) {
      if (!std::binary_search(done.subdirectories.begin(), done.subdirectories.end(), name)) {
        unlisted.push_back(std::move(name));
      }
    }
    // A listing may miss what is renamed while it runs (WATCHING.md 1): each is looked up by name.
    for (const std::string& name : unlisted) {
      meet(spot, name, done.directory->look(name), true);
    }
    listed_whole(*done.node);
    agenda.succeed(*done.node, "");  // only now is it clean (c)
    // What went while nobody kept its name, only the rows tell.
    if (agenda.listed_rest(*done.node)) {
      emit(DirectoryGone{.folder = done.folder, .directory = done.path, .there = true});
    }
  } else {
    // That it began took back what was said before.
    agenda.fail(*done.node, "", outcome.error(), now);
    if (ScanAgenda::failure(*done.node, "")->told) {
      report_trouble(done.folder, done.path, outcome.error());
    }
  }
  emit(ListingEnds{
      .folder = done.folder, .directory = std::move(done.path), .complete = outcome.has_value()});
  agenda.finish(done.folder, done.epoch);
}

// The directory lost its place in mid-listing; whoever finds it again lists it again.
void Scanner::Tree::abort_listing() {
  Listing done = std::move(*listing);
  listing.reset();
  emit(ListingEnds{.folder = done.folder, .directory = std::move(done.path), .complete = false});
  agenda.finish(done.folder, done.epoch);
}

// --- directories
// ----------------------------------------------------------------------------------

std::unique_ptr<OpenDirectory> Scanner::Tree::open_node(Node& node, std::uint64_t at_epoch) {
  Folder& folder = folders.find(node.folder)->second;
  if (node.parent == nullptr) return open_root(folder);
  touch(node.folder);
  auto opened = files.open_directory(folder.spec.root(), NodeTree::path(node));
  const Result<FileStatus> status = opened ? (*opened)->status() : fail(opened.error());
  if (!status && !says_gone(status.error())) {
    cannot_list(node, status.error());
    return nullptr;
  }
  if (!status || identity_of(status->fingerprint) != node.identity) {
    misplaced(node, at_epoch);
    return nullptr;
  }
  note_span(node, status->mount);
  return std::move(*opened);
}

// It is not where we believe it to be. Its parent looks at the name, or the parent's parent at the
// parent's; if it turns up there after all, it is tried again.
void Scanner::Tree::misplaced(Node& node, std::uint64_t at_epoch) {
  agenda.fail(node, "", gone_for_now(), now);
  agenda.add_name(*node.parent, node.name, at_epoch);
}

bool Scanner::Tree::arm(Node& node, OpenDirectory& directory, std::uint64_t at_epoch) {
  const Result<WatchId> watch = events.add(directory);
  if (watch) return claim_watch(node, *watch, directory, at_epoch);
  if (is_watch_limit(watch.error())) {
    set_unwatched(node, watch.error());
    return true;
  }
  cannot_list(node, watch.error());
  return false;
}

bool Scanner::Tree::claim_watch(Node& node, WatchId watch, OpenDirectory& directory,
                                std::uint64_t at_epoch) {
  if (watch == node.watch) return true;
  if (Node* const other = nodes.by_watch(watch)) {
    Folder& folder = folders.find(node.folder)->second;
    if (node.parent != nullptr) {
      // Two nodes for one directory: the one that has the watch gets the place.
      retire(node);
      misplaced(node, at_epoch);
      return false;
    }
    if (other->parent == nullptr) {
      refuse_twin(folder);
      return false;
    }
    // This folder's root lies inside another folder: it is taken out of that one.
    directory_gone(*other);
    nodes.drop(*other);
    return arm(node, directory, at_epoch);
  }
  retire(node);
  nodes.set_watch(node, watch);
  node.unwatched = false;
  folders.find(node.folder)->second.unwatched.erase(&node);
  return true;
}

bool Scanner::Tree::meet(const Spot& spot, const std::string& name, const Result<FileStatus>& found,
                         bool listed) {
  const Folder& folder = folders.find(spot.node.folder)->second;
  const FolderSpec& spec = folder.spec;
  const auto say = [&](auto what) {
    see(spot.node.folder, {.path = join(spot.path, name), .what = std::move(what)},
        spot.node.watch);
  };
  const auto say_absent = [&] {
    // Where inodes tell no disk from another, it says something of the one that we know alone.
    if (folder.known.mark == 0 || is_root_in_place(folder)) return say(Absent{});
    agenda.mark_dirty(*folder.root, spot.epoch, true);
  };
  if (!found && !says_gone(found.error())) {
    cannot_enter(spot, name, found.error());
    return false;
  }
  if (!found) {
    take_appearance(spot.node, name);
    vanish(spot, name);
    if (!listed) say_absent();
    return false;
  }
  const bool is_directory = found->kind == FileKind::Directory;
  if (is_directory && spot.path.empty() && name == own_directory) return false;
  const auto pattern = spec.ignore.match_in(spot.path, is_directory ? name + '/' : name);
  if (is_directory && !pattern) {
    // A file may have had the name; in a listing it is missed instead.
    if (!listed) say_absent();
    return meet_directory(spot, name, *found);
  }
  if (!pattern && found->kind == FileKind::Regular && found->mount != spot.node.span->mount) {
    // A row may tell of the one below. Asked again: no listing says that it is gone.
    say(Unreadable{covered_file()});
    agenda.fail(spot.node, name, covered_file(), now);
    return false;
  }
  vanish(spot, name);
  const Arrival arrival = spec.arrivals ? arrival_of(spot, name, *found) : Arrival::Unseen;
  if (pattern) {
    say(by_pattern(*pattern));
  } else if (found->kind == FileKind::Regular) {
    say(Present{found->fingerprint, arrival});
  } else {
    say(Ignored{why_ignored(found->kind)});
  }
  return false;
}

bool Scanner::Tree::meet_directory(const Spot& spot, const std::string& name,
                                   const FileStatus& status) {
  Node* const child = NodeTree::child(spot.node, name);
  const Appearance came = appearance_of_directory(spot, name);
  const bool crossing = status.mount != spot.node.span->mount;
  const Folder& folder = folders.find(spot.node.folder)->second;
  const bool unknown = crossing && !folder.entered.contains(join(spot.path, name));
  if (child != nullptr && child->identity == identity_of(status.fingerprint) && !unknown &&
      child->span->mount == status.mount && (child->watch != no_watch || child->unwatched)) {
    constexpr unsigned tries_at_once = 8;  // more: something odd goes on; back-off decides
    const NodeExtras::Failure* const failed = ScanAgenda::failure(*child, "");
    if (failed != nullptr && failed->tries <= tries_at_once) agenda.hasten(*child, spot.epoch);
    agenda.succeed(spot.node, name);
    if (came == Appearance::Moved) arrived_with(*child, spot);
    return true;
  }
  const auto opened = spot.directory.open_child(name);
  if (!opened) {
    return cannot_enter(spot, name, opened.error());
  }
  if (!place_directory(spot, name, **opened)) return false;
  if (Node* const placed = NodeTree::child(spot.node, name)) {
    if (came == Appearance::Moved) arrived_with(*placed, spot);
    if (came == Appearance::Made) placed->came = Appearance::Made;
  }
  return true;
}

bool Scanner::Tree::place_directory(const Spot& spot, const std::string& name,
                                    OpenDirectory& directory) {
  const Result<FileStatus> status = directory.status();
  if (status && !may_enter(spot, name, *status)) return true;
  Result<WatchId> watch = status ? events.add(directory) : fail(status.error());
  if (!watch && !is_watch_limit(watch.error())) {
    return cannot_enter(spot, name, watch.error());
  }
  Node* known = watch ? nodes.by_watch(*watch) : nullptr;
  if (known != nullptr && is_second_view(spot, name, *status, *known)) return true;
  const MountSpan* const span = span_for(spot, name, *status, directory);
  if (known != nullptr && known->folder != spot.node.folder) {
    if (known->parent == nullptr) {
      see(spot.node.folder, {.path = join(spot.path, name), .what = Ignored{"another folder"}});
      vanish(spot, name);
      return false;
    }
    // Moved here from another folder: the watch is made anew for its new owner.
    directory_gone(*known);
    nodes.drop(*known);
    return place_directory(spot, name, directory);
  }
  if (known != nullptr && NodeTree::is_ancestor(*known, spot.node)) {
    // This directory cannot be above itself: it has moved, and where to is not known yet.
    return cannot_enter(spot, name, gone_for_now());
  }
  Node* child = NodeTree::child(spot.node, name);
  // One that could not be entered before may be among those whose names nobody kept.
  const bool in_doubt = child == nullptr && ScanAgenda::owes_listing(spot.node);
  if (known != nullptr && known != child) {
    directory_gone(*known);
    if (child != nullptr) directory_gone(*child);  // it is displaced
    if (listing && (listing->node == known || NodeTree::is_ancestor(*known, *listing->node))) {
      abort_listing();  // it would go on under the path from before
    }
    child = &nodes.move(*known, spot.node, name);
    // Every path below has changed.
    NodeTree::each(*child, [&](Node& node) { agenda.mark_dirty(node, spot.epoch, spot.urgent); });
  } else if (child != nullptr && child->identity != identity_of(status->fingerprint)) {
    vanish(spot, name);
    child = nullptr;
  }
  if (child == nullptr) child = &nodes.add_child(spot.node, name);
  child->identity = identity_of(status->fingerprint);
  child->span = span;
  if (watch) {
    claim_watch(*child, *watch, directory, spot.epoch);
  } else {
    set_unwatched(*child, watch.error());
  }
  const NodeExtras::Failure* const failed = ScanAgenda::failure(spot.node, name);
  if (in_doubt || (failed != nullptr && failed->told)) {
    // What went from it while it could not be entered, only its rows tell.
    emit(DirectoryGone{.folder = spot.node.folder, .directory = join(spot.path, name)});
  }
  agenda.succeed(spot.node, name);
  agenda.mark_dirty(*child, spot.epoch, spot.urgent);
  return true;
}

// --- trouble
// --------------------------------------------------------------------------------------

// A subdirectory that is there and cannot be opened.
bool Scanner::Tree::cannot_enter(const Spot& spot, const std::string& name, const Error& error) {
  const bool news = agenda.fail(spot.node, name, error, now);
  const std::string path = join(spot.path, name);
  // Said each time: who keeps the list of what is left out forgets what a listing did not show.
  if (error.os_errno == EXDEV) {
    see(spot.node.folder, {.path = path, .what = Ignored{"another file system is mounted here"}});
  } else if (news && !says_gone(error) && !lose_mount(spot.node, path, error)) {
    see(spot.node.folder, {.path = path, .what = Unreadable{error}});
  }
  return !says_gone(error);
}

// A directory that we know, and that cannot be opened, watched or listed now.
void Scanner::Tree::cannot_list(Node& node, const Error& error) {
  if (!agenda.fail(node, "", error, now)) return;
  std::string path = NodeTree::path(node);
  if (!lose_mount(node, path, error)) report_trouble(node.folder, std::move(path), error);
}

void Scanner::Tree::report_trouble(FolderId folder, std::string path, const Error& error) {
  if (error.os_errno == EXDEV) {
    see(folder, {.path = std::move(path), .what = Ignored{"another file system is mounted here"}});
  } else if (!says_gone(error)) {
    see(folder, {.path = std::move(path), .what = Unreadable{error}});
  }
}

void Scanner::Tree::directory_gone(Node& node) {
  emit(DirectoryGone{.folder = node.folder, .directory = NodeTree::path(node)});
}

// No directory of ours has that name in it any more.
void Scanner::Tree::vanish(const Spot& spot, const std::string& name) {
  const bool could_not_enter = ScanAgenda::failure(spot.node, name) != nullptr;
  agenda.succeed(spot.node, name);
  if (Node* const child = NodeTree::child(spot.node, name)) {
    directory_gone(*child);
    nodes.drop(*child);
  } else if (could_not_enter) {
    // It never was a node, and was not in doubt while it could not be entered.
    emit(DirectoryGone{.folder = spot.node.folder, .directory = join(spot.path, name)});
  }
}

void Scanner::Tree::set_unwatched(Node& node, const Error& reason) {
  retire(node);
  node.unwatched = true;
  Folder& folder = folders.find(node.folder)->second;
  folder.limit = reason.message;
  folder.unwatched.insert(&node);
}

// Gives its watch back.
void Scanner::Tree::retire(Node& node) {
  if (node.watch == no_watch) return;
  retired.insert(static_cast<std::int32_t>(node.watch));
  events.remove(node.watch);
  nodes.set_watch(node, no_watch);
}

void Scanner::Tree::dropped(Node& node) {
  forget_appearances(node);
  agenda.forget(node);
  retire(node);
  if (node.unwatched) folders.find(node.folder)->second.unwatched.erase(&node);
  if (listing && listing->node == &node) abort_listing();
}

}  // namespace waybill::watcher
