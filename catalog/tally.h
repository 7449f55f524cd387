#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "catalog/rows.h"
#include "catalog/sqlite.h"

namespace waybill::catalog {

struct StateTally {
  std::int64_t files = 0;
  std::int64_t retrying = 0;  // tries > 0
  std::int64_t bytes = 0;
  std::int64_t last_stored_at = 0;  // of FileState::Stored only; ns since 1970, 0: never
  friend bool operator==(const StateTally&, const StateTally&) = default;
};

// How many live files each folder has in each state, so that status counts nothing: in memory for
// the writer, in the table `counts` for readers, changed in the same transaction as the rows.
class Tally {
 public:
  // From the table; after an unclean stop rather from the rows themselves.
  Result<void> load(Connection& connection);
  Result<void> rebuild(Connection& connection);

  void enter(const FileRow& row) { add(row, 1); }
  void leave(const FileRow& row) { add(row, -1); }
  void stored_at(FolderId folder, std::int64_t at);

  // Writes what changed since the last commit, within the open transaction.
  Result<void> flush(Statement& upsert);
  static constexpr const char* upsert_sql =
      "INSERT INTO counts(folder_id, state, files, retrying, bytes, last_stored_at)"
      " VALUES(?,?,?,?,?,?) ON CONFLICT(folder_id, state) DO UPDATE SET files = excluded.files,"
      " retrying = excluded.retrying, bytes = excluded.bytes,"
      " last_stored_at = excluded.last_stored_at";
  void committed();
  void rolled_back();

  [[nodiscard]] const StateTally& at(FolderId folder, FileState state) const;

 private:
  void add(const FileRow& row, std::int64_t sign);
  StateTally& change(FolderId folder, FileState state);

  using Key = std::pair<FolderId, FileState>;
  std::map<Key, StateTally> now_;
  std::map<Key, StateTally> before_;  // the committed values of what changed since
};

}  // namespace waybill::catalog
