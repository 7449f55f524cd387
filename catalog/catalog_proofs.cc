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
  replaced.only_copy_lost = object.owned && !meant && !same_bytes;
  if (!relied_upon) return replaced;
  if (replaced.only_copy_lost && known->object_is_lost()) {
    auto row = impl_->transition(
        *known, {.event = FileEvent::ScrubFoundLost, .reason = reason, .row_reason = lost_reason});
    if (!row) return fail(row.error());
    replaced.row = std::move(*row);
  } else if (meant) {
    StoredFile after = *known;
    after.row.object = (*other)->id;
    after.object_key = (*other)->key;
    after.object_sha256 = (*other)->sha256;
    auto kept = impl_->save_quietly(known->row, after);
    if (!kept) return fail(kept.error());
  }
  return replaced;
}

}  // namespace waybill::catalog
