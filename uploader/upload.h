#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/crc.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "base/result.h"
#include "uploader/object_store.h"
#include "uploader/proof.h"
#include "uploader/retry_policy.h"
#include "uploader/retry_quota.h"

// One attempt's way through S3 as a machine that does no I/O: the owner (coord, a test, a
// simulation) carries out each action and feeds back what came of it. This is where PROTOCOL.md
// rules 1 to 4 live.
namespace waybill::uploader {

// What the store was found to enforce (probe.h).
struct Capabilities {
  bool if_absent_on_put = false;  // If-None-Match: * refuses an existing key
  bool if_absent_on_complete = false;
  bool if_match_on_put = false;
  bool if_match_unquoted = false;  // Ceph 16: takes the ETag only without quotes
  bool md5_etags = false;          // a single PUT's ETag is the MD5 of its body
  bool head_tells_absent = false;  // HEAD of a random key is 404, not 403
};

// Durable before the first request; travels as metadata (names in metadata.h).
struct Attempt {
  std::string id;
  std::string agent_id;
  std::string agent_name;
  std::int64_t epoch = 1;
  std::int64_t generation = 1;
  std::string path;  // below the folder
  std::string key;
  std::string content_type;
  std::int64_t mtime = 0;  // ns since 1970, for x-amz-meta-mtime
  std::uint64_t size = 0;
  std::optional<Sha256> sha256;  // always known for a single PUT
  std::optional<std::string>
      base_etag;  // the object of ours that this one replaces; nullopt: key is new
  std::vector<std::string> prior_attempts;  // earlier attempts of this file on this key
  // No Create but this attempt's own can have begun what is found on the key in its window.
  bool may_adopt = true;
  std::uint64_t part_size = 0;  // 0: single PUT
  // An object of ours with these very bytes: the store is asked to copy it, once a HEAD has shown
  // that the key is free. What it refuses or does not prove is sent from the file, as
  // `part_size` says. Only with a SHA-256 and without a base.
  std::optional<CopySource> copy = std::nullopt;
  // A copy of it may have been sent before a restart, though it was to go on from the file.
  bool copy_sent = false;
  std::string upload_id;  // known when a multipart is resumed
  // When the last Create may have been sent, by the store's clock, durable before it: rule 12 calls
  // the uploads ours that were initiated on this key in its window. nullopt: none is, an orphan is
  // left to the sweep.
  std::optional<WallTime> create_sent = std::nullopt;
  // What the store shall check each body against, and the whole; the same for all parts of an
  // upload.
  std::optional<CrcKind> crc = std::nullopt;
  // What is said of the file beside ours (own_metadata.h); durable with the attempt.
  Metadata own_metadata = {};
  // metadata_bytes() of what the store adds for the folder (write_options.h): S3's limit counts it.
  std::size_t configured_metadata_bytes = 0;
};

// --- what the machine asks for ----------------------------------------------------------------
// Single PUT: the content is to be read (or taken from memory) and sent. Nothing may differ from
// Attempt::sha256; if it does, the owner says SourceLost.
struct SendPut {
  Condition condition;
  Metadata metadata;
  bool reread = false;  // what is in memory is in doubt (S3.md 10.14): read the file again
};
struct SendHead {};
struct SendCopy {
  CopySource source;
  Condition condition;
  Metadata metadata;
};
// It is sent from the file from here on.
struct NotCopied {
  Error cause;
  bool by_store = false;  // not about this object: the store refuses or proves no copy
  bool may_land = false;  // one of them was never answered
};
struct SendCreate {
  Metadata metadata;
};
struct PersistUploadId {
  std::string upload_id;
};  // durable before part 1
struct SendPart {
  int number = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  // What S3 has under this number from before a restart. It is read all the same, for the SHA-256
  // of the whole; where already_there() says so PartDone follows without a request.
  std::optional<Part> listed = std::nullopt;
};
// nullopt: it must be sent. `content`: of the bytes just read, which a listed part needs.
std::optional<Part> already_there(const SendPart& part, const std::optional<Md5>& content);
struct PersistContent {
  Sha256 sha256{};
};  // durable before Complete
struct SendComplete {
  std::vector<Part> parts;
  Condition condition;
  std::optional<Crc> crc = std::nullopt;  // of the whole, where every part's is known
};
struct SendAbort {
  std::string upload_id;
};
struct SendListParts {
  std::string upload_id;
};
struct SendListUploads {};  // Create's reply was lost: find our orphan
struct Wait {
  Nanoseconds time;
};  // then feed Resumed
// The endpoint failed us, not this file (connect, 5xx, credentials, bucket): hold this attempt,
// tell the breaker, and feed Resumed when the endpoint works again. Nothing about the file changes.
struct EndpointTrouble {
  Error cause;
};

// How it ended. Exactly one, last.
struct Stored {
  PutReply reply;
  Sha256 sha256{};
  ProofLevel proof = ProofLevel::None;
  std::string proof_detail;
  std::uint64_t size = 0;
  std::string checksum;  // "sha256:BASE64", "crc64nvme:BASE64": the store's own, held against ours
  std::optional<Crc> crc = std::nullopt;  // the store's own of the whole, held against ours
  // An earlier send of this attempt was never answered: it may still be applied (section 1).
  bool may_land_again = false;
  // The object that this one replaces was not in the bucket any more.
  bool base_was_missing = false;
  // It replaced an object of ours that the catalog does not know (rule 3).
  bool recovered = false;
};
// Equal-foreign: owned = 0.
struct StoredByOther {
  HeadReply object;
  ProofLevel proof = ProofLevel::None;
  std::string proof_detail = {};
};
struct ForeignObject {
  HeadReply object;
};  // in the way: blocked
struct CannotTell {
  Error cause;
};  // blocked; never treated as absent
struct Refused {
  Error cause;
};  // needs a person, about this file alone
// After SourceLost; its multipart upload has been aborted, unless it may be completed yet.
struct Dropped {
  bool may_still_land = false;
};
using Outcome = std::variant<Stored, StoredByOther, ForeignObject, CannotTell, Refused, Dropped>;

using Action = std::variant<SendPut, SendHead, SendCopy, NotCopied, SendCreate, PersistUploadId,
                            SendPart, PersistContent, SendComplete, SendAbort, SendListParts,
                            SendListUploads, Wait, EndpointTrouble, Outcome>;

// --- what the owner feeds back ------------------------------------------------------------------
struct Begin {
  bool may_have_been_sent = false;
};  // true after a restart: HEAD first
struct PutDone {
  Result<PutReply> reply;
  // Of the body sent; without them a proof is out of reach that would rest on them.
  std::optional<Md5> md5 = std::nullopt;
  std::optional<Crc> crc = std::nullopt;
};
struct HeadDone {
  Result<HeadReply> reply;
};
struct CopyDone {
  Result<PutReply> reply;
};
struct CreateDone {
  Result<std::string> upload_id;
  std::optional<WallTime> sent = std::nullopt;  // Attempt::create_sent from now on
};
struct Persisted {};
struct PartDone {
  int number = 0;
  Result<Part> part;
  // Of the bytes read.
  std::optional<Md5> md5 = std::nullopt;
  std::optional<Crc> crc = std::nullopt;
  std::optional<Sha256> sha256 = std::nullopt;
};
// Every part has been read once, in order. Once is enough: parts that are read again are held
// against the digests of their first reading.
struct ContentRead {
  Sha256 sha256{};
};
struct CompleteDone {
  Result<PutReply> reply;
};
struct AbortDone {
  Result<Nothing> reply;
};
struct PartsListed {
  Result<std::vector<Part>> parts;
};
// Without those of which another attempt is known to have begun them.
struct UploadsListed {
  Result<std::vector<ListedUpload>> uploads;
};
struct Resumed {};     // Wait is over, or the endpoint works again
struct SourceLost {};  // changed, gone, or no longer wanted; ends the pauses before it
using Input =
    std::variant<Begin, PutDone, HeadDone, CopyDone, CreateDone, Persisted, PartDone, ContentRead,
                 CompleteDone, AbortDone, PartsListed, UploadsListed, Resumed, SourceLost>;

class Upload {
 public:
  // `quota`, which all uploads to this store share, and `random`, which only spreads delays,
  // outlive the machine.
  Upload(Attempt attempt, Capabilities store, RetryPolicy retry, RetryQuota& quota, Random& random);
  ~Upload();
  Upload(Upload&&) noexcept;
  Upload& operator=(Upload&&) noexcept;

