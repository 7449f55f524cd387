// What a HEAD means for an attempt (PROTOCOL.md rule 3).
#include <utility>

#include "base/test_points.h"
#include "uploader/endpoint_errors.h"
#include "uploader/upload_machine.h"

namespace waybill::uploader {

void Upload::Machine::on(const HeadDone& done) {
  if (phase != Phase::Heading) return;
  if (done.reply) {
    head_failures = 0;
    answered();
    return decide(*done.reply);
  }
  const Error& error = done.reply.error();
  switch (error.code) {
    case ErrorCode::NotFound:
      head_failures = 0;
      answered();
      return absent();
    case ErrorCode::RetryLater:
    case ErrorCode::Throttled:
    case ErrorCode::Ambiguous:  // a HEAD has no effect that could be in doubt
    case ErrorCode::Cancelled:
      return pause(error, head_failures, Next::Head);
    case ErrorCode::NeedsPerson: {
      // A HEAD's 403 has no body: whether it is about this key, the permission to list or the
      // credentials, it hides what is there.
      if (WAYBILL_PLANTED(HiddenHeadTakenAsAbsent) && error.http_status == 403) return absent();
      const bool hidden = error.s3_code.empty() || error.s3_code == "AccessDenied";
      if (error.http_status == 0 || (!hidden && concerns_endpoint(error))) {
        return trouble(error, Next::Head);
      }
      break;
    }
    default:
      break;
  }
  if (attempt.copy && unanswered == 0) {
    // A PUT may guard itself where nobody may look.
    not_copied = NotCopied{.cause = error};
    return send(false);
  }
  finish(CannotTell{error});
}

void Upload::Machine::decide(const HeadReply& object) {
  const Verdict verdict = judge(object, attempt, md5_etag(), crc());
  const bool carries_our_id = verdict == Verdict::Mine || verdict == Verdict::Damaged;
  if (attempt.copy && carries_our_id) return decide_copy(object);
  if (is_damaged(object, verdict)) {
    attempt.base_etag = object.etag;
    return send_again(true);
  }
  switch (verdict) {
    case Verdict::Mine: {
      auto proof = prove_content(object, attempt, md5_etag(), crc()).value_or(Proof{});
      if (proof.level <= ProofLevel::Acknowledged) {
        proof = {ProofLevel::Acknowledged,
                 "HEAD returned our attempt id and the size; S3 accepts no other bytes under a "
                 "signed SHA-256"};
      }
      // It landed once; another send of it may still be under way.
      if (unanswered > 0) --unanswered;
      // It has become the object. Some stores are still at its Complete then, and an abort would
      // take the object's bytes away: known until that has passed, so that nobody takes it for
      // theirs.
      if (may_be_completed) {
        left_behind.push_back(attempt.upload_id);
        forget_upload();
      }
      return stored({.etag = object.etag,
                     .version = object.version,
                     .checksum_sha256 = object.checksum_sha256,
                     .request_id = object.request_id,
                     .crc = object.crc},
                    std::move(proof));
    }
    case Verdict::Recovered:
      recovered = true;
      [[fallthrough]];
    case Verdict::Prior:
      attempt.base_etag = object.etag;
      return send_again(true);
    case Verdict::Base:
      return send_again(true);
    case Verdict::EqualForeign: {
      auto proof = prove_content(object, attempt, md5_etag(), crc()).value_or(Proof{});
      return finish(StoredByOther{object, proof.level, std::move(proof.detail)});
    }
    case Verdict::Damaged:  // copied metadata over bytes of somebody else's making
    case Verdict::Foreign:
      return finish(ForeignObject{object});
  }
}

// An object with our id that S3 told us has other bytes, or a copy that nothing proves; it is ours
// to replace.
bool Upload::Machine::is_damaged(const HeadReply& object, Verdict verdict) const {
  if (!distrust || (verdict != Verdict::Mine && verdict != Verdict::Damaged)) return false;
  if (verdict == Verdict::Damaged) return true;
  const auto proof = prove_content(object, attempt, md5_etag(), crc());
  if (proof && proof->level > ProofLevel::Acknowledged) return false;
  return !damaged_etag || bare_etag(*damaged_etag) == bare_etag(object.etag);
}

void Upload::Machine::absent() {
  // Rule 11 forbids storing again what went missing unasked; what is sent here is new content, and
  // nothing is replaced by it. That its base is gone is told with the outcome.
  if (attempt.base_etag) {
    base_was_missing = !distrust;
    attempt.base_etag.reset();
  }
  send_again(true);
}

void Upload::Machine::send_again(bool seen) {
  if (!cooling_off) return send(seen);
  pause(*std::exchange(cooling_off, std::nullopt), send_failures, Next::Send);
}

}  // namespace waybill::uploader
