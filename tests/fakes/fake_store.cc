#include "tests/fakes/fake_store.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"
#include "uploader/metadata.h"
#include "uploader/proof.h"

namespace waybill::fakes {

using uploader::Condition;
using uploader::Done;
using uploader::HeadReply;
using uploader::IfAbsent;
using uploader::IfMatch;
using uploader::ListedUpload;
using uploader::Nothing;
using uploader::Part;
using uploader::PutReply;
using uploader::RequestId;
using OnCondition = StoreBehaviour::OnCondition;

namespace {

Failure refuse(ErrorCode code, int status, std::string s3_code) {
  return fail(Error{.code = code,
                    .message = "the store said " + s3_code,
                    .http_status = status,
                    .s3_code = std::move(s3_code)});
}

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

SharedBytes shared(std::string_view text) {
  const auto bytes = as_bytes(text);
  return std::make_shared<const Bytes>(bytes.begin(), bytes.end());
}

bool is_other(const std::optional<Crc>& said, const Bytes& body) {
  return said && crc_of(said->kind, body) != *said;
}

}  // namespace

uploader::Capabilities StoreBehaviour::capabilities() const {
  return {.if_absent_on_put = if_absent_on_put == OnCondition::Enforces,
          .if_absent_on_complete = if_absent_on_complete == OnCondition::Enforces,
          .if_match_on_put = if_match == OnCondition::Enforces,
          .if_match_unquoted = if_match == OnCondition::Enforces && if_match_unquoted,
          .md5_etags = md5_etags,
          .head_tells_absent = !head_hides_absence && !hides_everything};
}

FakeStore::FakeStore(StoreBehaviour how) : behaviour(how) {}
FakeStore::~FakeStore() = default;

// --- the queue
// ----------------------------------------------------------------------------------

template <typename Reply>
RequestId FakeStore::enqueue(std::function<Result<Reply>()> effect, Done<Reply> done,
                             std::uint64_t body) {
  const RequestId id{next_id_++};
  queue_.push_back({.id = id,
                    .run =
                        [effect, done = std::move(done)](bool cancelled) {
                          if (cancelled) {
                            done(fail(ErrorCode::Cancelled, "the request was cancelled"));
                          } else {
                            done(effect());
                          }
                        },
                    .apply_silently =
                        [effect] {
                          if (effect()) return;  // nobody hears of it, either way
                        },
                    .body = body});
  return id;
}

std::uint64_t FakeStore::bytes_waiting() const {
  return std::accumulate(
      queue_.begin(), queue_.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Pending& pending) { return sum + pending.body; });
}

void FakeStore::cancel(RequestId id) {
  for (Pending& pending : queue_) {
    if (pending.id != id || pending.cancelled) continue;
    pending.cancelled = true;
    zombies_.push_back(pending.apply_silently);
  }
}

bool FakeStore::run_one(std::size_t which) {
  if (which >= queue_.size()) return false;
  const Pending pending = std::move(queue_[which]);
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(which));
  pending.run(pending.cancelled);
  return true;
}

void FakeStore::run_all() {
  while (run_one()) {
  }
}

void FakeStore::drop_one() {
  if (!queue_.empty()) queue_.pop_front();
}

void FakeStore::land_zombies() {
  for (const auto& apply : std::exchange(zombies_, {})) apply();
}

void FakeStore::land_zombie(std::size_t which) {
  const auto apply = std::move(zombies_.at(which));
  zombies_.erase(zombies_.begin() + static_cast<std::ptrdiff_t>(which));
  apply();
}

void FakeStore::orphan_requests(const std::function<bool()>& on_its_way) {
  for (Pending& pending : std::exchange(queue_, {})) {
    if (!pending.cancelled && on_its_way()) zombies_.push_back(std::move(pending.apply_silently));
  }
}

// --- requests
// -----------------------------------------------------------------------------------

RequestId FakeStore::put(uploader::PutRequest request, Done<PutReply> done) {
  const std::uint64_t body = request.body->size();
  return enqueue<PutReply>([this, request = std::move(request)] { return do_put(request); },
                           std::move(done), body);
}

RequestId FakeStore::copy(uploader::CopyRequest request, Done<PutReply> done) {
  return enqueue<PutReply>([this, request = std::move(request)] { return do_copy(request); },
                           std::move(done));
}

