#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/packed_hex.h"
#include "catalog/rows.h"
#include "catalog/sqlite.h"

// Which columns make which row, once for the writer and for readers.
namespace waybill::catalog {

// A file as it is stored. Its key and its SHA-256 are NULL where somebody else bears the same: the
// attempt of its generation while it is not stored yet, else its last object. x'' stands for "none
// although the bearer has one". So each is stored once, and the row keeps its size for life.
struct StoredFile {
  FileRow row;
  bool own_key = false;      // row.key is the file's own, else the object's
  bool own_sha256 = false;   // likewise
  bool object_live = false;  // the object is there, as far as we know, and the latest on its key
  bool object_in_doubt = false;  // something else may have come to its key: a HEAD is due
  // What was stored of its present content is no more; a doubt outlives its object.
  [[nodiscard]] bool object_is_lost() const {
    return row.object && !object_live && object_in_doubt && row.sha256 &&
           row.sha256 == object_sha256;
  }
  std::optional<Sha256> object_sha256;
  std::string object_key;
  bool object_owned = false;
  std::string object_metadata;
  // What somebody else has put there is nothing to be held against what a file says.
  [[nodiscard]] bool object_says(const std::optional<std::string>& metadata) const {
    return !metadata || !object_owned || object_metadata == *metadata;
  }
  std::int64_t last_event = 0;
};
// The states in which an attempt bears the key and the SHA-256 of its generation.
constexpr bool attempt_bears(FileState state) {
  return state < FileState::Stored;
}

#define WAYBILL_FILE_FIELDS(sha, key)                                                \
  "SELECT f.id, f.folder_id, f.path, f.live, f.state, f.gen, f.dev, f.ino, f.btime," \
  " f.size, f.mtime, f.ctime, f.racy, " sha ", f.object_id, f.tries, f.reason, " key \
  ","                                                                                \
  " f.arrived, o.live, o.sha, o.key, f.event, f.since, o.proof_due, o.metadata,"     \
  " o.owned FROM files f LEFT JOIN objects o ON o.id = f.object_id "
// For the writer, who knows the attempts.
#define WAYBILL_FILE_COLUMNS WAYBILL_FILE_FIELDS("f.sha", "f.key")
// For readers: with the attempt's part already in it.
#define WAYBILL_WHOLE_FILE_COLUMNS                            \
  WAYBILL_FILE_FIELDS(                                        \
      "coalesce(f.sha, CASE WHEN a.id IS NULL THEN NULL ELSE" \
      " coalesce(a.sha, x'') END)",                           \
      "coalesce(f.key, a.key)")                               \
  "LEFT JOIN attempts a ON f.state < 3 AND a.file_id = f.id AND a.gen = f.gen AND a.state <> 4 "
StoredFile file_from(const Rows& rows);
FileRow file_row_from(const Rows& rows);

#define WAYBILL_OBJECT_COLUMNS                                                            \
  "SELECT o.id, o.store_id, o.key, o.live, o.version, o.etag, o.size, o.sha, o.checksum," \
  " o.proof, p.detail, o.owned, o.sole, o.file_id, o.gen, o.attempt, o.proven_at,"        \
  " o.proof_due, o.metadata FROM objects o LEFT JOIN proofs p ON p.id = o.proof_detail "
ObjectRow object_from(const Rows& rows);
// `checksum` as it is stored: "=" where it is the SHA-256 that the row has anyway.
std::string short_checksum(std::string_view checksum, const Sha256& sha256);
// The bytes of an ETag that is a quoted MD5 in lower case, which are stored in its place.
std::optional<Packed> packed_etag(std::string_view etag);

#define WAYBILL_ATTEMPT_COLUMNS                                                               \
  "SELECT id, file_id, gen, store_id, key, kind, condition, state, sent_at, dev, ino, btime," \
  " size, mtime, ctime, sha, upload_id, part_size, metadata FROM attempts "
AttemptRow attempt_from(const Rows& rows);

#define WAYBILL_STORE_COLUMNS \
  "SELECT id, endpoint, bucket, prefix, capabilities, epoch, nonce FROM stores "
StoreRow store_from(const Rows& rows);

#define WAYBILL_FOLDER_COLUMNS \
  "SELECT id, name, path, store_id, dev, ino, btime, boot_id, clean, state, reason FROM folders "
FolderRow folder_from(const Rows& rows);

#define WAYBILL_EVENT_COLUMNS \
  "SELECT seq, at, file_id, gen, event, reason, attempt, prev FROM events "
EventRow event_from(const Rows& rows);

// A queue of one folder: the columns of the index `files_queue`, word for word.
#define WAYBILL_QUEUE_OF(again, lane)                     \
  "f.live = 1 AND f.state = 0 AND (f.tries > 0) = " again \
  " AND ((f.size > 1048576) + (f.size > 16777216)) = " lane

// One life of an inode, by the index `files_live_ino`, word for word: ino, btime and btime again.
// SQLite would put what a bare btime equals into the remainder as well, and miss the index.
#define WAYBILL_SAME_LIFE \
  "f.live = 1 AND f.ino = ? AND f.btime % 32749 = ? % 32749 AND +f.btime = ?"

// (folder_id, ms since 1970) of the file of each folder that waits longest: the head of each of its
// queues, and the few that are uploading. As cheap for a million files as for one.
#define WAYBILL_OLDEST_PENDING \
  "WITH queues(again, lane) AS (VALUES(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)),"            \
  " heads(folder_id, since) AS ("                                                                  \
  "  SELECT d.id, (SELECT f.since FROM files f WHERE f.folder_id = d.id"                           \
  "                AND " WAYBILL_QUEUE_OF("q.again", "q.lane") " ORDER BY f.since LIMIT 1)"        \
  "  FROM folders d CROSS JOIN queues q UNION ALL"                                                 \
  "  SELECT folder_id, since FROM files WHERE live = 1 AND state <> 3 AND state = 1)"              \
  " SELECT folder_id, min(since) FROM heads WHERE since IS NOT NULL GROUP BY folder_id"

// Times are kept in milliseconds: two bytes less each than nanoseconds, and fine enough for people.
constexpr std::int64_t ns_per_ms = 1'000'000;

std::int64_t first_integer(const Rows& rows);
// Of WAYBILL_OLDEST_PENDING, in ns.
Result<std::map<FolderId, std::int64_t>> oldest_from(Result<Rows> rows);

// All rows of a query.
template <typename Row>
Result<std::vector<Row>> all(Result<Rows> rows, Row (*from)(const Rows&)) {
  if (!rows) return fail(rows.error());
  std::vector<Row> result;
  for (;;) {
    auto found = rows->next();
    if (!found) return fail(found.error());
    if (!*found) return result;
    result.push_back(from(*rows));
  }
}

// The first row of a query, if any.
template <typename Row>
Result<std::optional<Row>> first(Result<Rows> rows, Row (*from)(const Rows&)) {
  if (!rows) return fail(rows.error());
  auto found = rows->next();
  if (!found) return fail(found.error());
  if (!*found) return std::optional<Row>();
  return std::optional<Row>(from(*rows));
}

}  // namespace waybill::catalog
