#include <cerrno>
#include <utility>

#include "base/paths.h"
#include "watcher/scanner_tree.h"

// Single names: those that events tell of, and those that somebody asks after by their path
// (WATCHING.md 3).
namespace waybill::watcher {

namespace {

constexpr std::size_t names_a_step = 64;
constexpr unsigned looks_in_vain = 5;  // of half a minute

}  // namespace

const char* why_ignored(FileKind kind) {
  switch (kind) {
    case FileKind::Regular:
    case FileKind::Directory:
      break;
    case FileKind::Symlink:
      return "symbolic link";
    case FileKind::Fifo:
      return "FIFO";
    case FileKind::Socket:
      return "socket";
    case FileKind::Device:
      return "device";
    case FileKind::Other:
      break;
  }
  return "no regular file";
}

Error covered_file() {
  return {.code = ErrorCode::NeedsPerson,
          .message = "something is mounted over this file",
          .os_errno = EXDEV};
}

Ignored by_pattern(const std::string& pattern) {
  return {"matches " + pattern};
}

void Scanner::Tree::look_up_names() {
  std::vector<std::string> names;
  std::size_t looked = 0;
  while (looked < names_a_step) {
    names.clear();
    const auto work = agenda.next_names(names_a_step - looked, names);
    if (!work) return;
    looked += names.size();
    if (const auto directory = open_node(*work->node, work->epoch)) {
      const std::string path = NodeTree::path(*work->node);
      const Spot spot{*work->node, *directory, path, work->epoch, true};
      for (const std::string& name : names) meet(spot, name, directory->look(name), false);
    }
    agenda.finish(work->folder, work->epoch);
  }
}

void Scanner::Tree::add_look(Look look) {
  look.epoch = epoch;
  agenda.count(look.folder, epoch);
  looks.push_back(std::move(look));
}

void Scanner::Tree::answer_looks() {
  std::map<FolderId, std::vector<const Look*>> absent;
  std::deque<Look> answered;
  for (std::size_t count = 0; count < names_a_step && !looks.empty(); ++count) {
    answered.push_back(std::move(looks.front()));
    looks.pop_front();
    answer_look(answered.back(), absent);
  }
  // That a name is not there says something only while the root, and the mount that it lies on, are
  // those that we know: looked at after the name, since a disk that goes takes the names first
  // (P7).
  for (const auto& [id, names] : absent) {
    Folder& folder = folders.find(id)->second;
    const bool there = !folder.suspended && open_root(folder) != nullptr;
    if (folder.suspended) continue;
    for (const Look* const look : names) {
      if (!there) {
        look_later(*look);
      } else if (is_in_place(folder, mount_above(folder, look->path))) {
        see(id, {.path = look->path, .what = Absent{}});
      } else {
        leave_open(*look);
      }
    }
  }
  flush();
  for (const Look& look : answered) {
    agenda.finish(look.folder, look.epoch);
    if (look.last_of) emit(Looked{*look.last_of});
  }
}

void Scanner::Tree::look_later(const Look& look) {
  if (later_looks.add({.folder = look.folder, .path = look.path, .tries = look.tries}, now)) return;
  folders.find(look.folder)->second.doubts_dropped = true;
}

void Scanner::Tree::leave_open(const Look& look) {
  // What is below a mount that is told as missing is asked after once that is back.
  if (!is_on_missing_mount(folders.find(look.folder)->second, look.path)) look_later(look);
  see(look.folder, {.path = look.path, .what = Suspended{}});
}

void Scanner::Tree::answer_look(const Look& look,
                                std::map<FolderId, std::vector<const Look*>>& absent) {
  const auto found = folders.find(look.folder);
  if (found == folders.end() || found->second.suspended) return;
  const FolderSpec& spec = found->second.spec;
  if (const auto pattern = spec.ignore.match(look.path)) {
    see(look.folder, {.path = look.path, .what = by_pattern(*pattern)});
    return;
  }
  touch(look.folder);
  const auto place = reach(found->second, look.path);
  if (!place) return leave_open(look);
  const auto& [directory, name] = *place;
  const Result<FileStatus> status = directory ? (*directory)->look(name) : fail(directory.error());
  if (!status) {
    if (says_gone(status.error())) {
      absent[look.folder].push_back(&look);
    } else if (status.error().code == ErrorCode::NeedsPerson) {
      see(look.folder, {.path = look.path, .what = Unreadable{status.error()}});
      look_later(look);
    } else if (look.tries == looks_in_vain) {
      leave_open(look);
    } else {
      look_later(look);
    }
    return;
  }
  if (status->kind == FileKind::Regular) {
    const Result<FileStatus> around = (*directory)->status();
    if (around && around->mount != status->mount) {
      see(look.folder, {.path = look.path, .what = Unreadable{covered_file()}});
    } else {
      see(look.folder, {.path = look.path, .what = Present{status->fingerprint}});
      const Node* const node = NodeTree::find(*found->second.root, parent_of(look.path));
      const bool entered =
          node != nullptr && around && node->identity == identity_of(around->fingerprint);
      // Should the directory go before it is entered, nothing else would tell.
      if (!entered) look_later(look);
    }
  } else if (status->kind == FileKind::Directory) {
    absent[look.folder].push_back(&look);
  } else {
    see(look.folder, {.path = look.path, .what = Ignored{why_ignored(status->kind)}});
  }
}

}  // namespace waybill::watcher
