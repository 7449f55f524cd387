#include "catalog/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace waybill::catalog {

namespace {

ErrorCode code_for(int extended_code, int os_errno) {
  const bool no_room = os_errno == ENOSPC || os_errno == EDQUOT || os_errno == EFBIG;
  switch (extended_code & 0xFF) {
    case SQLITE_FULL:
      return ErrorCode::DiskFull;
    case SQLITE_IOERR:
      return no_room ? ErrorCode::DiskFull : ErrorCode::RetryLater;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::Damaged;
    case SQLITE_CANTOPEN:
      if (no_room) return ErrorCode::DiskFull;
      if (os_errno == EMFILE || os_errno == ENFILE) return ErrorCode::RetryLater;
      return ErrorCode::NeedsPerson;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::NeedsPerson;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
      return ErrorCode::RetryLater;
    default:
      return ErrorCode::Internal;
  }
}

Error error_of(sqlite3* handle, std::string_view doing) {
  // errno of an earlier, harmless call stays behind in the connection: only these codes have one.
  const int code = sqlite3_extended_errcode(handle);
  const int primary = code & 0xFF;
  const bool has_errno = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  return sqlite_error(doing, code, has_errno ? sqlite3_system_errno(handle) : 0,
                      sqlite3_errmsg(handle));
}

// For a file: URI: every byte that is not plainly part of a name is escaped.
std::string uri_of(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      uri += c;
    } else {
      uri += '%';
      uri += to_hex(as_bytes(std::string_view(&c, 1)));
    }
  }
  return uri;
}

}  // namespace

Error sqlite_error(std::string_view doing, int extended_code, int os_errno,
                   std::string_view message) {
  return Error{.code = code_for(extended_code, os_errno),
               .message = "cannot " + std::string(doing) + ": " + std::string(message),
               .os_errno = os_errno};
}

Value Value::text(std::string_view text) {
  return {Kind::Text, text};
}
Value Value::text_or_null(std::string_view text) {
  return {text.empty() ? Kind::Null : Kind::Text, text};
}
Value Value::blob(std::string_view bytes) {
  return {Kind::Blob, bytes};
}
Value Value::blob_or_null(std::string_view bytes) {
  return {bytes.empty() ? Kind::Null : Kind::Blob, bytes};
}

// --- Rows --------------------------------------------------------------------------------------

Rows::~Rows() {
  if (statement_ != nullptr) statement_->reset();
}

Result<bool> Rows::next() {
  const int code = sqlite3_step(statement_->statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(statement_->error());
}

Result<void> Rows::end() {
  while (true) {
    const auto more = next();
    if (!more) return fail(more.error());
    if (!*more) return {};
  }
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_->statement_, column) == SQLITE_NULL;
}

bool Rows::is_blob(int column) const {
  return sqlite3_column_type(statement_->statement_, column) == SQLITE_BLOB;
}

std::int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_->statement_, column);
}

std::string_view Rows::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_->statement_, column));
  const int size = sqlite3_column_bytes(statement_->statement_, column);
  if (data == nullptr || size <= 0) return {};
  return {data, static_cast<std::size_t>(size)};
}

std::optional<Sha256> Rows::sha256(int column) const {
  const std::string_view view = bytes(column);
  Sha256 digest{};
  if (view.size() != digest.size()) return std::nullopt;
  std::memcpy(digest.data(), view.data(), digest.size());
  return digest;
}

// --- Statement ---------------------------------------------------------------------------------

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Error Statement::error() const {
  return error_of(sqlite3_db_handle(statement_), "use the catalog");
}

void Statement::reset() {
  sqlite3_reset(statement_);
}

Result<void> Statement::bind(std::initializer_list<Value> values, bool copy) {
  sqlite3_destructor_type lifetime = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
  int at = 0;
  for (const Value& value : values) {
    ++at;
    // A null pointer would bind NULL where an empty value is meant.
    const char* data = value.bytes.data() == nullptr ? "" : value.bytes.data();
    int code = SQLITE_OK;
    switch (value.kind) {
      case Value::Kind::Null:
        code = sqlite3_bind_null(statement_, at);
        break;
      case Value::Kind::Integer:
        code = sqlite3_bind_int64(statement_, at, value.integer);
        break;
      case Value::Kind::Text:
        code = sqlite3_bind_text64(statement_, at, data, value.bytes.size(), lifetime, SQLITE_UTF8);
        break;
      case Value::Kind::Blob:
        code = sqlite3_bind_blob64(statement_, at, data, value.bytes.size(), lifetime);
        break;
    }
    if (code != SQLITE_OK) return fail(error());
  }
  return {};
}

Result<void> Statement::run(std::initializer_list<Value> values) {
  if (auto bound = bind(values, false); !bound) return bound;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_DONE || code == SQLITE_ROW) {
    reset();
    return {};
  }
  auto failure = fail(error());
  reset();
  return failure;
}

Result<Rows> Statement::query(std::initializer_list<Value> values) {
  if (auto bound = bind(values, true); !bound) return fail(bound.error());
  return Rows(*this);
}

// --- Connection --------------------------------------------------------------------------------

Result<Connection> Connection::open(const std::string& path, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  std::string name = path;
  switch (mode) {
    case Mode::ReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::ReadOnly:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Mode::Immutable:
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      name = uri_of(path) + "?immutable=1";
      break;
  }
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  // Even a failed open leaves a handle, which holds the message and wants closing.
  Connection connection(handle);
  if (code != SQLITE_OK) return fail(connection.error("open " + path));
  // From the first statement on: after a crash whoever comes first rebuilds the index of the log,
  // and holds everybody else up for moments, a reader the writer too.
  constexpr int patience_ms = 2000;
  sqlite3_busy_timeout(handle, patience_ms);
  return connection;
}

Connection::Connection(Connection&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Connection::~Connection() {
  sqlite3_close_v2(handle_);
}

Error Connection::error(std::string_view doing) const {
  if (handle_ == nullptr) return Error{.code = ErrorCode::RetryLater, .message = "out of memory"};
  return error_of(handle_, doing);
}

Result<void> Connection::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(error("use the catalog"));
  }
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(error("use the catalog"));
  return Statement(statement);
}

Result<std::optional<std::int64_t>> Connection::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  auto rows = statement->query({});
  if (!rows) return fail(rows.error());
  auto found = rows->next();
  if (!found) return fail(found.error());
  std::optional<std::int64_t> value;
  if (*found && !rows->is_null(0)) value = rows->integer(0);
  if (auto ended = rows->end(); !ended) return fail(ended.error());
  return value;
}

Result<std::optional<std::string>> Connection::string(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  auto rows = statement->query({});
  if (!rows) return fail(rows.error());
  auto found = rows->next();
  if (!found) return fail(found.error());
  std::optional<std::string> value;
  if (*found && !rows->is_null(0)) value = rows->string(0);
  if (auto ended = rows->end(); !ended) return fail(ended.error());
  return value;
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

std::int64_t Connection::changes() const {
  return sqlite3_changes(handle_);
}

std::int64_t Connection::last_row_id() const {
  return sqlite3_last_insert_rowid(handle_);
}

bool Connection::ran_out_of_room() const {
  return (sqlite3_errcode(handle_) & 0xFF) == SQLITE_FULL;
}

Result<void> Connection::keep_wal_files() {
  int on = 1;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &on) != SQLITE_OK) {
    return fail(error("keep the write-ahead log of the catalog"));
  }
  return {};
}

Result<void> Connection::checkpoint() {
  const int code =
      sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK && code != SQLITE_BUSY) return fail(error("checkpoint the catalog"));
  return {};
}

}  // namespace waybill::catalog
