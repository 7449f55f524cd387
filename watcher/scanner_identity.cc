#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "watcher/scanner_tree.h"

// Whether what lies at a folder's path is the directory that was known there (WATCHING.md 1): its
// inode and its birth time say so; where the file system tells none, its inode and a mark of ours
// below it. Whoever may write in the folder can take the mark away or change it: then it is another
// directory, from which nothing is concluded, until a person accepts it.
namespace waybill::watcher {

namespace {

constexpr Nanoseconds marked_at_most_every = std::chrono::minutes(1);

// An answer of the disk itself: there is no mark, or something that is none.
bool says_unmarked(const Error& error) {
  return (error.code == ErrorCode::SourceGone && error.os_errno != ESTALE) ||
         error.code == ErrorCode::BadInput;
}

}  // namespace

KnownRoot known_root(const FolderSpec& spec) {
  return {.identity = {.dev = spec.known_dev, .ino = spec.known_ino, .btime = spec.known_btime},
          .mark = spec.known_mark};
}

// Device numbers change when a machine restarts, those of network file systems with every mount:
// they say something only where there is nothing better.
Result<bool> Scanner::Tree::is_known(const Folder& folder, OpenDirectory& directory,
                                     const Identity& found) {
  const auto& [identity, mark] = folder.known;
  if (identity.ino == 0) return true;
  if (mark == 0) return same_directory(identity, found);
  if (identity.ino != found.ino) return false;
  const Result<std::uint64_t> there = directory.mark(own_directory);
  if (there || says_unmarked(there.error())) return there && *there == mark;
  Error error = there.error();
  // A server that has forgotten what it gave us: the root was there a moment ago.
  if (error.code == ErrorCode::SourceGone) error.code = ErrorCode::RetryLater;
  return fail(std::move(error));
}

bool Scanner::Tree::is_root_in_place(const Folder& folder) {
  const auto opened = files.open_directory(folder.spec.root(), "");
  const Result<FileStatus> status = opened ? (*opened)->status() : fail(opened.error());
  if (!status) return false;
  const Result<bool> known = is_known(folder, **opened, identity_of(status->fingerprint));
  return known && *known;
}

std::unique_ptr<OpenDirectory> Scanner::Tree::open_root(Folder& folder) {
  touch(folder.spec.id);
  Result<std::unique_ptr<OpenDirectory>> opened = files.open_directory(folder.spec.root(), "");
  const Result<FileStatus> status = opened ? (*opened)->status() : fail(opened.error());
  if (!status) {
    cannot_open_root(folder, status.error());
    return nullptr;
  }
  const Identity found = identity_of(status->fingerprint);
  const Result<bool> known = is_known(folder, **opened, found);
  if (!known) {
    cannot_open_root(folder, known.error());
    return nullptr;
  }
  if (!*known) {
    const bool marked = folder.known.mark != 0 && folder.known.identity.ino == found.ino;
    suspend(folder, FolderHealth::Replaced,
            printable(folder.spec.path) +
                " is not the directory that was there before: another one was put in its place, or "
                "its disk is not mounted" +
                (marked ? " (it does not have the mark that was left in " +
                              std::string(own_directory) + ")"
                        : ""));
    return nullptr;
  }
  folder.root->identity = folder.known.identity = found;
  note_span(*folder.root, status->mount);
  keep_mark(folder, **opened);
  return std::move(*opened);
}

void Scanner::Tree::cannot_open_root(Folder& folder, const Error& error) {
  if (error.code == ErrorCode::SourceGone) {
    suspend(folder, FolderHealth::Missing, "there is no directory " + printable(folder.spec.path));
  } else if (folder.suspended || error.code == ErrorCode::NeedsPerson ||
             agenda.fail(*folder.root, "", error, now)) {
    suspend(folder, FolderHealth::Unreadable, error.describe());
  }
}

void Scanner::Tree::accept_root(Folder& folder) {
  folder.spec.known_dev = folder.spec.known_ino = folder.spec.known_mark = 0;
  folder.spec.known_btime = 0;
  folder.known = {};
  folder.mark_due.reset();
  if (folder.suspended) {
    folder.next_try = now;
  } else {
    // It came back meanwhile, and that is durable no more.
    folder.reported.reset();
    start_scan(folder);
  }
}

// What lies there is the folder's. One that is there already, another agent's perhaps, serves.
void Scanner::Tree::keep_mark(Folder& folder, OpenDirectory& directory) {
  if (folder.known.identity.btime != 0) {
    folder.known.mark = 0;
    folder.unmarked.clear();
    return;
  }
  if (folder.known.mark != 0 || (folder.mark_due && now < *folder.mark_due)) return;
  folder.mark_due = now + marked_at_most_every;
  Result<std::uint64_t> mark = directory.mark(own_directory);
  if (!mark && says_unmarked(mark.error())) {
    if (!folder.spec.prove) {
      folder.unmarked = "the configuration does not want it";
      return;
    }
    mark = directory.leave_mark(own_directory);
  }
  folder.known.mark = mark ? *mark : 0;
  folder.unmarked = mark ? "" : mark.error().describe();
}

}  // namespace waybill::watcher
