#include "catalog/attempt_table.h"

#include <string>

#include "catalog/attempt_id.h"

namespace waybill::catalog {

namespace {

Result<std::string> packed(std::string_view id) {
  auto bytes = packed_attempt(id);
  if (!bytes) {
    return fail(ErrorCode::BadInput, "an attempt id is 32 hex digits: " + std::string(id));
  }
  return std::move(*bytes);
}

Value sha256_value(const std::optional<Sha256>& sha256) {
  return sha256 ? Value::blob(*sha256) : Value(std::nullopt);
}

std::int64_t first_integer(const Rows& rows) {
  return rows.integer(0);
}

}  // namespace

bool may_land(const AttemptRow& attempt) {
  switch (attempt.state) {
    case AttemptState::Open:
    case AttemptState::Completing:
    case AttemptState::Abandoned:
      return true;
    case AttemptState::Creating:
    case AttemptState::Uploading:
      return false;
  }
  return true;
}

Result<std::optional<AttemptRow>> AttemptTable::find(std::string_view id) {
  auto key = packed(id);
  if (!key) return fail(key.error());
  return first(session_.read(WAYBILL_ATTEMPT_COLUMNS "WHERE id = ?", {Value::blob(*key)}),
               attempt_from);
}

Result<std::vector<AttemptRow>> AttemptTable::of(FileId file) {
  return all(session_.read(WAYBILL_ATTEMPT_COLUMNS "WHERE file_id = ? ORDER BY gen, id", {file}),
             attempt_from);
}

Result<std::vector<AttemptRow>> AttemptTable::open() {
  return all(session_.read(WAYBILL_ATTEMPT_COLUMNS "ORDER BY file_id, gen, id", {}), attempt_from);
}

Result<bool> AttemptTable::another_file_uses(StoreId store, std::string_view key, FileId file) {
  auto found =
      first(session_.read(
                "SELECT 1 FROM attempts WHERE store_id = ? AND key = ? AND file_id <> ? LIMIT 1",
                {store, Value::blob(key), file}),
            first_integer);
  if (!found) return fail(found.error());
  return found->has_value();
}

Result<void> AttemptTable::insert(const AttemptRow& row) {
  auto id = packed(row.id);
  if (!id) return fail(id.error());
  const Fingerprint& print = row.fingerprint;
  return session_.write(
      "INSERT INTO attempts(id, file_id, gen, store_id, key, kind, condition, state, sent_at, dev,"
      " ino, btime, size, mtime, ctime, sha, upload_id, part_size)"
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      {Value::blob(*id), row.file, row.generation, row.store, Value::blob(row.key), row.kind,
       Value::text_or_null(row.condition), row.state, row.sent_at, print.dev, print.ino,
       print.btime, print.size, print.mtime, print.ctime, sha256_value(row.sha256),
       Value::text_or_null(row.upload_id), row.part_size});
}

Result<bool> AttemptTable::save(const AttemptRow& row) {
  auto known = find(row.id);
  if (!known) return fail(known.error());
  if (!*known) return false;
  auto id = packed(row.id);
  if (!id) return fail(id.error());
  const Fingerprint& print = row.fingerprint;
  auto done = session_.write(
      "UPDATE attempts SET kind = ?, condition = ?,"
      " state = CASE state WHEN 4 THEN 4 ELSE ? END, sent_at = ?, dev = ?, ino = ?,"
      " btime = ?, size = ?, mtime = ?, ctime = ?, sha = ?, upload_id = ?, part_size = ?"
      " WHERE id = ?",
      {row.kind, Value::text_or_null(row.condition), row.state, row.sent_at, print.dev, print.ino,
       print.btime, print.size, print.mtime, print.ctime, sha256_value(row.sha256),
       Value::text_or_null(row.upload_id), row.part_size, Value::blob(*id)});
  if (!done) return fail(done.error());
  return true;
}

Result<void> AttemptTable::abandon(FileId file) {
  return session_.write("UPDATE attempts SET state = 4 WHERE file_id = ? AND state <> 4", {file});
}

Result<void> AttemptTable::end(std::string_view id) {
  auto key = packed(id);
  if (!key) return fail(key.error());
  auto parts = session_.write("DELETE FROM parts WHERE attempt_id = ?", {Value::blob(*key)});
  if (!parts) return parts;
  return session_.write("DELETE FROM attempts WHERE id = ?", {Value::blob(*key)});
}

}  // namespace waybill::catalog
