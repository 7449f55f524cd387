#include "catalog/reader.h"

#include <sys/stat.h>

#include <cerrno>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "catalog/columns.h"
#include "catalog/schema.h"
#include "catalog/set_aside.h"
#include "catalog/sqlite.h"

namespace waybill::catalog {

namespace {

Reader::StateCount count_from(const Rows& rows) {
  return {.folder = rows.id<FolderId>(0),
          .state = rows.id<FileState>(1),
          .files = rows.integer(2),
          .retrying = rows.integer(3),
          .bytes = rows.integer(4),
          .last_stored_at = rows.integer(5)};
}

Reader::Cause cause_from(const Rows& rows) {
  return {.reason = rows.string(0),
          .files = rows.integer(1),
          .example_folder = rows.id<FolderId>(2),
          .example_path = rows.string(3)};
}

Reader::NewName new_name_from(const Rows& rows) {
  return {.file = rows.id<FileId>(0), .path = rows.string(1), .at = rows.integer(2) * ns_per_ms};
}

std::int64_t size_of(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_size : 0;
}

// Everything that starts with `prefix` sorts before this; empty: nothing bounds it.
std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) {
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  }
  return prefix;
}

Result<Connection> connect(const std::string& path, Connection::Mode mode) {
  auto connection = Connection::open(path, mode);
  if (!connection) return connection;
  // A writer that is just starting or checkpointing holds its locks for moments.
  if (auto set = connection->run("PRAGMA busy_timeout = 1000; PRAGMA query_only = ON"); !set) {
    return fail(set.error());
  }
  auto known = inspect(*connection, migrations().back().to);
  if (!known) {
    known.error().message += " (" + path + ")";
    return fail(known.error());
  }
  if (known->version == 0) {
    return fail(ErrorCode::SourceGone, "there is no catalog yet at " + path);
  }
  if (known->version < migrations().back().to) {
    return fail(ErrorCode::RetryLater,
                "the catalog " + path + " is of an earlier version: start waybilld once");
  }
  return connection;
}

Result<Connection> connect(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) {
      const std::string state_dir = path.substr(0, path.rfind('/'));
      if (auto fine = none_set_aside(state_dir); !fine) return fail(fine.error());
      return fail(ErrorCode::SourceGone, "there is no catalog yet at " + path);
    }
    return fail(system_error("look at the catalog " + path, errno));
  }
  if (facts.st_size == 0) return fail(ErrorCode::SourceGone, "there is no catalog yet at " + path);
  auto connection = connect(path, Connection::Mode::ReadOnly);
  // A folder that we may not write in, and no WAL in it: a copy on read-only media, or somebody's
  // SQL prompt tidied up behind itself. Then there is no writer to share anything with.
  if (connection || connection.error().code != ErrorCode::NeedsPerson ||
      size_of(path + "-wal") > 0) {
    return connection;
  }
  return connect(path, Connection::Mode::Immutable);
}

}  // namespace

struct Reader::Impl {
  Impl(std::string state_dir, Connection opened)
      : path(std::move(state_dir) + "/catalog.db"), connection(std::move(opened)) {}

  Result<Rows> read(const char* sql, std::initializer_list<Value> values) {
    auto found = statements.find(sql);
    if (found == statements.end()) {
      auto prepared = connection.prepare(sql);
      if (!prepared) return fail(prepared.error());
      found = statements.emplace(sql, std::move(*prepared)).first;
    }
    return found->second.query(values);
  }

  const std::string path;
  Connection connection;
  std::unordered_map<const char*, Statement> statements;  // by the literal's address
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::string& state_dir) {
  auto connection = connect(state_dir + "/catalog.db");
  if (!connection) return fail(connection.error());
  return std::unique_ptr<Reader>(
      new Reader(std::make_unique<Impl>(state_dir, std::move(*connection))));
}

Result<std::vector<FolderRow>> Reader::folders() {
  return all(impl_->read(WAYBILL_FOLDER_COLUMNS "ORDER BY name", {}), folder_from);
}

Result<std::vector<StoreRow>> Reader::stores() {
  return all(impl_->read(WAYBILL_STORE_COLUMNS "ORDER BY id", {}), store_from);
}

Result<std::optional<FileRow>> Reader::find_live(FolderId folder, std::string_view path) {
  return first(
      impl_->read(WAYBILL_WHOLE_FILE_COLUMNS "WHERE f.folder_id = ? AND f.path = ? AND f.live = 1",
                  {folder, Value::blob(path)}),
      file_row_from);
}

