#include "agent/catalog_answers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/bytes.h"

namespace waybill::agent {
namespace {

using catalog::FileRow;
using catalog::FileState;

constexpr std::size_t most_files_at_once = 5000;
constexpr std::size_t most_events = 50;
constexpr std::size_t most_causes = 1000;

FileAnswer answer_of(const FileRow& row, const KnownFolder& folder) {
  return {.id = value_of(row.id),
          .folder = folder.name,
          .folder_path = folder.path,
          .path = row.path,
          .state = row.state,
          .generation = row.generation,
          .size = row.fingerprint.size,
          .modified_at = row.fingerprint.mtime,
          .arrived_at = row.arrived,
          .sha256 = row.sha256,
          .tries = row.tries,
          .reason = row.reason,
          .key = row.key};
}

Result<std::map<FolderId, KnownFolder>> folders_by_id(catalog::Reader& reader) {
  auto folders = known_folders(reader);
  if (!folders) return fail(std::move(folders.error()));
  std::map<FolderId, KnownFolder> by_id;
  for (KnownFolder& folder : *folders) by_id.emplace(folder.id, std::move(folder));
  return by_id;
}

Result<std::optional<ObjectAnswer>> object_of(catalog::Reader& reader, const FileRow& row) {
  if (!row.object) return std::nullopt;
  auto object = reader.object(*row.object);
  if (!object) return fail(std::move(object.error()));
  if (!*object) return std::nullopt;
  const bool found_gone = !(*object)->live && (*object)->proof_due != 0;
  if (found_gone) return std::nullopt;
  auto stores = reader.stores();
  if (!stores) return fail(std::move(stores.error()));
  ObjectAnswer answer{.row = std::move(**object)};
  for (const catalog::StoreRow& store : *stores) {
    if (store.id != answer.row.store) continue;
    answer.endpoint = store.endpoint;
    answer.bucket = store.bucket;
  }
  return answer;
}

void add_counts(FolderView& folder, const catalog::Reader::StateCount& count) {
  folder.retrying += count.state == FileState::Queued ? count.retrying : 0;
  folder.last_stored_at = std::max(folder.last_stored_at, count.last_stored_at);
  switch (count.state) {
    case FileState::Queued:
      folder.pending += count.files;
      break;
    case FileState::Uploading:
      folder.uploading += count.files;
      break;
    case FileState::Blocked:
      folder.blocked += count.files;
      break;
    case FileState::Stored:
    case FileState::Removing:
    case FileState::Removed:
      folder.stored += count.files;
      folder.stored_bytes += count.bytes;
      break;
    case FileState::Gone:
      break;
  }
}

// What a row's reason says before the file's own particulars.
std::string cause_in(const std::string& reason) {
  return reason.substr(0, reason.find(": "));
}

Result<std::vector<Reason>> blocked_reasons(catalog::Reader& reader,
                                            const std::vector<FolderView>& folders) {
  auto causes = reader.blocked_causes(most_causes);
  if (!causes) return fail(std::move(causes.error()));
  std::vector<Reason> reasons;
  for (const auto& cause : *causes) {
    const std::string sentence = cause_in(cause.reason);
    const auto there = std::find_if(reasons.begin(), reasons.end(), [&](const Reason& reason) {
      return reason.sentence == sentence;
    });
    if (there != reasons.end()) {
      there->files += cause.files;
      continue;
    }
    const auto folder = std::find_if(folders.begin(), folders.end(), [&](const FolderView& view) {
      return view.id == cause.example_folder;
    });
    reasons.push_back({.code = "file-blocked",
                       .severity = Severity::Blocked,
                       .sentence = sentence,
                       .help = "waybill show " + printable(cause.example_path),
                       .folder = folder == folders.end() ? "" : folder->name,
                       .example = cause.example_path,
                       .files = cause.files});
  }
  return reasons;
}

}  // namespace

Result<std::vector<KnownFolder>> known_folders(catalog::Reader& reader) {
  auto rows = reader.folders();
  if (!rows) return fail(std::move(rows.error()));
  std::vector<KnownFolder> folders;
  for (catalog::FolderRow& row : *rows) {
    folders.push_back({row.id, std::move(row.name), std::move(row.path)});
  }
  return folders;
}

Result<FileList> list_files(catalog::Reader& reader, const FileFilter& filter) {
  auto folders = folders_by_id(reader);
  if (!folders) return fail(std::move(folders.error()));
  FileList list;
  catalog::Reader::FileQuery query{
      .state = filter.state,
      .limit = std::clamp<std::size_t>(filter.limit, 1, most_files_at_once),
      .after_id = filter.after};
  if (filter.target) {
    query.folder = filter.target->folder.id;
    const std::string& path = filter.target->path;
    if (!path.empty()) {
      query.path_prefix = path + "/";
      auto row = reader.find_live(filter.target->folder.id, path);
      if (!row) return fail(std::move(row.error()));
      const bool wanted = *row && (!filter.state || (*row)->state == *filter.state);
      if (wanted && filter.after == 0) {
        list.files.push_back(answer_of(**row, filter.target->folder));
      }
    }
  }
  auto rows = reader.files(query);
  if (!rows) return fail(std::move(rows.error()));
  for (const FileRow& row : *rows) list.files.push_back(answer_of(row, (*folders)[row.folder]));
  if (rows->size() == query.limit) list.next = value_of(rows->back().id);
  return list;
}

Result<FileStory> tell(catalog::Reader& reader, const Target& target) {
  FileStory story{
      .folder = target.folder.name, .folder_path = target.folder.path, .path = target.path};
  auto renamed = reader.renamed_from(target.folder.id, target.path);
  if (!renamed) return fail(std::move(renamed.error()));
  if (*renamed) story.renamed = RenamedAnswer{std::move((*renamed)->path), (*renamed)->at};
  auto row = reader.find_live(target.folder.id, target.path);
  if (!row) return fail(std::move(row.error()));
  if (!*row) return story;
  story.file = answer_of(**row, target.folder);
  auto object = object_of(reader, **row);
  if (!object) return fail(std::move(object.error()));
  story.object = std::move(*object);
  auto attempts = reader.attempts_of((*row)->id);
  if (!attempts) return fail(std::move(attempts.error()));
  // An upload that was left is nobody's try any more; what cannot be aborted is told by status.
  std::erase_if(*attempts, catalog::is_left_upload);
  story.attempts = std::move(*attempts);
  auto events = reader.events_of((*row)->id, most_events);
  if (!events) return fail(std::move(events.error()));
  story.events = std::move(*events);
  return story;
}

Result<Status> status_from(catalog::Reader& reader) {
  Status status{.version = WAYBILL_VERSION};
  auto rows = reader.folders();
  if (!rows) return fail(std::move(rows.error()));
  for (const catalog::FolderRow& row : *rows) {
    status.folders.push_back(
        {.id = row.id, .name = row.name, .path = row.path, .watched = "-", .note = row.reason});
  }
  auto counts = reader.state_counts();
  if (!counts) return fail(std::move(counts.error()));
  for (const auto& count : *counts) {
    for (FolderView& folder : status.folders) {
      if (folder.id == count.folder) add_counts(folder, count);
    }
  }
  auto oldest = reader.oldest_pending();
  if (!oldest) return fail(std::move(oldest.error()));
  for (FolderView& folder : status.folders) {
    const auto found = oldest->find(folder.id);
    if (found != oldest->end()) folder.oldest_pending_since = found->second;
  }
  auto stores = reader.stores();
  if (!stores) return fail(std::move(stores.error()));
  for (const catalog::StoreRow& store : *stores) {
    status.stores.push_back({.endpoint = store.endpoint,
                             .bucket = store.bucket,
                             .prefix = store.prefix,
                             .state = "unknown"});
  }
  auto reasons = blocked_reasons(reader, status.folders);
  if (!reasons) return fail(std::move(reasons.error()));
  status.reasons = std::move(*reasons);
  auto size = reader.size_bytes();
  if (!size) return fail(std::move(size.error()));
  status.catalog_bytes = *size;
  return status;
}

std::vector<Reason> concerning(const FileStory& story, const std::vector<Reason>& reasons) {
  std::vector<Reason> ours;
  for (const Reason& reason : reasons) {
    if (reason.severity == Severity::Notice) continue;
    if (!reason.folder.empty() && reason.folder != story.folder) continue;
    // What other files wait for is their story.
    const bool about_others =
        reason.files > 0 && !(reason.example == story.path && reason.folder == story.folder);
    if (!about_others) ours.push_back(reason);
  }
  return ours;
}

}  // namespace waybill::agent
