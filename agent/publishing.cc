#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "agent/pipeline_parts.h"
#include "base/bytes.h"

// What the pipeline tells of itself: the status, with a line for each cause (P8).
namespace waybill::agent {
namespace {

using catalog::FileRow;
using catalog::FileState;

std::string watched_word(const Folder& folder) {
  if (!folder.health) return "starting";
  switch (folder.health->health) {
    case watcher::FolderHealth::Watching:
      return folder.scanned ? "inotify" : "scanning";
    case watcher::FolderHealth::Polling:
      return "polling";
    case watcher::FolderHealth::Missing:
    case watcher::FolderHealth::Replaced:
    case watcher::FolderHealth::Unreadable:
      return "suspended";
  }
  return "starting";
}

// Why it is not watched by events, or why nobody can prove that it is.
std::string note_of(const Folder& folder) {
  if (!folder.health) return "";
  if (!folder.health->reason.empty() || folder.health->unproven.empty()) {
    return folder.health->reason;
  }
  return "unproven: " + folder.health->unproven;
}

std::string catalog_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::DiskFull:
      return "catalog-disk-full";
    case ErrorCode::NewerVersion:
      return "catalog-newer";
    case ErrorCode::Damaged:
      return "catalog-damaged";
    default:
      return "catalog-unusable";
  }
}

std::string catalog_sentence(const Error& error) {
  return (error.code == ErrorCode::Damaged ? "the catalog is damaged: " : "") + error.describe();
}

std::string catalog_help(const Error& error) {
  switch (error.code) {
    case ErrorCode::DiskFull:
      return "make room on the disk of the state directory; it goes on by itself";
    case ErrorCode::NewerVersion:
      return "install the version of waybill that wrote it, or a later one; it was left untouched";
    case ErrorCode::Damaged:
      return "stop waybilld, restore catalog.db from a backup into the state directory, start it; "
             "or, without a backup, move all of the state directory elsewhere to begin anew: what "
             "lies in the bucket is then looked at, and not overwritten";
    default:
      return "it is tried again every few seconds";
  }
}

// One that does not answer holds up the looks at all of them.
constexpr Nanoseconds disk_patience = std::chrono::minutes(1);

Reason disk_does_not_answer(const std::string& folder, std::int64_t since) {
  return {.code = "disk-silent",
          .severity = Severity::Blocked,
          .sentence =
              "a file system does not answer: nothing new is noticed, in no folder, until "
              "it does",
          .help =
              "look at the disk or the server that this folder lies on, and at what is mounted "
              "in it; where it will not come back, unmount it (umount -f, umount -l)",
          .folder = folder,
          .since = since};
}

}  // namespace

