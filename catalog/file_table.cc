#include "catalog/file_table.h"

#include <limits>
#include <string>
#include <utility>

namespace waybill::catalog {

namespace {

constexpr std::int64_t page_rows = 512;

// More files than that are not under way; a backlog is read again instead.
constexpr std::size_t most_recent = 8192;

// Who bears the key and the SHA-256 in the file's place.
struct Bearer {
  std::string_view key;
  const std::optional<Sha256>& sha256;
};

Bearer bearer_of(const StoredFile& file, const AttemptTable& attempts) {
  if (attempt_bears(file.row.state)) {
    if (const AttemptRow* attempt = attempts.running(file.row)) {
      return {attempt->key, attempt->sha256};
    }
  }
  return {file.object_key, file.object_sha256};
}

Value own_sha256(const StoredFile& file) {
  if (!file.own_sha256) return std::nullopt;
  if (!file.row.sha256) return Value::blob("");
  return Value::blob(*file.row.sha256);
}

Value own_key(const StoredFile& file) {
  return file.own_key ? Value::blob(file.row.key) : Value(std::nullopt);
}

Value since(const FileRow& row) {
  if (row.pending_since == 0) return std::nullopt;
  return row.pending_since / ns_per_ms;
}

// Everything that starts with "directory/" sorts before this.
std::string end_of_directory(std::string_view directory) {
  std::string end(directory);
  end += static_cast<char>('/' + 1);
  return end;
}

}  // namespace

// Adds what only the attempts know.
StoredFile FileTable::whole(StoredFile file) const {
  const Bearer bearer = bearer_of(file, attempts_);
  if (!file.own_key) file.row.key = bearer.key;
  if (!file.own_sha256) file.row.sha256 = bearer.sha256;
  return file;
}

Result<std::vector<FileRow>> FileTable::whole_rows(Result<std::vector<StoredFile>> files) const {
  if (!files) return fail(files.error());
  std::vector<FileRow> rows;
  rows.reserve(files->size());
  for (StoredFile& file : *files) rows.push_back(std::move(whole(std::move(file)).row));
  return rows;
}

void FileTable::remember(const StoredFile& file) {
  if (!attempt_bears(file.row.state)) {
    recent_.erase(value_of(file.row.id));
    return;
  }
  if (recent_.size() >= most_recent) recent_.clear();
  recent_.insert_or_assign(value_of(file.row.id), file);
}

Result<std::optional<StoredFile>> FileTable::find_live(FolderId folder, std::string_view path) {
  auto file = first(
      session_.read(WAYBILL_FILE_COLUMNS "WHERE f.folder_id = ? AND f.path = ? AND f.live = 1",
                    {folder, Value::blob(path)}),
      file_from);
  if (file && *file) **file = whole(std::move(**file));
  return file;
}

Result<std::optional<StoredFile>> FileTable::find(FileId id) {
  if (const auto known = recent_.find(value_of(id)); known != recent_.end()) {
    return std::optional(known->second);
  }
  auto file = first(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.id = ?", {id}), file_from);
  if (file && *file) **file = whole(std::move(**file));
  return file;
}

// From `from` on, in path order; before `end` unless it is empty.
Result<std::vector<FileRow>> FileTable::page(FolderId folder, const std::string& from,
                                             const std::string& end) {
  if (end.empty()) {
    return whole_rows(all(
        session_.read(WAYBILL_FILE_COLUMNS "WHERE f.folder_id = ? AND f.live = 1 AND f.path >= ?"
                                           " ORDER BY f.path LIMIT ?",
                      {folder, Value::blob(from), page_rows}),
        file_from));
  }
  return whole_rows(
      all(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.folder_id = ? AND f.live = 1 AND f.path >= ?"
                                             " AND f.path < ? ORDER BY f.path LIMIT ?",
                        {folder, Value::blob(from), Value::blob(end), page_rows}),
          file_from));
}

Result<std::vector<FileRow>> FileTable::in_state(FileState state, FileId after, std::size_t limit) {
  const auto most = static_cast<std::int64_t>(limit);
  // The index leaves out the stored ones: they are the many, and asked for in bulk only.
  if (state == FileState::Stored) {
    return whole_rows(
        all(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.live = 1 AND f.state = 3 AND f.id > ?"
                                               " ORDER BY f.id LIMIT ?",
                          {after, most}),
            file_from));
  }
  return whole_rows(
      all(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.live = 1 AND f.state <> 3 AND f.state = ?"
                                             " AND f.id > ? ORDER BY f.id LIMIT ?",
                        {state, after, most}),
          file_from));
}