RequestId FakeStore::head(std::string key, Done<HeadReply> done) {
  return enqueue<HeadReply>([this, key = std::move(key)] { return do_head(key); }, std::move(done));
}

RequestId FakeStore::remove(std::string key, Done<Nothing> done) {
  return enqueue<Nothing>(
      [this, key = std::move(key)]() -> Result<Nothing> {
        erase(key);
        return Nothing{};
      },
      std::move(done));
}

RequestId FakeStore::create_upload(uploader::CreateRequest request, Done<std::string> done) {
  return enqueue<std::string>(
      [this, request = std::move(request)]() -> Result<std::string> {
        std::string id = "upload-" + std::to_string(next_upload_++);
        uploads_[id] = {.key = request.key,
                        .metadata = request.metadata,
                        .content_type = request.content_type,
                        .crc = request.crc,
                        .initiated = now,
                        .parts = {}};
        return id;
      },
      std::move(done));
}

RequestId FakeStore::put_part(uploader::PartRequest request, Done<Part> done) {
  const std::uint64_t body = request.body->size();
  return enqueue<Part>([this, request = std::move(request)] { return do_put_part(request); },
                       std::move(done), body);
}

RequestId FakeStore::list_parts(std::string key, std::string upload_id,
                                Done<std::vector<Part>> done) {
  return enqueue<std::vector<Part>>(
      [this, key = std::move(key),
       upload_id = std::move(upload_id)]() -> Result<std::vector<Part>> {
        const auto found = uploads_.find(upload_id);
        if (found == uploads_.end() || found->second.key != key) {
          return refuse(ErrorCode::NotFound, 404, "NoSuchUpload");
        }
        std::vector<Part> parts;
        for (const auto& [number, part] : found->second.parts) {
          parts.push_back({.number = number, .etag = part.etag, .size = part.body->size()});
        }
        return parts;
      },
      std::move(done));
}

RequestId FakeStore::complete_upload(uploader::CompleteRequest request, Done<PutReply> done) {
  return enqueue<PutReply>([this, request = std::move(request)] { return do_complete(request); },
                           std::move(done));
}

RequestId FakeStore::abort_upload(std::string key, std::string upload_id, Done<Nothing> done) {
  return enqueue<Nothing>(
      [this, key = std::move(key), upload_id = std::move(upload_id)]() -> Result<Nothing> {
        const auto found = uploads_.find(upload_id);
        if (found != uploads_.end() && found->second.key == key) uploads_.erase(found);
        return Nothing{};
      },
      std::move(done));
}

RequestId FakeStore::list_uploads(std::string key, Done<std::vector<ListedUpload>> done) {
  return enqueue<std::vector<ListedUpload>>(
      [this, key = std::move(key)]() -> Result<std::vector<ListedUpload>> {
        std::vector<ListedUpload> all = uploads_under_way();
        std::erase_if(all, [&key](const ListedUpload& upload) { return upload.key != key; });
        return all;
      },
      std::move(done));
}

RequestId FakeStore::list_uploads_below(std::string prefix, std::size_t most,
                                        Done<std::vector<ListedUpload>> done) {
  return enqueue<std::vector<ListedUpload>>(
      [this, prefix = std::move(prefix), most]() -> Result<std::vector<ListedUpload>> {
        std::vector<ListedUpload> all = uploads_under_way();
        std::erase_if(all, [&](const ListedUpload& upload) {
          return lists_whole_keys_only ? upload.key != prefix : !upload.key.starts_with(prefix);
        });
        std::ranges::sort(all, {}, &ListedUpload::key);
        all.resize(std::min(all.size(), most));
        return all;
      },
      std::move(done));
}

// --- effects
// ------------------------------------------------------------------------------------

