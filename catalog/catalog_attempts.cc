#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/test_points.h"
#include "catalog/catalog_impl.h"

namespace waybill::catalog {

// The unique index of live objects, asked before the network hears of it (PROTOCOL.md rules 5, 6).
Result<void> Catalog::Impl::key_is_free(const NewAttempt& attempt) {
  const auto taken = [&](const char* by) {
    return fail(ErrorCode::PreconditionFailed,
                "the key " + printable(attempt.key) + " is held by " + by);
  };
  if (attempts.another_file_uses(attempt.store, attempt.key, attempt.file)) {
    return taken("an upload of another file that may still land");
  }
  auto holder = objects.holder_of(attempt.store, attempt.key);
  if (!holder) return fail(holder.error());
  if (!*holder) return {};
  if (WAYBILL_PLANTED(SoleObjectReplaced) || WAYBILL_PLANTED(AdoptedObjectReplaced)) return {};
  if (!(*holder)->owned) return taken("an object that is not ours");
  if ((*holder)->sole) {
    if (attempt.new_version) return {};
    return taken("the only copy of an earlier file");
  }
  if ((*holder)->file != attempt.file) return taken("the object of another file");
  return {};
}

namespace {

AttemptRow first_try(const NewAttempt& attempt, std::int64_t generation) {
  const bool of_parts = attempt.kind == AttemptKind::Multipart;
  return {.id = attempt.id,
          .file = attempt.file,
          .generation = generation,
          .store = attempt.store,
          .key = attempt.key,
          .kind = attempt.kind,
          .condition = attempt.condition,
          .state = of_parts ? AttemptState::Creating : AttemptState::Open,
          .fingerprint = attempt.fingerprint,
          .sha256 = attempt.sha256,
          .part_size = attempt.part_size,
          .metadata = attempt.metadata};
}

// A retry goes on with what its attempt has reached: upload id, parts, state.
AttemptRow next_try(AttemptRow row, const NewAttempt& attempt) {
  row.condition = attempt.condition;
  row.fingerprint = attempt.fingerprint;
  if (attempt.sha256) row.sha256 = attempt.sha256;
  return row;
}

}  // namespace

Result<FileRow> Catalog::claim(const NewAttempt& attempt) {
  auto known = impl_->known_file(attempt.file);
  if (!known) return fail(known.error());
  StoredFile& file = *known;
  const FileRow& row = file.row;
  const Impl::Change change{.event = FileEvent::Claim, .attempt = attempt.id};
  if (!next(row.state, FileEvent::Claim)) return impl_->transition(file, change);

  const AttemptRow* earlier = impl_->attempts.find(attempt.id);
  if (earlier != nullptr && (earlier->file != row.id || earlier->generation != row.generation ||
                             earlier->store != attempt.store || earlier->key != attempt.key ||
                             earlier->state == AttemptState::Abandoned)) {
    return fail(ErrorCode::Internal, "attempt " + attempt.id + " belongs to something else");
  }
  if (auto available = impl_->key_is_free(attempt); !available) return fail(available.error());
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  auto kept = earlier != nullptr ? impl_->attempts.save(next_try(*earlier, attempt))
                                 : impl_->attempts.insert(first_try(attempt, row.generation));
  if (!kept) return fail(kept.error());
  file.row.key = attempt.key;
  if (!row.sha256) file.row.sha256 = attempt.sha256;
  return impl_->transition(file, change);
}

Result<std::optional<AttemptRow>> Catalog::attempt(std::string_view id) {
  const AttemptRow* row = impl_->attempts.find(id);
  return row == nullptr ? std::optional<AttemptRow>() : std::optional(*row);
}

Result<std::vector<AttemptRow>> Catalog::attempts_of(FileId file) {
  std::vector<AttemptRow> rows;
  for (const AttemptRow* row : impl_->attempts.of(file)) {
    if (!is_left_upload(*row)) rows.push_back(*row);
  }
  return rows;
}

Result<std::vector<AttemptRow>> Catalog::open_attempts() {
  return impl_->attempts.open();
}

template <typename Action>
Result<void> Catalog::Impl::keeping(FileId id, Action action) {
  if (auto begun = session->begin(); !begun) return begun;
  auto file = known_file(id);
  if (!file) return fail(file.error());
  if (auto done = action(); !done) return done;
  if (!attempt_bears(file->row.state)) return {};
  return files.save(file->row, *file);
}

bool Catalog::another_file_uploads_to(StoreId store, std::string_view key, FileId file) const {
  return impl_->attempts.another_file_uses(store, key, file);
}

Result<void> Catalog::save_attempt(const AttemptRow& attempt) {
  const AttemptRow* known = impl_->attempts.find(attempt.id);
  if (known == nullptr) {
    return fail(ErrorCode::NotFound, "no attempt has the id " + attempt.id);
  }
  return impl_->keeping(known->file, [&] { return impl_->attempts.save(attempt); });
}

Result<void> Catalog::end_attempt(std::string_view id) {
  const AttemptRow* known = impl_->attempts.find(id);
  if (known == nullptr) return {};
  return impl_->keeping(known->file, [&] { return impl_->attempts.end(id); });
}

Result<AttemptRow> Catalog::leave_upload(const AttemptRow& of, std::string id,
                                         std::string upload_id) {
  const AttemptRow left{.id = std::move(id),
                        .file = of.file,
                        .generation = of.generation,
                        .store = of.store,
                        .key = of.key,
                        .kind = AttemptKind::Multipart,
                        .condition = std::string(left_upload),
                        .state = AttemptState::Abandoned,
                        .sent_at = upload_id.empty() ? of.sent_at : 0,
                        .upload_id = std::move(upload_id)};
  auto kept = impl_->keeping(of.file, [&] { return impl_->attempts.insert(left); });
  if (!kept) return fail(kept.error());
  return left;
}

Result<FileRow> Catalog::acknowledge(std::string_view attempt_id, const StoredObject& stored,
                                     bool owned, bool may_land_again) {
  const AttemptRow* attempt = impl_->attempts.find(attempt_id);
  if (attempt == nullptr) {
    return fail(ErrorCode::NotFound, "no attempt has the id " + std::string(attempt_id));
  }
  const AttemptRow tried = *attempt;
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
                   .proven_at = impl_->session->now() / ns_per_ms * ns_per_ms,
                   .metadata = owned ? tried.metadata : std::string()};
  const bool running = row.live && row.state == FileState::Uploading &&
                       tried.generation == row.generation && tried.state != AttemptState::Abandoned;
  if (!running) return impl_->land_late(*known, tried, std::move(object), may_land_again);

