#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/columns.h"
#include "catalog/session.h"

namespace waybill::catalog {

// `attempts` and `parts`. There are as many as uploads under way, a few thousand at the most, and
// each verb asks for them: all are kept in memory too, and the table needs no index.
class AttemptTable {
 public:
  explicit AttemptTable(Session& session) : session_(session) {}

  // Before anything else, and after a rollback.
  Result<void> load();

  // Views into memory: valid until the next call that changes something.
  [[nodiscard]] const AttemptRow* find(std::string_view id) const;
  [[nodiscard]] std::vector<const AttemptRow*> of(FileId file) const;  // by generation
  [[nodiscard]] std::vector<AttemptRow> open() const;                  // by file and generation
  // The one that runs for this generation: not abandoned.
  [[nodiscard]] const AttemptRow* running(const FileRow& file) const;
  // Somebody else's attempt that may put something at the key.
  [[nodiscard]] bool another_file_uses(StoreId store, std::string_view key, FileId file) const;

  // BadInput: the id is not 32 lower-case hex digits.
  Result<void> insert(const AttemptRow& row);
  // Its file, generation, store, key and metadata never change, and an abandoned one stays
  // abandoned: whoever saves it may not have heard yet. The attempt is known.
  Result<void> save(AttemptRow row);
  Result<void> abandon(FileId file);
  Result<void> end(std::string_view id);

 private:
  void remember(AttemptRow row);

  Session& session_;
  std::unordered_map<std::string, AttemptRow> by_id_;
  std::unordered_multimap<std::int64_t, AttemptRow*> by_file_;
  std::unordered_multimap<std::string, AttemptRow*> by_key_;
};

// Its effect may appear under its key without our doing anything more: all but a multipart upload
// whose Complete was never sent. An abandoned one no longer says which it was.
[[nodiscard]] bool may_land(const AttemptRow& attempt);

}  // namespace waybill::catalog