Result<void> FakeStore::check(const std::string& key, const Condition& condition,
                              OnCondition if_absent) const {
  const Object* there = find(key);
  if (std::holds_alternative<IfAbsent>(condition)) {
    if (if_absent == OnCondition::Unknown) {
      return refuse(ErrorCode::NeedsPerson, 501, "NotImplemented");
    }
    if (if_absent == OnCondition::Enforces && there != nullptr) {
      return refuse(ErrorCode::PreconditionFailed, 412, "PreconditionFailed");
    }
  }
  if (const auto* match = std::get_if<IfMatch>(&condition)) {
    if (behaviour.if_match == OnCondition::Unknown) {
      return refuse(ErrorCode::NeedsPerson, 501, "NotImplemented");
    }
    if (behaviour.if_match == OnCondition::Ignores) return {};
    if (there == nullptr) {
      return behaviour.if_match_on_absent_is_412
                 ? refuse(ErrorCode::PreconditionFailed, 412, "PreconditionFailed")
                 : refuse(ErrorCode::NotFound, 404, "NoSuchKey");
    }
    const std::string theirs = uploader::bare_etag(there->etag);
    const bool matches = behaviour.if_match_unquoted ? match->etag == theirs
                                                     : uploader::bare_etag(match->etag) == theirs;
    if (!matches) return refuse(ErrorCode::PreconditionFailed, 412, "PreconditionFailed");
  }
  return {};
}

std::string FakeStore::make_etag(const std::string& md5_etag) {
  if (behaviour.md5_etags) return quoted(md5_etag);
  return quoted(to_hex(md5(as_bytes("no MD5 of the body " + std::to_string(next_etag_++)))));
}

PutReply FakeStore::store(Object object, const Md5& md5, std::size_t part_count) {
  object.etag =
      make_etag(to_hex(md5) + (part_count == 0 ? std::string() : "-" + std::to_string(part_count)));
  object.multipart = part_count > 0;
  object.sha256 = sha256(*object.body);
  object.attempt = uploader::parse_metadata(object.metadata).attempt;
  if (behaviour.versioned) object.version = "v" + std::to_string(next_version_++);
  if (!behaviour.keeps_metadata) object.metadata.clear();
  PutReply reply{.etag = object.etag, .version = object.version};
  if (behaviour.returns_checksums && !object.multipart) {
    reply.checksum_sha256 = to_base64(object.sha256);
  }
  if (behaviour.returns_crcs) reply.crc = object.crc;
  history_.push_back(object);
  objects_[object.key] = std::move(object);
  return reply;
}

Result<PutReply> FakeStore::do_put(const uploader::PutRequest& request) {
  // As real servers do with the signed SHA-256 and Content-MD5 (S3.md section
  // 2).
  if (sha256(*request.body) != request.sha256 || md5(*request.body) != request.md5 ||
      is_other(request.crc, *request.body)) {
    return refuse(ErrorCode::Damaged, 400, "BadDigest");
  }
  if (auto held = check(request.key, request.condition, behaviour.if_absent_on_put); !held) {
    return fail(held.error());
  }
  Object object;
  object.key = request.key;
  object.body = request.body;
  object.metadata = request.metadata;
  object.content_type = request.content_type;
  object.crc = request.crc;
  return store(std::move(object), request.md5, 0);
}

Result<PutReply> FakeStore::do_copy(const uploader::CopyRequest& request) {
  if (!behaviour.copies) return refuse(ErrorCode::NeedsPerson, 501, "NotImplemented");
  // The latest: a version of before is not kept.
  const Object* const source = find(request.source.key);
  if (source == nullptr) return refuse(ErrorCode::NotFound, 404, "NoSuchKey");
  if (!request.source.version.empty() && request.source.version != source->version) {
    return refuse(ErrorCode::NotFound, 404, "NoSuchVersion");
  }
  if (behaviour.pins_copies && request.source.etag != source->etag) {
    return refuse(ErrorCode::PreconditionFailed, 412, "PreconditionFailed");
  }
  if (auto held = check(request.key, request.condition, behaviour.if_absent_on_copy); !held) {
    return fail(held.error());
  }
  Object object;
  object.key = request.key;
  object.body = source->body;
  object.metadata = request.metadata;
  object.content_type = request.content_type;
  object.copied = true;
  const Md5 digest = md5(*object.body);
  return store(std::move(object), digest, 0);
}

Result<HeadReply> FakeStore::do_head(const std::string& key) const {
  const Object* object = find(key);
  if (behaviour.hides_everything || (object == nullptr && behaviour.head_hides_absence)) {
    return refuse(ErrorCode::NeedsPerson, 403, "");
  }
  if (object == nullptr) return refuse(ErrorCode::NotFound, 404, "");
  HeadReply reply;
  reply.size = object->body->size();
  reply.etag = object->etag;
  reply.version = object->version;
  reply.metadata = object->metadata;
  if (behaviour.returns_checksums && !object->multipart) {
    reply.checksum_sha256 = to_base64(object->sha256);
  }
  if (behaviour.returns_crcs) reply.crc = object->crc;
  return reply;
}

