#include "uploader/upload.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/test_points.h"
#include "uploader/checksum.h"
#include "uploader/endpoint_errors.h"
#include "uploader/metadata.h"
#include "uploader/upload_machine.h"

namespace waybill::uploader {

bool is_unanswered(const Error& error) {
  return error.code == ErrorCode::Ambiguous || error.code == ErrorCode::Cancelled;
}

bool passes_by_itself(const Error& error) {
  return error.code == ErrorCode::RetryLater || error.code == ErrorCode::Throttled;
}

// --- Upload -------------------------------------------------------------------------------------

Upload::Upload(Attempt attempt, Capabilities store, RetryPolicy retry, RetryQuota& quota,
               Random& random)
    : machine_(std::make_unique<Machine>(std::move(attempt), store, retry, quota, random)) {}
Upload::~Upload() = default;
Upload::Upload(Upload&&) noexcept = default;
Upload& Upload::operator=(Upload&&) noexcept = default;

std::vector<Action> Upload::step(Input input) {
  machine_->actions.clear();
  if (!finished()) {
    std::visit([this](const auto& what) { machine_->on(what); }, input);
  }
  return std::exchange(machine_->actions, {});
}

const Attempt& Upload::attempt() const {
  return machine_->attempt;
}
bool Upload::ambiguous() const {
  return machine_->ambiguous();
}
bool Upload::finished() const {
  return machine_->phase == Machine::Phase::Finished;
}
const std::vector<std::string>& Upload::left_behind() const {
  return machine_->left_behind;
}

std::uint64_t part_size_for(std::uint64_t size, std::uint64_t least) {
  constexpr std::uint64_t most_parts = 10'000;
  const std::uint64_t threshold = WAYBILL_SIZE(multipart_threshold);
  if (size <= threshold) return 0;
  const std::uint64_t smallest = threshold < multipart_threshold ? threshold : least;
  return std::max(smallest, (size + most_parts - 1) / most_parts);
}

// --- inputs -------------------------------------------------------------------------------------

Upload::Machine::Machine(Attempt attempt_to_make, Capabilities capabilities, RetryPolicy policy,
                         RetryQuota& tokens, Random& dice)
    : store(capabilities),
      retry(policy),
      quota(tokens),
      random(dice),
      attempt(std::move(attempt_to_make)),
      distrust(attempt.copy_sent),
      id_durable(!attempt.upload_id.empty()),
      parts_unknown(!attempt.upload_id.empty()) {
  if (attempt.part_size == 0) return;
  const std::uint64_t count = attempt.size == 0 ? 1 : (attempt.size - 1) / attempt.part_size + 1;
  parts.resize(count);
  first_reading.resize(count);
}

void Upload::Machine::on(const Begin& begin) {
  if (phase != Phase::Fresh) return;
  if (!begin.may_have_been_sent || WAYBILL_PLANTED(RetryWithoutHead)) return send(false);
  // An upload id is durable before part 1: without one, only Create can have been sent. How often
  // it was sent nobody wrote down: more than once, then, so that one that has landed is not the
  // last.
  if (!multipart() || !attempt.upload_id.empty() || attempt.copy_sent) unanswered = 2;
  // Nor is a Complete sent before the content is durable.
  may_be_completed = multipart() && unanswered > 0 && attempt.sha256 && !attempt.upload_id.empty();
  // And behind a durable id a newer Create may have gone unanswered.
  create_unanswered = multipart() && attempt.create_sent;
  if (create_unanswered) return list_uploads();
  unanswered > 0 ? head() : send(false);
}

void Upload::Machine::on(const PutDone& done) {
  if (phase != Phase::Putting) return;
  if (done.md5) body_md5 = done.md5;
  if (done.crc) body_crc = done.crc;
  done.reply ? acknowledged(*done.reply) : commit_failed(done.reply.error());
}

void Upload::Machine::on(const CompleteDone& done) {
  if (phase != Phase::Completing) return;
  done.reply ? acknowledged(*done.reply) : commit_failed(done.reply.error());
}

void Upload::Machine::on(const Resumed&) {
  if (phase == Phase::Paused) return resume(next);
  if (phase != Phase::SendingParts || !parts_paused) return;
  parts_paused = parts_troubled = false;
  if (trouble_to_tell) {
    emit(EndpointTrouble{*std::exchange(trouble_to_tell, std::nullopt)});
    parts_paused = parts_troubled = true;
    return;
  }
  fill();
}

void Upload::Machine::on(const SourceLost&) {
  if (std::exchange(lost, true)) {
    // We had noticed it ourselves (a part read again was another); the owner's pauses end only now.
    if (phase == Phase::Paused) resume(next);
    return;
  }
  switch (phase) {
    case Phase::Fresh:
      // Nothing was asked of us yet, so what an earlier run sent is unknown.
      unanswered = attempt.upload_id.empty() ? 0 : 1;
      may_be_completed = unanswered > 0 && attempt.sha256;
      return drop();
    case Phase::Heading:
    case Phase::PersistingId:
    case Phase::ListingParts:
    case Phase::PersistingContent:
      return drop();
    case Phase::Putting:
    case Phase::Copying:
    case Phase::Creating:
    case Phase::Listing:
    case Phase::Completing:
      return;  // its answer decides
    case Phase::SendingParts:
      return stop_parts(Dropped{unanswered > 0});
    case Phase::Aborting:
    case Phase::CheckingAbort:
      if (!pending) pending = Dropped{unanswered > 0};
      return;
    case Phase::Paused:
      // The owner may forget its pause now. An upload of ours may still have to be found or
      // aborted.
      if (next == Next::Abort || next == Next::CheckAbort) {
        if (!pending) pending = Dropped{unanswered > 0};
        return resume(next);
      }
      return next == Next::List ? resume(next) : drop();
    case Phase::Finished:
      return;
  }
}

// --- sending ------------------------------------------------------------------------------------

bool Upload::Machine::ambiguous() const {
  return unanswered > 0 || phase == Phase::Putting || phase == Phase::Copying ||
         phase == Phase::Completing;
}

void Upload::Machine::head() {
  phase = Phase::Heading;
  emit(SendHead{});
}

void Upload::Machine::send(bool seen) {
  if (attempt.copy) return send_copy(seen);
  if (multipart() && (!content_durable || parts_done < parts.size())) return proceed_multipart();
  const auto on_condition = condition(seen);
  on_condition ? commit(*on_condition) : head();
}

// nullopt: the store enforces no condition that would do, so a HEAD has to come first (P7: one
// HEAD→PUT window at worst).
std::optional<Condition> Upload::Machine::condition(bool seen) const {
  const auto replace = [this] {
    return IfMatch{store.if_match_unquoted ? bare_etag(*attempt.base_etag) : *attempt.base_etag};
  };
  // No probe looks at conditions on Complete but If-None-Match; after a HEAD, the one that works on
  // PUT goes along, since a store that ignores it does no harm.
  if (attempt.base_etag) {
    const bool works = conditions_work && store.if_match_on_put;
    if (works && (seen || !multipart())) return replace();
    if (!seen) return std::nullopt;
    return Unconditional{};
  }
  const bool enforced =
      conditions_work && (multipart() ? store.if_absent_on_complete : store.if_absent_on_put);
  if (enforced) return IfAbsent{};
  if (!seen) return std::nullopt;
  if (conditions_work && store.if_absent_on_put) return IfAbsent{};
  return Unconditional{};
}

void Upload::Machine::commit(const Condition& on_condition) {
  if (!multipart()) {
    phase = Phase::Putting;
    emit(SendPut{on_condition, make_metadata(attempt), reread});
    return;
  }
  SendComplete complete{.parts = {}, .condition = on_condition, .crc = crc()};
  complete.parts.reserve(parts.size());
  for (const PartState& part : parts) complete.parts.push_back(part.part);
  phase = Phase::Completing;
  emit(std::move(complete));
}

void Upload::Machine::acknowledged(const PutReply& reply) {
  answered();
  auto proof = prove("S3's reply", reply.etag, reply.checksum_sha256,
                     {.sha256 = attempt.sha256, .md5_etag = md5_etag(), .crc = crc()}, reply.crc);
  if (multipart()) forget_upload();
  if (proof) return stored(reply, std::move(*proof));
  damaged({.code = ErrorCode::Damaged,
           .message = "S3 acknowledged other bytes than were sent",
           .request_id = reply.request_id},
          reply.etag);
}

void Upload::Machine::commit_failed(const Error& error) {
  if (is_unanswered(error)) {
    ++unanswered;
    may_be_completed = multipart();
    return look(error);
  }
  if (conditions_work && is_not_implemented(error)) {
    conditions_work = false;
    return lost ? drop() : send(false);
  }
  // A part whose lost request landed after its repetition has another ETag where ETags are no MD5s.
  if (error.s3_code == "InvalidPart" && !std::exchange(parts_doubted, true)) {
    return restart_upload(error, Old::Unusable);
  }
  if (passes_by_itself(error)) {
    if (lost) return drop();
    // A conflict spoils the upload (S3.md 10.8), not the endpoint.
    constexpr int conflict = 409;
    if (multipart() && error.http_status == conflict) return restart_upload(error, Old::Unusable);
    return pause(error, send_failures, Next::Send);
  }
  switch (error.code) {
    case ErrorCode::NotFound:
      // PUT: If-Match on a key that is gone (AWS). Complete: the upload is gone, perhaps because an
      // earlier Complete has been applied (S3.md 10.20).
      if (WAYBILL_PLANTED(MissingBaseTakenAsForeign) && !multipart()) {
        return finish(ForeignObject{});
      }
      if (multipart()) {
        forget_upload();
        if (lost) unanswered = std::max<std::uint64_t>(unanswered, 1);
      }
      return look(error);
    case ErrorCode::PreconditionFailed:
      if (WAYBILL_PLANTED(AnyConflictTakenAsSuccess)) return stored({}, {});
      return look(error);
    case ErrorCode::Damaged: {
      constexpr int first_error_status = 300;
      const bool took_effect = error.http_status != 0 && error.http_status < first_error_status;
      return damaged(error, took_effect ? std::optional<std::string>("") : std::nullopt);
    }
    case ErrorCode::NeedsPerson:
      if (!lost && concerns_endpoint(error)) return trouble(error, Next::Send);
      break;
    default:
      break;
  }
  if (multipart() && may_be_of_other_settings(error)) {
    return restart_upload(error, Old::Unusable);
  }
  lost ? drop() : finish(Refused{error});
}

void Upload::Machine::look(const Error& because) {
  if (lost) return drop();
  cooling_off = because;
  if (WAYBILL_PLANTED(RetryWithoutHead) && is_unanswered(because)) return send_again(false);
  head();
}

// `etag_there`: the object with the wrong bytes is at the key; empty: its ETag is not known.
void Upload::Machine::damaged(const Error& error, std::optional<std::string> etag_there) {
  if (etag_there) {
    distrust = true;
    if (!etag_there->empty()) damaged_etag = attempt.base_etag = etag_there;
  }
  if (lost) {
    if (etag_there) ++unanswered;
    return drop();
  }
  if (++damages > 1) {
    Error alarm = error;
    alarm.code = ErrorCode::Damaged;
    alarm.message =
        "twice, S3 received or kept other bytes than were read from the file: memory, network or "
        "store is failing; nothing counts as stored (" +
        error.message + ")";
    return finish(Refused{std::move(alarm)});
  }
  reread = true;
  if (multipart()) return restart_upload(error, Old::Unusable);
  send(false);
}

void Upload::Machine::stored(PutReply reply, Proof proof) {
  Stored done;
  done.proof = proof.level;
  done.proof_detail = std::move(proof.detail);
  // Another kind than was asked for was not held against anything.
  const auto ours = crc();
  if (!reply.checksum_sha256.empty()) {
    done.checksum = "sha256:" + reply.checksum_sha256;
  } else if (ours && reply.crc == ours) {
    done.crc = ours;
    done.checksum = std::string(name_of(ours->kind)) + ":" + base64_of(*ours);
  }
  done.reply = std::move(reply);
  done.sha256 = attempt.sha256.value_or(Sha256{});
  done.size = attempt.size;
  done.may_land_again = unanswered > 0;
  done.base_was_missing = base_was_missing;
  done.recovered = recovered;
  finish(std::move(done));
}

std::optional<std::string> Upload::Machine::md5_etag() const {
  if (!store.md5_etags) return std::nullopt;
  // Its own is that of the bytes that were sent once; a store may take it over or make it anew.
  if (attempt.copy) return bare_etag(attempt.copy->etag);
  if (!multipart()) {
    return body_md5 ? std::optional<std::string>(etag_of(*body_md5)) : std::nullopt;
  }
  std::vector<Md5> md5s;
  for (const Reading& reading : first_reading) {
    if (!reading.md5) return std::nullopt;
    md5s.push_back(*reading.md5);
  }
  return etag_of(md5s);
}

std::optional<Crc> Upload::Machine::crc() const {
  if (!attempt.crc) return std::nullopt;
  if (!multipart()) return body_crc;
  const std::uint64_t last = attempt.size - (first_reading.size() - 1) * attempt.part_size;
  const CrcJoin join(*attempt.crc, attempt.part_size);
  const CrcJoin join_last(*attempt.crc, last);
  Crc whole{.kind = *attempt.crc, .value = 0};
  for (const Reading& reading : first_reading) {
    if (!reading.crc) return std::nullopt;
    whole = &reading == &first_reading.back() ? join_last(whole, *reading.crc)
                                              : join(whole, *reading.crc);
  }
  return whole;
}

// --- pausing and ending -------------------------------------------------------------------------

void Upload::Machine::pause(const Error& error, int& failures, Next after) {
  if (++failures >= retry.fast_attempts || !pay(error, paid)) {
    failures = 0;
    return trouble(error, after);
  }
  wait(error, failures, after);
}

// An answer that cannot be read costs nothing: asking again does not burden a store that answers,
// and waiting for it to come back would be in vain.
bool Upload::Machine::pay(const Error& error, int& paid_for) {
  constexpr int ok = 200;
  if (error.http_status == ok) return true;
  paid_for = quota.take(error.code);
  return paid_for > 0;
}

void Upload::Machine::wait(const Error& error, int failures, Next after) {
  phase = Phase::Paused;
  next = after;
  next_after_trouble = false;
  emit(Wait{retry.fast_delay(error.code, failures, random)});
}

void Upload::Machine::trouble(const Error& error, Next after) {
  // Whatever else is to come of the file does not wait for what it left behind.
  if (after == Next::Abort || after == Next::CheckAbort) return abort_ended(false);
  phase = Phase::Paused;
  next = after;
  next_after_trouble = true;
  emit(EndpointTrouble{error});
}

void Upload::Machine::resume(Next to_do) {
  if (next_after_trouble) just_listed = false;
  switch (to_do) {
    case Next::Head:
      return head();
    case Next::Send:
      // An outage is long enough for what was not answered to have landed.
      return next_after_trouble && unanswered > 0 ? head() : send(false);
    case Next::Create:
      return proceed_multipart();
    case Next::List:
      return list_uploads();
    case Next::ListParts:
      return list_parts();
    case Next::Abort:
      return abort();
    case Next::CheckAbort:
      phase = Phase::CheckingAbort;
      return emit(SendListParts{to_abort.back()});
  }
}

void Upload::Machine::finish(Outcome outcome) {
  if (!attempt.upload_id.empty()) {
    // A store that is still at its Complete would take the object's bytes away with it. The attempt
    // is ambiguous, so its owner comes back to it.
    if (!may_be_completed) to_abort.push_back(attempt.upload_id);
    forget_upload();
  }
  if (!to_abort.empty()) {
    pending = std::move(outcome);
    return abort();
  }
  phase = Phase::Finished;
  emit(std::move(outcome));
}

void Upload::Machine::drop() {
  finish(Dropped{unanswered > 0});
}

}  // namespace waybill::uploader
