#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/rows.h"
#include "catalog/sqlite.h"

// Which columns make which row, once for the writer and for readers.
namespace waybill::catalog {

// What a file's last object says about it, read with the file. The file's own `key` and `sha` are
// NULL where they equal the object's; x'' stands for "none" there.
struct FileWithObject {
  FileRow row;
  bool object_live = false;  // there, as far as we know, and the latest on its key
  std::optional<Sha256> object_sha256;
  std::string object_key;
};

#define WAYBILL_FILE_COLUMNS                                                                    \
  "SELECT f.id, f.folder_id, f.path, f.live, f.state, f.gen, f.dev, f.ino, f.btime, f.size,"    \
  " f.mtime, f.ctime, f.racy, f.sha, f.object_id, f.tries, f.reason, f.key, f.arrived, o.live," \
  " o.sha, o.key FROM files f LEFT JOIN objects o ON o.id = f.object_id "
FileWithObject file_from(const Rows& rows);

#define WAYBILL_OBJECT_COLUMNS                                                            \
  "SELECT o.id, o.store_id, o.key, o.live, o.version, o.etag, o.size, o.sha, o.checksum," \
  " o.proof, p.detail, o.owned, o.sole, o.file_id, o.gen, o.attempt, o.proven_at,"        \
  " o.proof_due FROM objects o LEFT JOIN proofs p ON p.id = o.proof_detail "
ObjectRow object_from(const Rows& rows);
// `checksum` as it is stored: "sha256" where it is the SHA-256 that the row has anyway.
std::string short_checksum(std::string_view checksum, const Sha256& sha256);

#define WAYBILL_ATTEMPT_COLUMNS                                                               \
  "SELECT id, file_id, gen, store_id, key, kind, condition, state, sent_at, dev, ino, btime," \
  " size, mtime, ctime, sha, upload_id, part_size FROM attempts "
AttemptRow attempt_from(const Rows& rows);

#define WAYBILL_STORE_COLUMNS \
  "SELECT id, endpoint, bucket, prefix, capabilities, epoch, nonce FROM stores "
StoreRow store_from(const Rows& rows);

#define WAYBILL_FOLDER_COLUMNS \
  "SELECT id, name, path, store_id, dev, ino, btime, boot_id, clean, state, reason FROM folders "
FolderRow folder_from(const Rows& rows);

#define WAYBILL_EVENT_COLUMNS "SELECT seq, at, file_id, gen, event, reason, attempt FROM events "
EventRow event_from(const Rows& rows);

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
