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

#include "agent/arrival.h"
#include "agent/command.h"
#include "agent/departed_files.h"
#include "agent/doubts.h"
#include "agent/file_set.h"
#include "agent/gate.h"
#include "agent/hot_files.h"
#include "agent/ignored_files.h"
#include "agent/moved_files.h"
#include "agent/number_set.h"
#include "agent/owed_listings.h"
#include "agent/owed_looks.h"
#include "agent/recent_names.h"
#include "agent/seen_names.h"
#include "agent/session.h"
#include "agent/sidecars.h"
#include "agent/status.h"
#include "agent/turns.h"
#include "watcher/marker.h"
#include "watcher/observation.h"
#include "watcher/settle_tracker.h"
#include "watcher/sidecar.h"

namespace waybill::agent {

// A file whose wait is over: to be read, recorded and uploaded.
struct ReadyFile {
  FolderId folder{};
  std::string path;
  Fingerprint fingerprint;
  std::optional<BootTime> since = {};  // seen incomplete for the first time, as far as known
  bool recorded = false;               // it has a queued row, which counts it
  bool again = false;                  // it was put back before
  bool elsewhere = false;              // a row with another name of its folder may be its own
};

inline QueueName queue_of(const ReadyFile& file) {
  return {file.folder, catalog::lane_of(file.fingerprint.size), file.again};
}

// Content that its reading holds: that of large files is read part by part.
inline std::uint64_t held_to_read(const ReadyFile& file) {
  return catalog::lane_of(file.fingerprint.size) == catalog::Lane::Large ? 0
                                                                         : file.fingerprint.size;
}

// From what the scanner saw to files that are ready: compares with the rows, lets the settle
// tracker decide, and finds out which rows have lost their file. Coord thread only.
class Intake {
 public:
  struct Hooks {
    // A row whose file is confirmed gone (its attempt, if any, is cancelled).
    std::function<void(const catalog::FileRow&)> vanished;
    // A row's file has gone from the one name to the other, where it will be recorded.
    std::function<void(const FilePath& from, const FilePath& to)> moved;
    // Being read or uploaded right now: its own way decides, the queue must not take it a second
    // time.
    std::function<bool(const FilePath&)> busy;
    // What is being read under this path right now, if anything is.
    std::function<std::optional<Fingerprint>(const FilePath&)> reading;
    // This path is not pending any more without having become a row's new state (ignored,
    // unchanged).
    std::function<void(const FilePath&)> left;
    std::function<void(std::uint64_t)> barrier;
    // Seen unchanged, but its times were too young to prove that: read it again (rule 9).
    std::function<void(const ReadyFile&)> doubtful;
    // What lies beside this file has changed.
    std::function<void(const FilePath&)> said_anew;
  };
  Intake(Session& session, Hooks hooks);

  void observe(const watcher::Observation& observation);
  // Moves settled files to the ready queue; what has waited there for long gets a row.
  // `may_record` false: the catalog's disk is full, and they stay in memory.
  void step(bool may_record = true);

  // Reads on in the queues of the catalog, where there is need. `usable` tells whether a folder
  // is there and its store can be used now.
  void look_for_work(const std::function<bool(const Folder&)>& usable);
  // The queues in which somebody waits.
  [[nodiscard]] std::vector<QueueName> queues(
      const std::function<bool(const Folder&)>& usable) const;
  // The next file of a queue; nullopt: all that wait in it are under way still.
  std::optional<ReadyFile> take(const QueueName& queue);
  // Something may have become claimable: a row was queued, a store opened, a back-off ended.
  void look_at_queue();
  // It is no longer under way.
  void ended(const FilePath& file);
  // Not before `due`, whatever the queue says.
  void postpone(FileId file, BootTime due);
  [[nodiscard]] bool postponed(FileId file) const { return postponed_.contains(file); }
  void release(FileId file) { postponed_.erase(file); }

