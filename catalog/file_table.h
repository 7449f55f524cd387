#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "catalog/columns.h"
#include "catalog/session.h"

namespace waybill::catalog {

// The SQL of `files`. Keeps the tally in step with the rows.
class FileTable {
 public:
  explicit FileTable(Session& session) : session_(session) {}

  Result<std::optional<FileWithObject>> find_live(FolderId folder, std::string_view path);
  Result<std::optional<FileWithObject>> find(FileId id);
  Result<std::vector<FileRow>> in_state(FileState state, FileId after, std::size_t limit);
  // In pages, so that `visit` may call anything, writes included.
  Result<void> for_each_live(FolderId folder, std::string_view directory, bool deep,
                             const std::function<void(const FileRow&)>& visit);

  // Fills in the new id.
  Result<void> insert(FileRow& row);
  // `before` is the row as it was read. Only `live` and what follows from it, the path, never
  // change here. The fingerprint is written where it differs, for it costs another index.
  Result<void> save(const FileRow& before, const FileWithObject& after);
  // Ends its life: another row may have the path.
  Result<void> end(const FileRow& row);

 private:
  Session& session_;
};

}  // namespace waybill::catalog
