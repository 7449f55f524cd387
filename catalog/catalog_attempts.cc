#include <string>
#include <utility>

#include "base/bytes.h"
#include "catalog/catalog_impl.h"

namespace waybill::catalog {

// The unique index of live objects, asked before the network hears of it (PROTOCOL.md rules 5, 6).
Result<void> Catalog::Impl::key_is_free(const NewAttempt& attempt) {
  const auto taken = [&](const char* by) {
    return fail(ErrorCode::PreconditionFailed,
                "the key " + printable(attempt.key) + " is held by " + by);
  };
  auto busy = attempts.another_file_uses(attempt.store, attempt.key, attempt.file);
  if (!busy) return fail(busy.error());
  if (*busy) return taken("an upload of another file that may still land");
  auto holder = objects.live_at(attempt.store, attempt.key);
  if (!holder) return fail(holder.error());
  if (!*holder) return {};
  const ObjectRow& object = **holder;
  if (!object.owned) return taken("an object that is not ours");
  if (object.sole) {
    if (attempt.new_version) return {};
    return taken("the only copy of an earlier file");
  }
  if (object.file != attempt.file) return taken("the object of another file");
  return {};
}

Result<FileRow> Catalog::claim(const NewAttempt& attempt) {
  auto known = impl_->known_file(attempt.file);
  if (!known) return fail(known.error());
  auto earlier = impl_->attempts.find(attempt.id);
  if (!earlier) return fail(earlier.error());
  if (next(known->row.state, FileEvent::Claim)) {
    if (auto available = impl_->key_is_free(attempt); !available) return fail(available.error());
  }
  const FileRow& row = known->row;
  if (*earlier && ((*earlier)->file != row.id || (*earlier)->generation != row.generation ||
                   (*earlier)->store != attempt.store || (*earlier)->key != attempt.key ||
                   (*earlier)->state == AttemptState::Abandoned)) {
    return fail(ErrorCode::Internal, "attempt " + attempt.id + " belongs to something else");
  }
  FileWithObject claimed = *known;
  claimed.row.key = attempt.key;
  if (!claimed.row.sha256) claimed.row.sha256 = attempt.sha256;

  auto moved = impl_->transition(claimed, {.event = FileEvent::Claim, .attempt = attempt.id});
  if (!moved) return moved;
  if (*earlier) {
    // A retry goes on with what its attempt has reached: upload id, parts, state.
    AttemptRow again = **earlier;
    again.condition = attempt.condition;
    again.fingerprint = attempt.fingerprint;
    if (attempt.sha256) again.sha256 = attempt.sha256;
    if (auto saved = impl_->attempts.save(again); !saved) return fail(saved.error());
    return moved;
  }
  const bool single = attempt.kind == AttemptKind::Single;
  const AttemptRow fresh{.id = attempt.id,
                         .file = row.id,
                         .generation = row.generation,
                         .store = attempt.store,
                         .key = attempt.key,
                         .kind = attempt.kind,
                         .condition = attempt.condition,
                         .state = single ? AttemptState::Open : AttemptState::Creating,
                         .fingerprint = attempt.fingerprint,
                         .sha256 = attempt.sha256,
                         .part_size = attempt.part_size};
  if (auto added = impl_->attempts.insert(fresh); !added) return fail(added.error());
  return moved;
}

Result<std::optional<AttemptRow>> Catalog::attempt(std::string_view id) {
  return impl_->attempts.find(id);
}

Result<std::vector<AttemptRow>> Catalog::attempts_of(FileId file) {
  return impl_->attempts.of(file);
}

Result<std::vector<AttemptRow>> Catalog::open_attempts() {
  return impl_->attempts.open();
}

Result<void> Catalog::save_attempt(const AttemptRow& attempt) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  auto saved = impl_->attempts.save(attempt);
  if (!saved) return fail(saved.error());
  if (!*saved) return fail(ErrorCode::NotFound, "no attempt has the id " + attempt.id);
  return {};
}

Result<void> Catalog::end_attempt(std::string_view id) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->attempts.end(id);
}