  void writer_found(const ReadyFile& file);
  // True if the longer wait is over already: then nothing was done and the file may be taken.
  bool no_lease_wait_is_over(const ReadyFile& file);
  // Looked at again, not before `due`: the facts decide. Until they are known it is waiting.
  void look_again(const FilePath& file, BootTime due, std::optional<BootTime> since = {});
  // The path of the marker without which this file is not complete; empty: it needs none.
  [[nodiscard]] std::string marker_of(const FilePath& file) const;
  // The path of the sidecar that tells of this file; empty: its folder has none.
  [[nodiscard]] std::string sidecar_of(const FilePath& file) const;
  // Whether what was found there may be used. False: it is to be read again; where the file waits
  // for nothing else, said_anew tells when.
  bool may_use_sidecar(const FilePath& file, const Result<std::optional<watcher::Sidecar>>& found);
  // said_anew comes again in a while. `why`: a sentence for people.
  void look_beside_later(const FilePath& file, const std::string& why);
  [[nodiscard]] bool sidecar_settles(const FilePath& file) const;
  // Why it waits for its sidecar, in a sentence; empty: it does not.
  [[nodiscard]] std::string awaited_sidecar(const FilePath& file) const;
  // What lies beside files has changed, and which of them it was nobody knows yet.
  [[nodiscard]] OwedLooks& looks_beside() { return looks_beside_; }
  // It settles with it, and has its turn then.
  void wait_for_sidecar(const ReadyFile& file);
  // It was not there when the file was to be read.
  void not_marked(const ReadyFile& file);
  // Who had its name before is on the way to be recorded under another: first that one.
  [[nodiscard]] bool waits_for_former_holder(const FilePath& file) const;
  // Its turn comes again then.
  void hold_back(const ReadyFile& file);
  // It is complete, and is recorded now.
  void taken(const FilePath& file);
  // A person says that these are whole, however they came; how many it was about.
  std::int64_t vouch(std::optional<FolderId> folder, const std::string& path);

  // Settling, held by the gate, ready, or to be looked at again.
  [[nodiscard]] bool waiting(const FilePath& file) const;
  [[nodiscard]] bool looked_at(const FilePath& file) const { return looked_at_.contains(file); }
  // Of those the ones that no queued row counts.
  [[nodiscard]] std::int64_t waiting(FolderId folder) const;
  // Since when the first seen of all that wait in memory waits.
  [[nodiscard]] std::optional<BootTime> oldest(FolderId folder) const;
  // How often it changed lately after it had been taken, but for once.
  [[nodiscard]] int heat(const FilePath& file) const;
  // It was pending and has just gone: it may turn up under another name.
  [[nodiscard]] bool departed(const FilePath& file) const { return departed_.contains(file); }
  [[nodiscard]] std::optional<watcher::SettleTracker::Waiting> settling(const FilePath& file) const;
  [[nodiscard]] const Gate::Held* held(const FilePath& file) const { return gate_.find(file); }
  // Held for a person, or for longer than its folder's `stuck_after`: it will hardly come by
  // itself.
  [[nodiscard]] bool given_up(const FilePath& file) const {
    const Gate::Held* const held = gate_.find(file);
    return held != nullptr && (held->sign == Gate::Held::Sign::Person || stuck_.contains(file));
  }
  [[nodiscard]] std::vector<FilePath> waiting_paths() const;
  [[nodiscard]] std::optional<BootTime> next_due() const;
  [[nodiscard]] std::int64_t ignored(FolderId folder) const;
  // Of a folder, or of any, not every file that was seen could be taken in yet.
  [[nodiscard]] bool owes_listings(std::optional<FolderId> folder) const {
    return owed_.any(folder);
  }
  // It, or something below it, may be one of those.
  [[nodiscard]] bool may_be_left_out(const FilePath& file) const { return owed_.concerns(file); }
  // Nothing else is known of it.
  [[nodiscard]] bool may_wait_unseen(const FilePath& file) const {
    return may_be_left_out(file) && !waiting(file) && without_row(file);
  }
  // `busy`: what is being read or uploaded.
  [[nodiscard]] Unrecorded unrecorded(const ListUnrecorded& question,
                                      const std::vector<FilePath>& busy) const;
  void add_reasons(std::vector<Reason>& reasons) const;
  // A person says that what lies at the path of a missing mount, or at "" in place of the folder's
  // root, is what belongs there. False: nothing is missing there.
  bool accept_mount(FolderId folder, const std::string& path);

