#include "agent/due_proofs.h"

#include <chrono>
#include <utility>

#include "agent/stored_object.h"
#include "base/bytes.h"
#include "uploader/metadata.h"
#include "uploader/retry_policy.h"
#include "uploader/verdict.h"

namespace waybill::agent {
namespace {

using catalog::ObjectRow;
using uploader::HeadReply;

// Few at a time: uploads go on meanwhile.
constexpr std::size_t at_once = 4;
constexpr Nanoseconds until_the_upload_ends = std::chrono::minutes(1);
// Half a minute after the first, twice that after the second, and so on.
constexpr std::int64_t asked_before_it_is_told = 6;

std::string reason_of(const std::string& by) {
  return by.empty() ? "its object is not at its key any more, where an upload of ours came late"
                    : "an earlier upload of ours came late and replaced its object";
}

}  // namespace

DueProofs::DueProofs(Session& session, Stores& stores, Hooks hooks)
    : session_(session), stores_(stores), hooks_(std::move(hooks)) {}

void DueProofs::take_up() {
  const auto due = session_.expect(session_.catalog->proofs_due());
  if (!due || !load_lost()) return;
  for (const ObjectId id : *due) {
    if (due_.try_emplace(id, Due{.since = session_.wall_now()}).second) waiting_.push_back(id);
  }
  session_.timers.at(session_.now(), [this] { ask_on(); });
}

bool DueProofs::load_lost() {
  auto lost = session_.expect(session_.catalog->lost_objects());
  if (lost) lost_ = std::move(*lost);
  return lost.has_value();
}

void DueProofs::note_lost() {
  if (lost_.objects == 0 || !session_.expect(session_.catalog->note_lost_objects())) return;
  lost_ = {};
  session_.changed();
}

void DueProofs::landed(StoreId store, const std::string& key) {
  const auto object = session_.expect(session_.catalog->live_object_at(store, key));
  if (!object || !*object || (*object)->proof_due == 0) return;
  const auto [due, first] =
      due_.try_emplace((*object)->id, Due{.key = key, .since = session_.wall_now()});
  ++due->second.landings;
  if (!first) return;
  session_.after_commit([this, key] {
    session_.world.log.warning(
        "an upload that was given up came late: what its key has is looked at", {{"key", key}});
  });
  waiting_.push_back((*object)->id);
  ask_on();
}

void DueProofs::store_opened(StoreId store) {
  for (const ObjectId id : std::exchange(held_[store], {})) waiting_.push_back(id);
  ask_on();
}

std::optional<ObjectRow> DueProofs::still_due(ObjectId id) {
  auto object = session_.expect(session_.catalog->object(id));
  if (!object) return std::nullopt;
  if (*object && (*object)->live && (*object)->proof_due != 0) return std::move(*object);
  if (due_.erase(id) > 0) session_.changed();
  return std::nullopt;
}

void DueProofs::ask_on() {
  while (asked_ < at_once && !waiting_.empty() && !session_.failure()) {
    const ObjectId id = waiting_.front();
    waiting_.pop_front();
    if (const auto object = still_due(id)) ask(id, *object);
  }
}

void DueProofs::ask(ObjectId id, const ObjectRow& object) {
  due_.at(id).key = object.key;
  if (!stores_.known(object.store)) {
    due_.at(id).forsaken = true;  // until a configuration with such a folder begins a session
    return session_.changed();
  }
  if (!stores_.open(object.store)) return held_[object.store].push_back(id);
  // What is under way there is about to replace it, and to tell of it.
  if (hooks_.key_in_use(object.key)) return later(id, until_the_upload_ends);
  ++asked_;
  stores_.client(object.store)
      .head(object.key, [this, id, landings = due_.at(id).landings,
                         post = session_.poster()](const Result<HeadReply>& head) {
        post([this, id, landings, head] {
          --asked_;
          answered(id, head, landings);
          ask_on();
        });
      });
}

void DueProofs::later(ObjectId id, Nanoseconds wait) {
  session_.timers.at(session_.now() + wait, [this, id] {
    waiting_.push_back(id);
    ask_on();
  });
}

void DueProofs::answered(ObjectId id, const Result<HeadReply>& head, std::uint64_t landings) {
  const auto object = still_due(id);
  if (!object) return;
  if (due_.at(id).landings != landings) return waiting_.push_back(id);
  if (hooks_.key_in_use(object->key)) return later(id, until_the_upload_ends);
  if (!head && head.error().code != ErrorCode::NotFound) return in_vain(id, head.error());
  const auto proof = head ? uploader::prove_again(*head, {.attempt = object->attempt,
                                                          .etag = object->etag,
                                                          .size = object->size,
                                                          .sha256 = object->sha256})
                          : std::nullopt;
  if (proof) {
    const auto found = found_object(*head, object->sha256, *proof);
    session_.expect(session_.catalog->proven_again(id, found));
  } else {
    replaced(*object, head ? uploader::parse_metadata(head->metadata).attempt : "");
  }
  due_.erase(id);
  session_.changed();
}

void DueProofs::replaced(const ObjectRow& object, const std::string& by) {
  const auto told =
      session_.expect(session_.catalog->object_replaced(object.id, by, reason_of(by)));
  if (!told) return;
  const bool to_be_sent = told->row && told->row->state == catalog::FileState::Queued;
  session_.after_commit([this, key = object.key, to_be_sent, lost = told->only_copy_lost] {
    if (lost) {
      session_.world.log.error("the only copy of a file was replaced by an upload that came late",
                               {{"key", key}});
    } else if (to_be_sent) {
      session_.world.log.error(
          "what was stored was replaced by an upload that came late: it is "
          "sent again",
          {{"key", key}});
    }
  });
  if (told->only_copy_lost && !told->row && !load_lost()) return;
  if (told->row) hooks_.no_longer_so(*told->row);
}

void DueProofs::in_vain(ObjectId id, const Error& error) {
  Due& due = due_.at(id);
  due.cause = error;
  due.cause->request_id.clear();  // each answer has its own
  if (++due.tries >= asked_before_it_is_told) session_.changed();
  later(id, uploader::RetryPolicy{}.slow_delay(due.tries, session_.world.random));
}

void DueProofs::add_reasons(std::vector<Reason>& reasons) const {
  if (lost_.objects > 0) {
    reasons.push_back(
        {.code = "objects-lost",
         .severity = Severity::Degraded,
         .sentence =
             std::to_string(lost_.objects) +
             (lost_.objects == 1 ? " object that was the only copy of a former file was"
                                 : " objects that were the only copies of former files were") +
             " replaced by uploads of ours that came late, the first " + printable(lost_.first_key),
         .help =
             "a version of it may be left in the bucket; once you have taken note: waybill retry "
             "--all",
         .since = lost_.since});
  }
  std::map<std::string, Reason> causes;
  for (const auto& [id, due] : due_) {
    if (!due.forsaken && due.tries < asked_before_it_is_told) continue;
    const std::string cause =
        due.forsaken ? "no folder goes to its store any more" : due.cause->describe();
    Reason& reason = causes[cause];
    const std::int64_t count = ++reason.files;
    if (count > 1 && reason.since <= due.since) continue;
    reason = {.code = "proofs-due",
              .severity = due.forsaken ? Severity::Notice : Severity::Degraded,
              .sentence =
                  "whether objects are still there, where an upload of ours came late, "
                  "cannot be told, the first " +
                  printable(due.key) + ": " + cause,
              .help = due.forsaken
                          ? "it is asked once a folder of the configuration goes there again"
                          : "it is asked again each hour; a HEAD of the object must be allowed",
              .files = count,
              .since = due.since};
  }
  for (auto& [cause, reason] : causes) reasons.push_back(std::move(reason));
}

}  // namespace waybill::agent
