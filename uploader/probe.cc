#include "uploader/probe.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "uploader/endpoint_errors.h"
#include "uploader/proof.h"

namespace waybill::uploader {
namespace {

constexpr const char* wrong_etag = "00000000000000000000000000000000";

// A store that does not know a condition says 501, or 400 with various names.
bool is_unknown_condition(const Error& error) {
  constexpr int bad_request = 400;
  return is_not_implemented(error) ||
         (error.http_status == bad_request &&
          (error.s3_code == "InvalidArgument" || error.s3_code == "InvalidRequest"));
}

}  // namespace

Probe::Probe(std::string prefix, std::string agent_id, std::string nonce, int patience,
             Random& random)
    : key_(std::move(prefix) + "_waybill/probe-" + std::move(agent_id)),
      nonce_(std::move(nonce)),
      patience_(patience),
      random_(random) {}

Probe::Action Probe::start() {
  return put(Stage::FirstPut, IfAbsent{});
}

Probe::Action Probe::resumed() {
  switch (stage_) {
    case Stage::Leftover:
      return Head{key_};
    case Stage::HeadOfNothing:
      return Head{key_ + "-absent"};
    case Stage::Cleaning:
      return Remove{key_};
    case Stage::FirstPut:
    case Stage::PlainPut:
    case Stage::SecondPut:
    case Stage::WrongMatch:
    case Stage::RightMatch:
    case Stage::UnquotedMatch:
    case Stage::WrongUnquoted:
    case Stage::Ended:
      break;
  }
  return put(stage_, condition_);
}

// One lost packet says nothing about a store. A PUT that may have had its effect is not repeated:
// what its repetition met would be itself.
std::optional<Probe::Action> Probe::again(const Error& error) {
  const bool reading =
      stage_ == Stage::Leftover || stage_ == Stage::HeadOfNothing || stage_ == Stage::Cleaning;
  const bool passes = error.code == ErrorCode::RetryLater || error.code == ErrorCode::Throttled ||
                      (reading && error.code == ErrorCode::Ambiguous);
  // A store that has taken one request is not out, whatever befalls those that follow.
  const int patience =
      accepted_ == 0 ? patience_ : std::max(patience_, RetryPolicy{}.fast_attempts);
  if (!passes || failure_ || ++failures_ >= patience) return std::nullopt;
  return Wait{RetryPolicy{}.fast_delay(error.code, failures_, random_)};
}

Probe::Action Probe::put_done(Result<PutReply> reply) {
  if (!reply) {
    if (auto retry = again(reply.error())) return std::move(*retry);
    return put_refused(reply.error());
  }
  failures_ = 0;
  return put_accepted(*reply);
}

Probe::Action Probe::put_accepted(const PutReply& reply) {
  etag_ = reply.etag;
  may_exist_ = true;
  Capabilities& store = finding_.capabilities;
  const bool md5_etag = bare_etag(reply.etag) == etag_of(md5_);
  store.md5_etags = md5_etag && (++accepted_ == 1 || store.md5_etags);
  switch (stage_) {
    case Stage::FirstPut:
      return put(Stage::SecondPut, IfAbsent{});
    case Stage::PlainPut:
      return wrong_match();
    case Stage::SecondPut:
      note("the store ignores If-None-Match: new keys are guarded by a HEAD before each PUT only");
      return wrong_match();
    case Stage::WrongMatch:
    case Stage::WrongUnquoted:
      store.if_match_on_put = store.if_match_unquoted = false;
      note("the store ignores If-Match: replacements are guarded by a HEAD before each PUT only");
      break;
    case Stage::RightMatch:
      store.if_match_on_put = true;
      break;
    case Stage::UnquotedMatch:
      store.if_match_on_put = store.if_match_unquoted = true;
      return put(Stage::WrongUnquoted, IfMatch{wrong_etag});
    case Stage::Leftover:
    case Stage::HeadOfNothing:
    case Stage::Cleaning:
    case Stage::Ended:
      break;
  }
  return head_of_nothing();
}

Probe::Action Probe::wrong_match() {
  return put(Stage::WrongMatch, IfMatch{'"' + std::string(wrong_etag) + '"'});
}

Probe::Action Probe::head_of_nothing() {
  stage_ = Stage::HeadOfNothing;
  failures_ = 0;
  return Head{key_ + "-absent"};
}

Probe::Action Probe::put_refused(const Error& error) {
  may_exist_ =
      may_exist_ || error.code == ErrorCode::Ambiguous || error.code == ErrorCode::Cancelled;
  const bool refused = error.code == ErrorCode::PreconditionFailed;
  const bool unknown = !refused && is_unknown_condition(error);
  if (!refused && !unknown) return give_up(error);
  switch (stage_) {
    case Stage::FirstPut:
      if (refused) {
        // What an earlier probe could not remove, or what landed after it had gone.
        if (own_name_) return give_up(error);
        stage_ = Stage::Leftover;
        failures_ = 0;
        return Head{key_};
      }
      note(
          "the store does not know If-None-Match: new keys are guarded by a HEAD before each PUT "
          "only");
      return put(Stage::PlainPut, Unconditional{});
    case Stage::SecondPut:
      finding_.capabilities.if_absent_on_put = refused;
      return wrong_match();
    case Stage::WrongMatch:
      return unknown ? match_unknown() : put(Stage::RightMatch, IfMatch{etag_});
    case Stage::RightMatch:
      return put(Stage::UnquotedMatch, IfMatch{bare_etag(etag_)});
    case Stage::UnquotedMatch:
      return match_unknown();
    case Stage::WrongUnquoted:
      return head_of_nothing();
    case Stage::PlainPut:
    case Stage::Leftover:
    case Stage::HeadOfNothing:
    case Stage::Cleaning:
    case Stage::Ended:
      break;
  }
  return give_up(error);
}

Probe::Action Probe::match_unknown() {
  note("the store does not know If-Match: replacements are guarded by a HEAD before each PUT only");
  return head_of_nothing();
}

Probe::Action Probe::leftover_seen(Result<HeadReply> reply) {
  if (reply) {
    may_exist_ = true;
    etag_ = reply->etag;
    finding_.capabilities.if_absent_on_put = true;  // that is how we came to know of it
    return wrong_match();
  }
  if (reply.error().code == ErrorCode::NeedsPerson) {
    // It may not be looked at: it stays, and a fresh name has nothing there.
    own_name_ = true;
    key_ += "-" + nonce_;
    return put(Stage::FirstPut, IfAbsent{});
  }
  return give_up(reply.error());
}

Probe::Action Probe::head_done(Result<HeadReply> reply) {
  if (!reply) {
    if (auto retry = again(reply.error())) return std::move(*retry);
  }
  if (stage_ == Stage::Leftover) return leftover_seen(std::move(reply));
  if (!reply && reply.error().code == ErrorCode::NotFound) {
    finding_.capabilities.head_tells_absent = true;
    return clean_up();
  }
  if (!reply && reply.error().code != ErrorCode::NeedsPerson) return give_up(reply.error());
  note(reply ? "HEAD of a key that does not exist finds an object: nothing can be looked up here"
             : "HEAD does not tell an absent object (" + reply.error().describe() +
                   "): allow s3:ListBucket and s3:GetObject, or unclear uploads stay blocked");
  return clean_up();
}

Probe::Action Probe::remove_done(Result<Nothing> reply) {
  if (!reply) {
    if (auto retry = again(reply.error())) return std::move(*retry);
  }
  if (!reply && reply.error().code != ErrorCode::NotFound) {
    note("the probe's object " + printable(key_) + " stays in the bucket (" +
         reply.error().describe() + ")");
  }
  stage_ = Stage::Ended;
  if (failure_) return Failed{*failure_};
  return finding_;
}

Probe::Action Probe::put(Stage stage, Condition condition) {
  if (stage != stage_) failures_ = 0;
  stage_ = stage;
  condition_ = condition;
  const std::string text = "waybill probe " + nonce_ + " " + std::to_string(++bodies_) + "\n";
  const auto bytes = as_bytes(text);
  PutRequest request;
  request.key = key_;
  request.body = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  request.sha256 = sha256(bytes);
  request.md5 = md5_ = md5(bytes);
  request.condition = std::move(condition);
  request.content_type = "text/plain";
  request.control = true;
  return Put{std::move(request)};
}

Probe::Action Probe::clean_up() {
  stage_ = Stage::Cleaning;
  failures_ = 0;
  return Remove{key_};
}

// Whatever went wrong, our own object goes (P6).
Probe::Action Probe::give_up(Error cause) {
  if (!may_exist_) {
    stage_ = Stage::Ended;
    return Failed{std::move(cause)};
  }
  failure_ = std::move(cause);
  return clean_up();
}

void Probe::note(std::string sentence) {
  finding_.notes.push_back(std::move(sentence));
}

}  // namespace waybill::uploader