void Pipeline::publish() {
  const BootTime now = world_.clock.boot();
  auto status = std::make_shared<Status>();
  status->version = WAYBILL_VERSION;
  status->agent_name = config_.agent_name;
  status->pid = ::getpid();
  status->started_at = started_at_;
  status->at = world_.clock.wall().time_since_epoch().count();
  status->config_files = config_.files;
  status->state_dir = config_.state_dir;
  if (!config_refusal_.empty()) {
    status->reasons.push_back(
        {.code = "config-refused",
         .severity = Severity::Blocked,
         .sentence = "the changed configuration was refused: " + config_refusal_,
         .help = "the old one goes on; correct it and reload again"});
  }
  if (config_.folders.empty()) {
    status->reasons.push_back({.code = "no-folder",
                               .severity = Severity::Notice,
                               .sentence = "no folder is configured: nothing is watched",
                               .help =
                                   "name one with [[folder]] in /etc/waybill/waybill.toml, then: "
                                   "systemctl reload waybilld"});
  }
  if (catalog_trouble_) {
    status->reasons.push_back({.code = catalog_code(*catalog_trouble_),
                               .severity = catalog_trouble_->code == ErrorCode::DiskFull
                                               ? Severity::Degraded
                                               : Severity::Blocked,
                               .sentence = catalog_sentence(*catalog_trouble_),
                               .help = catalog_help(*catalog_trouble_),
                               .since = catalog_trouble_since_});
  }
  if (parts_ && short_of_room_since_) {
    status->reasons.push_back(
        {.code = "catalog-disk-full",
         .severity = Severity::Degraded,
         .sentence = "the disk of the state directory is full: what is under way is finished and "
                     "recorded, nothing new is begun",
         .help = "make room on the disk of the state directory; it goes on by itself",
         .since = *short_of_room_since_});
  }
  if (!parts_) {
    // What they hold nobody can say now, but they are there, and `show` finds its way by them.
    for (const FolderConfig& folder : config_.folders) {
      status->folders.push_back({.name = folder.name, .path = folder.path, .watched = "unknown"});
    }
  }
  if (parts_) {
    Parts& parts = *parts_;
    if (auto id = parts.session.catalog->agent_id()) status->agent_id = *id;
    const auto oldest = parts.session.expect(parts.session.catalog->oldest_pending());
    for (const auto& [id, folder] : parts.session.folders) {
      const catalog::Catalog::Counts counts = parts.session.catalog->counts(id);
      const auto in = [&counts](FileState state) {
        return counts.by_state[static_cast<std::size_t>(state)];
      };
      status->folders.push_back(
          {.id = id,
           .name = folder.config.name,
           .path = folder.config.path,
           .watched = watched_word(folder),
           .note = note_of(folder),
           .pending =
               in(FileState::Queued) + parts.intake->waiting(id) + parts.transfers->reading(id),
           .uploading = in(FileState::Uploading),
           .stored = in(FileState::Stored) + in(FileState::Removing) + in(FileState::Removed),
           .blocked = in(FileState::Blocked),
           .retrying = counts.retrying,
           .ignored = parts.intake->ignored(id),
           .stored_bytes = counts.stored_bytes,
           .oldest_pending_since = oldest ? oldest_pending(id, *oldest) : 0,
           .last_stored_at = counts.last_stored_at,
           .seen_until = folder.seen_until});
    }
    status->stores = parts.stores->views();
    parts.stores->add_reasons(status->reasons);
    parts.transfers->add_reasons(status->reasons);
    parts.intake->add_reasons(status->reasons);
    const auto look = world_.scanner.under_way();
    const auto folder =
        look ? parts.session.folders.find(look->folder) : parts.session.folders.end();
    if (folder != parts.session.folders.end() && now - look->since >= disk_patience) {
      status->reasons.push_back(disk_does_not_answer(folder->second.config.name,
                                                     status->at - (now - look->since).count()));
    }
    add_blocked_reasons(status->reasons);
  }
  std::stable_sort(status->reasons.begin(), status->reasons.end(),
                   [](const Reason& a, const Reason& b) { return a.severity > b.severity; });
  world_.publish(std::move(status));
  for (const Task& told : std::exchange(to_tell_, {})) told();
  published_at_ = now;
  publish_at_ = BootTime::max();  // until something changes
}

// In the catalog and in memory; ns since 1970, 0: nothing is pending.
std::int64_t Pipeline::oldest_pending(FolderId folder,
                                      const std::map<FolderId, std::int64_t>& in_catalog) const {
  const auto recorded = in_catalog.find(folder);
  std::int64_t oldest = recorded == in_catalog.end() ? 0 : recorded->second;
  for (const auto& since :
       {parts_->intake->oldest(folder), parts_->transfers->oldest_reading(folder)}) {
    if (!since) continue;
    const Nanoseconds ago = world_.clock.boot() - *since;
    const std::int64_t at = (world_.clock.wall().time_since_epoch() - ago).count();
    oldest = oldest == 0 ? at : std::min(oldest, at);
  }
  return oldest;
}

// Files that wait for a person, one line a cause (P8).
void Pipeline::add_blocked_reasons(std::vector<Reason>& reasons) {
  constexpr std::size_t page = 1000;
  std::map<std::string, Reason> causes;
  auto rows = parts_->session.catalog->in_state(FileState::Blocked, FileId{}, page);
  if (!rows) return;
  for (const FileRow& row : *rows) {
    const auto folder = parts_->session.folders.find(row.folder);
    if (folder == parts_->session.folders.end()) continue;
    // The cause is what stands before the file's own particulars.
    const std::string cause = row.reason.substr(0, row.reason.find(": "));
    Reason& reason = causes[cause];
    if (++reason.files > 1) continue;
    reason.code = "file-blocked";
    reason.severity = Severity::Blocked;
    reason.sentence = cause;
    reason.help = "waybill show " + printable(row.path);
    reason.folder = folder->second.config.name;
    reason.example = row.path;
  }
  for (auto& [cause, reason] : causes) reasons.push_back(std::move(reason));
}

}  // namespace waybill::agent