Result<FileRow> Catalog::acknowledge(std::string_view attempt_id, const StoredObject& stored,
                                     bool owned) {
  auto attempt = impl_->attempts.find(attempt_id);
  if (!attempt) return fail(attempt.error());
  if (!*attempt) {
    return fail(ErrorCode::NotFound, "no attempt has the id " + std::string(attempt_id));
  }
  const AttemptRow& tried = **attempt;
  auto known = impl_->known_file(tried.file);
  if (!known) return fail(known.error());
  const FileRow& row = known->row;

  ObjectRow object{.store = tried.store,
                   .key = tried.key,
                   .version = stored.version,
                   .etag = stored.etag,
                   .size = stored.size,
                   .sha256 = stored.sha256,
                   .checksum = stored.checksum,
                   .proof = stored.proof,
                   .proof_detail = stored.proof_detail,
                   .owned = owned,
                   .file = tried.file,
                   .generation = tried.generation,
                   .attempt = owned ? tried.id : std::string(),
                   .proven_at = impl_->session->now()};
  const bool running = row.live && row.state == FileState::Uploading &&
                       tried.generation == row.generation && tried.state != AttemptState::Abandoned;
  if (!running) return impl_->land_late(*known, tried, std::move(object));

  // P3: the row speaks of one content, so only that content makes it stored.
  if ((row.sha256 && row.sha256 != stored.sha256) || row.fingerprint.size != stored.size) {
    return fail(ErrorCode::Internal, "attempt " + tried.id + " stored other content than its row");
  }
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  if (auto done = impl_->objects.supersede(tried.store, tried.key); !done) {
    return fail(done.error());
  }
  if (row.object) {
    // Still there under an earlier key: nobody's current bytes, and the only copy of them.
    if (auto done = impl_->objects.set_sole(*row.object, true); !done) return fail(done.error());
  }
  if (auto added = impl_->objects.insert(object); !added) return fail(added.error());
  if (auto ended = impl_->attempts.end(tried.id); !ended) return fail(ended.error());
  impl_->session->tally().stored_at(row.folder, object.proven_at);
  return impl_->transition(*known,
                           {.event = owned ? FileEvent::Acknowledged : FileEvent::EqualForeign,
                            .attempt = tried.id,
                            .acknowledged = &object});
}

// No event of the row (file_state.h), but an object of ours that must not stay unknown (P6).
Result<FileRow> Catalog::Impl::land_late(const FileWithObject& file, const AttemptRow& attempt,
                                         ObjectRow object) {
  const FileRow& row = file.row;
  if (auto begun = session->begin(); !begun) return fail(begun.error());
  auto holder = objects.live_at(attempt.store, attempt.key);
  if (!holder) return fail(holder.error());
  const bool in_its_run =
      row.live && (row.state == FileState::Queued || row.state == FileState::Uploading ||
                   row.state == FileState::Blocked || row.state == FileState::Stored);
  object.sole = !in_its_run;
  if (*holder) {
    const ObjectRow& there = **holder;
    const bool row_relies_on_it = row.state == FileState::Stored && row.object == there.id;
    if (there.file == row.id && !there.sole && !row_relies_on_it) {
      if (auto done = objects.supersede(attempt.store, attempt.key); !done) {
        return fail(done.error());
      }
    } else {
      // Which of the two the key shows now, only a HEAD can tell.
      object.live = false;
      auto due = objects.proof_is_due(there.id, session->now());
      if (!due) return fail(due.error());
    }
  }
  if (auto added = objects.insert(object); !added) return fail(added.error());
  if (auto ended = attempts.end(attempt.id); !ended) return fail(ended.error());
  return row;
}

Result<std::optional<ObjectRow>> Catalog::object(ObjectId id) {
  return impl_->objects.find(id);
}

Result<std::optional<ObjectRow>> Catalog::live_object_at(StoreId store, std::string_view key) {
  return impl_->objects.live_at(store, key);
}

}  // namespace waybill::catalog
