#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/command.h"
#include "agent/session.h"
#include "agent/status.h"
#include "watcher/observation.h"
#include "watcher/settle_tracker.h"

namespace waybill::agent {

using FilePath = std::pair<FolderId, std::string>;

// A file whose wait is over: to be read, recorded and uploaded.
struct ReadyFile {
  FolderId folder{};
  std::string path;
  Fingerprint fingerprint;
};

// From what the scanner saw to files that are ready: compares with the rows, lets the settle
// tracker decide, and finds out which rows have lost their file. Coord thread only.
class Intake {
 public:
  struct Hooks {
    // A row whose file is confirmed gone (its attempt, if any, is cancelled).
    std::function<void(const catalog::FileRow&)> vanished;
    // Being read or uploaded right now: its own way decides, the queue must not take it a second
    // time.
    std::function<bool(const FilePath&)> busy;
    // This path is not pending any more without having become a row's new state (ignored,
    // unchanged).
    std::function<void(const FilePath&)> left;
    std::function<void(std::uint64_t)> barrier;
    // Seen unchanged, but its times were too young to prove that: read it again (rule 9).
    std::function<void(const ReadyFile&)> doubtful;
  };
  Intake(Session& session, Hooks hooks);

  void observe(const watcher::Observation& observation);
  // Moves settled files to the ready queue; what has waited there for long gets a row.
  void step();

  // The next file to work on: fresh ones first, then rows that wait in the catalog. nullopt: none.
  // `usable` tells whether a folder's store can be used now.
  std::optional<ReadyFile> take_ready(const std::function<bool(const Folder&)>& usable);
  // Something may have become claimable: a row was queued, a store opened, a back-off ended.
  void look_at_queue() { queue_exhausted_ = false; }
  // Not before `due`, whatever the queue says.
  void postpone(FileId file, BootTime due);
  void release(FileId file) { postponed_.erase(file); }
  void release_all() { postponed_.clear(); }

  void writer_found(const ReadyFile& file);
  // True if the longer wait is over already: then nothing was done and the file may be taken.
  bool no_lease_wait_is_over(const ReadyFile& file);
  // Looked at again, not before `due`: the facts decide. Until they are known it is waiting.
  void look_again(const FilePath& file, BootTime due);

  // Settling, ready, or to be looked at again.
  [[nodiscard]] bool waiting(const FilePath& file) const;
  [[nodiscard]] bool looked_at(const FilePath& file) const { return looked_at_.contains(file); }
  [[nodiscard]] std::int64_t waiting(FolderId folder) const;
  [[nodiscard]] std::optional<watcher::SettleTracker::Waiting> settling(const FilePath& file) const;
  [[nodiscard]] std::vector<FilePath> waiting_paths() const;
  [[nodiscard]] std::optional<BootTime> next_due() const;
  [[nodiscard]] std::int64_t ignored(FolderId folder) const;
  [[nodiscard]] Unrecorded unrecorded(const ListUnrecorded& question) const;
  void add_reasons(std::vector<Reason>& reasons) const;

 private:
  static constexpr std::size_t ready_in_memory = 4096;
  static constexpr Nanoseconds ready_in_memory_for = std::chrono::seconds(1);

  struct Listing {
    std::string directory;
    std::set<std::string> seen;  // full paths below the folder
  };
  struct FolderState {
    std::optional<Listing> listing;
    std::vector<bool> rows_seen;    // by FileId, while the first whole scan runs
    std::vector<std::string> gone;  // directories that went while it runs
    bool scanning = true;
    std::map<std::string, std::string> ignored;     // path → why, as far as `remembered` goes
    std::map<std::string, std::string> unreadable;  // path → why
  };
  static constexpr std::size_t remembered = 10000;

  void seen(FolderId folder, const watcher::FileObservation& file);
  void present(const FilePath& file, const Fingerprint& fingerprint);
  void absent(const FilePath& file);
  void not_a_file(const FilePath& file);
  void listing_ended(const watcher::ListingEnds& listing);
  void settling_below(FolderId folder, const ListUnrecorded& question, Unrecorded& list) const;
  void ignored_below(FolderId folder, const ListUnrecorded& question, Unrecorded& list) const;
  void doubt_rows(FolderId folder, std::string_view directory, bool deep,
                  const std::function<bool(const catalog::FileRow&)>& in_doubt);
  void scan_complete(FolderId folder);
  void events_lost(const watcher::EventsLost& lost);
  void folder_status(const watcher::FolderStatus& status);
  void write_backlog();
  void refill(const std::function<bool(const Folder&)>& usable);

  Session& session_;
  const Hooks hooks_;
  watcher::SettleTracker settling_;
  std::map<FolderId, FolderState> folders_;

  struct Waiting {
    ReadyFile file;
    BootTime since;
  };
  std::deque<Waiting> ready_;
  std::set<FilePath> ready_paths_;  // what ready_ holds
  std::set<FilePath> looked_at_;    // look_again()s that the scanner has not answered yet
  std::map<FolderId, std::int64_t> ready_in_folder_;
  std::map<FileId, BootTime> postponed_;
  struct Overflows {
    std::int64_t count = 0;
    std::int64_t last_at = 0;  // ns since 1970
    std::string advice;
  };
  Overflows overflows_;
  FileId queue_cursor_{};
  bool queue_exhausted_ = false;
};

}  // namespace waybill::agent
