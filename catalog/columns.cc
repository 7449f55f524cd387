#include "catalog/columns.h"

#include "base/bytes.h"
#include "catalog/packed_hex.h"

namespace waybill::catalog {

namespace {

constexpr std::string_view same_sha256 = "=";
constexpr std::string_view same_sha256_before_version_8 = "sha256";

// dev, ino, btime, size, mtime, ctime from `column` on.
Fingerprint fingerprint_from(const Rows& rows, int column) {
  return {.dev = static_cast<std::uint64_t>(rows.integer(column)),
          .ino = static_cast<std::uint64_t>(rows.integer(column + 1)),
          .btime = rows.integer(column + 2),
          .size = static_cast<std::uint64_t>(rows.integer(column + 3)),
          .mtime = rows.integer(column + 4),
          .ctime = rows.integer(column + 5)};
}

std::string full_checksum(std::string_view stored, const Sha256& sha256) {
  if (stored != same_sha256 && stored != same_sha256_before_version_8) return std::string(stored);
  return "sha256:" + to_base64(sha256);
}

}  // namespace

StoredFile file_from(const Rows& rows) {
  StoredFile file;
  FileRow& row = file.row;
  row.id = rows.id<FileId>(0);
  row.folder = rows.id<FolderId>(1);
  row.path = rows.string(2);
  row.live = rows.integer(3) != 0;
  row.state = rows.id<FileState>(4);
  row.generation = rows.integer(5);
  row.fingerprint = fingerprint_from(rows, 6);
  row.racy = rows.integer(12) != 0;
  if (!rows.is_null(14)) row.object = rows.id<ObjectId>(14);
  row.tries = rows.integer(15);
  row.reason = rows.string(16);
  row.arrived = rows.integer(18) * ns_per_ms;
  file.object_live = rows.integer(19) != 0;
  file.object_sha256 = rows.sha256(20);
  file.object_key = rows.string(21);
  file.last_event = rows.integer(22);
  row.pending_since = rows.integer(23) * ns_per_ms;
  file.object_in_doubt = !rows.is_null(24);
  file.object_metadata = rows.string(25);
  file.object_owned = rows.integer(26) != 0;
  file.own_sha256 = !rows.is_null(13);
  file.own_key = !rows.is_null(17);
  row.sha256 = file.own_sha256 ? rows.sha256(13) : file.object_sha256;
  row.key = file.own_key ? rows.string(17) : file.object_key;
  return file;
}

QueuePlace place_of(const FileRow& row) {
  return {row.pending_since / ns_per_ms, row.id};
}

FileRow file_row_from(const Rows& rows) {
  return file_from(rows).row;
}

ObjectRow object_from(const Rows& rows) {
  ObjectRow row;
  row.id = rows.id<ObjectId>(0);
  row.store = rows.id<StoreId>(1);
  row.key = rows.string(2);
  row.live = rows.integer(3) != 0;
  row.version = rows.string(4);
  row.etag = rows.is_blob(5) ? '"' + to_hex(as_bytes(rows.bytes(5))) + '"' : rows.string(5);
  row.size = static_cast<std::uint64_t>(rows.integer(6));
  row.sha256 = rows.sha256(7).value_or(Sha256{});
  row.checksum = full_checksum(rows.bytes(8), row.sha256);
  row.proof = rows.id<ProofLevel>(9);
  row.proof_detail = rows.string(10);
  row.owned = rows.integer(11) != 0;
  row.sole = rows.integer(12) != 0;
  row.file = rows.id<FileId>(13);
  row.generation = rows.integer(14);
  row.attempt = unpacked_hex(rows.bytes(15));
  row.proven_at = rows.integer(16) * ns_per_ms;
  row.proof_due = rows.integer(17) * ns_per_ms;
  row.metadata = rows.string(18);
  return row;
}

std::optional<Packed> packed_etag(std::string_view etag) {
  if (etag.size() != 34 || etag.front() != '"' || etag.back() != '"') return std::nullopt;
  return packed_hex(etag.substr(1, 32));
}

std::int64_t first_integer(const Rows& rows) {
  return rows.integer(0);
}

Result<std::map<FolderId, std::int64_t>> oldest_from(Result<Rows> rows) {
  if (!rows) return fail(rows.error());
  std::map<FolderId, std::int64_t> oldest;
  for (;;) {
    auto found = rows->next();
    if (!found) return fail(found.error());
    if (!*found) return oldest;
    oldest[rows->id<FolderId>(0)] = rows->integer(1) * ns_per_ms;
  }
}

std::string short_checksum(std::string_view checksum, const Sha256& sha256) {
  if (checksum == full_checksum(same_sha256, sha256)) return std::string(same_sha256);
  return std::string(checksum);
}

AttemptRow attempt_from(const Rows& rows) {
  AttemptRow row;
  row.id = unpacked_hex(rows.bytes(0));
  row.file = rows.id<FileId>(1);
  row.generation = rows.integer(2);
  row.store = rows.id<StoreId>(3);
  row.key = rows.string(4);
  row.kind = rows.id<AttemptKind>(5);
  row.condition = rows.string(6);
  row.state = rows.id<AttemptState>(7);
  row.sent_at = rows.integer(8);
  row.fingerprint = fingerprint_from(rows, 9);
  row.sha256 = rows.sha256(15);
  row.upload_id = rows.string(16);
  row.part_size = static_cast<std::uint64_t>(rows.integer(17));
  row.metadata = rows.string(18);
  return row;
}

StoreRow store_from(const Rows& rows) {
  return {.id = rows.id<StoreId>(0),
          .endpoint = rows.string(1),
          .bucket = rows.string(2),
          .prefix = rows.string(3),
          .capabilities = rows.string(4),
          .epoch = rows.integer(5),
          .nonce = rows.string(6)};
}

FolderRow folder_from(const Rows& rows) {
  return {.id = rows.id<FolderId>(0),
          .name = rows.string(1),
          .path = rows.string(2),
          .store = rows.id<StoreId>(3),
          .dev = static_cast<std::uint64_t>(rows.integer(4)),
          .ino = static_cast<std::uint64_t>(rows.integer(5)),
          .btime = rows.integer(6),
          .boot_id = rows.string(7),
          .clean = rows.integer(8) != 0,
          .state = rows.string(9),
          .reason = rows.string(10)};
}

EventRow event_from(const Rows& rows) {
  return {.seq = rows.integer(0),
          .at = rows.integer(1) * ns_per_ms,
          .file = rows.id<FileId>(2),
          .generation = rows.integer(3),
          .event = rows.id<FileEvent>(4),
          .reason = rows.string(5),
          .attempt = unpacked_hex(rows.bytes(6)),
          .previous = rows.integer(7)};
}

}  // namespace waybill::catalog
