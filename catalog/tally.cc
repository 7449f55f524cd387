#include "catalog/tally.h"

#include <algorithm>

namespace waybill::catalog {

namespace {

// Rows of (folder_id, state, files, retrying, bytes).
Result<void> read_into(Connection& connection, const char* sql,
                       std::map<std::pair<FolderId, FileState>, StateTally>& into) {
  auto statement = connection.prepare(sql);
  if (!statement) return fail(statement.error());
  auto rows = statement->query({});
  if (!rows) return fail(rows.error());
  for (;;) {
    auto found = rows->next();
    if (!found) return fail(found.error());
    if (!*found) return {};
    StateTally& tally = into[{rows->id<FolderId>(0), rows->id<FileState>(1)}];
    tally.files = rows->integer(2);
    tally.retrying = rows->integer(3);
    tally.bytes = rows->integer(4);
    tally.last_stored_at = std::max(tally.last_stored_at, rows->integer(5));
  }
}

}  // namespace

Result<void> Tally::load(Connection& connection) {
  now_.clear();
  before_.clear();
  return read_into(connection,
                   "SELECT folder_id, state, files, retrying, bytes, last_stored_at FROM counts",
                   now_);
}

Result<void> Tally::rebuild(Connection& connection) {
  if (auto loaded = load(connection); !loaded) return loaded;
  // The old numbers stay as `before_`, so that the next flush writes what they really are.
  before_ = now_;
  for (auto& [key, tally] : now_) tally = {.last_stored_at = tally.last_stored_at};
  return read_into(connection,
                   "SELECT folder_id, state, count(*), sum(tries > 0), sum(size), 0 FROM files"
                   " WHERE live = 1 GROUP BY folder_id, state",
                   now_);
}

StateTally& Tally::change(FolderId folder, FileState state) {
  StateTally& tally = now_[{folder, state}];
  before_.try_emplace({folder, state}, tally);
  return tally;
}

void Tally::add(const FileRow& row, std::int64_t sign) {
  StateTally& tally = change(row.folder, row.state);
  tally.files += sign;
  tally.retrying += row.tries > 0 ? sign : 0;
  tally.bytes += sign * static_cast<std::int64_t>(row.fingerprint.size);
}

void Tally::stored_at(FolderId folder, std::int64_t at) {
  StateTally& tally = change(folder, FileState::Stored);
  tally.last_stored_at = std::max(tally.last_stored_at, at);
}

Result<void> Tally::flush(Statement& upsert) {
  for (const auto& [key, old] : before_) {
    const StateTally& tally = now_[key];
    if (tally == old) continue;
    auto done = upsert.run(
        {key.first, key.second, tally.files, tally.retrying, tally.bytes, tally.last_stored_at});
    if (!done) return done;
  }
  return {};
}

void Tally::committed() {
  before_.clear();
}

void Tally::rolled_back() {
  for (const auto& [key, old] : before_) now_[key] = old;
  before_.clear();
}

const StateTally& Tally::at(FolderId folder, FileState state) const {
  static constexpr StateTally none{};
  const auto found = now_.find({folder, state});
  return found == now_.end() ? none : found->second;
}

}  // namespace waybill::catalog
