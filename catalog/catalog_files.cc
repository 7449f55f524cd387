#include <algorithm>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/test_points.h"
#include "catalog/catalog_impl.h"

namespace waybill::catalog {

namespace {

bool awaits_storing(FileState state) {
  return state < FileState::Stored;
}

}  // namespace

// --- one transition ----------------------------------------------------------------------------

Result<StoredFile> Catalog::Impl::known_file(FileId id) {
  auto file = files.find(id);
  if (!file) return fail(file.error());
  if (!*file) {
    return fail(ErrorCode::Internal, "no file has the id " + std::to_string(value_of(id)));
  }
  return std::move(**file);
}

Result<FileRow> Catalog::Impl::transition(const StoredFile& file, const Change& change) {
  const auto step = next(file.row.state, change.event);
  if (!step || !file.row.live) {
    return fail(ErrorCode::Internal, std::string(to_string(change.event)) +
                                         " is not possible for " +
                                         (file.row.live ? "" : "an ended row that was ") +
                                         std::string(to_string(file.row.state)) + " (file id " +
                                         std::to_string(value_of(file.row.id)) + ")");
  }
  if (auto begun = session->begin(); !begun) return fail(begun.error());

  if (step->cancel_attempt) {
    if (auto done = attempts.abandon(file.row.id); !done) return fail(done.error());
  }
  if (step->object_becomes_sole) {
    if (auto done = objects.all_become_sole(file.row); !done) return fail(done.error());
  }
  if (step->new_row) {
    if (auto ended = files.end(file.row); !ended) return fail(ended.error());
    return start_row(*change.seen);
  }

  StoredFile after = file;
  FileRow& row = after.row;
  row.state = step->to;
  row.reason = change.row_reason;
  if (step->new_generation) {
    ++row.generation;
    row.tries = 0;
  }
  if (step->count_try) ++row.tries;
  if (row.state == FileState::Stored) row.tries = 0;
  if (!awaits_storing(row.state)) {
    row.pending_since = 0;
  } else if (step->new_generation || row.pending_since == 0) {
    row.pending_since = session->now() / ns_per_ms * ns_per_ms;
  }
  if (change.event == FileEvent::Renamed) {
    // An incarnation of its own (PROTOCOL.md rule 6).
    row.path = change.seen->path;
    row.key.clear();
    if (auto moved = files.move(row.id, row.path); !moved) return fail(moved.error());
  }
  if (change.seen != nullptr) {
    row.fingerprint = change.seen->fingerprint;
    row.racy = change.seen->racy;
    row.sha256 = change.seen->sha256;
  }
  if (change.acknowledged != nullptr) {
    row.object = change.acknowledged->id;
    row.key = after.object_key = change.acknowledged->key;
    row.sha256 = after.object_sha256 = change.acknowledged->sha256;
    after.object_metadata = change.acknowledged->metadata;
    after.object_owned = change.acknowledged->owned;
  }
  after.last_event = events.upcoming(file.last_event, change.event);
  if (auto saved = files.save(file.row, after); !saved) return fail(saved.error());
  auto told = events.append(row, file.last_event, change.event, change.reason, change.attempt);
  if (!told) return fail(told.error());
  return std::move(after.row);
}

Result<FileRow> Catalog::Impl::start_row(const CompleteFile& seen) {
  if (auto begun = session->begin(); !begun) return fail(begun.error());
  const std::int64_t now = session->now() / ns_per_ms * ns_per_ms;
  StoredFile file{.row = {.folder = seen.folder,
                          .path = seen.path,
                          .fingerprint = seen.fingerprint,
                          .racy = seen.racy,
                          .sha256 = seen.sha256,
                          .arrived = now,
                          .pending_since = now},
                  .last_event = events.upcoming(0, FileEvent::CompleteNewContent)};
  if (auto added = files.insert(file); !added) return fail(added.error());
  auto told = events.append(file.row, 0, FileEvent::CompleteNewContent, "", "");
  if (!told) return fail(told.error());
  return std::move(file.row);
}

Result<FileRow> Catalog::Impl::save_quietly(const FileRow& before, const StoredFile& after) {
  if (auto begun = session->begin(); !begun) return fail(begun.error());
  if (auto saved = files.save(before, after); !saved) return fail(saved.error());
  return after.row;
}

// --- reading -----------------------------------------------------------------------------------

Result<std::optional<FileRow>> Catalog::find_live(FolderId folder, std::string_view path) {
  auto file = impl_->files.find_live(folder, path);
  if (!file) return fail(file.error());
  if (!*file) return std::optional<FileRow>();
  return std::optional<FileRow>(std::move((*file)->row));
}

Result<std::optional<FileRow>> Catalog::file(FileId id) {
  auto file = impl_->files.find(id);
  if (!file) return fail(file.error());
  if (!*file) return std::optional<FileRow>();
  return std::optional<FileRow>(std::move((*file)->row));
}

Result<void> Catalog::for_each_live(FolderId folder, std::string_view directory, bool deep,
                                    const std::function<void(const FileRow&)>& visit) {
  return impl_->files.for_each_live(folder, directory, deep, visit);
}

Result<bool> Catalog::for_each_name(FolderId folder, std::string_view directory, bool deep,
                                    NamesFrom& from,
                                    const std::function<bool(const Name&)>& visit) {
  return impl_->files.for_each_name(folder, directory, deep, from, visit);
}

Result<std::vector<FileRow>> Catalog::in_state(FileState state, FileId after, std::size_t limit) {
  return impl_->files.in_state(state, after, limit);
}

Result<std::vector<FileRow>> Catalog::queued(const Queue& queue,
                                             const std::optional<QueuePlace>& after,
                                             std::size_t limit) {
  return impl_->files.queued(queue, after, limit);
}

Result<std::map<FolderId, std::int64_t>> Catalog::oldest_pending() {
  return oldest_from(impl_->session->read(WAYBILL_OLDEST_PENDING, {}));
}

// Whether it is to have other metadata than who bears its content has: the attempt under way, or
// else the object. A queued or blocked row has no bearer yet: its next attempt takes what is then.
bool Catalog::Impl::other_metadata(const StoredFile& file, const CompleteFile& seen) const {
  if (!seen.metadata) return false;
  switch (file.row.state) {
    case FileState::Queued:
    case FileState::Blocked:
      return false;
    case FileState::Uploading: {
      const AttemptRow* attempt = attempts.running(file.row);
      return attempt != nullptr && attempt->metadata != *seen.metadata;
    }
    case FileState::Stored:
    case FileState::Removing:
    case FileState::Removed:
    case FileState::Gone:
      return !file.object_says(seen.metadata);
  }
  return false;
}

// --- what the disk told ------------------------------------------------------------------------

// Which of the three Complete events it is. The object's content counts only while the object is
// live, under the key of this incarnation, and nothing has put it in doubt, and while nothing else
// of this file may still land on its key: the skip of an equal hash waits for that (PROTOCOL.md
// rule 2).
FileEvent Catalog::Impl::classify(const StoredFile& file, const CompleteFile& seen,
                                  const std::optional<Sha256>& sha256) const {
  const FileRow& row = file.row;
  // Whatever arrives at the path while its old file is being removed is another file.
  if (row.state == FileState::Removing) return FileEvent::CompleteNewContent;
  const auto under_way = attempts.of(row.id);

  const bool in_doubt = file.object_in_doubt && row.state != FileState::Removed;
  const bool here = file.object_live && row.key == file.object_key;
  if (sha256 && here && !in_doubt && file.object_sha256 == sha256 &&
      file.object_says(seen.metadata)) {
    const bool uploading = row.state == FileState::Uploading;
    // What lands again with the object's own bytes changes nothing.
    const bool wait = std::any_of(under_way.begin(), under_way.end(), [&](const AttemptRow* a) {
      const bool harmless = is_left_upload(*a) || (a->state == AttemptState::Abandoned &&
                                                   a->sha256 == file.object_sha256 &&
                                                   a->metadata == file.object_metadata);
      return !harmless && (!uploading || may_land(*a));
    });
    if (!wait || row.state == FileState::Removed || WAYBILL_PLANTED(SkipDespiteAmbiguity)) {
      return FileEvent::CompleteObjectContent;
    }
  }
  if (row.state == FileState::Uploading) {
    if (const AttemptRow* attempt = attempts.running(row)) {
      const bool same = sha256 && attempt->sha256 ? sha256 == attempt->sha256
                                                  : attempt->fingerprint == seen.fingerprint;
      if (same && !other_metadata(file, seen)) return FileEvent::CompleteAttemptContent;
    }
  }
  return FileEvent::CompleteNewContent;
}

Result<FileRow> Catalog::complete(const CompleteFile& file) {
  auto known = impl_->files.find_live(file.folder, file.path);
  if (!known) return fail(known.error());
  if (*known && is_lost((*known)->row)) {
    // Its bytes are back, unchanged or not: it is sent as any.
    auto freed = apply((*known)->row.id, FileEvent::CauseFixed, "its file is there again");
    if (!freed) return freed;
    known = impl_->files.find_live(file.folder, file.path);
    if (!known) return fail(known.error());
  }
  if (!*known) return impl_->start_row(file);
  const StoredFile& before = **known;
  const FileRow& row = before.row;

  const bool same_print = row.fingerprint == file.fingerprint;
  const bool content_known = file.sha256.has_value();
  // Only a reading takes a doubt back.
  const bool racy = file.racy || (same_print && !content_known && row.racy);
  if (same_print && at_its_path(row.state) && (!content_known || file.sha256 == row.sha256) &&
      !impl_->other_metadata(before, file)) {
    if (row.racy == racy) return row;
    StoredFile after = before;
    after.row.racy = racy;
    return impl_->save_quietly(row, after);
  }

  CompleteFile seen = file;
  seen.racy = racy;
  if (!content_known && same_print) seen.sha256 = row.sha256;
  const FileEvent event = impl_->classify(before, seen, seen.sha256);
  // The content of a queued row itself, read at last or under a new fingerprint: no new generation.
  const bool own_content =
      (same_print && !row.sha256) || (seen.sha256 && seen.sha256 == row.sha256);
  const bool no_news =
      event == FileEvent::CompleteNewContent && own_content &&
      (row.state == FileState::Queued || (same_print && row.state == FileState::Blocked));
  const bool learnt = event == FileEvent::CompleteAttemptContent && same_print;
  if (no_news || learnt) {
    StoredFile after = before;
    after.row.fingerprint = seen.fingerprint;
    after.row.racy = seen.racy;
    after.row.sha256 = seen.sha256;
    return impl_->save_quietly(row, after);
  }
  if (event == FileEvent::CompleteAttemptContent && !seen.sha256) seen.sha256 = row.sha256;
  if (event == FileEvent::CompleteObjectContent && row.object) {
    if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
    if (auto done = impl_->objects.set_sole(*row.object, false); !done) return fail(done.error());
  }
  return impl_->transition(before, {.event = event, .seen = &seen});
}

Result<FileRow> Catalog::set_content(FileId id, const Fingerprint& fingerprint,
                                     const Sha256& sha256) {
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  const FileRow& row = known->row;
  const bool first_time = !row.sha256 || row.sha256 == sha256;
  if (row.state != FileState::Queued && !(row.state == FileState::Uploading && first_time)) {
    return fail(ErrorCode::Internal, "the content of a file that is " +
                                         std::string(to_string(row.state)) + " is settled");
  }
  if (!first_time) {
    // Other bytes than the row spoke of are another generation, however they were noticed: an
    // attempt id must never stand for two contents (PROTOCOL.md rule 1).
    const CompleteFile seen{.folder = row.folder,
                            .path = row.path,
                            .fingerprint = fingerprint,
                            .racy = row.racy,
                            .sha256 = sha256};
    return impl_->transition(*known, {.event = FileEvent::CompleteNewContent, .seen = &seen});
  }
  StoredFile after = *known;
  after.row.fingerprint = fingerprint;
  after.row.sha256 = sha256;
  return impl_->save_quietly(row, after);
}

Result<FileRow> Catalog::set_key(FileId id, std::string_view key) {
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  const FileRow& row = known->row;
  if (row.state != FileState::Queued && row.state != FileState::Blocked) {
    return fail(ErrorCode::Internal,
                "the key of a file that is " + std::string(to_string(row.state)) + " is frozen");
  }
  StoredFile after = *known;
  after.row.key = key;
  return impl_->save_quietly(row, after);
}

Result<FileRow> Catalog::vanished(FileId id) {
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  const FileState state = known->row.state;
  // Absent is where these already are: nothing happened, nothing to tell, however often it is seen.
  if (known->row.live && next(state, FileEvent::Vanished) == Step{.to = state}) return known->row;
  if (known->row.live && known->object_is_lost()) {
    // P8: told for as long as it takes.
    if (is_lost(known->row)) return known->row;
    auto lost = impl_->objects.find(*known->row.object);
    if (!lost) return fail(lost.error());
    auto rests = impl_->rest_on_another(*known, **lost);
    if (!rests) return fail(rests.error());
    if (!*rests) {
      return impl_->transition(
          *known,
          {.event = FileEvent::ScrubFoundLost, .reason = lost_reason, .row_reason = lost_reason});
    }
  }
  return impl_->transition(*known, {.event = FileEvent::Vanished});
}

Result<std::vector<FileRow>> Catalog::same_inode_elsewhere(FolderId folder, std::string_view path,
                                                           const Fingerprint& fingerprint) {
  if (fingerprint.btime == 0) return std::vector<FileRow>();
  return impl_->files.same_inode_elsewhere(folder, path, fingerprint);
}

Result<void> Catalog::Impl::make_way(const CompleteFile& seen) {
  auto there = files.find_live(seen.folder, seen.path);
  if (!there) return fail(there.error());
  if (!*there) return {};
  const FileRow& row = (*there)->row;
  const bool only_queued = row.state == FileState::Queued && row.generation == 1 && !row.object &&
                           attempts.of(row.id).empty();
  if (!only_queued && at_its_path(row.state)) {
    return fail(ErrorCode::PreconditionFailed, "the name has a file of its own");
  }
  if (auto begun = session->begin(); !begun) return begun;
  if (auto done = objects.all_become_sole(row); !done) return done;
  return files.end(row);
}

Result<FileRow> Catalog::renamed(FileId id, const CompleteFile& seen) {
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  const FileRow& row = known->row;
  const bool lost = is_lost(row);
  const std::string former = printable(row.path);
  const Impl::Change change{.event = FileEvent::Renamed, .reason = former, .seen = &seen};
  if (!lost && (!row.live || !next(row.state, FileEvent::Renamed))) {
    return impl_->transition(*known, change);
  }
  if (row.folder != seen.folder || !seen.sha256 || row.sha256 != seen.sha256) {
    return fail(ErrorCode::Internal, "what was found is another file");
  }
  if (auto free = impl_->make_way(seen); !free) return fail(free.error());
  if (lost) {
    // It went first, as every file does that is found again.
    if (auto gone = impl_->transition(*known, {.event = FileEvent::Vanished}); !gone) return gone;
    return renamed(id, seen);
  }
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  // Held for this file until its new object is stored; where its content has changed since, the old
  // object remains the only copy of what it holds.
  if (row.object && known->object_sha256 == row.sha256) {
    auto held = WAYBILL_PLANTED(OldKeyReleased)
                    ? impl_->objects.lost(*row.object, impl_->session->now())
                    : impl_->objects.set_sole(*row.object, false);
    if (!held) return fail(held.error());
  }
  return impl_->transition(*known, change);
}

Result<FileRow> Catalog::take_object(FileId id, std::optional<std::string> metadata) {
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  const FileRow& row = known->row;
  const CompleteFile same{.folder = row.folder,
                          .path = row.path,
                          .fingerprint = row.fingerprint,
                          .racy = row.racy,
                          .sha256 = row.sha256,
                          .metadata = std::move(metadata)};
  const FileEvent event = impl_->classify(*known, same, row.sha256);
  if (row.state != FileState::Queued || event != FileEvent::CompleteObjectContent) return row;
  return impl_->transition(*known, {.event = event, .seen = &same});
}

Result<FileRow> Catalog::apply(FileId id, FileEvent event, std::string_view reason) {
  switch (event) {
    case FileEvent::CompleteNewContent:
    case FileEvent::CompleteObjectContent:
    case FileEvent::CompleteAttemptContent:
    case FileEvent::Claim:
    case FileEvent::Acknowledged:
    case FileEvent::EqualForeign:
    case FileEvent::Renamed:
      return fail(ErrorCode::Internal, std::string(to_string(event)) + " has a verb of its own");
    case FileEvent::Vanished:
      return vanished(id);
    case FileEvent::Rebased:
    case FileEvent::Absent:
    case FileEvent::Foreign:
    case FileEvent::Transient:
    case FileEvent::NeedsPerson:
    case FileEvent::CauseFixed:
    case FileEvent::RemovalDue:
    case FileEvent::Unlinked:
    case FileEvent::RemovalRefused:
    case FileEvent::ScrubFoundBad:
    case FileEvent::ScrubFoundLost:
      break;
  }
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  const bool object_lost = event == FileEvent::ScrubFoundBad || event == FileEvent::ScrubFoundLost;
  const std::string_view row_reason = event == FileEvent::CauseFixed ? "" : reason;
  if (event == FileEvent::CauseFixed && is_lost(known->row)) {
    // Somebody has taken note; where the file is still gone that is all there is to it.
    known->row.object.reset();
    known->object_key.clear();
    known->object_sha256.reset();
  }
  auto row =
      impl_->transition(*known, {.event = event, .reason = reason, .row_reason = row_reason});
  if (row && object_lost && row->object) {
    // From here on the object's content no longer stands for the file's.
    auto done = impl_->objects.lost(*row->object, impl_->session->now());
    if (!done) return fail(done.error());
    impl_->files.forget(row->id);
  }
  return row;
}

Result<void> Catalog::refresh_fingerprint(FileId id, const Fingerprint& fingerprint, bool racy) {
  auto known = impl_->known_file(id);
  if (!known) return fail(known.error());
  StoredFile after = *known;
  after.row.fingerprint = fingerprint;
  after.row.racy = racy;
  auto saved = impl_->save_quietly(known->row, after);
  if (!saved) return fail(saved.error());
  return {};
}

}  // namespace waybill::catalog
