#include "tests/integration/kill/left_catalog.h"

#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>

namespace waybill::test {
namespace {

namespace fs = std::filesystem;

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Columns = std::vector<std::string>;

void each_row(sqlite3* database, const char* sql,
              const std::function<void(const Columns&)>& visit) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database, sql, -1, &raw, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(database));
  }
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, sqlite3_finalize);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    Columns columns;
    for (int i = 0; i < sqlite3_column_count(raw); ++i) {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(raw, i));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(raw, i));
      columns.push_back(bytes == nullptr ? std::string() : std::string(bytes, size));
    }
    visit(columns);
  }
  if (code != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(database));
}

}  // namespace

LeftCatalog LeftCatalog::read(const std::string& state_directory, const std::string& scratch) {
  fs::remove_all(scratch);
  fs::create_directory(scratch);
  for (const char* name : {"catalog.db", "catalog.db-wal"}) {
    const fs::path from = fs::path(state_directory) / name;
    if (fs::exists(from)) fs::copy_file(from, fs::path(scratch) / name);
  }
  sqlite3* raw = nullptr;
  const int opened =
      sqlite3_open_v2((scratch + "/catalog.db").c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const Database database(raw, sqlite3_close);
  if (opened != SQLITE_OK) throw std::runtime_error("there is no catalog to read");

  LeftCatalog left;
  each_row(
      raw,
      "SELECT CAST(f.path AS TEXT), CAST(o.key AS TEXT), lower(hex(o.sha))"
      " FROM files f JOIN state_names s ON s.state = f.state JOIN objects o ON o.id = f.object_id"
      " WHERE f.live = 1 AND s.name = 'stored'",
      [&left](const Columns& row) {
        left.stored.push_back({row[0], row[1], row[2]});
      });
  each_row(raw, "SELECT state, count(*) FROM current_files GROUP BY state",
           [&left](const Columns& row) { left.files_by_state[row[0]] = std::stoi(row[1]); });
  each_row(raw, "SELECT CAST(key AS TEXT) FROM attempts",
           [&left](const Columns& row) { left.keys_of_attempts.insert(row[0]); });
  return left;
}

}  // namespace waybill::test