Result<std::vector<FileRow>> Reader::files(const FileQuery& query) {
  const std::string end = end_of_prefix(query.path_prefix);
  // The statement names the columns of the index that serves it; `?n IS NULL OR` alone would make
  // SQLite read the whole table.
  std::string sql = WAYBILL_WHOLE_FILE_COLUMNS "WHERE f.id > ?1";
  if (query.live_only) sql += " AND f.live = 1";
  if (query.folder) sql += " AND f.folder_id = ?2";
  if (query.state) {
    sql += " AND f.state = ?3";
    if (*query.state != FileState::Stored) sql += " AND f.state <> 3";
  }
  if (!query.path_prefix.empty()) sql += " AND f.path >= ?4";
  if (!end.empty()) sql += " AND f.path < ?5";
  sql += " ORDER BY f.id LIMIT ?6";
  auto statement = impl_->connection.prepare(sql);
  if (!statement) return fail(statement.error());
  return all(
      statement->query({query.after_id, query.folder, query.state, Value::blob(query.path_prefix),
                        Value::blob(end), static_cast<std::int64_t>(query.limit)}),
      file_row_from);
}

Result<std::optional<ObjectRow>> Reader::object(ObjectId id) {
  return first(impl_->read(WAYBILL_OBJECT_COLUMNS "WHERE o.id = ?", {id}), object_from);
}

Result<std::vector<AttemptRow>> Reader::attempts_of(FileId file) {
  return all(impl_->read(WAYBILL_ATTEMPT_COLUMNS "WHERE file_id = ? ORDER BY gen, id", {file}),
             attempt_from);
}

Result<std::vector<EventRow>> Reader::events_of(FileId file, std::size_t limit) {
  auto chain = all(impl_->read("WITH RECURSIVE chain(seq) AS (SELECT event FROM files WHERE id = ?"
                               " UNION ALL SELECT e.prev FROM chain JOIN events e USING (seq)"
                               " WHERE e.prev IS NOT NULL LIMIT ?) " WAYBILL_EVENT_COLUMNS
                               "WHERE seq IN chain ORDER BY seq DESC",
                               {file, static_cast<std::int64_t>(limit) + 1}),
                   event_from);
  if (!chain) return chain;
  std::vector<EventRow> events;
  for (std::size_t i = 0; i < chain->size() && events.size() < limit; ++i) {
    events.push_back((*chain)[i]);
    // Of one that has been pruned nothing is known.
    const bool starts_generation = i + 1 == chain->size()
                                       ? events.back().previous == 0
                                       : (*chain)[i + 1].generation != events.back().generation;
    if (events.back().event != FileEvent::Claim || !starts_generation) continue;
    // One row for two events of one commit (event_log.h).
    EventRow found = events.back();
    found.event = FileEvent::CompleteNewContent;
    found.attempt.clear();
    if (events.size() < limit) events.push_back(std::move(found));
  }
  return events;
}

Result<std::optional<Reader::NewName>> Reader::renamed_from(FolderId folder,
                                                            std::string_view path) {
  return first(
      impl_->read("SELECT f.id, f.path, e.at FROM events e JOIN files f ON f.id = e.file_id"
                  " WHERE e.event = 18 AND e.reason = ? AND f.folder_id = ?"
                  " AND f.path <> ? ORDER BY e.seq DESC LIMIT 1",
                  {Value::text(printable(path)), folder, Value::blob(path)}),
      new_name_from);
}

Result<std::map<FolderId, std::int64_t>> Reader::oldest_pending() {
  return oldest_from(impl_->read(WAYBILL_OLDEST_PENDING, {}));
}

Result<std::vector<Reader::StateCount>> Reader::state_counts() {
  return all(impl_->read("SELECT folder_id, state, files, retrying, bytes, last_stored_at"
                         " FROM counts WHERE files > 0 OR last_stored_at > 0",
                         {}),
             count_from);
}

Result<std::vector<Reader::Cause>> Reader::blocked_causes(std::size_t limit) {
  return all(impl_->read("SELECT g.reason, g.n, f.folder_id, f.path FROM"
                         " (SELECT reason, count(*) AS n, min(id) AS id FROM files"
                         "  WHERE live = 1 AND state <> 3 AND state = 2 GROUP BY reason) g"
                         " JOIN files f ON f.id = g.id ORDER BY g.n DESC, g.id LIMIT ?",
                         {static_cast<std::int64_t>(limit)}),
             cause_from);
}

Result<std::int64_t> Reader::size_bytes() {
  return size_of(impl_->path) + size_of(impl_->path + "-wal");
}

}  // namespace waybill::catalog
