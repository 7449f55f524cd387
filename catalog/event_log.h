#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "catalog/rows.h"
#include "catalog/session.h"

namespace waybill::catalog {

// `events`: append-only. Each knows the one before it of the same file, and the file its last one.
//
// A small file is found and claimed in one commit (commit A). Those two events are one row then,
// the Claim's: a Claim that is the first event of its generation says complete-new-content too.
// Reader::events_of() and the view `history` tell both.
class EventLog {
 public:
  explicit EventLog(Session& session) : session_(session) {}

  // Before anything else, and after a rollback.
  Result<void> load();
  // What is durable stays as it is.
  void committed() { found_.clear(); }

  // The sequence number that append() will give: the file's row carries it.
  [[nodiscard]] std::int64_t upcoming(std::int64_t previous, FileEvent event) const;
  // Deletes those from before `before` (ns since 1970), oldest first, `limit` looked at; true:
  // there is more. The last of a file that is not at rest stays, and so does the very last: numbers
  // are never used twice.
  Result<bool> prune(std::int64_t before, std::int64_t limit, std::int64_t& pruned);

  // `previous` 0: the file's first.
  Result<void> append(const FileRow& file, std::int64_t previous, FileEvent event,
                      std::string_view reason, std::string_view attempt);

 private:
  [[nodiscard]] bool merges(std::int64_t previous, FileEvent event) const;

  Session& session_;
  std::int64_t next_ = 1;
  std::int64_t looked_at_ = 0;  // up to here pruning has looked, in this run
  // Of this transaction: what a Claim may still merge with.
  std::unordered_set<std::int64_t> found_;
};

}  // namespace waybill::catalog
