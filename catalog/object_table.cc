#include "catalog/object_table.h"

#include <utility>

#include "catalog/packed_hex.h"

namespace waybill::catalog {

namespace {

// Sentences may quote what a server said: bounded, whatever it says.
constexpr std::size_t known_proofs = 256;

ObjectTable::Holder holder_from(const Rows& rows) {
  return {.id = rows.id<ObjectId>(0),
          .file = rows.id<FileId>(1),
          .owned = rows.integer(2) != 0,
          .sole = rows.integer(3) != 0,
          .attempt = unpacked_hex(rows.bytes(4))};
}

LostObjects lost_from(const Rows& rows) {
  return {.objects = rows.integer(0),
          .first_key = rows.string(1),
          .since = rows.integer(2) * ns_per_ms};
}

ObjectId id_from(const Rows& rows) {
  return rows.id<ObjectId>(0);
}

}  // namespace

Result<std::optional<ObjectRow>> ObjectTable::find(ObjectId id) {
  return first(session_.read(WAYBILL_OBJECT_COLUMNS "WHERE o.id = ?", {id}), object_from);
}

Result<std::optional<ObjectRow>> ObjectTable::live_at(StoreId store, std::string_view key) {
  return first(
      session_.read(WAYBILL_OBJECT_COLUMNS "WHERE o.store_id = ? AND o.key = ? AND o.live = 1",
                    {store, Value::blob(key)}),
      object_from);
}

Result<std::optional<ObjectTable::Holder>> ObjectTable::holder_of(StoreId store,
                                                                  std::string_view key) {
  return first(session_.read("SELECT id, file_id, owned, sole, attempt FROM objects"
                             " WHERE store_id = ? AND key = ? AND live = 1",
                             {store, Value::blob(key)}),
               holder_from);
}

Result<std::optional<std::int64_t>> ObjectTable::proof_id(std::string_view detail) {
  if (detail.empty()) return std::optional<std::int64_t>();
  std::string sentence(detail);
  if (const auto known = proofs_.find(sentence); known != proofs_.end()) {
    return std::optional(known->second);
  }
  auto found = first(session_.read("SELECT id FROM proofs WHERE detail = ?", {Value::text(detail)}),
                     first_integer);
  if (!found) return fail(found.error());
  if (!*found) {
    auto kept = session_.write("INSERT INTO proofs(detail) VALUES(?)", {Value::text(detail)});
    if (!kept) return fail(kept.error());
    found = session_.last_row_id();
  }
  if (proofs_.size() >= known_proofs) proofs_.clear();
  proofs_.emplace(std::move(sentence), **found);
  return found;
}

Result<void> ObjectTable::insert(ObjectRow& row) {
  auto detail = proof_id(row.proof_detail);
  if (!detail) return fail(detail.error());
  const auto attempt = packed_hex(row.attempt);
  const auto etag = packed_etag(row.etag);
  const std::string checksum = short_checksum(row.checksum, row.sha256);
  auto done = session_.write(
      "INSERT INTO objects(store_id, key, live, version, etag, size, sha, checksum, proof,"
      " proof_detail, owned, sole, file_id, gen, attempt, proven_at, metadata)"
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      {row.store, Value::blob(row.key), row.live, Value::text_or_null(row.version),
       etag ? Value::blob(*etag) : Value::text(row.etag), row.size, Value::blob(row.sha256),
       Value::text_or_null(checksum), row.proof, *detail, row.owned, row.sole, row.file,
       row.generation, attempt ? Value::blob(*attempt) : Value(std::nullopt),
       row.proven_at / ns_per_ms, Value::text_or_null(row.metadata)});
  if (done) row.id = static_cast<ObjectId>(session_.last_row_id());
  return done;
}

Result<void> ObjectTable::supersede(StoreId store, std::string_view key) {
  return session_.write(
      "UPDATE objects SET live = 0, proof_due = NULL WHERE store_id = ? AND key = ? AND live = 1",
      {store, Value::blob(key)});
}

Result<void> ObjectTable::lost(ObjectId id, std::int64_t at) {
  return session_.write(
      "UPDATE objects SET live = 0, proof_due = coalesce(proof_due, ?) WHERE id = ?",
      {at / ns_per_ms, id});
}

Result<void> ObjectTable::tell_lost(ObjectId id, std::int64_t at) {
  return session_.write("INSERT OR IGNORE INTO lost_objects(object_id, at) VALUES(?, ?)",
                        {id, at / ns_per_ms});
}

Result<LostObjects> ObjectTable::told_lost() {
  auto lost = first(session_.read("SELECT count(*) OVER (), o.key, l.at"
                                  " FROM lost_objects l JOIN objects o ON o.id = l.object_id"
                                  " ORDER BY l.at, l.object_id LIMIT 1",
                                  {}),
                    lost_from);
  if (!lost) return fail(lost.error());
  return std::move(*lost).value_or(LostObjects{});
}

Result<void> ObjectTable::note_lost() {
  return session_.write("DELETE FROM lost_objects", {});
}

Result<void> ObjectTable::proof_is_due(ObjectId id, std::int64_t at) {
  return session_.write("UPDATE objects SET proof_due = ? WHERE id = ?", {at / ns_per_ms, id});
}

Result<std::vector<ObjectId>> ObjectTable::proofs_due() {
  return all(session_.read("SELECT id FROM objects WHERE live = 1 AND proof_due IS NOT NULL"
                           " ORDER BY id",
                           {}),
             id_from);
}

Result<void> ObjectTable::proven_again(const ObjectRow& row) {
  auto detail = proof_id(row.proof_detail);
  if (!detail) return fail(detail.error());
  const auto etag = packed_etag(row.etag);
  return session_.write(
      "UPDATE objects SET version = ?, etag = ?, checksum = ?, proof = ?, proof_detail = ?,"
      " proven_at = ?, proof_due = NULL WHERE id = ?",
      {Value::text_or_null(row.version), etag ? Value::blob(*etag) : Value::text(row.etag),
       Value::text_or_null(short_checksum(row.checksum, row.sha256)), row.proof, *detail,
       row.proven_at / ns_per_ms, row.id});
}

// By their ids, the newest first: no index tells of objects that are not live, and it came of late.
Result<std::optional<ObjectRow>> ObjectTable::over(const ObjectRow& object,
                                                   std::string_view attempt) {
  const auto packed = packed_hex(attempt);
  if (!packed) return std::optional<ObjectRow>();
  return first(
      session_.read(WAYBILL_OBJECT_COLUMNS "WHERE o.id > ? AND o.store_id = ? AND"
                                           " o.key = ? AND o.attempt = ? AND o.live = 0"
                                           " ORDER BY o.id DESC LIMIT 1",
                    {object.id, object.store, Value::blob(object.key), Value::blob(*packed)}),
      object_from);
}

// No index tells of a file's objects: it is asked where a file would else be told as lost.
Result<std::optional<ObjectRow>> ObjectTable::same_bytes(const ObjectRow& object) {
  return first(session_.read(WAYBILL_OBJECT_COLUMNS
                             "WHERE o.file_id = ? AND o.sha = ? AND o.live = 1 AND o.id <> ?"
                             " ORDER BY o.store_id = ? DESC, o.id DESC LIMIT 1",
                             {object.file, Value::blob(object.sha256), object.id, object.store}),
               object_from);
}

Result<void> ObjectTable::there_alone(ObjectId id) {
  return session_.write("UPDATE objects SET live = 1, sole = 1 WHERE id = ?", {id});
}

Result<void> ObjectTable::set_sole(ObjectId id, bool sole) {
  return session_.write("UPDATE objects SET sole = ? WHERE id = ? AND live = 1", {sole, id});
}

Result<void> ObjectTable::all_become_sole(const FileRow& file) {
  if (file.object) {
    if (auto done = set_sole(*file.object, true); !done) return done;
  }
  if (file.key.empty()) return {};
  return session_.write(
      "UPDATE objects SET sole = 1 WHERE store_id = (SELECT store_id FROM folders WHERE id = ?)"
      " AND key = ? AND live = 1 AND file_id = ?",
      {file.folder, Value::blob(file.key), file.id});
}

}  // namespace waybill::catalog