  // P3: the row speaks of one content, so only that content makes it stored.
  if ((row.sha256 && row.sha256 != stored.sha256) || row.fingerprint.size != stored.size) {
    return fail(ErrorCode::Internal, "attempt " + tried.id + " stored other content than its row");
  }
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  if (auto done = impl_->objects.supersede(tried.store, tried.key); !done) {
    return fail(done.error());
  }
  if (row.object && known->object_key != tried.key) {
    // Still there under an earlier key: nobody's current bytes, and the only copy of them.
    if (auto done = impl_->objects.set_sole(*row.object, true); !done) return fail(done.error());
  }
  if (auto added = impl_->objects.insert(object); !added) return fail(added.error());
  AttemptRow still_out = tried;
  still_out.state = AttemptState::Abandoned;
  auto ended =
      may_land_again ? impl_->attempts.save(std::move(still_out)) : impl_->attempts.end(tried.id);
  if (!ended) return fail(ended.error());
  impl_->session->tally().stored_at(row.folder, object.proven_at);
  return impl_->transition(*known,
                           {.event = owned ? FileEvent::Acknowledged : FileEvent::EqualForeign,
                            .acknowledged = &object});
}

// No event of the row (file_state.h), but an object of ours that must not stay unknown (P6).
Result<FileRow> Catalog::Impl::land_late(const StoredFile& file, const AttemptRow& attempt,
                                         ObjectRow object, bool may_land_again) {
  const FileRow& row = file.row;
  const auto end = [&] {
    return keeping(row.id, [&] {
      if (!may_land_again) return attempts.end(attempt.id);
      AttemptRow still_out = attempt;
      still_out.state = AttemptState::Abandoned;
      return attempts.save(std::move(still_out));
    });
  };
  if (auto begun = session->begin(); !begun) return fail(begun.error());
  auto holder = objects.holder_of(attempt.store, attempt.key);
  if (!holder) return fail(holder.error());
  const bool in_its_run =
      row.live && (row.state == FileState::Queued || row.state == FileState::Uploading ||
                   row.state == FileState::Blocked || row.state == FileState::Stored);
  // What was sent under its former name is nobody's current bytes.
  object.sole = !in_its_run || row.key != attempt.key;
  if (*holder && (*holder)->attempt == attempt.id) {
    // Acknowledged long ago, and another send of it may have landed since: the same bytes, but for
    // a copy, of which nobody signed any.
    if (attempt.kind == AttemptKind::Copy) {
      auto there = objects.find((*holder)->id);
      if (!there) return fail(there.error());
      if (*there && ((*there)->etag != object.etag || (*there)->version != object.version)) {
        auto due = objects.proof_is_due((*holder)->id, session->now());
        if (!due) return fail(due.error());
        files.forget(row.id);
      }
    }
    auto ended = end();
    if (!ended) return fail(ended.error());
    return row;
  }
  if (*holder) {
    const ObjectTable::Holder& there = **holder;
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
      files.forget(there.file);
    }
  }
  if (auto added = objects.insert(object); !added) return fail(added.error());
  auto ended = end();
  if (!ended) return fail(ended.error());
  files.forget(row.id);  // its object may no longer be live
  if (is_lost(row) && object.live && object.sha256 == row.sha256) {
    // It went while it was sent again, and is there after all.
    return transition(file, {.event = FileEvent::Vanished,
                             .reason = "its object landed after all",
                             .acknowledged = &object});
  }
  return row;
}

Result<std::optional<ObjectRow>> Catalog::object(ObjectId id) {
  return impl_->objects.find(id);
}

Result<std::optional<ObjectRow>> Catalog::live_object_at(StoreId store, std::string_view key) {
  return impl_->objects.live_at(store, key);
}

}  // namespace waybill::catalog
