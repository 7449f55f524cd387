#include "catalog/catalog_impl.h"

// The part of the catalog about what is mounted in folders (WATCHING.md 3): which directory was
// entered at a path, and the files that lie below a mount that came over them.
namespace waybill::catalog {

namespace {

MountRow mount_from(const Rows& rows) {
  return {.path = rows.string(0),
          .dev = static_cast<std::uint64_t>(rows.integer(1)),
          .ino = static_cast<std::uint64_t>(rows.integer(2)),
          .btime = rows.integer(3)};
}

FileId id_from(const Rows& rows) {
  return FileId{rows.integer(0)};
}

// The paths below a directory are those from the first to before the second.
std::string first_below(std::string_view directory) {
  return std::string(directory) + '/';
}
std::string first_behind(std::string_view directory) {
  return std::string(directory) + static_cast<char>('/' + 1);
}

}  // namespace

Result<std::vector<MountRow>> Catalog::mounts(FolderId folder) {
  return all(
      impl_->session->read(
          "SELECT path, dev, ino, btime FROM mounts WHERE folder_id = ? ORDER BY path", {folder}),
      mount_from);
}

Result<bool> Catalog::note_mount(FolderId folder, const MountRow& mount, bool covers) {
  auto known =
      first(impl_->session->read(
                "SELECT path, dev, ino, btime FROM mounts WHERE folder_id = ? AND path = ?",
                {folder, Value::blob(mount.path)}),
            mount_from);
  if (!known) return fail(known.error());
  if (auto begun = impl_->session->begin(); !begun) return fail(begun.error());
  auto noted = impl_->session->write(
      "INSERT OR REPLACE INTO mounts(folder_id, path, dev, ino, btime, at) VALUES(?,?,?,?,?,?)",
      {folder, Value::blob(mount.path), mount.dev, mount.ino, mount.btime,
       impl_->session->now() / ns_per_ms});
  if (!noted) return fail(noted.error());
  if (!covers || *known) return false;
  // 0 to 4: there is a file, as far as the row knows (file_state.h).
  auto covered = impl_->session->write(
      "INSERT OR IGNORE INTO covered_files(file_id) SELECT id FROM files WHERE folder_id = ?"
      " AND live = 1 AND state BETWEEN 0 AND 4 AND path >= ? AND path < ?",
      {folder, Value::blob(first_below(mount.path)), Value::blob(first_behind(mount.path))});
  if (!covered) return fail(covered.error());
  return true;
}

Result<void> Catalog::forget_mount(FolderId folder, std::string_view path) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  auto uncovered = impl_->session->write(
      "DELETE FROM covered_files WHERE file_id IN (SELECT id FROM files WHERE folder_id = ?"
      " AND live = 1 AND path >= ? AND path < ?)",
      {folder, Value::blob(first_below(path)), Value::blob(first_behind(path))});
  if (!uncovered) return uncovered;
  return impl_->session->write("DELETE FROM mounts WHERE folder_id = ? AND path = ?",
                               {folder, Value::blob(path)});
}

Result<std::vector<FileId>> Catalog::covered(FolderId folder) {
  return all(impl_->session->read("SELECT c.file_id FROM covered_files c JOIN files f"
                                  " ON f.id = c.file_id WHERE f.folder_id = ? AND f.live = 1",
                                  {folder}),
             id_from);
}

Result<void> Catalog::uncover(FileId file) {
  if (auto begun = impl_->session->begin(); !begun) return begun;
  return impl_->session->write("DELETE FROM covered_files WHERE file_id = ?", {file});
}

}  // namespace waybill::catalog
