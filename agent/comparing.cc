#include <algorithm>
#include <utility>

#include "agent/transfers.h"
#include "base/test_points.h"

// The part of Transfers about files of which something else may be said than is stored with them,
// while they themselves have not changed: a sidecar came, changed or went, perhaps while nobody
// watched. What is durable with the object, or with the attempt under way, is held against what is
// said now; nothing is hashed for that.
namespace waybill::agent {
namespace {

using catalog::FileEvent;
using catalog::FileRow;
using catalog::FileState;

constexpr std::size_t looked_at_once = 64;

Result<watcher::AboutFile> look_at(watcher::FileSystem& files, const watcher::Root& root,
                                   const std::string& path, const Fingerprint& fingerprint) {
  const auto opened =
      watcher::PartReader::open(files, root, path, fingerprint, watcher::LeaseMode::Off);
  if (!opened) return fail(opened.error());
  return (*opened)->about();
}

// Else the file is not as its row knows it, and is read for that reason.
bool may_pass(const Error& error) {
  return error.code == ErrorCode::RetryLater || error.code == ErrorCode::SourceBusy;
}

}  // namespace

void Transfers::compare(const FilePath& file) {
  if (WAYBILL_PLANTED(SidecarChangeMissed)) return;
  compared_.insert(file);
  to_compare_[file.first].paths.insert(file.second);
}

void Transfers::look_beside() {
  look_at_changed();
  if (pages_ == 0 && !session_.failure()) look_at_all();
}

std::optional<BootTime> Transfers::next_look_beside() const {
  const auto may_go_on = [this](const auto& folder) {
    return !folder.second.asked && !folder.second.paths.empty() &&
           !session_.folders.at(folder.first).suspended();
  };
  if (std::ranges::any_of(to_compare_, may_go_on)) return session_.now();
  if (pages_ > 0) return std::nullopt;
  if (walk_) return session_.now();
  const auto due = intake_.looks_beside().next_due();
  return due ? std::optional(std::max(*due, next_walk_)) : std::nullopt;
}

// A disk that does not answer holds up no other folder. What is suspended waits until it is back.
void Transfers::look_at_changed() {
  for (auto& [folder, changed] : to_compare_) {
    if (changed.asked || session_.folders.at(folder).suspended()) continue;
    auto some = next_changed(folder, changed);
    if (session_.failure()) return;
    if (some.empty()) continue;
    changed.asked = true;
    ask_readers(std::move(some), [asked = &changed.asked] { *asked = false; });
  }
}

// Those that have an object, or an attempt under way.
std::vector<Transfers::Comparison> Transfers::next_changed(FolderId folder, Changed& changed) {
  std::vector<Comparison> some;
  for (std::size_t looked_at = 0; looked_at < looked_at_once && !changed.paths.empty();
       ++looked_at) {
    auto next = changed.paths.upper_bound(changed.last);
    if (next == changed.paths.end()) next = changed.paths.begin();
    changed.last = *next;
    changed.paths.erase(next);
    const FilePath file(folder, changed.last);
    // Whatever it leads to has read what was there then.
    if (busy(file)) continue;
    const auto row = session_.expect(session_.catalog->find_live(folder, file.second));
    if (!row) break;
    const auto is = [&row](FileState state) { return *row && (*row)->state == state; };
    if (is(FileState::Stored) || is(FileState::Uploading)) {
      some.push_back(comparison_of(**row));
      continue;
    }
    compared_.erase(file);
    if (!let_go_again(*row)) break;
    // What is queued is read anyway.
    left_(file);
  }
  return some;
}

// What is lost a person is to take note of, whatever lies beside its name.
bool Transfers::let_go_again(const std::optional<FileRow>& row) {
  if (!row || row->state != FileState::Blocked || is_lost(*row)) return true;
  if (!session_.expect(session_.catalog->apply(row->id, FileEvent::CauseFixed,
                                               "what lies beside it has changed"))) {
    return false;
  }
  intake_.release(row->id);
  intake_.look_at_queue();
  session_.changed();
  return true;
}

Transfers::Comparison Transfers::comparison_of(const FileRow& row) const {
  const FilePath file(row.folder, row.path);
  return {
      .file = file, .fingerprint = row.fingerprint, .beside = {.path = intake_.sidecar_of(file)}};
}

void Transfers::ask_readers(std::vector<Comparison> some, Task done) {
  const FolderId folder = some.front().file.first;
  session_.world.read([this, some = std::move(some), done = std::move(done),
                       root = session_.folders.at(folder).root(), lease = lease_mode(folder),
                       &files = session_.world.files, post = session_.poster()]() mutable {
    for (Comparison& one : some) {
      one.beside.sidecar = watcher::read_sidecar(files, root, one.beside.path, lease);
      one.about = look_at(files, root, one.file.second, one.fingerprint);
    }
    post([this, some = std::move(some), done = std::move(done)] {
      for (const Comparison& one : some) {
        compared(one);
        if (session_.failure()) return;
      }
      done();
    });
  });
}

void Transfers::compared(const Comparison& one) {
  if (busy(one.file)) {
    compared_.insert(one.file);
    return;
  }
  const auto& [folder, path] = one.file;
  // It may have changed again since its reader was asked.
  const auto changed = to_compare_.find(folder);
  if (changed == to_compare_.end() || !changed->second.paths.contains(path)) {
    compared_.erase(one.file);
  }
  session_.changed();
  auto row = session_.expect(session_.catalog->find_live(folder, path));
  if (!row) return;
  const bool as_before =
      *row && (*row)->fingerprint == one.fingerprint &&
      ((*row)->state == FileState::Stored || (*row)->state == FileState::Uploading);
  if (as_before && one.about) {
    const auto metadata = said_of(one.file, *one.about, one.beside);
    const bool later = !metadata && metadata.error().code == ErrorCode::RetryLater;
    if (!later) {
      told_again({.folder = folder,
                  .path = path,
                  .fingerprint = one.fingerprint,
                  .racy = (*row)->racy,
                  .sha256 = (*row)->sha256},
                 metadata);
    }
  } else if (as_before && may_pass(one.about.error())) {
    intake_.look_beside_later(one.file,
                              "it cannot be looked at yet: " + one.about.error().describe());
  }
  left_(one.file);
}

void Transfers::look_at_all() {
  const BootTime now = session_.now();
  if (walk_ && walk_->all) {
    // A tenth of the time at most, as for any look at all of a folder (PROTOCOL.md section 8).
    next_walk_ = now + 9 * (now - walk_->begun);
    walk_.reset();
    intake_.looks_beside().end();
  }
  if (!walk_ && now >= next_walk_) {
    auto folders = intake_.looks_beside().begin(now);
    if (!folders.empty()) walk_ = Walk{.folders = std::move(folders), .begun = now};
  }
  if (walk_) walk_on();
}

// Uploads first: by the time that they are stored the walk over what is has passed them.
void Transfers::walk_on() {
  const auto rows =
      session_.expect(session_.catalog->in_state(walk_->state, walk_->after, looked_at_once));
  if (!rows) return;
  std::map<FolderId, std::vector<Comparison>> by_folder;
  for (const FileRow& row : *rows) {
    walk_->after = row.id;
    if (!row.live || !walk_->folders.contains(row.folder)) continue;
    // Once it is back, all of it is looked at.
    if (session_.folders.at(row.folder).suspended()) continue;
    const FilePath file(row.folder, row.path);
    if (busy(file)) {
      compared_.insert(file);
    } else {
      by_folder[row.folder].push_back(comparison_of(row));
    }
  }
  if (rows->size() < looked_at_once) {
    walk_->all = walk_->state == FileState::Stored;
    walk_->state = FileState::Stored;
    walk_->after = FileId{};
  }
  for (auto& [folder, some] : by_folder) {
    ++pages_;
    ask_readers(std::move(some), [this] { --pages_; });
  }
}

}  // namespace waybill::agent
