#include <algorithm>
#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "base/paths.h"
#include "watcher/scanner_tree.h"

// What is mounted in a folder that reaches across mounts (WATCHING.md 3). Which directory was
// entered at a path is remembered for good: while another one lies there, its disk is not mounted,
// and nothing below is concluded.
namespace waybill::watcher {

namespace {

constexpr Nanoseconds turn_at_the_latest = std::chrono::seconds(10);

std::string not_there(const FolderSpec& spec, const std::string& path) {
  return "what was mounted at " + printable(join(spec.path, path)) +
         " is not there: its disk is not mounted, or another one is";
}

}  // namespace

bool Scanner::Tree::Folder::crosses() const {
  return std::any_of(entered.begin(), entered.end(),
                     [](const auto& mount) { return mount.second.in_place; });
}

bool Scanner::Tree::Folder::is_blind(const Node& node) const {
  return spec.poll != PollPolicy::Never && node.span != nullptr && node.span->crossings > 0 &&
         !node.span->blind_spot.empty();
}

const std::pair<const std::string, Scanner::Tree::Folder::Mount>*
Scanner::Tree::Folder::blind_mount() const {
  if (spec.poll == PollPolicy::Never) return nullptr;
  const auto found = std::find_if(entered.begin(), entered.end(), [](const auto& mount) {
    return mount.second.in_place && !mount.second.blind_spot.empty();
  });
  return found == entered.end() ? nullptr : &*found;
}

// --- what is known of before ------------------------------------------------------------------

void Scanner::Tree::know_mounts(Folder& folder) {
  std::map<std::string, Folder::Mount> known;
  for (const KnownMount& mount : folder.spec.mounts) {
    if (folder.spec.ignore.match(mount.path + '/')) continue;  // nobody misses it
    const Identity identity{.dev = mount.dev, .ino = mount.ino, .btime = mount.btime};
    const auto before = folder.entered.find(mount.path);
    const bool same =
        before != folder.entered.end() && same_directory(identity, before->second.identity);
    known[mount.path] = same ? before->second : Folder::Mount{.identity = identity};
  }
  folder.entered = std::move(known);
}

void Scanner::Tree::accept_mount(const AcceptMount& request) {
  const auto found = folders.find(request.folder);
  if (found == folders.end()) return;
  Folder& folder = found->second;
  if (request.path.empty()) return accept_root(folder);
  const auto known = folder.entered.find(request.path);
  if (known == folder.entered.end()) return;
  if (!folder.suspended && is_in_place(folder, &*known)) {
    // It is back, and that is durable no more.
    emit(MountEntered{.folder = request.folder,
                      .path = request.path,
                      .dev = known->second.identity.dev,
                      .ino = known->second.identity.ino,
                      .btime = known->second.identity.btime,
                      .accepted = true,
                      .before = {}});
    return start_scan(folder);
  }
  folder.entered.erase(known);
  folder.accepted.insert(request.path);
  if (folder.suspended) return;
  emit(DirectoryGone{.folder = request.folder, .directory = request.path});
  start_scan(folder);
}

// Whatever looks at it next resumes what is back; what is not there nobody would come upon.
void Scanner::Tree::check_mounts(Folder& folder) {
  touch(folder.spec.id);
  for (auto& [path, mount] : folder.entered) {
    const auto opened = files.open_directory(folder.spec.root(), path);
    const Result<FileStatus> status = opened ? (*opened)->status() : fail(opened.error());
    if (status && same_directory(mount.identity, identity_of(status->fingerprint))) continue;
    if (status || says_gone(status.error())) {
      suspend_mount(folder, path, mount, not_there(folder.spec, path));
    }
  }
}

void Scanner::Tree::suspend_mount(Folder& folder, const std::string& path, Folder::Mount& mount,
                                  std::string reason) {
  // With it what is mounted on it.
  for (auto& [inner, on_it] : folder.entered) {
    if (inner == path || lies_below(inner, path)) on_it.in_place = false;
  }
  mount.trouble.swap(reason);
  if (!reason.empty()) return;
  // Nothing is said of the directories below: they are not gone.
  Node* const node = NodeTree::find(*folder.root, path);
  if (node != nullptr && node->parent != nullptr) nodes.drop(*node);
}

bool Scanner::Tree::lose_mount(const Node& near, const std::string& path, const Error& error) {
  Folder& folder = folders.find(near.folder)->second;
  const auto mount = folder.entered.find(path);
  if (mount == folder.entered.end() || error.code == ErrorCode::NeedsPerson) return false;
  if (Node* const node = NodeTree::find(*folder.root, path); node != nullptr) {
    // From here on its name is asked for: nothing tells of a disk that answers again.
    agenda.fail(*node->parent, node->name, error, now);
  }
  suspend_mount(folder, path, mount->second,
                "what is mounted at " + printable(join(folder.spec.path, path)) +
                    " does not answer: " + error.describe());
  return true;
}

bool Scanner::Tree::is_on_missing_mount(const Folder& folder, std::string_view path) {
  return std::any_of(folder.entered.begin(), folder.entered.end(), [path](const auto& mount) {
    return !mount.second.trouble.empty() && lies_below(path, mount.first);
  });
}

bool Scanner::Tree::is_in_place(const Folder& folder,
                                const std::pair<const std::string, Folder::Mount>* mount) {
  if (mount == nullptr) return true;
  const auto opened = files.open_directory(folder.spec.root(), mount->first);
  const Result<FileStatus> status = opened ? (*opened)->status() : fail(opened.error());
  return status && same_directory(mount->second.identity, identity_of(status->fingerprint));
}

const std::pair<const std::string, Scanner::Tree::Folder::Mount>* Scanner::Tree::mount_above(
    const Folder& folder, std::string_view path) {
  const std::pair<const std::string, Folder::Mount>* innermost = nullptr;
  // In the order of the paths what lies deeper comes later.
  for (const auto& mount : folder.entered) {
    if (lies_below(path, mount.first)) innermost = &mount;
  }
  return innermost;
}

// The directory of `path`, below a `top` that is held open. nullopt: another mount, which was not
// entered yet, hides what the rows tell of.
std::optional<Scanner::Tree::Reached> Scanner::Tree::reach_below(std::unique_ptr<OpenDirectory> top,
                                                                 const FileStatus& of_top,
                                                                 const std::string& path) {
  const std::string_view parent = parent_of(path);
  if (parent.empty()) return Reached{std::move(top), std::string(name_of(path))};
  auto directory = top->open_child(parent);
  Result<FileStatus> status = directory ? (*directory)->status() : fail(directory.error());
  for (std::string_view above = parent_of(parent);
       !status && says_gone(status.error()) && !above.empty(); above = parent_of(above)) {
    const auto opened = top->open_child(above);
    status = opened ? (*opened)->status() : fail(opened.error());
  }
  if (status && status->mount != of_top.mount) return std::nullopt;
  return Reached{std::move(directory), std::string(name_of(path))};
}

// A name on a mount is reached through the directory that was entered there, held open: so that
// what is not found was not on that disk, and not under a mount point that is empty for a moment.
std::optional<Scanner::Tree::Reached> Scanner::Tree::reach(const Folder& folder,
                                                           const std::string& path) {
  const bool hidden = std::any_of(folder.second_views.begin(), folder.second_views.end(),
                                  [&path](const auto& view) { return lies_below(path, view); });
  if (hidden) return std::nullopt;
  const auto* const mount = mount_above(folder, path);
  if (mount == nullptr && !folder.spec.cross_mounts) {
    return Reached{files.open_directory(folder.spec.root(), parent_of(path)),
                   std::string(name_of(path))};
  }
  if (mount != nullptr && !mount->second.trouble.empty()) return std::nullopt;
  auto top = files.open_directory(folder.spec.root(), mount == nullptr ? "" : mount->first);
  const Result<FileStatus> status = top ? (*top)->status() : fail(top.error());
  if (mount == nullptr) {
    if (!status) return Reached{fail(status.error()), {}};
    return reach_below(std::move(*top), *status, path);
  }
  // A disk whose top cannot even be looked at is as good as away.
  if (!status || !same_directory(mount->second.identity, identity_of(status->fingerprint))) {
    return std::nullopt;
  }
  return reach_below(std::move(*top), *status, path.substr(mount->first.size() + 1));
}

// --- what is come upon ------------------------------------------------------------------------

bool Scanner::Tree::may_enter(const Spot& spot, const std::string& name, const FileStatus& status) {
  Folder& folder = folders.find(spot.node.folder)->second;
  const bool crossing = status.mount != spot.node.span->mount;
  if (!crossing && folder.entered.empty() && folder.second_views.empty()) return true;
  const std::string path = join(spot.path, name);
  const auto known = folder.entered.find(path);
  if (known == folder.entered.end() && !crossing) {
    folder.second_views.erase(path);
    folder.accepted.erase(path);
    return true;
  }
  if (known != folder.entered.end() &&
      !same_directory(known->second.identity, identity_of(status.fingerprint))) {
    agenda.succeed(spot.node, name);
    suspend_mount(folder, path, known->second, not_there(folder.spec, path));
    return false;
  }
  const Node* const child = NodeTree::child(spot.node, name);
  const bool placed = child != nullptr && child->identity == identity_of(status.fingerprint);
  if (!crossing || placed || entering) return true;
  const Crossing crossing_there{known == folder.entered.end(), spot.node.span->crossings + 1,
                                spot.node.folder, path};
  if (crossings.empty()) crossings_since = now;
  if (crossings.try_emplace(crossing_there, spot.epoch).second) {
    agenda.count(spot.node.folder, spot.epoch);
  }
  agenda.succeed(spot.node, name);
  return false;
}

void Scanner::Tree::enter_next_mount() {
  if (crossings.empty()) return;
  const bool nothing_else = !listing && looks.empty() && agenda.idle();
  // However busy the folder is; but what is not known waits until every other way was met.
  const bool its_turn = now - crossings_since >= turn_at_the_latest &&
                        !(crossings.begin()->first.unknown && (listing || agenda.scanning()));
  if (!nothing_else && !its_turn) return;
  crossings_since = now;
  const auto next = crossings.extract(crossings.begin());
  const Crossing& at = next.key();
  const auto found = folders.find(at.folder);
  Node* const parent = found == folders.end() || found->second.suspended
                           ? nullptr
                           : NodeTree::find(*found->second.root, parent_of(at.path));
  if (parent != nullptr) {
    if (const auto directory = open_node(*parent, next.mapped())) {
      const std::string path = NodeTree::path(*parent);
      const Spot spot{*parent, *directory, path, next.mapped(), false};
      const std::string name(name_of(at.path));
      entering = true;
      meet(spot, name, directory->look(name), true);
      entering = false;
    }
  }
  agenda.finish(at.folder, next.mapped());
}

bool Scanner::Tree::is_second_view(const Spot& spot, const std::string& name,
                                   const FileStatus& status, const Node& known) {
  Node* const child = NodeTree::child(spot.node, name);
  // What has moved has moved within its mount.
  if (&known == child || known.span == nullptr || known.span->mount == status.mount) return false;
  const Folder& its = folders.find(known.folder)->second;
  const std::string its_path = NodeTree::path(known);
  const auto opened = files.open_directory(its.spec.root(), its_path);
  const Result<FileStatus> there = opened ? (*opened)->status() : fail(opened.error());
  if (!there || identity_of(there->fingerprint) != known.identity || there->mount == status.mount) {
    return false;
  }
  const bool another_folder = known.parent == nullptr && known.folder != spot.node.folder;
  const std::string path = join(spot.path, name);
  agenda.succeed(spot.node, name);
  if (child != nullptr) nodes.drop(*child);  // covered, not gone
  folders.find(spot.node.folder)->second.second_views.insert(path);
  see(spot.node.folder,
      {.path = path,
       .what = Ignored{another_folder
                           ? "another folder"
                           : "the same directory as " + printable(join(its.spec.path, its_path))}});
  return true;
}

const MountSpan* Scanner::Tree::span_for(const Spot& spot, const std::string& name,
                                         const FileStatus& status, OpenDirectory& directory) {
  Folder& folder = folders.find(spot.node.folder)->second;
  const bool crossing = status.mount != spot.node.span->mount;
  if (!crossing && folder.entered.empty()) return spot.node.span;
  const MountSpan* span = spot.node.span;
  if (crossing) {
    MountSpan& other = folder.spans[status.mount];
    other = {.mount = status.mount,
             .crossings = spot.node.span->crossings + 1,
             .blind_spot = directory.blind_spot()};
    span = &other;
  }
  const std::string path = join(spot.path, name);
  folder.second_views.erase(path);
  const Identity identity = identity_of(status.fingerprint);
  if (crossing) {
    const auto [known, fresh] = folder.entered.try_emplace(path);
    if (fresh || known->second.identity != identity) {
      known->second.identity = identity;
      const std::string before =
          fresh ? place_before(folder, path, identity, status.mount) : std::string();
      // Durable before anything is seen below it.
      emit(MountEntered{.folder = spot.node.folder,
                        .path = path,
                        .dev = identity.dev,
                        .ino = identity.ino,
                        .btime = identity.btime,
                        .accepted = folder.accepted.erase(path) > 0,
                        .before = before});
      if (!before.empty()) {
        emit(DirectoryGone{.folder = spot.node.folder, .directory = before});
      }
    }
  }
  const auto known = folder.entered.find(path);
  if (known == folder.entered.end()) return span;
  known->second.in_place = true;
  known->second.mount = status.mount;
  known->second.blind_spot = crossing ? span->blind_spot : "";
  if (!std::exchange(known->second.trouble, {}).empty()) {
    // What has gone from it meanwhile, only its rows tell.
    emit(DirectoryGone{.folder = spot.node.folder, .directory = path});
  }
  return span;
}

// Where it lay before a directory above it was renamed, and is not found any more; it is known
// there no longer. Empty: nowhere. Such a rename takes the very mount along: another one that shows
// the same directory is a second way to it, and says nothing of the first.
std::string Scanner::Tree::place_before(Folder& folder, const std::string& path,
                                        const Identity& identity, std::uint64_t on) {
  for (auto mount = folder.entered.begin(); mount != folder.entered.end(); ++mount) {
    if (mount->first == path || mount->second.mount != on ||
        !same_directory(mount->second.identity, identity)) {
      continue;
    }
    const auto opened = files.open_directory(folder.spec.root(), mount->first);
    const Result<FileStatus> there = opened ? (*opened)->status() : fail(opened.error());
    const bool gone = there ? !same_directory(identity, identity_of(there->fingerprint))
                            : says_gone(there.error());
    if (!gone) continue;
    std::string before = mount->first;
    folder.entered.erase(mount);
    return before;
  }
  return {};
}

// The mount on which it has just been found.
void Scanner::Tree::note_span(Node& node, std::uint64_t mount) {
  if (node.span != nullptr && node.span->mount == mount) return;
  const MountSpan* const above = node.parent == nullptr ? nullptr : node.parent->span;
  if (above != nullptr && above->mount == mount) {
    node.span = above;
    return;
  }
  const unsigned between = above == nullptr ? 0 : above->crossings + 1;
  MountSpan& span =
      folders.find(node.folder)
          ->second.spans.try_emplace(mount, MountSpan{.mount = mount, .crossings = between})
          .first->second;
  node.span = &span;
}

}  // namespace waybill::watcher
