#include <algorithm>

#include "agent/arrival.h"
#include "agent/transfers.h"

// The part of Transfers about files that are found again under another name of their folder: the
// row goes on, under a new key (PROTOCOL.md section 4). The inode, its time of birth, size and time
// of modification say which row it may be; only the hash says that it is. Names that a file has at
// the same time, by hard links, are files of their own.
namespace waybill::agent {
namespace {

using catalog::CompleteFile;
using catalog::FileRow;
using catalog::FileState;

// As for a file whose reading failed: its name is looked at, and then it has its turn again.
constexpr Nanoseconds look_first = std::chrono::seconds(2);
constexpr std::size_t most_asked = 100'000;
constexpr Nanoseconds forget_every = std::chrono::minutes(1);

// What is told as lost went, too: it is its file that comes back.
bool gone(const FileRow& row) {
  return row.state == FileState::Gone || is_lost(row);
}

}  // namespace

// Whose file it may be, as far as a look can tell. nullopt: the session has failed.
std::optional<std::vector<FileRow>> Transfers::former_rows(FolderId folder, const std::string& path,
                                                           const Fingerprint& fingerprint) {
  auto rows = session_.expect(session_.catalog->same_inode_elsewhere(folder, path, fingerprint));
  if (!rows) return std::nullopt;
  std::erase_if(*rows, [&fingerprint](const FileRow& row) {
    return row.state == FileState::Removed || !unchanged(row, fingerprint);
  });
  return std::move(*rows);
}

bool Transfers::former_name_is_gone(const ReadyFile& file) {
  const auto rows = former_rows(file.folder, file.path, file.fingerprint);
  return rows && std::ranges::any_of(*rows, gone);
}

// The new name may be seen before the old one is known to be gone: at a start always, since only
// the end of the scan doubts what it has not seen. Both are looked at then, the old one first.
// True: its turn comes again.
bool Transfers::looks_for_former_name(ReadyFile& file) {
  const FilePath path(file.folder, file.path);
  const auto rows = former_rows(file.folder, file.path, file.fingerprint);
  if (!rows) return true;
  file.elsewhere = !rows->empty();
  if (rows->empty() || std::ranges::any_of(*rows, gone)) return false;
  auto own = session_.expect(session_.catalog->find_live(file.folder, file.path));
  if (!own) return true;
  // A name that has a file of its own keeps it, whatever is renamed to it.
  if (*own && !gone(**own) && (*own)->object) return false;
  if (!may_ask(path, file.fingerprint)) return false;
  for (const FileRow& row : *rows) {
    intake_.look_again({row.folder, row.path}, session_.now());
  }
  if (*own) intake_.postpone((*own)->id, session_.now() + look_first);
  intake_.look_again(path, session_.now(), file.since);
  return true;
}

// Once for each state of a file. Who cannot be remembered any more is a file of its own.
bool Transfers::may_ask(const FilePath& path, const Fingerprint& fingerprint) {
  if (const auto asked = asked_.find(path); asked != asked_.end() && asked->second == fingerprint) {
    return false;
  }
  if (asked_.size() >= most_asked && session_.now() >= forget_asked_at_) {
    // Those that never had their turn again: they changed, or went.
    std::erase_if(asked_, [this](const auto& asked) {
      return !intake_.waiting(asked.first) && !busy(asked.first);
    });
    forget_asked_at_ = session_.now() + forget_every;
  }
  if (asked_.size() >= most_asked) return false;
  asked_.insert_or_assign(path, fingerprint);
  return true;
}

// nullopt: it is no other name's file, or the session has failed.
std::optional<FileRow> Transfers::renamed(const CompleteFile& file) {
  asked_.erase({file.folder, file.path});
  if (!file.sha256) return std::nullopt;
  const auto rows = former_rows(file.folder, file.path, file.fingerprint);
  if (!rows) return std::nullopt;
  const auto same = std::ranges::find_if(
      *rows, [&](const FileRow& row) { return gone(row) && row.sha256 == file.sha256; });
  if (same == rows->end()) return std::nullopt;
  auto there = session_.expect(session_.catalog->find_live(file.folder, file.path));
  if (!there) return std::nullopt;
  // What was stored under that name before is this very content: nothing is to be sent.
  if (*there && gone(**there) && (*there)->object && (*there)->sha256 == file.sha256) {
    return std::nullopt;
  }
  auto row = session_.catalog->renamed(same->id, file);
  if (!row && row.error().code == ErrorCode::PreconditionFailed) return std::nullopt;
  auto now = session_.expect(std::move(row));
  if (!now) return std::nullopt;
  blocked_for_.erase(now->id);
  session_.after_commit([this, from = same->path, to = now->path] {
    session_.world.log.debug("renamed", {{"file", to}, {"before", from}});
  });
  return now;
}

}  // namespace waybill::agent
