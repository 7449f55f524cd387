#include "catalog/attempt_table.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "catalog/packed_hex.h"

namespace waybill::catalog {

namespace {

Result<Packed> packed(std::string_view id) {
  const auto bytes = packed_hex(id);
  if (!bytes) {
    return fail(ErrorCode::BadInput, "an attempt id is 32 hex digits: " + std::string(id));
  }
  return *bytes;
}

Value sha256_value(const std::optional<Sha256>& sha256) {
  return sha256 ? Value::blob(*sha256) : Value(std::nullopt);
}

void erase_pointer(auto& index, const auto& key, const AttemptRow* row) {
  const auto [first, last] = index.equal_range(key);
  for (auto at = first; at != last; ++at) {
    if (at->second == row) {
      index.erase(at);
      return;
    }
  }
}

}  // namespace

bool may_land(const AttemptRow& attempt) {
  if (is_left_upload(attempt)) return false;
  if (attempt.kind == AttemptKind::Copy) return true;  // whatever it goes on with
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

Result<void> AttemptTable::load() {
  by_file_.clear();
  by_key_.clear();
  by_id_.clear();
  auto rows = all(session_.read(WAYBILL_ATTEMPT_COLUMNS, {}), attempt_from);
  if (!rows) return fail(rows.error());
  for (AttemptRow& row : *rows) remember(std::move(row));
  return {};
}

void AttemptTable::remember(AttemptRow row) {
  std::string id = row.id;
  AttemptRow& kept = by_id_.emplace(std::move(id), std::move(row)).first->second;
  by_file_.emplace(value_of(kept.file), &kept);
  by_key_.emplace(kept.key, &kept);
}

const AttemptRow* AttemptTable::find(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &found->second;
}

std::vector<const AttemptRow*> AttemptTable::of(FileId file) const {
  std::vector<const AttemptRow*> rows;
  const auto [first, last] = by_file_.equal_range(value_of(file));
  for (auto at = first; at != last; ++at) rows.push_back(at->second);
  std::sort(rows.begin(), rows.end(), [](const AttemptRow* a, const AttemptRow* b) {
    return std::tie(a->generation, a->id) < std::tie(b->generation, b->id);
  });
  return rows;
}

std::vector<AttemptRow> AttemptTable::open() const {
  std::vector<AttemptRow> rows;
  rows.reserve(by_id_.size());
  for (const auto& [id, row] : by_id_) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const AttemptRow& a, const AttemptRow& b) {
    return std::tie(a.file, a.generation, a.id) < std::tie(b.file, b.generation, b.id);
  });
  return rows;
}

const AttemptRow* AttemptTable::running(const FileRow& file) const {
  const auto [first, last] = by_file_.equal_range(value_of(file.id));
  for (auto at = first; at != last; ++at) {
    const AttemptRow& row = *at->second;
    if (row.generation == file.generation && row.state != AttemptState::Abandoned) return &row;
  }
  return nullptr;
}

bool AttemptTable::another_file_uses(StoreId store, std::string_view key, FileId file) const {
  const auto [first, last] = by_key_.equal_range(std::string(key));
  return std::any_of(first, last, [&](const auto& entry) {
    return entry.second->store == store && entry.second->file != file &&
           !is_left_upload(*entry.second);
  });
}

Result<void> AttemptTable::insert(const AttemptRow& row) {
  auto id = packed(row.id);
  if (!id) return fail(id.error());
  const Fingerprint& print = row.fingerprint;
  auto done = session_.write(
      "INSERT INTO attempts(id, file_id, gen, store_id, key, kind, condition, state, sent_at, dev,"
      " ino, btime, size, mtime, ctime, sha, upload_id, part_size, metadata)"
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      {Value::blob(*id), row.file, row.generation, row.store, Value::blob(row.key), row.kind,
       Value::text_or_null(row.condition), row.state, row.sent_at, print.dev, print.ino,
       print.btime, print.size, print.mtime, print.ctime, sha256_value(row.sha256),
       Value::text_or_null(row.upload_id), row.part_size, Value::text_or_null(row.metadata)});
  if (done) remember(row);
  return done;
}

Result<void> AttemptTable::save(AttemptRow row) {
  auto id = packed(row.id);
  if (!id) return fail(id.error());
  AttemptRow& kept = by_id_.at(row.id);
  if (kept.state == AttemptState::Abandoned) row.state = AttemptState::Abandoned;
  const Fingerprint& print = row.fingerprint;
  auto done = session_.write(
      "UPDATE attempts SET kind = ?, condition = ?, state = ?, sent_at = ?, dev = ?, ino = ?,"
      " btime = ?, size = ?, mtime = ?, ctime = ?, sha = ?, upload_id = ?, part_size = ?"
      " WHERE id = ?",
      {row.kind, Value::text_or_null(row.condition), row.state, row.sent_at, print.dev, print.ino,
       print.btime, print.size, print.mtime, print.ctime, sha256_value(row.sha256),
       Value::text_or_null(row.upload_id), row.part_size, Value::blob(*id)});
  if (!done) return done;
  row.file = kept.file;
  row.generation = kept.generation;
  row.store = kept.store;
  row.key = kept.key;
  row.metadata = kept.metadata;
  kept = std::move(row);
  return {};
}

Result<void> AttemptTable::abandon(FileId file) {
  const auto [first, last] = by_file_.equal_range(value_of(file));
  for (auto at = first; at != last; ++at) {
    AttemptRow& row = *at->second;
    if (row.state == AttemptState::Abandoned) continue;
    auto id = packed(row.id);
    if (!id) return fail(id.error());
    auto done = session_.write("UPDATE attempts SET state = 4 WHERE id = ?", {Value::blob(*id)});
    if (!done) return done;
    row.state = AttemptState::Abandoned;
  }
  return {};
}

Result<void> AttemptTable::end(std::string_view id) {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return {};
  auto key = packed(id);
  if (!key) return fail(key.error());
  if (found->second.kind == AttemptKind::Multipart) {
    auto parts = session_.write("DELETE FROM parts WHERE attempt_id = ?", {Value::blob(*key)});
    if (!parts) return parts;
  }
  auto done = session_.write("DELETE FROM attempts WHERE id = ?", {Value::blob(*key)});
  if (!done) return done;
  const AttemptRow* row = &found->second;
  erase_pointer(by_file_, value_of(row->file), row);
  erase_pointer(by_key_, row->key, row);
  by_id_.erase(found);
  return {};
}

}  // namespace waybill::catalog
