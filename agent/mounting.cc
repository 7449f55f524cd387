#include <algorithm>

#include "agent/intake.h"
#include "agent/root_identity.h"
#include "base/bytes.h"

// The part of Intake about what is mounted in folders (WATCHING.md 3): which mounts are known, what
// a mount covers, and what is said of those that are missing.
namespace waybill::agent {

using catalog::FileState;

void Intake::know_covered(FolderId folder) {
  auto files = session_.expect(session_.catalog->covered(folder));
  if (!files) return;
  FileSet& covered = folders_.at(folder).covered;
  covered = {};
  for (const FileId file : *files) covered.insert(file);
  session_.changed();
}

// In the same commit as, or an earlier one than, the first row of a file below it.
void Intake::mount_entered(const watcher::MountEntered& mount) {
  if (!mount.before.empty() &&
      !session_.expect(session_.catalog->forget_mount(mount.folder, mount.before))) {
    return;
  }
  const auto covers = session_.expect(session_.catalog->note_mount(
      mount.folder, {.path = mount.path, .dev = mount.dev, .ino = mount.ino, .btime = mount.btime},
      !mount.accepted));
  if (covers && *covers) know_covered(mount.folder);
}

void Intake::uncover(FolderState& state, FileId file) {
  if (!state.covered.erase(file)) return;
  session_.expect(session_.catalog->uncover(file));
  session_.changed();
}

bool Intake::is_on_missing_mount(const FilePath& file) const {
  const auto& health = session_.folders.at(file.first).health;
  return health &&
         std::any_of(health->missing.begin(), health->missing.end(),
                     [&file](const auto& mount) { return at_or_below(file.second, mount.path); });
}

// Nothing is concluded of it; what waits for its turn waits on.
void Intake::suspended(const FilePath& file) {
  auto row = session_.expect(session_.catalog->find_live(file.first, file.second));
  if (!row) return;
  if (*row && (*row)->state == FileState::Queued && !is_on_missing_mount(file)) {
    postpone((*row)->id, session_.now() + suspended_look_every);
  }
  hooks_.left(file);
}

bool Intake::accept_mount(FolderId folder, const std::string& path) {
  const auto found = session_.folders.find(folder);
  if (found == session_.folders.end() || !found->second.health) return false;
  if (path.empty()) return accept_root(found->second);
  const auto& missing = found->second.health->missing;
  const bool missed = std::any_of(missing.begin(), missing.end(),
                                  [&path](const auto& mount) { return mount.path == path; });
  if (!missed || !session_.expect(session_.catalog->forget_mount(folder, path))) return false;
  know_covered(folder);
  session_.after_commit(
      [this, folder, path] { session_.world.scanner.accept_mount(folder, path); });
  return true;
}

// What lies at the folder's path is what belongs there from here on: only then rows of what is not
// in it go.
bool Intake::accept_root(Folder& folder) {
  if (folder.health->health != watcher::FolderHealth::Replaced) return false;
  catalog::FolderRow row = folder.row;
  forget_root(row);
  if (!session_.expect(session_.catalog->save_folder(row))) return false;
  folder.row = std::move(row);
  session_.after_commit(
      [this, id = folder.row.id] { session_.world.scanner.accept_mount(id, ""); });
  return true;
}

void Intake::add_mount_reasons(std::vector<Reason>& reasons) const {
  for (const auto& [id, state] : folders_) {
    const Folder& folder = session_.folders.at(id);
    if (folder.health) {
      for (const watcher::MissingMount& mount : folder.health->missing) {
        reasons.push_back(
            {.code = "mount-missing",
             .severity = Severity::Blocked,
             .sentence = mount.reason,
             .help = "mount it: it is taken up again by itself, and until then nothing "
                     "below it is concluded or deleted; if what lies there now is "
                     "what belongs there: waybill accept " +
                     printable(folder.config.path + '/' + mount.path),
             .folder = folder.config.name,
             .example = mount.path});
      }
    }
    if (!state.covered.empty()) {
      reasons.push_back({.code = "files-covered",
                         .severity = Severity::Notice,
                         .sentence = "something was mounted over files that were recorded before: "
                                     "they are not seen, and are not taken for gone",
                         .help = "",
                         .folder = folder.config.name,
                         .files = static_cast<std::int64_t>(state.covered.size())});
    }
  }
}

}  // namespace waybill::agent
