#include "uploader/probe.h"

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

Probe::Probe(std::string prefix, std::string nonce)
    : key_(std::move(prefix) + "_waybill/probe-" + nonce), nonce_(std::move(nonce)) {}

Probe::Action Probe::start() {
  return put(Stage::FirstPut, IfAbsent{});
}

Probe::Action Probe::put_done(Result<PutReply> reply) {
  return reply ? put_accepted(*reply) : put_refused(reply.error());
}

Probe::Action Probe::put_accepted(const PutReply& reply) {
  etag_ = reply.etag;
  may_exist_ = true;
  Capabilities& store = finding_.capabilities;
  const bool first = stage_ == Stage::FirstPut || stage_ == Stage::PlainPut;
  const bool md5_etag = bare_etag(reply.etag) == etag_of(md5_);
  store.md5_etags = md5_etag && (first || store.md5_etags);
  switch (stage_) {
    case Stage::FirstPut:
      return put(Stage::SecondPut, IfAbsent{});
    case Stage::PlainPut:
      return put(Stage::WrongMatch, IfMatch{'"' + std::string(wrong_etag) + '"'});
    case Stage::SecondPut:
      note("the store ignores If-None-Match: new keys are guarded by a HEAD before each PUT only");
      return put(Stage::WrongMatch, IfMatch{'"' + std::string(wrong_etag) + '"'});
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
    case Stage::HeadOfNothing:
    case Stage::Cleaning:
    case Stage::Ended:
      break;
  }
  stage_ = Stage::HeadOfNothing;
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
      if (refused) return give_up(error);  // the key is fresh: nobody can be there
      note(
          "the store does not know If-None-Match: new keys are guarded by a HEAD before each PUT "
          "only");
      return put(Stage::PlainPut, Unconditional{});
    case Stage::SecondPut:
      finding_.capabilities.if_absent_on_put = refused;
      return put(Stage::WrongMatch, IfMatch{'"' + std::string(wrong_etag) + '"'});
    case Stage::WrongMatch:
      return unknown ? match_unknown() : put(Stage::RightMatch, IfMatch{etag_});
    case Stage::RightMatch:
      return put(Stage::UnquotedMatch, IfMatch{bare_etag(etag_)});
    case Stage::UnquotedMatch:
      return match_unknown();
    case Stage::WrongUnquoted:
      stage_ = Stage::HeadOfNothing;
      return Head{key_ + "-absent"};
    case Stage::PlainPut:
    case Stage::HeadOfNothing:
    case Stage::Cleaning:
    case Stage::Ended:
      break;
  }
  return give_up(error);
}

Probe::Action Probe::match_unknown() {
  note("the store does not know If-Match: replacements are guarded by a HEAD before each PUT only");
  stage_ = Stage::HeadOfNothing;
  return Head{key_ + "-absent"};
}

Probe::Action Probe::head_done(Result<HeadReply> reply) {
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
  if (!reply && reply.error().code != ErrorCode::NotFound) {
    note("the probe's object " + printable(key_) + " stays in the bucket (" +
         reply.error().describe() + ")");
  }
  stage_ = Stage::Ended;
  if (failure_) return Failed{*failure_};
  return finding_;
}

Probe::Action Probe::put(Stage stage, Condition condition) {
  stage_ = stage;
  const std::string text = "waybill probe " + nonce_ + " " + std::to_string(++bodies_) + "\n";
  const auto bytes = as_bytes(text);
  PutRequest request;
  request.key = key_;
  request.body = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  request.sha256 = sha256(bytes);
  request.md5 = md5_ = md5(bytes);
  request.condition = std::move(condition);
  request.content_type = "text/plain";
  return Put{std::move(request)};
}

Probe::Action Probe::clean_up() {
  stage_ = Stage::Cleaning;
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
