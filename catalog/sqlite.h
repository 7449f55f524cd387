#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

// The little of SQLite that the catalog needs, with our errors. One thread at a time.
namespace waybill::catalog {

// One value for a `?`. Views: the caller keeps the bytes alive during the call.
struct Value {
  enum class Kind : std::uint8_t { Null, Integer, Text, Blob };
  Kind kind = Kind::Null;
  std::int64_t integer = 0;
  std::string_view bytes;

  Value(std::nullopt_t) {}  // NOLINT(google-explicit-constructor): a list of values reads as SQL
  template <typename Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) Value(Number number)
      : kind(Kind::Integer), integer(static_cast<std::int64_t>(number)) {}
  template <typename Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>)
      Value(const std::optional<Number>& number)
      : kind(number ? Kind::Integer : Kind::Null),
        integer(number ? static_cast<std::int64_t>(*number) : 0) {}

  static Value text(std::string_view text);
  static Value text_or_null(std::string_view text);  // empty: NULL
  static Value blob(std::string_view bytes);
  static Value blob_or_null(std::string_view bytes);  // empty: NULL
  template <std::size_t N>
  static Value blob(const std::array<std::byte, N>& bytes) {
    return blob(as_text(bytes));
  }
  template <std::size_t N>
  static Value blob(const std::array<char, N>& bytes) {
    return blob(std::string_view(bytes.data(), N));
  }

 private:
  Value(Kind of, std::string_view view) : kind(of), bytes(view) {}
};

class Statement;

// The rows of a running query. The statement is free again when this goes.
class Rows {
 public:
  explicit Rows(Statement& statement) : statement_(&statement) {}
  Rows(Rows&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Rows& operator=(Rows&&) = delete;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  // False: no more.
  Result<bool> next();
  // Passes over the rest: a statement that changes something has failed or not only at its end.
  Result<void> end();

  // Of the current row, columns from 0. Views end with the next call of next().
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] bool is_blob(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;        // TEXT or BLOB; empty for NULL
  [[nodiscard]] std::optional<Sha256> sha256(int column) const;  // nullopt unless 32 bytes

  template <typename Id>
  [[nodiscard]] Id id(int column) const {
    return static_cast<Id>(integer(column));
  }
  [[nodiscard]] std::string string(int column) const { return std::string(bytes(column)); }

 private:
  Statement* statement_;
};

class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // For what returns no rows.
  Result<void> run(std::initializer_list<Value> values);
  // The values are copied. One running query a statement.
  Result<Rows> query(std::initializer_list<Value> values);

 private:
  friend class Connection;
  friend class Rows;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Result<void> bind(std::initializer_list<Value> values, bool copy);
  [[nodiscard]] Error error() const;
  void reset();

  sqlite3_stmt* statement_;
};

class Connection {
 public:
  enum class Mode : std::uint8_t {
    ReadWrite,  // the file exists
    ReadOnly,
    Immutable,  // nobody writes, no WAL to look at: needs no permission but to read the file
  };
  static Result<Connection> open(const std::string& path, Mode mode);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // One or several statements without values or rows.
  Result<void> run(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row; nullopt without a row.
  Result<std::optional<std::int64_t>> integer(std::string_view sql);
  Result<std::optional<std::string>> string(std::string_view sql);

  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] std::int64_t last_row_id() const;
  [[nodiscard]] std::int64_t changes() const;  // rows that the last write touched
  // The last failing call met SQLITE_FULL: a write that did not fit, not one whose fate is unknown.
  [[nodiscard]] bool ran_out_of_room() const;
  // Readers without write permission need the -wal and -shm files when nobody has the database
  // open.
  Result<void> keep_wal_files();
  // Moves what the WAL holds into the database as far as readers allow; never waits for them.
  Result<void> checkpoint();
  // What the last failing call met.
  [[nodiscard]] Error error(std::string_view doing) const;

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
};

// The Error for an extended result code. FULL, a write that met ENOSPC → DiskFull; CORRUPT, NOTADB
// → Damaged; CANTOPEN, PERM, READONLY, AUTH → NeedsPerson; BUSY, LOCKED, NOMEM, other I/O →
// RetryLater; else Internal.
Error sqlite_error(std::string_view doing, int extended_code, int os_errno,
                   std::string_view message);

}  // namespace waybill::catalog