 private:
  static constexpr std::size_t ready_in_memory = 4096;
  static constexpr Nanoseconds suspended_look_every = std::chrono::minutes(1);
  static constexpr Nanoseconds ready_in_memory_for = std::chrono::seconds(1);

  struct Listing {
    std::string directory;
    SeenNames seen;  // full paths below the folder
  };
  struct FolderState {
    std::optional<Listing> listing;     // that is compared with the rows
    std::optional<std::string> listed;  // the directory of the one that runs
    FileSet rows_seen;                  // while the first whole scan runs
    GoneDirectories gone;               // while it runs
    NumberSet shown;                    // directories of which something was seen, hashed, likewise
    bool scanning = true;
    std::optional<watcher::MarkerRule> marker;   // where it says what is complete
    std::optional<watcher::MarkerRule> sidecar;  // where it says what goes along
    IgnoredFiles ignored;
    std::map<std::string, std::string> unreadable;  // path → why, as far as `remembered` goes
    FileSet covered;                                // by a mount that came over them: not gone
    std::optional<BootTime> watermark;              // true once nothing is asked after any more
  };
  static constexpr std::size_t remembered = 10000;

  void seen(FolderId folder, const watcher::FileObservation& file);
  void present(const FilePath& file, const watcher::Present& seen, bool awaited);
  void follow_moves(const FilePath& file, const Fingerprint& fingerprint,
                    std::optional<catalog::FileRow>& row);
  void note_move(const FilePath& file, const Fingerprint& fingerprint);
  void depart(const FilePath& file, const Fingerprint& fingerprint);
  [[nodiscard]] std::optional<Fingerprint> pending_as(
      const FilePath& file, const std::optional<catalog::FileRow>& row) const;
  void no_longer_moving(const FilePath& file);
  void absent(const FilePath& file);
  void not_a_file(const FilePath& file, const std::string& why);
  void marker_seen(const FilePath& marker, const std::string& marked);
  // The file of which what has this path is the sidecar; nullopt: it is none.
  [[nodiscard]] std::optional<std::string> told_of_by(const FilePath& path) const;
  void sidecar_seen(const FilePath& sidecar, const watcher::FileObservation& as);
  void take_sidecars();
  void forget(const FilePath& file);
  // More files of the folder may settle, of the part that such files may take of memory.
  [[nodiscard]] bool has_room(FolderId folder, std::size_t parts) const;
  void hold_scanner();
  void leave_out(const FilePath& file);
  void ask_for_left_out();
  // Since when this content has been still, as far as that counts: now, or while it was left out.
  [[nodiscard]] BootTime still_since(FolderId folder, const Fingerprint& fingerprint) const;
  void tell_watermarks();
  // A file that settles or is held has a queued row; or it has none, or waits no more. True: it
  // had.
  void settling_row(const FilePath& file);
  bool no_settling_row(const FilePath& file);
  void listing_begins(FolderState& state, const std::string& directory);
  void row_seen(FolderState& state, const catalog::FileRow& row);
  void listing_ended(const watcher::ListingEnds& listing);
  void settling_below(FolderId folder, const ListUnrecorded& question, Unrecorded& list) const;
  void under_way_below(const ListUnrecorded& question, const std::vector<FilePath>& busy,
                       Unrecorded& list) const;
  [[nodiscard]] bool without_row(const FilePath& file) const;
  void held_below(FolderId folder, const ListUnrecorded& question, Unrecorded& list) const;
  void ignored_below(FolderId folder, const ListUnrecorded& question, Unrecorded& list) const;
  // More of what may have gone: Doubts::More.
  bool names_in_doubt(Doubt& doubt, std::vector<std::string>& names);
  bool arrivals_in_doubt(Doubt& doubt, std::vector<std::string>& names);
  void scan_complete(FolderId folder);
  void events_lost(const watcher::EventsLost& lost);
  void folder_status(const watcher::FolderStatus& status);
  void mount_entered(const watcher::MountEntered& mount);
  void know_covered(FolderId folder);
  // What is queued there is not lined up until the disk is back.
  [[nodiscard]] bool is_on_missing_mount(const FilePath& file) const;
  void uncover(FolderState& state, FileId file);
  void suspended(const FilePath& file);
  bool accept_root(Folder& folder);
  void add_mount_reasons(std::vector<Reason>& reasons) const;
  void waits_since(const FilePath& file, std::optional<BootTime> since);
  void open_gate(const FilePath& file);
  void mind(FolderId folder, BootTime since);
  [[nodiscard]] bool by_rename(FolderId folder) const;
  void note_arrival(const FilePath& file, const Fingerprint& fingerprint, watcher::Arrival how);
  void forget_arrival(const FilePath& file);
  void forget_arrivals(FolderId folder);
  Verdict verdict_on(const FilePath& file, const Fingerprint& fingerprint);
  // True: it is not to be taken now.
  bool hold_unless_arrived(const FilePath& file, const Fingerprint& fingerprint, BootTime since);
  void add_left_out_reasons(std::vector<Reason>& reasons) const;
  void add_unseen_reasons(std::vector<Reason>& reasons) const;
  void ring_at(BootTime due);
  void look_for_stuck();
  void add_stuck_reasons(std::vector<Reason>& reasons) const;

