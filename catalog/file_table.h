#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/attempt_table.h"
#include "catalog/catalog.h"
#include "catalog/columns.h"
#include "catalog/session.h"

namespace waybill::catalog {

// `files`. Keeps the tally in step with the rows, and knows who bears a row's key and SHA-256
// (columns.h): what bears them must be in place before save().
class FileTable {
 public:
  FileTable(Session& session, const AttemptTable& attempts)
      : session_(session), attempts_(attempts) {}

  Result<std::optional<StoredFile>> find_live(FolderId folder, std::string_view path);
  Result<std::optional<StoredFile>> find(FileId id);
  Result<std::vector<FileRow>> in_state(FileState state, FileId after, std::size_t limit);
  Result<std::vector<FileRow>> queued(const Queue& queue, const std::optional<QueuePlace>& after,
                                      std::size_t limit);
  // In pages, so that `visit` may call anything, writes included.
  Result<void> for_each_live(FolderId folder, std::string_view directory, bool deep,
                             const std::function<void(const FileRow&)>& visit);

  Result<bool> for_each_name(FolderId folder, std::string_view directory, bool deep,
                             Catalog::NamesFrom& from,
                             const std::function<bool(const Catalog::Name&)>& visit);

  // Rows of this folder at other paths that tell of this very inode: those whose file has gone
  // first, and not very many.
  Result<std::vector<FileRow>> same_inode_elsewhere(FolderId folder, std::string_view path,
                                                    const Fingerprint& fingerprint);

  // Fills in the new id.
  Result<void> insert(StoredFile& file);
  // Another path; no live row may have it.
  Result<void> move(FileId file, std::string_view path);
  // `before` is the row as it was read. `live` and the path never change here; the fingerprint is
  // written where it differs, for it costs another index.
  Result<void> save(const FileRow& before, StoredFile after);
  // Ends its life: another row may have the path.
  Result<void> end(const FileRow& row);

  // The rows of files on their way are read again within moments: kept until they rest.
  void forget(FileId id) { recent_.erase(value_of(id)); }
  void forget() { recent_.clear(); }

 private:
  Result<std::vector<FileRow>> page(FolderId folder, const std::string& from,
                                    const std::string& end);
  StoredFile whole(StoredFile file) const;
  Result<std::vector<FileRow>> whole_rows(Result<std::vector<StoredFile>> files) const;
  void remember(const StoredFile& file);

  Session& session_;
  const AttemptTable& attempts_;
  std::unordered_map<std::int64_t, StoredFile> recent_;
};

}  // namespace waybill::catalog