Result<std::vector<FileRow>> FileTable::queued(const Queue& queue,
                                               const std::optional<QueuePlace>& after,
                                               std::size_t limit) {
  const auto most = static_cast<std::int64_t>(limit);
  if (queue.newest_first) {
    const QueuePlace from =
        after.value_or(QueuePlace{std::numeric_limits<std::int64_t>::max(), FileId{}});
    return whole_rows(
        all(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.folder_id = ? AND " WAYBILL_QUEUE_OF(
                              "?", "?") " AND (f.since, f.id) < (?, ?)"
                                        " ORDER BY f.since DESC, f.id DESC LIMIT ?",
                          {queue.folder, queue.again, queue.lane, from.since, from.id, most}),
            file_from));
  }
  const QueuePlace from =
      after.value_or(QueuePlace{std::numeric_limits<std::int64_t>::min(), FileId{}});
  return whole_rows(
      all(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.folder_id = ? AND " WAYBILL_QUEUE_OF(
                            "?", "?") " AND (f.since, f.id) > (?, ?)"
                                      " ORDER BY f.since, f.id LIMIT ?",
                        {queue.folder, queue.again, queue.lane, from.since, from.id, most}),
          file_from));
}

// Device numbers change when a machine restarts: inode and time of birth decide. Asked for each
// file that comes, and hardly ever with an answer: the few that there are take a sorter, which
// costs more than the look.
Result<std::vector<FileRow>> FileTable::same_inode_elsewhere(FolderId folder, std::string_view path,
                                                             const Fingerprint& fingerprint) {
  const auto [ino, btime] = std::pair(fingerprint.ino, fingerprint.btime);
  auto any = first(session_.read("SELECT 1 FROM files f WHERE " WAYBILL_SAME_LIFE
                                 " AND +f.folder_id = ? AND +f.path <> ? LIMIT 1",
                                 {ino, btime, btime, folder, Value::blob(path)}),
                   first_integer);
  if (!any) return fail(any.error());
  if (!*any) return std::vector<FileRow>();
  return whole_rows(all(
      session_.read(
          WAYBILL_FILE_COLUMNS "WHERE " WAYBILL_SAME_LIFE " AND +f.folder_id = ? AND +f.path <> ?"
                               " ORDER BY (f.size = ? AND f.mtime = ?) DESC,"
                               " f.state DESC, f.id DESC LIMIT 4",
          {ino, btime, btime, folder, Value::blob(path), fingerprint.size, fingerprint.mtime}),
      file_from));
}

namespace {

// Walks pages of rows in path order, from `from` on, until `visit` returns false; true: to the end.
// `page(from, end)` gives the rows from `from` on, before `end` unless that is empty.
template <typename Page, typename Visit>
Result<bool> walk(std::string_view directory, bool deep, std::string& from, const Page& page,
                  const Visit& visit) {
  const std::string prefix = directory.empty() ? "" : std::string(directory) + '/';
  if (from.empty()) from = prefix;
  const std::string end = directory.empty() ? "" : end_of_directory(directory);
  for (;;) {
    auto rows = page(from, end);
    if (!rows) return fail(rows.error());
    for (const auto& row : *rows) {
      if (row.path < from) continue;  // below a directory that is being passed over
      const std::size_t slash = deep ? std::string::npos : row.path.find('/', prefix.size());
      if (slash != std::string::npos) {
        from = end_of_directory(std::string_view(row.path).substr(0, slash));
        continue;
      }
      from = row.path + '\0';
      if (!visit(row)) return false;
    }
    if (std::cmp_less(rows->size(), page_rows)) return true;
  }
}

Catalog::Name name_from(const Rows& rows) {
  return {.id = rows.id<FileId>(0), .state = rows.id<FileState>(1), .path = rows.string(2)};
}

}  // namespace

