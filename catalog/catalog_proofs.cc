#include <utility>

#include "catalog/catalog_impl.h"

// Objects over which something else of ours may have landed (PROTOCOL.md section 4, late landing).
namespace waybill::catalog {

Result<std::vector<ObjectId>> Catalog::proofs_due() {
  return impl_->objects.proofs_due();
}

Result<void> Catalog::proven_again(ObjectId id, const StoredObject& seen) {
  auto found = impl_->objects.find(id);
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorCode::Internal, "there is no such object");
  ObjectRow object = std::move(**found);
  object.version = seen.version;
  object.etag = seen.etag;
  object.proven_at = impl_->session->now();
  if (seen.proof != ProofLevel::None) {
    object.proof = seen.proof;
    object.proof_detail = seen.proof_detail;
    object.checksum = seen.checksum;
  }
  if (auto begun = impl_->session->begin(); !begun) return begun;
  if (auto done = impl_->objects.proven_again(object); !done) return done;
  impl_->files.forget(object.file);
  return {};
}

Result<void> Catalog::Impl::rest_on(StoredFile& known, const ObjectRow& object) {
  const FileRow before = known.row;
  known.row.object = object.id;
  known.object_key = object.key;
  known.object_sha256 = object.sha256;
  known.object_live = true;
  known.object_owned = object.owned;
  known.object_metadata = object.metadata;
  known.object_in_doubt = object.proof_due != 0;
  if (auto kept = save_quietly(before, known); !kept) return fail(kept.error());
  return {};
}

Result<bool> Catalog::Impl::rest_on_another(StoredFile& known, const ObjectRow& lost) {
  auto other = objects.same_bytes(lost);
  if (!other) return fail(other.error());
  if (!*other) return false;
  if (auto begun = session->begin(); !begun) return fail(begun.error());
  if (auto done = objects.set_sole((*other)->id, true); !done) return fail(done.error());
  files.forget(lost.file);
  if (known.row.live && known.row.object == lost.id) {
    if (auto done = rest_on(known, **other); !done) return fail(done.error());
  }
  return true;
}

Result<Catalog::Replaced> Catalog::object_replaced(ObjectId id, std::string_view by,
                                                   std::string_view reason) {
  auto found = impl_->objects.find(id);
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorCode::Internal, "there is no such object");
  const ObjectRow& object = **found;
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  auto done = impl_->objects.lost(id, impl_->session->now());
  if (!done) return fail(done.error());
  impl_->files.forget(object.file);
  auto known = impl_->known_file(object.file);
  if (!known) return fail(known.error());

  const bool relied_upon = known->row.live && known->row.object == id;
  Replaced replaced;
  if (relied_upon && known->row.state == FileState::Stored) {
    auto row = impl_->transition(
        *known, {.event = FileEvent::ScrubFoundBad, .reason = reason, .row_reason = reason});
    if (!row) return fail(row.error());
    replaced.row = std::move(*row);
    return replaced;
  }
  if (known->row.live && at_its_path(known->row.state)) return replaced;  // it is sent anyway

  auto other = impl_->objects.over(object, by);
  if (!other) return fail(other.error());
  // What came over it is what the key has, and nobody will send it again.
  if (*other) {
    if (done = impl_->objects.there_alone((*other)->id); !done) return fail(done.error());
    impl_->files.forget(object.file);
  }
  // A later generation was meant to replace it.
  const bool same_file = *other && (*other)->file == object.file;
  const bool same_bytes = *other && (*other)->sha256 == object.sha256;
  const bool meant = same_file && ((*other)->generation > object.generation || same_bytes);
  if (object.owned && !meant && !same_bytes) {
    auto rests = impl_->rest_on_another(*known, object);
    if (!rests) return fail(rests.error());
    if (*rests) return replaced;
    replaced.only_copy_lost = true;
  }
  if (relied_upon && meant) {
    if (auto rests = impl_->rest_on(*known, **other); !rests) return fail(rests.error());
  }
  if (!replaced.only_copy_lost) return replaced;
  if (relied_upon && known->object_is_lost()) {
    auto row = impl_->transition(
        *known, {.event = FileEvent::ScrubFoundLost, .reason = reason, .row_reason = lost_reason});
    if (!row) return fail(row.error());
    replaced.row = std::move(*row);
    return replaced;
  }
  done = impl_->objects.tell_lost(id, impl_->session->now());
  if (!done) return fail(done.error());
  return replaced;
}

Result<LostObjects> Catalog::lost_objects() {
  return impl_->objects.told_lost();
}

Result<void> Catalog::note_lost_objects() {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->objects.note_lost();
}

}  // namespace waybill::catalog
