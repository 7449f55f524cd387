#include "tests/model/witness.h"

#include <algorithm>
#include <utility>

#include "uploader/metadata.h"

namespace waybill::model {

using uploader::Done;
using uploader::HeadReply;
using uploader::ListedUpload;
using uploader::Nothing;
using uploader::Part;
using uploader::PutReply;
using uploader::RequestId;

namespace {

bool unanswered(const Error& error) {
  return error.code == ErrorCode::Ambiguous || error.code == ErrorCode::Cancelled;
}

}  // namespace

Witness::Witness(Edges edges) : edges_(std::move(edges)) {}

Witness::Fault Witness::draw() {
  if (edges_.dice.next() % 100 >= faults) return Fault::None;
  constexpr Fault all[] = {Fault::LostReply, Fault::LostRequest, Fault::LandsLater,
                           Fault::FailBefore, Fault::Throttle};
  return all[edges_.dice.next() % std::size(all)];
}

template <typename Reply>
RequestId Witness::call(Fault fault, const std::string& key,
                        std::function<RequestId(Done<Reply>)> forward, Done<Reply> done) {
  if (!edges_.effect()) return RequestId{};
  // A HEAD in its place keeps the promise that `done` runs on the store's own turn.
  const auto instead = [this, &key, &done](Error error) {
    return edges_.bucket.head(key,
                              [error = std::move(error), done](const auto&) { done(fail(error)); });
  };
  switch (fault) {
    case Fault::None:
      return forward(done);
    case Fault::LostReply:
      return forward(
          [done](const auto&) { done(fail(ErrorCode::Ambiguous, "the reply was lost")); });
    case Fault::LostRequest:
      return instead({.code = ErrorCode::Ambiguous, .message = "no answer came"});
    case Fault::LandsLater: {
      edges_.bucket.cancel(forward([](const auto&) {}));
      return instead({.code = ErrorCode::Ambiguous, .message = "no answer came in time"});
    }
    case Fault::FailBefore:
      return instead({.code = ErrorCode::RetryLater,
                      .message = "refused",
                      .http_status = 500,
                      .s3_code = "InternalError"});
    case Fault::Throttle:
      return instead({.code = ErrorCode::Throttled,
                      .message = "slow down",
                      .http_status = 503,
                      .s3_code = "SlowDown"});
    case Fault::Hidden:
      return instead({.code = ErrorCode::NeedsPerson, .message = "hidden", .http_status = 403});
  }
  return RequestId{};
}

void Witness::commits(const std::string& attempt, const std::string& key) {
  if (attempt.empty()) return;  // the probe's own object
  const auto now = edges_.bucket.history().size();
  const auto look = looked_.find(key);
  const std::int64_t looked = look == looked_.end() ? -1 : look->second;
  const auto found =
      sent_.try_emplace(attempt, Sent{.key = key, .looked = looked, .first_sent = now}).first;
  intended_.insert(attempt);
  Sent& sent = found->second;
  // P4.
  if (sent.acknowledged) edges_.complain("sent after its acknowledgement: " + key);
  if (sent.unclear) edges_.complain("sent again without a look: " + key);
  sent.looked = std::min(sent.looked, looked);
  sent.in_flight = true;
}

void Witness::answered(const std::string& attempt, const Result<PutReply>& reply) {
  if (attempt.empty()) return;
  Sent& sent = sent_.at(attempt);
  sent.in_flight = false;
  if (reply) sent.acknowledged = true;
  if (!reply && unanswered(reply.error())) sent.unclear = true;
}

void Witness::process_died() {
  for (auto& [attempt, sent] : sent_) {
    // A reply that came just before may have died with it: then the attempt is looked for again.
    const bool replied = std::exchange(sent.acknowledged, false);
    if (std::exchange(sent.in_flight, false) || replied) sent.unclear = true;
  }
}

RequestId Witness::put(uploader::PutRequest request, Done<PutReply> done) {
  const std::string attempt = uploader::parse_metadata(request.metadata).attempt;
  const std::string key = request.key;
  if (!edges_.effect()) return RequestId{};
  commits(attempt, key);
  return call<PutReply>(
      draw(), key, [this, request](auto next) { return edges_.bucket.put(request, next); },
      [this, attempt, done](const auto& reply) {
        answered(attempt, reply);
        done(reply);
      });
}

RequestId Witness::copy(uploader::CopyRequest request, Done<PutReply> done) {
  const std::string attempt = uploader::parse_metadata(request.metadata).attempt;
  const std::string key = request.key;
  if (!edges_.effect()) return RequestId{};
  commits(attempt, key);
  const bool late = copies_late && edges_.dice.next() % 2 == 0;
  return call<PutReply>(
      late ? Fault::LandsLater : draw(), key,
      [this, request](auto next) { return edges_.bucket.copy(request, next); },
      [this, attempt, done](const auto& reply) {
        // Its success says nothing of bytes: whatever follows, a look comes first.
        Sent& sent = sent_.at(attempt);
        sent.in_flight = false;
        if (reply || unanswered(reply.error())) sent.unclear = true;
        done(reply);
      });
}

RequestId Witness::head(std::string key, Done<HeadReply> done) {
  const auto before = static_cast<std::int64_t>(edges_.bucket.history().size());
  return call<HeadReply>(
      heads_hidden ? Fault::Hidden : draw(), key,
      [this, key](auto next) { return edges_.bucket.head(key, next); },
      [this, key, before, done](const auto& reply) {
        if (reply || reply.error().code == ErrorCode::NotFound) {
          looked_[key] = before;
          for (auto& [attempt, sent] : sent_) {
            if (sent.key == key && !sent.in_flight) sent.unclear = false;
          }
        }
        done(reply);
      });
}

RequestId Witness::remove(std::string key, Done<Nothing> done) {
  if (key.find("_waybill/") == std::string::npos) edges_.complain("deleted: " + key);
  return call<Nothing>(
      draw(), key, [this, key](auto next) { return edges_.bucket.remove(key, next); }, done);
}

RequestId Witness::create_upload(uploader::CreateRequest request, Done<std::string> done) {
  const std::string attempt = uploader::parse_metadata(request.metadata).attempt;
  if (!edges_.effect()) return RequestId{};
  // Not an object yet, but an effect that the catalog has to know of.
  intended_.insert(attempt);
  creates_.emplace(request.key, edges_.store_time());
  return call<std::string>(
      draw(), request.key,
      [this, request, attempt](auto next) {
        return edges_.bucket.create_upload(request, [this, attempt, next](const auto& reply) {
          if (reply) attempt_of_upload_[*reply] = attempt;
          next(reply);
        });
      },
      done);
}

void Witness::touches_upload(const std::string& key, const std::string& upload_id) {
  if (is_foreign_upload(upload_id)) edges_.complain("P7: somebody else's upload: " + key);
}

bool Witness::created_around(const std::string& key, WallTime time) const {
  const auto [first, last] = creates_.equal_range(key);
  return std::any_of(first, last, [time](const auto& create) {
    return std::chrono::abs(create.second - time) < std::chrono::minutes(30);
  });
}

RequestId Witness::put_part(uploader::PartRequest request, Done<Part> done) {
  touches_upload(request.key, request.upload_id);
  return call<Part>(
      draw(), request.key,
      [this, request](auto next) { return edges_.bucket.put_part(request, next); }, done);
}

RequestId Witness::list_parts(std::string key, std::string upload_id,
                              Done<std::vector<Part>> done) {
  return call<std::vector<Part>>(
      draw(), key,
      [this, key, upload_id](auto next) { return edges_.bucket.list_parts(key, upload_id, next); },
      done);
}

RequestId Witness::complete_upload(uploader::CompleteRequest request, Done<PutReply> done) {
  const auto known = attempt_of_upload_.find(request.upload_id);
  const std::string attempt = known == attempt_of_upload_.end() ? "" : known->second;
  const std::string key = request.key;
  if (!edges_.effect()) return RequestId{};
  commits(attempt, key);
  return call<PutReply>(
      draw(), key,
      [this, request](auto next) { return edges_.bucket.complete_upload(request, next); },
      [this, attempt, done](const auto& reply) {
        answered(attempt, reply);
        done(reply);
      });
}

RequestId Witness::abort_upload(std::string key, std::string upload_id, Done<Nothing> done) {
  touches_upload(key, upload_id);
  return call<Nothing>(
      draw(), key,
      [this, key, upload_id](auto next) {
        return edges_.bucket.abort_upload(key, upload_id, next);
      },
      done);
}

RequestId Witness::list_uploads(std::string key, Done<std::vector<ListedUpload>> done) {
  return call<std::vector<ListedUpload>>(
      draw(), key, [this, key](auto next) { return edges_.bucket.list_uploads(key, next); }, done);
}

RequestId Witness::list_uploads_below(std::string prefix, std::size_t most,
                                      Done<std::vector<ListedUpload>> done) {
  return call<std::vector<ListedUpload>>(
      draw(), prefix,
      [this, prefix, most](auto next) {
        return edges_.bucket.list_uploads_below(prefix, most, next);
      },
      done);
}

void Witness::cancel(RequestId id) {
  edges_.bucket.cancel(id);
}

}  // namespace waybill::model