Result<void> FileTable::for_each_live(FolderId folder, std::string_view directory, bool deep,
                                      const std::function<void(const FileRow&)>& visit) {
  std::string from;
  const auto walked = walk(
      directory, deep, from,
      [&](const std::string& at, const std::string& end) { return page(folder, at, end); },
      [&](const FileRow& row) {
        visit(row);
        return true;
      });
  if (!walked) return fail(walked.error());
  return {};
}

Result<bool> FileTable::for_each_name(FolderId folder, std::string_view directory, bool deep,
                                      Catalog::NamesFrom& from,
                                      const std::function<bool(const Catalog::Name&)>& visit) {
  if (!directory.empty() || !deep) {
    return walk(
        directory, deep, from.path,
        [&](const std::string& at, const std::string& end) {
          // Nothing sorts behind a path of 0xFF bytes but longer ones, which no file system has.
          const std::string last = end.empty() ? std::string(5000, '\xFF') : end;
          return all(session_.read("SELECT id, state, path FROM files WHERE folder_id = ?"
                                   " AND live = 1 AND path >= ? AND path < ? ORDER BY path LIMIT ?",
                                   {folder, Value::blob(at), Value::blob(last), page_rows}),
                     name_from);
        },
        visit);
  }
  // All of a folder: in the order in which the rows lie in the database.
  for (;;) {
    auto rows = all(session_.read("SELECT id, state, path FROM files WHERE id > ? AND +live = 1"
                                  " AND +folder_id = ? ORDER BY id LIMIT ?",
                                  {from.id, folder, page_rows}),
                    name_from);
    if (!rows) return fail(rows.error());
    for (const Catalog::Name& row : *rows) {
      from.id = row.id;
      if (!visit(row)) return false;
    }
    if (std::cmp_less(rows->size(), page_rows)) return true;
  }
}

Result<void> FileTable::insert(StoredFile& file) {
  FileRow& row = file.row;
  const Fingerprint& print = row.fingerprint;
  file.own_sha256 = row.sha256.has_value();
  file.own_key = !row.key.empty();
  auto done = session_.write(
      "INSERT INTO files(folder_id, path, live, state, gen, dev, ino, btime, size, mtime, ctime,"
      " racy, sha, object_id, tries, reason, key, arrived, event, since)"
      " VALUES(?,?,1,?,?,?,?,?,?,?,?,?,?,NULL,?,?,?,?,?,?)",
      {row.folder, Value::blob(row.path), row.state, row.generation, print.dev, print.ino,
       print.btime, print.size, print.mtime, print.ctime, row.racy, own_sha256(file), row.tries,
       Value::text_or_null(row.reason), own_key(file), row.arrived / ns_per_ms, file.last_event,
       since(row)});
  if (!done) return done;
  row.id = static_cast<FileId>(session_.last_row_id());
  session_.tally().enter(row);
  remember(file);
  return {};
}

Result<void> FileTable::save(const FileRow& before, StoredFile after) {
  const FileRow& row = after.row;
  const Bearer bearer = bearer_of(after, attempts_);
  after.own_key = row.key != bearer.key;
  after.own_sha256 = row.sha256 != bearer.sha256;
  session_.tally().leave(before);
  session_.tally().enter(row);
  auto done = session_.write(
      "UPDATE files SET state = ?, gen = ?, racy = ?, sha = ?, object_id = ?, tries = ?,"
      " reason = ?, key = ?, event = ?, since = ? WHERE id = ?",
      {row.state, row.generation, row.racy, own_sha256(after), row.object, row.tries,
       Value::text_or_null(row.reason), own_key(after), after.last_event, since(row), row.id});
  if (done && before.fingerprint != row.fingerprint) {
    const Fingerprint& print = row.fingerprint;
    done = session_.write(
        "UPDATE files SET dev = ?, ino = ?, btime = ?, size = ?, mtime = ?, ctime = ? WHERE id = ?",
        {print.dev, print.ino, print.btime, print.size, print.mtime, print.ctime, row.id});
  }
  if (done) remember(after);
  return done;
}

Result<void> FileTable::move(FileId file, std::string_view path) {
  return session_.write("UPDATE files SET path = ? WHERE id = ?", {Value::blob(path), file});
}

Result<void> FileTable::end(const FileRow& row) {
  session_.tally().leave(row);
  forget(row.id);
  return session_.write("UPDATE files SET live = 0 WHERE id = ?", {row.id});
}

}  // namespace waybill::catalog
