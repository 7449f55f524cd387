// Multipart: Create, parts, Complete's preparation, abort (S3.md section 4, PROTOCOL.md rule 12).
#include <algorithm>
#include <chrono>
#include <utility>

#include "uploader/endpoint_errors.h"
#include "uploader/metadata.h"
#include "uploader/upload_machine.h"

namespace waybill::uploader {
namespace {

// A Create that was not answered is looked for before the next is sent, but for pauses; and clocks
// are read a little before and after.
constexpr Nanoseconds before_create = std::chrono::minutes(5);
// What was not answered may be applied for 20 minutes (rule 2).
constexpr Nanoseconds after_create = std::chrono::minutes(25);

bool was_unanswered(const Error& error) {
  return error.code == ErrorCode::Ambiguous || error.code == ErrorCode::Cancelled;
}

// False: it is another one.
template <typename Digest>
bool keep_first(std::optional<Digest>& first, const std::optional<Digest>& now) {
  if (!first) first = now;
  return !now || first == now;
}

}  // namespace

bool in_create_window(WallTime initiated, WallTime sent) {
  return initiated >= sent - before_create && initiated <= sent + after_create;
}

// The next step before Complete, whichever it is.
void Upload::Machine::proceed_multipart() {
  // What an unanswered Create began must not come to be before the next one's window unseen.
  if (attempt.upload_id.empty()) {
    return create_unanswered && !just_listed ? list_uploads() : create();
  }
  if (!id_durable) {
    phase = Phase::PersistingId;
    return emit(PersistUploadId{attempt.upload_id});
  }
  if (parts_unknown) return list_parts();
  if (parts_done < parts.size() || !content_read) {
    phase = Phase::SendingParts;
    return fill();
  }
  phase = Phase::PersistingContent;
  emit(PersistContent{*attempt.sha256});
}

void Upload::Machine::on(const Persisted&) {
  if (phase == Phase::PersistingId) {
    id_durable = true;
    return send(false);
  }
  if (phase == Phase::PersistingContent) {
    content_durable = true;
    return send(false);
  }
}

// --- Create -------------------------------------------------------------------------------------

void Upload::Machine::create() {
  phase = Phase::Creating;
  just_listed = false;
  emit(SendCreate{make_metadata(attempt)});
}

void Upload::Machine::on(const CreateDone& done) {
  if (phase != Phase::Creating) return;
  if (done.sent) attempt.create_sent = done.sent;
  if (done.upload_id) {
    answered();
    attempt.upload_id = *done.upload_id;
    created_here = true;
    return lost ? drop() : send(false);
  }
  const Error& error = done.upload_id.error();
  if (was_unanswered(error) && attempt.create_sent) {
    cooling_off = error;
    create_unanswered = true;
    return list_uploads();
  }
  if (lost) return drop();
  if (may_pass(error)) return pause(error, create_failures, Next::Create);
  if (error.code == ErrorCode::NeedsPerson && concerns_endpoint(error)) {
    return trouble(error, Next::Create);
  }
  finish(Refused{error});
}

void Upload::Machine::list_uploads() {
  phase = Phase::Listing;
  emit(SendListUploads{});
}

// A listing that is answered, but never as S3 would, will not become readable by waiting.
bool Upload::Machine::listing_may_pass(const Error& error, int failures) const {
  constexpr int ok = 200;
  return may_pass(error) && (error.http_status != ok || failures + 1 < retry.fast_attempts);
}

void Upload::Machine::on(const UploadsListed& listed) {
  if (phase != Phase::Listing) return;
  std::vector<std::string> ours;
  if (listed.uploads) {
    answered();
    for (const ListedUpload& upload : *listed.uploads) {
      const bool in_window = in_create_window(upload.initiated, *attempt.create_sent);
      const bool known = std::count(left_behind.begin(), left_behind.end(), upload.upload_id) > 0;
      if (upload.key == attempt.key && in_window && !known) ours.push_back(upload.upload_id);
    }
  } else if (listing_may_pass(listed.uploads.error(), create_failures)) {
    return pause(listed.uploads.error(), create_failures, Next::List);
  }
  create_failures = 0;
  just_listed = true;
  // Where listing is refused an orphan stays for the sweep to report; that must not hold the file.
  adopt(std::move(ours));
}

// They carry our metadata, so one of them is as good as new; but where this key has seen an earlier
// attempt, one may carry that one's, and nothing would tell whose object it became.
void Upload::Machine::adopt(std::vector<std::string> ours) {
  std::erase(ours, attempt.upload_id);
  if (!lost && attempt.may_adopt && attempt.upload_id.empty() && !ours.empty()) {
    attempt.upload_id = ours.front();
    ours.erase(ours.begin());
    cooling_off.reset();
  }
  to_abort.insert(to_abort.end(), ours.begin(), ours.end());
  if (lost) return drop();
  to_abort.empty() ? uploads_settled() : abort();
}

std::optional<Part> already_there(const SendPart& part, const std::optional<Md5>& content) {
  if (!part.listed || !content) return std::nullopt;
  if (bare_etag(part.listed->etag) != etag_of(*content)) return std::nullopt;
  return part.listed;
}

// --- parts --------------------------------------------------------------------------------------

// Only an ETag that is an MD5 tells what a part holds; anything else is sent again.
void Upload::Machine::list_parts() {
  if (!store.md5_etags) {
    parts_unknown = false;
    return send(false);
  }
  phase = Phase::ListingParts;
  emit(SendListParts{attempt.upload_id});
}

void Upload::Machine::parts_listed(const PartsListed& listed) {
  if (!listed.parts) {
    const Error& error = listed.parts.error();
    if (listing_may_pass(error, create_failures)) {
      return pause(error, create_failures, Next::ListParts);
    }
    parts_unknown = false;
    create_failures = 0;
    if (error.code == ErrorCode::NotFound) return restart_upload(error, Old::Gone);
    return send(false);  // what cannot be listed is sent again
  }
  answered();
  parts_unknown = false;
  create_failures = 0;
  for (const Part& part : *listed.parts) {
    const auto index = static_cast<std::size_t>(part.number) - 1;
    if (part.number < 1 || index >= parts.size()) continue;
    const std::uint64_t length =
        std::min(attempt.part_size, attempt.size - index * attempt.part_size);
    if (part.size == length) parts[index].listed = part;
  }
  send(false);
}

void Upload::Machine::fill() {
  while (!parts_stopped && !parts_troubled && parts_in_flight < max_parts_in_flight) {
    if (!parts_paused && !again.empty()) {
      const std::size_t index = again.front();
      again.erase(again.begin());
      send_part(index);
    } else if (next_unsent < parts.size()) {
      send_part(next_unsent++);
    } else {
      return;
    }
  }
}

void Upload::Machine::send_part(std::size_t index) {
  parts[index].in_flight = true;
  ++parts_in_flight;
  const std::uint64_t offset = index * attempt.part_size;
  // Once: if what S3 has is not what the file has, the next try sends it.
  emit(SendPart{.number = static_cast<int>(index) + 1,
                .offset = offset,
                .length = std::min(attempt.part_size, attempt.size - offset),
                .listed = std::exchange(parts[index].listed, std::nullopt)});
}

void Upload::Machine::on(const PartDone& done) {
  const auto index = static_cast<std::size_t>(done.number) - 1;
  if (phase != Phase::SendingParts || index >= parts.size() || !parts[index].in_flight) return;
  parts[index].in_flight = false;
  --parts_in_flight;
  // The SHA-256 is that of the first reading, whatever became of its request.
  Reading& first = first_reading[index];
  const bool same_sha256 = keep_first(first.sha256, done.sha256);
  const bool same_md5 = keep_first(first.md5, done.md5);
  const bool same_crc = keep_first(first.crc, done.crc);
  if (!same_sha256 || !same_md5 || !same_crc) return on(SourceLost{});
  if (parts_stopped) return parts_changed();
  if (!done.part) return part_failed(index, done.part.error());

  Expected expected{.sha256 = std::nullopt, .md5_etag = std::nullopt, .crc = done.crc};
  if (store.md5_etags && done.md5) expected.md5_etag = etag_of(*done.md5);
  if (!prove("S3's reply", done.part->etag, "", expected, done.part->crc)) {
    return part_failed(index, {.code = ErrorCode::Damaged,
                               .message = "S3 acknowledged other bytes for part " +
                                          std::to_string(done.number) + " than were sent"});
  }
  parts[index].part = *done.part;
  parts[index].part.number = done.number;
  parts[index].failures = 0;
  quota.answered(std::exchange(parts[index].paid, 0));
  ++parts_done;
  parts_changed();
}

// An upload from before a restart may have been begun for other checksums than are sent now.
bool Upload::Machine::may_be_of_other_settings(const Error& error) const {
  constexpr int bad_request = 400;
  return !created_here && error.http_status == bad_request;
}

void Upload::Machine::part_failed(std::size_t index, const Error& error) {
  PartState& part = parts[index];
  if (may_pass(error)) {
    // A part that is sent twice is the same part: not knowing whether it arrived does no harm.
    again.push_back(index);
    const bool troubled = ++part.failures >= retry.fast_attempts || !pay(error, part.paid);
    if (troubled) part.failures = 0;
    if (parts_paused) {
      if (troubled && !parts_troubled) trouble_to_tell = error;
      return fill();
    }
    parts_paused = true;
    parts_troubled = troubled;
    if (troubled) return emit(EndpointTrouble{error});
    emit(Wait{retry.fast_delay(error.code, part.failures, random)});
    return fill();
  }
  if (error.code == ErrorCode::NotFound) {
    restart_cause = error;
    restart_old = Old::Gone;
    return stop_parts(std::nullopt);
  }
  if (error.code == ErrorCode::Damaged && !std::exchange(part.damaged, true)) {
    send_part(index);  // parts are always read from the file
    return;
  }
  if (error.code == ErrorCode::NeedsPerson && concerns_endpoint(error)) {
    again.push_back(index);
    if (parts_troubled) return;
    if (parts_paused) {
      // The Wait under way ends in telling it; until then nothing new starts.
      parts_troubled = true;
      trouble_to_tell = error;
      return;
    }
    parts_paused = parts_troubled = true;
    return emit(EndpointTrouble{error});
  }
  if (may_be_of_other_settings(error)) {
    restart_cause = error;
    restart_old = Old::Unusable;
    return stop_parts(std::nullopt);
  }
  stop_parts(Refused{error});
}

void Upload::Machine::on(const ContentRead& content) {
  if (content_read) return;
  if (attempt.sha256 && *attempt.sha256 != content.sha256) return on(SourceLost{});
  // It is told once: kept, even if the upload has to be begun anew meanwhile.
  attempt.sha256 = content.sha256;
  content_read = true;
  if (phase == Phase::SendingParts && !parts_stopped) parts_changed();
}

// What must happen next waits for the parts in flight: S3 may still take them in.
void Upload::Machine::stop_parts(std::optional<Outcome> outcome) {
  parts_stopped = true;
  if (outcome && !pending) pending = std::move(outcome);
  parts_changed();
}

void Upload::Machine::parts_changed() {
  if (!parts_stopped) {
    if (parts_done == parts.size() && content_read) return send(false);
    return fill();
  }
  if (parts_in_flight > 0) return;
  if (pending) return finish(*std::exchange(pending, std::nullopt));
  restart_upload(*restart_cause, restart_old);
}

// --- the end of an upload -----------------------------------------------------------------------

void Upload::Machine::forget_upload() {
  attempt.upload_id.clear();
  may_be_completed = false;
  id_durable = parts_unknown = false;
  std::fill(parts.begin(), parts.end(), PartState{});
  next_unsent = parts_done = 0;
  again.clear();
  parts_stopped = parts_paused = parts_troubled = false;
  trouble_to_tell.reset();
}

void Upload::Machine::restart_upload(const Error& error, Old old) {
  if (old == Old::Unusable && !attempt.upload_id.empty()) {
    (may_be_completed ? left_behind : to_abort).push_back(attempt.upload_id);
  }
  forget_upload();
  if (lost) return drop();
  cooling_off = error;
  to_abort.empty() ? uploads_settled() : abort();
}

void Upload::Machine::uploads_settled() {
  unanswered > 0 ? head() : send_again(false);
}

void Upload::Machine::abort() {
  phase = Phase::Aborting;
  emit(SendAbort{to_abort.back()});
}

void Upload::Machine::on(const AbortDone& done) {
  if (phase != Phase::Aborting) return;
  if (!done.reply && done.reply.error().code != ErrorCode::NotFound) {
    const Error& error = done.reply.error();
    return may_pass(error) ? pause(error, abort_failures, Next::Abort) : abort_ended(false);
  }
  answered();
  phase = Phase::CheckingAbort;
  emit(SendListParts{to_abort.back()});
}

// A part that was still being taken in survives an abort (S3.md 10.26).
void Upload::Machine::on(const PartsListed& listed) {
  if (phase == Phase::ListingParts) return parts_listed(listed);
  if (phase != Phase::CheckingAbort) return;
  if (listed.parts) {
    if (listed.parts->empty()) return abort_ended(true);
    if (++abort_failures >= retry.fast_attempts) return abort_ended(false);
    return wait({.code = ErrorCode::RetryLater,
                 .message = "S3 still keeps parts of an upload that was aborted"},
                abort_failures, Next::Abort);
  }
  if (listing_may_pass(listed.parts.error(), abort_failures)) {
    return pause(listed.parts.error(), abort_failures, Next::CheckAbort);
  }
  abort_ended(true);
}

void Upload::Machine::abort_ended(bool aborted) {
  if (!aborted) left_behind.push_back(to_abort.back());
  to_abort.pop_back();
  abort_failures = 0;
  if (!to_abort.empty()) return abort();
  if (!pending) return uploads_settled();
  phase = Phase::Finished;
  emit(*std::exchange(pending, std::nullopt));
}

}  // namespace waybill::uploader
