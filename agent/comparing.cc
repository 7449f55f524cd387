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

constexpr std::size_t walked_at_once = 64;

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
  // Whatever it leads to has read what was there then.
  if (busy(file)) return;
  const auto row = session_.expect(session_.catalog->find_live(file.first, file.second));
  if (!row) return;
  const auto is = [&row](FileState state) { return *row && (*row)->state == state; };
  if (is(FileState::Stored) || is(FileState::Uploading)) {
    return look_beside({comparison_of(**row)}, [] {});
  }
  compared_.erase(file);
  // What is lost a person is to take note of, whatever lies beside its name.
  if (is(FileState::Blocked) && !is_lost(**row)) {
    if (!session_.expect(session_.catalog->apply((*row)->id, FileEvent::CauseFixed,
                                                 "what lies beside it has changed"))) {
      return;
    }
    intake_.release((*row)->id);
    intake_.look_at_queue();
    session_.changed();
  }
  // What is queued is read anyway.
  left_(file);
}

Transfers::Comparison Transfers::comparison_of(const FileRow& row) const {
  const FilePath file(row.folder, row.path);
  return {
      .file = file, .fingerprint = row.fingerprint, .beside = {.path = intake_.sidecar_of(file)}};
}

void Transfers::look_beside(std::vector<Comparison> some, Task done) {
  if (some.empty()) return done();
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
  compared_.erase(one.file);
  session_.changed();
  const auto& [folder, path] = one.file;
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

void Transfers::compare_all(FolderId folder) {
  to_walk_.insert(folder);
  if (!walk_ && pages_ == 0) walk_on();
}

void Transfers::walk_later() {
  session_.timers.at(next_walk_, [this] {
    if (!walk_ && pages_ == 0) walk_on();
  });
}

// Uploads first: by the time that they are stored the walk over what is has passed them.
void Transfers::walk_on() {
  const BootTime now = session_.now();
  if (!walk_) {
    if (to_walk_.empty()) return;
    if (now < next_walk_) return walk_later();
    walk_ = Walk{.folders = std::exchange(to_walk_, {}), .begun = now};
  }
  const auto rows =
      session_.expect(session_.catalog->in_state(walk_->state, walk_->after, walked_at_once));
  if (!rows) return;
  std::map<FolderId, std::vector<Comparison>> by_folder;
  for (const FileRow& row : *rows) {
    walk_->after = row.id;
    if (!row.live || !walk_->folders.contains(row.folder)) continue;
    const FilePath file(row.folder, row.path);
    if (busy(file)) {
      compared_.insert(file);
    } else {
      by_folder[row.folder].push_back(comparison_of(row));
    }
  }
  if (rows->size() < walked_at_once) {
    if (walk_->state == FileState::Uploading) {
      walk_->state = FileState::Stored;
      walk_->after = FileId{};
    } else {
      // A tenth of the time at most, as for any look at all of a folder (PROTOCOL.md section 8).
      next_walk_ = now + 9 * (now - walk_->begun);
      walk_.reset();
    }
  }
  if (by_folder.empty()) return session_.timers.at(session_.now(), [this] { walk_on(); });
  for (auto& [folder, some] : by_folder) {
    ++pages_;
    look_beside(std::move(some), [this] {
      if (--pages_ == 0) walk_on();
    });
  }
}

}  // namespace waybill::agent
