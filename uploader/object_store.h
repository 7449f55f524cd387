#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc.h"
#include "base/digest.h"
#include "base/result.h"

namespace waybill::uploader {

struct Unconditional {};
struct IfAbsent {};  // If-None-Match: *
struct IfMatch {
  std::string etag;  // as the store sent it, quotes and all
};
using Condition = std::variant<Unconditional, IfAbsent, IfMatch>;

// User metadata without the x-amz-meta- prefix; names in lower case.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct PutRequest {
  std::string key;   // bytes as S3 shall see them, unescaped
  SharedBytes body;  // never null
  Sha256 sha256{};   // of body; signed, so every real server refuses other bytes
  Md5 md5{};         // of body; sent as Content-MD5
  Condition condition;
  Metadata metadata;
  std::string content_type;
  // Of body, where the store shall keep one.
  std::optional<Crc> crc = std::nullopt;
  // Our own control object: none of what a person wishes for their files (class, tags, lock).
  bool control = false;
};

// The very object that is copied: another, or another version of it, is refused.
struct CopySource {
  std::string key;
  std::string version;  // empty: none is known
  std::string etag;     // as the store sent it
};

// Of an object of the same bucket, in one request; the store takes nothing of it over but its
// bytes.
struct CopyRequest {
  std::string key;
  CopySource source;
  Condition condition;  // on `key`
  Metadata metadata;
  std::string content_type;
};
constexpr std::uint64_t largest_copy = 5ULL << 30U;

struct PutReply {
  std::string etag;
  std::string version;          // empty: none or "null"
  std::string checksum_sha256;  // base64, only where the store gave one back
  std::string request_id;
  std::optional<Crc> crc = std::nullopt;  // of the whole object, likewise
};

struct HeadReply {
  std::uint64_t size = 0;
  std::string etag;
  std::string version;
  Metadata metadata;
  std::string checksum_sha256;  // base64, of the whole object, only where the store gave one back
  std::string request_id;
  std::optional<Crc> crc = std::nullopt;  // of the whole object, likewise
};

struct CreateRequest {
  std::string key;
  Metadata metadata;
  std::string content_type;
  // What each part will carry, and Complete for the whole.
  std::optional<CrcKind> crc = std::nullopt;
};

struct PartRequest {
  std::string key;
  std::string upload_id;
  int number = 0;  // from 1
  SharedBytes body;
  Sha256 sha256{};                        // signed
  std::optional<Md5> md5 = std::nullopt;  // sent as Content-MD5
  std::optional<Crc> crc = std::nullopt;
};

struct Part {
  int number = 0;
  std::string etag;
  std::uint64_t size = 0;
  std::optional<Crc> crc = std::nullopt;  // only where the store gave one back
};

struct CompleteRequest {
  std::string key;
  std::string upload_id;
  std::vector<Part> parts;  // ascending, consecutive from 1
  Condition condition;
  // Of the whole, which the parts' make; and its size.
  std::optional<Crc> crc = std::nullopt;
  std::uint64_t size = 0;
};

struct ListedUpload {
  std::string key;
  std::string upload_id;
  WallTime initiated{};  // by the store's clock
};

template <typename Reply>
using Done = std::function<void(Result<Reply>)>;
struct Nothing {};

enum class RequestId : std::uint64_t {};

// The edge to S3: one bucket at one endpoint. Every call starts one request and returns at once;
// `done` runs exactly once, on the store's own thread (real: transfer), and must not block.
//
// What an error means, for every call:
//   RetryLater, Throttled  the request certainly had no effect (connect failed, body incomplete,
//   503 …) Ambiguous              the last body byte was handed over and no answer decided it
//   PreconditionFailed     412: the condition did not hold (it may be our own earlier attempt)
//   NotFound               404 NoSuchKey, NoSuchUpload: said with authority
//   NeedsPerson            403, NoSuchBucket, bad certificate …: a person must change something;
//                          Error::s3_code tells which. 403 on HEAD is never "absent".
//   Damaged                400 BadDigest, or the store's checksum differs from ours
//   Cancelled              cancel() came before an answer; the effect is as for Ambiguous
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual RequestId put(PutRequest request, Done<PutReply> done) = 0;
  // PreconditionFailed and NotFound may be about the source as well as about the key.
  virtual RequestId copy(CopyRequest request, Done<PutReply> done) = 0;
  virtual RequestId head(std::string key, Done<HeadReply> done) = 0;
  // Of our own objects only: the probe's control object.
  virtual RequestId remove(std::string key, Done<Nothing> done) = 0;
  virtual RequestId create_upload(CreateRequest request, Done<std::string> done) = 0;
  virtual RequestId put_part(PartRequest request, Done<Part> done) = 0;
  virtual RequestId list_parts(std::string key, std::string upload_id,
                               Done<std::vector<Part>> done) = 0;
  virtual RequestId complete_upload(CompleteRequest request, Done<PutReply> done) = 0;
  // NotFound counts as success: there is nothing left to abort.
  virtual RequestId abort_upload(std::string key, std::string upload_id, Done<Nothing> done) = 0;
  // The uploads under way for exactly this key.
  virtual RequestId list_uploads(std::string key, Done<std::vector<ListedUpload>> done) = 0;
  // Those for all keys that begin so, sorted by key; of more than `most`, the first so many.
  virtual RequestId list_uploads_below(std::string prefix, std::size_t most,
                                       Done<std::vector<ListedUpload>> done) = 0;

  // The store's clock minus ours, by its last reply, whatever ours was set to since. Any thread.
  [[nodiscard]] virtual Nanoseconds ahead() const = 0;

  // Any thread. The connection is closed at once (SO_LINGER 0); `done` still runs.
  virtual void cancel(RequestId id) = 0;
};

}  // namespace waybill::uploader
