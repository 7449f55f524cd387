#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/rows.h"

namespace waybill::catalog {

// A read-only connection for the control server and for a CLI whose daemon is down (no root needed
// where the files are readable). Never blocks the writer; each call is one short snapshot.
// One thread at a time.
class Reader {
 public:
  // Errors: SourceGone (no catalog yet), NewerVersion, NeedsPerson (permissions), Damaged,
  // RetryLater.
  static Result<std::unique_ptr<Reader>> open(const std::string& state_dir);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::vector<FolderRow>> folders();
  Result<std::vector<StoreRow>> stores();
  Result<std::optional<FileRow>> find_live(FolderId folder, std::string_view path);
  struct FileQuery {
    std::optional<FolderId> folder;
    std::optional<FileState> state;
    std::string path_prefix;
    bool live_only = true;
    std::size_t limit = 1000;
    std::int64_t after_id = 0;
  };
  Result<std::vector<FileRow>> files(const FileQuery& query);
  Result<std::optional<ObjectRow>> object(ObjectId id);
  Result<std::vector<AttemptRow>> attempts_of(FileId file);
  // Newest first.
  Result<std::vector<EventRow>> events_of(FileId file, std::size_t limit);
  // Where the file went that had this path last and was renamed inside its folder. nullopt: none
  // was, or its history is no longer kept.
  struct NewName {
    FileId file{};
    std::string path;     // now, or when its row ended
    std::int64_t at = 0;  // when it left this path; ns since 1970
  };
  Result<std::optional<NewName>> renamed_from(FolderId folder, std::string_view path);
  struct StateCount {
    FolderId folder{};
    FileState state{};
    std::int64_t files = 0;
    std::int64_t retrying = 0;  // tries > 0
    std::int64_t bytes = 0;
    std::int64_t last_stored_at = 0;  // of Stored only; ns since 1970, 0: never
  };
  // As Catalog::oldest_pending().
  Result<std::map<FolderId, std::int64_t>> oldest_pending();
  // Read, not counted: it costs the same for a million files as for one.
  Result<std::vector<StateCount>> state_counts();
  // Blocked files grouped by reason, most files first, each with one example: what waits for a
  // person.
  struct Cause {
    std::string reason;
    std::int64_t files = 0;
    FolderId example_folder{};
    std::string example_path;
  };
  Result<std::vector<Cause>> blocked_causes(std::size_t limit);
  Result<std::int64_t> size_bytes();  // on disk, the write-ahead log included

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::catalog