  struct Waiting {
    ReadyFile file;
    BootTime since;  // in here
  };
  struct Line {
    std::deque<Waiting> fresh;   // settled, in the order in which they did
    std::deque<ReadyFile> rows;  // a page of the catalog's, in the order of serving
    std::optional<catalog::QueuePlace> read_up_to;  // of the catalog's queue; nullopt: its head
    bool changed = false;                           // rows may have come to be before that place
    bool exhausted = false;                         // nothing more of it can be served now
  };

  void write_backlog();
  void write_backlog(const QueueName& name, Line& line);
  // Not before another file is: its own upload, or who had its name before.
  [[nodiscard]] bool cannot_be_recorded(const FilePath& file) const {
    return hooks_.busy(file) || waits_for_former_holder(file);
  }
  // Takes a queued row into its line; false: it is not to be served now.
  bool line_up(Line& line, catalog::FileRow&& row);
  void read_on(const QueueName& name, Line& line);
  void line_up_again(FileId file);
  void no_longer_ready(const ReadyFile& file);
  // It is not there any more: what waits in memory alone waits no more.
  void leave_line(const FilePath& file);

  Session& session_;
  const Hooks hooks_;
  Doubts doubts_;
  watcher::SettleTracker settling_;
  OwedListings owed_;
  bool holds_scanner_ = false;
  Gate gate_;
  std::set<FilePath> settling_rows_;  // of those that settle or are held: they have a queued row
  std::map<FolderId, std::int64_t> settling_rows_in_folder_;
  // Incomplete for longer than `stuck_after`; some, of very many. What is said of the sidecar that
  // it waits for, if it does.
  std::map<FilePath, std::string> stuck_;
  std::optional<BootTime> alarm_due_;  // when the next one may be
  // Seen being made where only a rename counts; only as long as they wait.
  std::map<FilePath, Fingerprint> made_;
  HotFiles hot_;
  OwedLooks looks_beside_;
  Sidecars sidecars_;
  MovedFiles moved_;
  RecentNames came_;
  DepartedFiles departed_;
  std::map<FolderId, FolderState> folders_;
  std::uint64_t listings_ = 0;  // so far

  std::map<QueueName, Line> lines_;
  std::size_t fresh_ = 0;  // in all lines
  bool may_record_ = true;
  bool look_for_work_ = true;              // there may be more in the catalog
  std::map<FilePath, Fingerprint> ready_;  // what the lines hold
  std::set<FilePath> missed_;              // not there any more, while they were under way
  std::set<FilePath> passed_over_;  // queued rows whose file was under way when they were read
  // look_again()s that the scanner has not answered yet, and since when the file is incomplete.
  std::map<FilePath, std::optional<BootTime>> looked_at_;
  std::map<FolderId, std::int64_t> unrecorded_in_folder_;  // of what the lines hold
  std::map<FileId, BootTime> postponed_;
  struct Overflows {
    std::int64_t count = 0;
    std::int64_t last_at = 0;  // ns since 1970
    std::string advice;
  };
  Overflows overflows_;
};

}  // namespace waybill::agent
