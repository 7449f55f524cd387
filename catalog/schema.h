#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "catalog/sqlite.h"

namespace waybill::catalog {

// In the file header: `file catalog.db` and any SQLite tool can tell whose it is ("Wayb").
inline constexpr std::int64_t application_id = 0x57617962;

// One step forward, in one transaction with the raised version. Never edited once released: a
// change of the schema is a new step.
struct Migration {
  std::int64_t to = 0;  // user_version afterwards
  const char* sql = "";
};

// Ascending. The last one's `to` is the version this program writes.
std::span<const Migration> migrations();

// What is behind an open connection.
struct SchemaVersion {
  std::int64_t version = 0;  // 0: nothing in it yet
};
// NewerVersion: written by a later program. NeedsPerson: some other program's database. Only reads.
Result<SchemaVersion> inspect(Connection& connection, std::int64_t newest);

// Applies what is missing, step by step; a crash between two steps leaves a whole version behind.
Result<void> migrate(Connection& connection, std::span<const Migration> steps);

// Damaged with what is wrong, or nothing. Reads the whole database.
Result<void> quick_check(Connection& connection);

}  // namespace waybill::catalog
