#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "catalog/columns.h"
#include "catalog/session.h"

namespace waybill::catalog {

// The SQL of `attempts` and `parts`. BadInput: an id that is not 32 lower-case hex digits.
class AttemptTable {
 public:
  explicit AttemptTable(Session& session) : session_(session) {}

  Result<std::optional<AttemptRow>> find(std::string_view id);
  Result<std::vector<AttemptRow>> of(FileId file);
  Result<std::vector<AttemptRow>> open();
  // Somebody else's attempt that may put something at the key.
  Result<bool> another_file_uses(StoreId store, std::string_view key, FileId file);

  Result<void> insert(const AttemptRow& row);
  // False: no such attempt. Its file, generation, store and key never change, and an abandoned one
  // stays abandoned: whoever saves it may not have heard yet.
  Result<bool> save(const AttemptRow& row);
  Result<void> abandon(FileId file);
  Result<void> end(std::string_view id);

 private:
  Session& session_;
};

// Its effect may appear under its key without our doing anything more: all but a multipart upload
// whose Complete was never sent. An abandoned one no longer says which it was.
[[nodiscard]] bool may_land(const AttemptRow& attempt);

}  // namespace waybill::catalog