  // Deterministic. The actions are to be carried out in order; parts may run at the same time, as
  // many as `max_parts_in_flight`.
  std::vector<Action> step(Input input);

  [[nodiscard]] const Attempt& attempt() const;
  // Something of this attempt may still land: a PUT, copy or Complete is under way, or one was
  // never answered (PROTOCOL.md rule 2). The 20 minutes after the last send are the owner's to
  // count.
  [[nodiscard]] bool ambiguous() const;
  [[nodiscard]] bool finished() const;
  // Upload ids of ours that the store would not let us abort, or failed to, or that may become the
  // object yet: to be aborted later (P6). So is that of an attempt which ends ambiguous.
  [[nodiscard]] const std::vector<std::string>& left_behind() const;

  static constexpr int max_parts_in_flight = 4;

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

// PROTOCOL.md rule 12: an upload initiated then is of a Create that was sent at `sent`. Both by the
// store's clock: it alone may judge.
[[nodiscard]] bool in_create_window(WallTime initiated, WallTime sent);

// Threshold and part size of S3.md section 4: 0 means a single PUT. `least`: what is configured.
std::uint64_t part_size_for(std::uint64_t size, std::uint64_t least = 16ULL << 20U);
constexpr std::uint64_t multipart_threshold = 16ULL << 20U;
constexpr std::uint64_t max_object_size = 5ULL << 40U;

}  // namespace waybill::uploader
