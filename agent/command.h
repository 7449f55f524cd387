#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/mutex.h"

// What the control server asks of coord, which alone changes anything.
namespace waybill::agent {

// One `waybill wait`: shared by coord, which counts down, and the control thread, which waits.
class WaitTicket {
 public:
  struct Progress {
    bool started = false;        // the disk as of the call has been taken in
    std::int64_t remaining = 0;  // files that were there and are neither stored nor blocked
    std::int64_t blocked = 0;    // of those that were there
    std::int64_t stored = 0;
    [[nodiscard]] bool done() const { return started && remaining == 0; }
  };
  void update(const Progress& progress);
  // Returns when done or after `patience`.
  Progress wait(Nanoseconds patience);

 private:
  Mutex mu_;
  Condition changed_;
  Progress progress_ GUARDED_BY(mu_);
};

// Everything below `folder` (all folders with nullopt) and `path_prefix` that is there now.
struct StartWait {
  std::optional<FolderId> folder;
  std::string path_prefix;
  std::shared_ptr<WaitTicket> ticket;
};

// Blocked and retrying files go again at once, and what waits for a rename is taken as it is.
// Replies how many.
struct Retry {
  std::optional<FolderId> folder;
  std::string path;  // empty: all
  std::promise<std::int64_t> reply;
};

// What lies at a path at which something else was mounted before is what belongs there. Replies
// once that is durable; false: nothing is missing there.
struct AcceptMount {
  FolderId folder{};
  std::string path;
  std::promise<bool> reply;
};

// What coord knows of a file beyond the catalog.
struct FileView {
  std::string phase;            // "settling", "reading", "waiting-for-slot", "uploading",
                                // "waiting-for-marker", "waiting-for-rename",
                                // "waiting-for-person", "waiting-for-store",
                                // "waiting-for-folder", "retrying", ""
  std::string explanation;      // a sentence; empty: nothing to add
  std::int64_t due_in_ms = -1;  // -1: not waiting for time
};
struct Explain {
  FolderId folder{};
  std::string path;
  std::promise<FileView> reply;
};

// What the catalog has no row for: files that still settle, and names that never become files.
struct UnrecordedFile {
  FolderId folder{};
  std::string path;
  std::string state;   // "settling"; "ignored", "unreadable"
  std::string reason;  // a sentence or its beginning
  std::uint64_t size = 0;
  std::int64_t modified_at = 0;
  std::int64_t due_in_ms = -1;  // -1: not waiting for time
};
struct Unrecorded {
  std::vector<UnrecordedFile> files;
  bool complete = true;  // false: more than are remembered, or than were asked for
};
struct ListUnrecorded {
  std::optional<FolderId> folder;
  std::string path;      // it and all below; empty: everything
  bool ignored = false;  // else those that settle
  std::size_t limit = 1000;
  std::promise<Unrecorded> reply;
};

using Command = std::variant<StartWait, Retry, AcceptMount, Explain, ListUnrecorded>;

}  // namespace waybill::agent
