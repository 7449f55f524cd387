#include "catalog/file_table.h"

#include <string>
#include <utility>

namespace waybill::catalog {

namespace {

constexpr std::int64_t page_rows = 512;

// NULL: as the object has it. x'': the file has none although its object has one.
Value own_sha256(const FileWithObject& file) {
  if (file.row.sha256 == file.object_sha256) return std::nullopt;
  if (!file.row.sha256) return Value::blob("");
  return Value::blob(*file.row.sha256);
}

Value own_key(const FileWithObject& file) {
  if (file.row.key == file.object_key) return std::nullopt;
  return Value::blob(file.row.key);
}

FileRow row_from(const Rows& rows) {
  return file_from(rows).row;
}

// Everything that starts with "directory/" sorts before this.
std::string end_of_directory(std::string_view directory) {
  std::string end(directory);
  end += static_cast<char>('/' + 1);
  return end;
}

}  // namespace

Result<std::optional<FileWithObject>> FileTable::find_live(FolderId folder, std::string_view path) {
  return first(
      session_.read(WAYBILL_FILE_COLUMNS "WHERE f.folder_id = ? AND f.path = ? AND f.live = 1",
                    {folder, Value::blob(path)}),
      file_from);
}

Result<std::optional<FileWithObject>> FileTable::find(FileId id) {
  return first(session_.read(WAYBILL_FILE_COLUMNS "WHERE f.id = ?", {id}), file_from);
}

Result<std::vector<FileRow>> FileTable::in_state(FileState state, FileId after, std::size_t limit) {
  const auto most = static_cast<std::int64_t>(limit);
  // The index leaves out the stored ones: they are the many, and asked for in bulk only.
  if (state == FileState::Stored) {
    return all(session_.read(WAYBILL_FILE_COLUMNS
                             "WHERE f.live = 1 AND f.state = 3 AND f.id > ? ORDER BY f.id LIMIT ?",
                             {after, most}),
               row_from);
  }
  return all(session_.read(WAYBILL_FILE_COLUMNS
                           "WHERE f.live = 1 AND f.state <> 3 AND f.state = ? AND f.id > ?"
                           " ORDER BY f.id LIMIT ?",
                           {state, after, most}),
             row_from);
}

Result<void> FileTable::for_each_live(FolderId folder, std::string_view directory, bool deep,
                                      const std::function<void(const FileRow&)>& visit) {
  const std::string prefix = directory.empty() ? "" : std::string(directory) + '/';
  std::string from = prefix;
  const std::string end = directory.empty() ? "" : end_of_directory(directory);
  for (;;) {
    auto page = directory.empty()
                    ? all(session_.read(WAYBILL_FILE_COLUMNS
                                        "WHERE f.folder_id = ? AND f.live = 1 AND f.path >= ?"
                                        " ORDER BY f.path LIMIT ?",
                                        {folder, Value::blob(from), page_rows}),
                          row_from)
                    : all(session_.read(WAYBILL_FILE_COLUMNS
                                        "WHERE f.folder_id = ? AND f.live = 1 AND f.path >= ?"
                                        " AND f.path < ? ORDER BY f.path LIMIT ?",
                                        {folder, Value::blob(from), Value::blob(end), page_rows}),
                          row_from);
    if (!page) return fail(page.error());
    for (const FileRow& row : *page) {
      if (row.path < from) continue;  // below a directory that is being passed over
      const std::size_t slash = deep ? std::string::npos : row.path.find('/', prefix.size());
      if (slash != std::string::npos) {
        from = end_of_directory(std::string_view(row.path).substr(0, slash));
        continue;
      }
      from = row.path + '\0';
      visit(row);
    }
    if (std::cmp_less(page->size(), page_rows)) return {};
  }
}

Result<void> FileTable::insert(FileRow& row) {
  const Fingerprint& print = row.fingerprint;
  auto done = session_.write(
      "INSERT INTO files(folder_id, path, live, state, gen, dev, ino, btime, size, mtime, ctime,"
      " racy, sha, object_id, tries, reason, key, arrived)"
      " VALUES(?,?,1,?,?,?,?,?,?,?,?,?,?,NULL,?,?,?,?)",
      {row.folder, Value::blob(row.path), row.state, row.generation, print.dev, print.ino,
       print.btime, print.size, print.mtime, print.ctime, row.racy,
       row.sha256 ? Value::blob(*row.sha256) : Value(std::nullopt), row.tries,
       Value::text_or_null(row.reason), Value::blob_or_null(row.key), row.arrived});
  if (!done) return done;
  row.id = static_cast<FileId>(session_.last_row_id());
  session_.tally().enter(row);
  return {};
}

Result<void> FileTable::save(const FileRow& before, const FileWithObject& after) {
  const FileRow& row = after.row;
  session_.tally().leave(before);
  session_.tally().enter(row);
  auto done = session_.write(
      "UPDATE files SET state = ?, gen = ?, racy = ?, sha = ?, object_id = ?, tries = ?,"
      " reason = ?, key = ? WHERE id = ?",
      {row.state, row.generation, row.racy, own_sha256(after), row.object, row.tries,
       Value::text_or_null(row.reason), own_key(after), row.id});
  if (!done || before.fingerprint == row.fingerprint) return done;
  const Fingerprint& print = row.fingerprint;
  return session_.write(
      "UPDATE files SET dev = ?, ino = ?, btime = ?, size = ?, mtime = ?, ctime = ? WHERE id = ?",
      {print.dev, print.ino, print.btime, print.size, print.mtime, print.ctime, row.id});
}

Result<void> FileTable::end(const FileRow& row) {
  session_.tally().leave(row);
  return session_.write("UPDATE files SET live = 0 WHERE id = ?", {row.id});
}

}  // namespace waybill::catalog
