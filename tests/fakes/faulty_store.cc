#include "tests/fakes/faulty_store.h"

#include <optional>
#include <type_traits>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"

namespace waybill::fakes {

using uploader::Done;
using uploader::HeadReply;
using uploader::ListedUpload;
using uploader::Nothing;
using uploader::Part;
using uploader::PutReply;
using uploader::RequestId;

namespace {

// The answer of a fault that keeps the request from its store; nullopt: it gets
// through.
std::optional<Error> answer_of(Fault fault) {
  const auto error = [](ErrorCode code, int status, std::string s3_code) {
    return Error{.code = code,
                 .message = "a fault: " + s3_code,
                 .http_status = status,
                 .s3_code = std::move(s3_code)};
  };
  switch (fault) {
    case Fault::None:
    case Fault::LostReply:
    case Fault::WrongEtag:
      return std::nullopt;
    case Fault::LostRequest:
    case Fault::LandsLater:
      return Error{.code = ErrorCode::Ambiguous, .message = "a fault: no answer came"};
    case Fault::FailBefore:
      return error(ErrorCode::RetryLater, 500, "InternalError");
    case Fault::Unreadable:
      return error(ErrorCode::RetryLater, 200, "");
    case Fault::Throttle:
      return error(ErrorCode::Throttled, 503, "SlowDown");
    case Fault::Denied:
      return error(ErrorCode::NeedsPerson, 403, "AccessDenied");
    case Fault::BadKey:
      return error(ErrorCode::NeedsPerson, 400, "KeyTooLongError");
    case Fault::Precondition:
      return error(ErrorCode::PreconditionFailed, 412, "PreconditionFailed");
    case Fault::Conflict:
      return error(ErrorCode::RetryLater, 409, "ConditionalRequestConflict");
    case Fault::Missing:
      return error(ErrorCode::NotFound, 404, "NoSuchUpload");
    case Fault::BadDigest:
      return error(ErrorCode::Damaged, 400, "BadDigest");
    case Fault::NotImplemented:
      return error(ErrorCode::NeedsPerson, 501, "NotImplemented");
  }
  return std::nullopt;
}

template <typename Reply>
Result<Reply> with_wrong_etag(Result<Reply> reply) {
  const auto other = as_bytes("other bytes than were sent");
  if constexpr (std::is_same_v<Reply, PutReply> || std::is_same_v<Reply, Part>) {
    if (reply) reply->etag = '"' + to_hex(md5(other)) + '"';
  }
  if constexpr (std::is_same_v<Reply, PutReply>) {
    if (reply && !reply->checksum_sha256.empty()) reply->checksum_sha256 = to_base64(sha256(other));
  }
  return reply;
}

}  // namespace

FaultyStore::FaultyStore(uploader::ObjectStore& inner, std::function<Fault(const Call&)> decide)
    : inner_(inner), decide_(std::move(decide)) {}
FaultyStore::~FaultyStore() = default;

template <typename Reply>
RequestId FaultyStore::call(Call what, std::function<RequestId(Done<Reply>)> forward,
                            Done<Reply> done) {
  what.number = ++calls_;
  const std::string key = what.key;
  const Fault fault = decide_(what);
  if (auto error = answer_of(fault)) {
    // As a server does, so that nobody takes two answers for two causes by that.
    if (error->http_status != 0) error->request_id = "fault-" + std::to_string(what.number);
    if (fault == Fault::LandsLater) {
      zombies_.push_back([forward] { forward([](const Result<Reply>&) {}); });
    }
    // A HEAD in its place keeps the promise that `done` runs on the store's own
    // thread and turn.
    return inner_.head(key, [error = *error, done](const auto&) { done(fail(error)); });
  }
  return forward([fault, done](Result<Reply> reply) {
    if (fault == Fault::LostReply) {
      done(fail(ErrorCode::Ambiguous, "a fault: the reply was lost"));
    } else if (fault == Fault::WrongEtag) {
      done(with_wrong_etag<Reply>(std::move(reply)));
    } else {
      done(std::move(reply));
    }
  });
}

RequestId FaultyStore::put(uploader::PutRequest request, Done<PutReply> done) {
  return call<PutReply>(
      {.operation = Operation::Put, .key = request.key},
      [this, request](auto next) { return inner_.put(request, next); }, done);
}

RequestId FaultyStore::copy(uploader::CopyRequest request, Done<PutReply> done) {
  return call<PutReply>(
      {.operation = Operation::Copy, .key = request.key},
      [this, request](auto next) { return inner_.copy(request, next); }, done);
}

RequestId FaultyStore::head(std::string key, Done<HeadReply> done) {
  return call<HeadReply>(
      {.operation = Operation::Head, .key = key},
      [this, key](auto next) { return inner_.head(key, next); }, done);
}

RequestId FaultyStore::remove(std::string key, Done<Nothing> done) {
  return call<Nothing>(
      {.operation = Operation::Remove, .key = key},
      [this, key](auto next) { return inner_.remove(key, next); }, done);
}

RequestId FaultyStore::create_upload(uploader::CreateRequest request, Done<std::string> done) {
  return call<std::string>(
      {.operation = Operation::Create, .key = request.key},
      [this, request](auto next) { return inner_.create_upload(request, next); }, done);
}

RequestId FaultyStore::put_part(uploader::PartRequest request, Done<Part> done) {
  return call<Part>(
      {.operation = Operation::PutPart, .key = request.key, .part = request.number},
      [this, request](auto next) { return inner_.put_part(request, next); }, done);
}

RequestId FaultyStore::list_parts(std::string key, std::string upload_id,
                                  Done<std::vector<Part>> done) {
  return call<std::vector<Part>>(
      {.operation = Operation::ListParts, .key = key},
      [this, key, upload_id](auto next) { return inner_.list_parts(key, upload_id, next); }, done);
}

RequestId FaultyStore::complete_upload(uploader::CompleteRequest request, Done<PutReply> done) {
  return call<PutReply>(
      {.operation = Operation::Complete, .key = request.key},
      [this, request](auto next) { return inner_.complete_upload(request, next); }, done);
}

RequestId FaultyStore::abort_upload(std::string key, std::string upload_id, Done<Nothing> done) {
  return call<Nothing>(
      {.operation = Operation::Abort, .key = key},
      [this, key, upload_id](auto next) { return inner_.abort_upload(key, upload_id, next); },
      done);
}

RequestId FaultyStore::list_uploads(std::string key, Done<std::vector<ListedUpload>> done) {
  return call<std::vector<ListedUpload>>(
      {.operation = Operation::ListUploads, .key = key},
      [this, key](auto next) { return inner_.list_uploads(key, next); }, done);
}

RequestId FaultyStore::list_uploads_below(std::string prefix, std::size_t most,
                                          Done<std::vector<ListedUpload>> done) {
  return call<std::vector<ListedUpload>>(
      {.operation = Operation::ListUploadsBelow, .key = prefix},
      [this, prefix, most](auto next) { return inner_.list_uploads_below(prefix, most, next); },
      done);
}

void FaultyStore::cancel(RequestId id) {
  inner_.cancel(id);
}

void FaultyStore::land_zombies() {
  for (const auto& land : std::exchange(zombies_, {})) land();
}

}  // namespace waybill::fakes
