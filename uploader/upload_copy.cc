// A copy inside the store instead of the bytes (PROTOCOL.md section 4, a renamed file): what it
// shows of itself must prove it as an upload is proven, else the file is sent.
#include <algorithm>
#include <utility>

#include "base/test_points.h"
#include "uploader/endpoint_errors.h"
#include "uploader/metadata.h"
#include "uploader/upload_machine.h"

namespace waybill::uploader {
namespace {

// Fewer than make the endpoint's trouble of it: a gateway may fail copies alone.
constexpr int most_copies = 3;

// A permission may be missing for the source alone (s3:GetObject).
bool may_be_about_copying(const Error& error) {
  const bool denied = error.s3_code == "AccessDenied" || error.s3_code == "AccessDeniedException" ||
                      error.s3_code == "MethodNotAllowed";
  const bool source_key = error.s3_code.starts_with("KMS.");  // the new one is told by the PUT
  const bool without_a_word =
      error.s3_code.empty() && (error.http_status == 403 || error.http_status == 405);
  return denied || source_key || without_a_word;
}

// All but what is about the object: its class (Glacier), its being another one by now.
bool is_refused_by_store(const Error& error) {
  return error.code == ErrorCode::NeedsPerson && error.s3_code != "InvalidObjectState";
}

}  // namespace

// Whether a store enforces a condition on a copy no probe finds out, so a HEAD goes before each try
// (P7: one HEAD→copy window at worst); the condition that works on PUT goes along.
void Upload::Machine::send_copy(bool seen) {
  if (copies_sent >= most_copies && !not_copied) {
    not_copied = NotCopied{.cause = {.code = ErrorCode::RetryLater,
                                     .message = "the store fails to copy it, time and again"}};
  }
  if (not_copied || attempt.base_etag) return go_on_from_file(seen);
  if (!seen && !WAYBILL_PLANTED(CopyWithoutLook)) return head();
  phase = Phase::Copying;
  ++copies_sent;
  Condition on_condition = Unconditional{};
  if (copies_on_condition && store.if_absent_on_put) on_condition = IfAbsent{};
  emit(SendCopy{*attempt.copy, std::move(on_condition), make_metadata(attempt)});
}

void Upload::Machine::on(const CopyDone& done) {
  if (phase != Phase::Copying) return;
  if (done.reply) {
    answered();
    ++unanswered;  // until a HEAD has shown what it has made
    return lost ? drop() : head();
  }
  const Error& error = done.reply.error();
  if (is_unanswered(error)) {
    ++unanswered;
    return look(error);
  }
  if (lost) return drop();
  if (is_not_implemented(error) && store.if_absent_on_put && copies_on_condition) {
    copies_on_condition = false;
    return send(false);
  }
  if (passes_by_itself(error)) return pause(error, send_failures, Next::Send);
  const bool wrong_with_endpoint = error.code == ErrorCode::NeedsPerson &&
                                   concerns_endpoint(error) && !may_be_about_copying(error);
  if (wrong_with_endpoint) return trouble(error, Next::Send);
  // 412 may come of an earlier copy of ours, and of a source that is another one by now.
  not_copied = NotCopied{.cause = error, .by_store = is_refused_by_store(error)};
  head();
}

// It has our id. As good as an upload's is a proof of level 2 at least: nobody has signed what was
// copied.
void Upload::Machine::decide_copy(const HeadReply& object) {
  auto proof = prove_content(object, attempt, md5_etag());
  if (proof && proof->level >= ProofLevel::EtagRecomputed) {
    if (unanswered > 0) --unanswered;
    proof->detail =
        "S3 copied it from the key that this file had before its renaming; " + proof->detail;
    return stored({.etag = object.etag,
                   .version = object.version,
                   .checksum_sha256 = object.checksum_sha256,
                   .request_id = object.request_id,
                   .crc = object.crc},
                  std::move(*proof));
  }
  const char* const why = proof ? "the store shows nothing of a copy that proves its bytes"
                                : "the copy has other bytes than the object had";
  not_copied = NotCopied{.cause = {.code = ErrorCode::Damaged, .message = why},
                         .by_store = proof.has_value()};
  // Until the file has taken its place it is a copy that is there, whoever asks after a restart:
  // the store may have called it failed and made it all the same.
  unanswered = std::max<std::uint64_t>(unanswered, 1);
  distrust = true;
  damaged_etag = attempt.base_etag = object.etag;
  go_on_from_file(true);
}

void Upload::Machine::go_on_from_file(bool seen) {
  if (!not_copied) {
    not_copied = NotCopied{.cause = {.code = ErrorCode::PreconditionFailed,
                                     .message = "an object of ours is at the new key"}};
  }
  attempt.copy.reset();
  cooling_off.reset();
  send_failures = 0;
  not_copied->may_land = unanswered > 0;
  if (unanswered > 0) {
    distrust = true;
    damaged_etag.reset();  // that of one that lands is not known
  }
  emit(*std::exchange(not_copied, std::nullopt));
  send(seen);
}

}  // namespace waybill::uploader
