#include <algorithm>
#include <utility>

#include "agent/running.h"
#include "agent/stored_object.h"
#include "base/overloaded.h"
#include "base/test_points.h"

// What Transfers makes of an attempt's end: a stored row, a blocked one, or one more try.
namespace waybill::agent {
namespace {

using catalog::AttemptRow;
using catalog::AttemptState;
using catalog::FileEvent;

std::string by_somebody_else(const AttemptRow& attempt) {
  const char* const without =
      attempt.metadata.empty() ? "" : ", without the metadata that this file has here";
  return std::string("the same bytes were there already, put by somebody else") + without + ": ";
}

std::string foreign_sentence(const std::string& key) {
  return "an object that is not ours has this key: " + key;
}

}  // namespace

void Transfers::finish(Running& running, const uploader::Outcome& outcome) {
  const std::string id = running.attempt.id;
  const FileId file = running.attempt.file;
  const auto ended = [&] {
    // Rule 1: what may still land, or has landed unseen, stays known until that is settled.
    if (running.machine.ambiguous()) return abandon(running.attempt);
    return leave_unclear_create(running) && session_.expect(session_.catalog->end_attempt(id));
  };
  const auto needs_person = [&](FileEvent event, const std::string& reason) {
    if (!ended()) return;
    if (!running.wanted) return;
    if (!session_.expect(session_.catalog->apply(file, event, reason))) return;
    wait_for_cause(file, running.path, reason);
  };
  std::visit(
      Overloaded{
          [&](const uploader::Stored& stored_object) { stored(running, stored_object); },
          [&](const uploader::StoredByOther& other) {
            const auto object =
                found_object(other.object, running.attempt.sha256.value_or(Sha256{}),
                             {other.proof, by_somebody_else(running.attempt) + other.proof_detail});
            const bool unresolved = running.machine.ambiguous();
            if (!unresolved && !leave_unclear_create(running)) return;
            const bool late = comes_late(id);
            session_.expect(session_.catalog->acknowledge(id, object, false, unresolved));
            if (late) due_proofs_.landed(running.attempt.store, running.attempt.key);
            if (unresolved) leftovers_.resolve_later(running.attempt);
          },
          [&](const uploader::ForeignObject&) {
            needs_person(FileEvent::Foreign, foreign_sentence(running.attempt.key));
          },
          [&](const uploader::CannotTell& unclear) {
            needs_person(FileEvent::NeedsPerson,
                         "whether the upload arrived cannot be told: " + unclear.cause.describe());
          },
          [&](const uploader::Refused& refused) {
            needs_person(FileEvent::NeedsPerson, refused.cause.describe());
          },
          [&](const uploader::Dropped& drop) { dropped(running, drop); },
      },
      outcome);
  remove(id);
}

void Transfers::stored(Running& running, const uploader::Stored& outcome) {
  const catalog::StoredObject object{.version = outcome.reply.version,
                                     .etag = outcome.reply.etag,
                                     .size = outcome.size,
                                     .sha256 = outcome.sha256,
                                     .checksum = outcome.checksum,
                                     .proof = row_proof(outcome.proof),
                                     .proof_detail = outcome.proof_detail};
  WAYBILL_REACHED("reply-arrived");
  const bool late = comes_late(running.attempt.id);
  const bool unresolved = outcome.may_land_again;
  if (!unresolved && !leave_unclear_create(running)) return;
  auto row =
      session_.expect(session_.catalog->acknowledge(running.attempt.id, object, true, unresolved));
  if (!row) return;
  if (late) due_proofs_.landed(running.attempt.store, running.attempt.key);
  stores_.got_through(running.attempt.store);
  if (running.machine.attempt().copy) {
    stores_.copied(running.attempt.store, running.attempt.part_size != 0);
  }
  if (const auto crc = running.machine.attempt().crc; crc && running.attempt.part_size != 0) {
    stores_.crc_of_parts(running.attempt.store, *crc, running.attempt.key, outcome.crc);
  }
  blocked_for_.erase(row->id);
  let_go_on(row->id);
  if (unresolved) leftovers_.resolve_later(running.attempt);
  WAYBILL_REACHED("acknowledgement-recorded");
  session_.after_commit([this, path = running.path, key = running.attempt.key,
                         attempt = running.attempt.id, request = outcome.reply.request_id,
                         missing = outcome.base_was_missing, recovered = outcome.recovered] {
    WAYBILL_REACHED("stored-durable");
    if (missing) {
      session_.world.log.warning("the object that this one replaces had gone from the bucket",
                                 {{"file", path.second}, {"key", key}});
    }
    if (recovered) {
      session_.world.log.warning("an object of ours that the catalog did not know was replaced",
                                 {{"file", path.second}, {"key", key}});
    }
    session_.world.log.debug(
        "stored",
        {{"file", path.second}, {"key", key}, {"attempt", attempt}, {"request_id", request}});
  });
}

void Transfers::dropped(Running& running, const uploader::Dropped& outcome) {
  const AttemptRow attempt = running.attempt;
  if (outcome.may_still_land || running.resumed) {
    if (!abandon(attempt)) return;
  } else if (!leave_unclear_create(running) ||
             !session_.expect(session_.catalog->end_attempt(attempt.id))) {
    return;
  }
  if (!running.wanted) return;
  auto row = session_.expect(session_.catalog->file(attempt.file));
  const bool its_own = row && *row && (*row)->state == catalog::FileState::Uploading &&
                       (*row)->generation == attempt.generation;
  if (!its_own) return;
  // Nobody else has moved the row on: the file goes back to the queue, or waits for a person.
  if (running.given_up) {
    session_.expect(session_.catalog->apply(attempt.file, FileEvent::NeedsPerson,
                                            running.given_up->describe()));
    wait_for_cause(attempt.file, running.path, running.given_up->describe());
  } else {
    session_.expect(session_.catalog->apply(attempt.file, FileEvent::Transient,
                                            "the file changed while it was uploaded"));
    // The look at the file that was asked for decides; do not read the old fingerprint meanwhile.
    intake_.postpone(attempt.file, session_.now() + std::chrono::seconds(2));
  }
}

void Transfers::remove(const std::string& attempt_id) {
  const auto found = running_.find(attempt_id);
  if (found == running_.end()) return;
  const FilePath path = found->second->path;
  memory_.give_back(found->second->charged_parts());
  attempt_of_path_.erase(path);
  running_.erase(found);
  serve_waiting();
  intake_.ended(path);
  intake_.look_at_queue();
  session_.changed();
  if (compared_.contains(path)) compare(path);
  left_(path);
}

// Newer content, or no file, has taken its row on: whatever it replaces is looked at.
bool Transfers::comes_late(const std::string& attempt_id) {
  const auto tried = session_.expect(session_.catalog->attempt(attempt_id));
  return tried && *tried && (*tried)->state == AttemptState::Abandoned;
}

void Transfers::no_longer_stored(const catalog::FileRow& row) {
  intake_.look_at_queue();
  session_.changed();
  left_({row.folder, row.path});
}

// It may have begun an upload, and no more than that: nothing waits for its end.
bool Transfers::leave_unclear_create(const Running& running) {
  return !running.create_unclear || leftovers_.leave_upload(running.attempt, "");
}

bool Transfers::abandon(AttemptRow attempt) {
  if (WAYBILL_PLANTED(AttemptOverwritten)) {
    return session_.expect(session_.catalog->end_attempt(attempt.id));
  }
  attempt.state = AttemptState::Abandoned;
  if (!session_.expect(session_.catalog->save_attempt(attempt))) return false;
  leftovers_.resolve_later(attempt);
  return true;
}

bool Transfers::key_in_use(const std::string& key) const {
  return std::any_of(running_.begin(), running_.end(),
                     [&key](const auto& entry) { return entry.second->attempt.key == key; });
}

}  // namespace waybill::agent
