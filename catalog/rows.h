#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fingerprint.h"
#include "base/ids.h"
#include "catalog/file_state.h"
#include "catalog/lane.h"

// The rows as values (PROTOCOL.md section 3). Paths and keys are bytes. Empty string: SQL NULL.
namespace waybill::catalog {

struct StoreRow {
  StoreId id{};
  std::string endpoint;
  std::string bucket;
  std::string prefix;  // literal part of the key prefix
  std::string
      capabilities;  // what the probe found, as the uploader wrote it (JSON); empty: not probed
  std::int64_t epoch = 1;
  std::string nonce;
};

struct FolderRow {
  FolderId id{};
  std::string name;
  std::string path;
  StoreId store{};
  std::uint64_t dev = 0;  // identity of the root as last seen: another one suspends the folder
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
  std::string boot_id;
  bool clean = false;  // the last run ended with a clean mark
  std::string state;   // "active", "suspended", "ignored-initial"…; the agent's word
  std::string reason;
};

// The inode that a rename was seen to put under a name.
struct ArrivalRow {
  std::string path;
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
};

// The directory that was entered at a path below a folder, on another mount than its parent.
struct MountRow {
  std::string path;
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
};

struct FileRow {
  FileId id{};
  FolderId folder{};
  std::string path;  // below the folder, no leading slash
  bool live = true;
  FileState state = FileState::Queued;
  std::int64_t generation = 1;
  Fingerprint fingerprint;
  bool racy = false;
  std::optional<Sha256> sha256;    // not known yet for a large file that was never read whole
  std::optional<ObjectId> object;  // the last stored generation
  std::int64_t tries = 0;
  std::string reason;        // why it is blocked or retrying: a sentence
  std::string key;           // of this incarnation, frozen at first sight; empty: not evaluated yet
  std::int64_t arrived = 0;  // first sight, ns since 1970 UTC: {arrived} of the key
  // Since when its content waits to be stored, ns since 1970; 0: it does not. Kept while it is
  // tried, put back and blocked.
  std::int64_t pending_since = 0;
};

// One of the queues of a folder. `again`: of files that were put back, so that they wait in a line
// of their own.
struct Queue {
  FolderId folder{};
  Lane lane{};
  bool again = false;
  bool newest_first = false;
};
// Of a row in its queue.
struct QueuePlace {
  std::int64_t since = 0;  // ms since 1970
  FileId id{};
};
QueuePlace place_of(const FileRow& row);

enum class ProofLevel : std::uint8_t {
  None = 0,
  Acknowledged = 1,
  EtagRecomputed = 2,
  StoreChecked = 3
};

// Why a file waits for a person whose bytes nobody has any more; once one says `waybill retry`,
// that has been taken note of.
inline constexpr std::string_view lost_reason =
    "what was stored of it has been replaced in the bucket by an earlier upload of ours that came "
    "late, and the file has gone: nothing that we know of has its bytes any more";
inline bool is_lost(const FileRow& row) {
  return row.live && row.state == FileState::Blocked && row.reason == lost_reason;
}

// Objects that were the only copies of files whose rows have ended, and are no more.
struct LostObjects {
  std::int64_t objects = 0;
  std::string first_key;
  std::int64_t since = 0;  // ns since 1970; the first was found to be no more
};

struct ObjectRow {
  ObjectId id{};
  StoreId store{};
  std::string key;
  std::string version;  // empty: none, or the store said "null"
  std::string etag;     // with its quotes, as the store sent it
  std::uint64_t size = 0;
  Sha256 sha256{};
  std::string checksum;  // "sha256:BASE64", the store's own, where it returned one
  ProofLevel proof = ProofLevel::None;
  std::string proof_detail;  // a sentence: how it was verified
  bool owned = true;         // false: equal bytes of somebody else, never replaced or deleted
  bool sole = false;
  FileId file{};
  std::int64_t generation = 0;
  std::string attempt;
  std::int64_t proven_at = 0;  // ns since 1970 UTC
  bool live = true;            // there as far as we know, and the latest on its key
  // Something may have changed it: HEAD from then on; 0: not due. Not live: it was found to be no
  // more.
  std::int64_t proof_due = 0;
  // What is said of the file beside ours, as it was sent; whoever sends it knows the form (JSON).
  std::string metadata = {};
};

enum class AttemptKind : std::uint8_t {
  Single = 0,
  Multipart = 1,
  Copy = 2,  // of the row's object; stays so where it goes on from the file and may still land
};

enum class AttemptState : std::uint8_t {
  Open = 0,        // durable; may have been sent
  Creating = 1,    // multipart: Create may have been sent, no upload id known yet
  Uploading = 2,   // multipart: upload id durable
  Completing = 3,  // multipart: SHA-256 durable, Complete may have been sent
  Abandoned = 4,   // no longer wanted (newer content, vanished); may still land: resolve, then end
};                 // an ended attempt's row is deleted; its history stays in `events`

struct AttemptRow {
  std::string id;  // 32 hex digits
  FileId file{};
  std::int64_t generation = 0;
  StoreId store{};
  std::string key;
  AttemptKind kind = AttemptKind::Single;
  std::string condition;  // "absent" (If-None-Match: *), "match:ETAG", "none"; is_left_upload()
  AttemptState state = AttemptState::Open;
  // Wall ns when it was last handed to the network, of a multipart's Create by the store's clock;
  // 0: never, or not known.
  std::int64_t sent_at = 0;
  Fingerprint fingerprint;
  std::optional<Sha256> sha256;
  std::string upload_id;
  std::uint64_t part_size = 0;
  std::string metadata = {};  // as ObjectRow's: the same with each request of it
};

// A multipart upload that is to be aborted, beside the attempt that began it: nothing of it can
// appear at the key, so it holds neither the key nor its file.
constexpr std::string_view left_upload = "left";
[[nodiscard]] inline bool is_left_upload(const AttemptRow& attempt) {
  return attempt.condition == left_upload;
}

struct EventRow {
  std::int64_t seq = 0;
  std::int64_t at = 0;  // ns since 1970 UTC
  FileId file{};
  std::int64_t generation = 0;
  FileEvent event{};
  std::string reason;
  std::string attempt;        // of Claim only: what follows in its generation belongs to it
  std::int64_t previous = 0;  // the one before it of the same file; 0: none. It may be pruned
};

}  // namespace waybill::catalog