Result<Part> FakeStore::do_put_part(const uploader::PartRequest& request) {
  const Md5 body_md5 = md5(*request.body);
  ++(request.md5 ? parts_with_md5 : parts_without_md5);
  if (sha256(*request.body) != request.sha256 || request.md5.value_or(body_md5) != body_md5 ||
      is_other(request.crc, *request.body)) {
    return refuse(ErrorCode::Damaged, 400, "BadDigest");
  }
  const auto found = uploads_.find(request.upload_id);
  if (found == uploads_.end() || found->second.key != request.key) {
    return refuse(ErrorCode::NotFound, 404, "NoSuchUpload");
  }
  StoredPart& part = found->second.parts[request.number];
  if (found->second.crc && (!request.crc || request.crc->kind != *found->second.crc)) {
    return refuse(ErrorCode::BadInput, 400, "InvalidRequest");  // not what Create had said
  }
  part = {make_etag(to_hex(body_md5)), body_md5, request.body};
  Part reply{.number = request.number, .etag = part.etag, .size = request.body->size()};
  if (behaviour.returns_crcs) reply.crc = request.crc;
  return reply;
}

Result<PutReply> FakeStore::do_complete(const uploader::CompleteRequest& request) {
  const auto found = uploads_.find(request.upload_id);
  if (found == uploads_.end() || found->second.key != request.key) {
    const auto before = completed_.find(request.upload_id);
    if (behaviour.complete_may_be_replayed && before != completed_.end()) return before->second;
    return refuse(ErrorCode::NotFound, 404, "NoSuchUpload");
  }
  Bytes body;
  std::vector<Md5> md5s;
  int expected = 1;
  for (const Part& part : request.parts) {
    const auto stored = found->second.parts.find(part.number);
    if (part.number != expected++ || stored == found->second.parts.end() ||
        stored->second.etag != part.etag) {
      return refuse(ErrorCode::BadInput, 400, "InvalidPart");
    }
    body.insert(body.end(), stored->second.body->begin(), stored->second.body->end());
    md5s.push_back(stored->second.md5);
  }
  if (md5s.empty()) return refuse(ErrorCode::BadInput, 400, "MalformedXML");
  if (auto held = check(request.key, request.condition, behaviour.if_absent_on_complete); !held) {
    return fail(held.error());
  }
  if (is_other(request.crc, body) || (request.crc && request.size != body.size())) {
    return refuse(ErrorCode::Damaged, 400, "BadDigest");
  }
  Object object;
  object.key = request.key;
  if (found->second.crc) object.crc = crc_of(*found->second.crc, body);
  object.body = std::make_shared<const Bytes>(std::move(body));
  object.metadata = found->second.metadata;
  object.content_type = found->second.content_type;
  Bytes all;
  for (const Md5& part : md5s) all.insert(all.end(), part.begin(), part.end());
  uploads_.erase(found);
  PutReply reply = store(std::move(object), md5(all), md5s.size());
  completed_[request.upload_id] = reply;
  return reply;
}

// --- without a request
// --------------------------------------------------------------------------

const FakeStore::Object* FakeStore::find(const std::string& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : &found->second;
}

std::vector<ListedUpload> FakeStore::uploads_under_way() const {
  std::vector<ListedUpload> all;
  for (const auto& [id, upload] : uploads_) all.push_back({upload.key, id, upload.initiated});
  return all;
}

void FakeStore::put_foreign(const std::string& key, std::string_view body,
                            uploader::Metadata metadata) {
  Object object;
  object.key = key;
  object.body = shared(body);
  object.metadata = std::move(metadata);
  store(std::move(object), md5(as_bytes(body)), 0);
}

void FakeStore::erase(const std::string& key) {
  if (objects_.erase(key) == 0) return;
  Object marker;
  marker.key = key;
  history_.push_back(std::move(marker));
}

void FakeStore::forget_uploads() {
  uploads_.clear();
}

std::string FakeStore::create_foreign_upload(const std::string& key) {
  std::string id = "foreign-" + std::to_string(next_upload_++);
  uploads_[id] = {.key = key,
                  .metadata = {},
                  .content_type = {},
                  .crc = std::nullopt,
                  .initiated = now,
                  .parts = {}};
  return id;
}

}  // namespace waybill::fakes
