#pragma once

#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "watcher/later_looks.h"
#include "watcher/node_tree.h"
#include "watcher/scan_agenda.h"
#include "watcher/scanner.h"

// The inside of the scanner. scanner.cc: requests, dirt, time; scanner_folders.cc: the roots and
// what is wrong with them; scanner_identity.cc: whether they are those that were known;
// scanner_looks.cc: single names; scanner_listing.cc: what is in a directory; scanner_arrivals.cc:
// how it came there; scanner_proof.cc: that events arrive; scanner_mounts.cc: what is mounted in a
// folder.
namespace waybill::watcher {

// Our own place in a folder: neither scanned nor mentioned.
inline constexpr std::string_view own_directory = ".waybill";
// How often that is looked at of which no event tells.
inline constexpr Nanoseconds polling_interval = std::chrono::seconds(10);

// Not there, or something else by now that is no directory.
inline bool says_gone(const Error& error) {
  return error.code == ErrorCode::SourceGone || error.os_errno == ELOOP;
}
// What is said of names that are no files to be taken (scanner_looks.cc).
const char* why_ignored(FileKind kind);
Ignored by_pattern(const std::string& pattern);
Error covered_file();

// What a folder's root is known by. ino 0: not known yet; mark 0: none is known.
struct KnownRoot {
  Identity identity;
  std::uint64_t mark = 0;
  friend bool operator==(const KnownRoot&, const KnownRoot&) = default;
};
KnownRoot known_root(const FolderSpec& spec);

struct Scanner::Tree {
  Tree(FileSystem& files_in, EventSource& events_in, Coalescer& dirt_in, const Clock& clock_in,
       ObservationSink sink_in, std::function<bool()> drain_in);

  struct SetFolders {
    std::vector<FolderSpec> folders;
  };
  struct Rescan {
    FolderId folder{};
  };
  struct Look {
    FolderId folder{};
    std::string path;
    std::uint64_t epoch = 0;
    unsigned tries = 0;                      // without a conclusion
    std::optional<std::uint64_t> last_of{};  // those that were asked for together
  };
  struct LookAll {
    FolderId folder{};
    std::vector<std::string> paths;
    std::uint64_t id = 0;
  };
  struct List {
    FolderId folder{};
    std::vector<std::string> directories;
    std::uint64_t id = 0;
  };
  struct HoldListings {
    std::optional<BootTime> until;
  };
  struct BarrierRequest {
    std::uint64_t id = 0;
    std::uint64_t epoch = 0;
  };
  struct Prove {};
  struct AcceptMount {
    FolderId folder{};
    std::string path;
  };
  using Request = std::variant<SetFolders, Rescan, Look, LookAll, List, HoldListings,
                               BarrierRequest, Prove, AcceptMount>;

  struct Folder {
    FolderSpec spec;
    Node* root = nullptr;
    KnownRoot known;                   // as found last, or as the specification says
    std::string unmarked;              // why it has neither a birth time nor a mark
    std::optional<BootTime> mark_due;  // to be looked for, or left, again
    // Without its root, nothing is concluded: no nodes, no watches, the root tried from time to
    // time.
    bool suspended = true;
    FolderHealth trouble = FolderHealth::Missing;
    std::string trouble_reason;
    BootTime next_try;
    Nanoseconds try_wait = Nanoseconds::zero();

    // Entered at a time, by path.
    struct Mount {
      Identity identity;
      std::uint64_t mount = 0;  // the last one it was met on; 0: not since the start
      std::string blind_spot;
      bool in_place = false;
      std::string trouble;  // why all below it is suspended; empty: it is not
    };
    std::map<std::string, Mount> entered;
    std::set<std::string> accepted;            // what a person took in place of what was known
    std::set<std::string> second_views;        // not entered: watched under another name
    std::map<std::uint64_t, MountSpan> spans;  // by mount
    bool doubts_dropped = false;  // there were too many: the next scan asks after everything
    std::string mounts;           // as last looked at: what is mounted around and in it
    std::string blind_spot;       // of its file system
    std::string blind;            // why events are not to be relied on
    std::string limit;            // why `unwatched` are without a watch
    std::set<Node*> unwatched;    // polled
    std::optional<FolderStatus> reported;

    struct Pass {                          // over all of the folder, or over what is polled
      std::optional<std::uint64_t> epoch;  // under way: over when this epoch is settled
      BootTime began;
      Nanoseconds held_before{};  // all listings, until then
      std::optional<BootTime> next;
    };
    Pass scan;
    Pass poll;

    // A change of ours that must come back as an event (scanner_proof.cc).
    struct Canary {
      std::optional<BootTime> touched;  // at, and not heard of yet
      BootTime deadline;                // until then it must be
      std::optional<BootTime> heard;    // of the one touched at …
      std::uint64_t epoch = 0;          // … once this one is settled, it is a proof
      std::optional<BootTime> last;     // touched at all
      std::optional<BootTime> again;    // to be touched again then: it was not told by name
    };
    Canary canary;
    std::string deaf;                 // its events do not arrive; empty: as far as we know they do
    std::string unproven;             // why there is no canary
    std::optional<BootTime> proven;   // by events, of what is watched
    std::optional<BootTime> scanned;  // since when all of it was looked at
    std::optional<BootTime> polled;   // since when what is not watched was looked at
    std::optional<BootTime> watermark;  // as told

    [[nodiscard]] bool trusted() const { return blind.empty() && deaf.empty(); }
    [[nodiscard]] bool crosses() const;
    // On a mount in it, of which not every change is told.
    [[nodiscard]] bool is_blind(const Node& node) const;
    // The first such mount; nullptr: none.
    [[nodiscard]] const std::pair<const std::string, Mount>* blind_mount() const;
    [[nodiscard]] bool polls() const { return !unwatched.empty() || blind_mount() != nullptr; }
  };

  struct Listing {
    Node* node = nullptr;
    std::unique_ptr<OpenDirectory> directory;
    std::string path;
    std::uint64_t epoch = 0;
    bool urgent = true;
    FolderId folder{};
    std::vector<std::string> subdirectories;
    Appearance came = Appearance::None;  // the directory, and nothing of it was listed since
  };
  // A directory in which names are looked at.
  struct Spot {
    Node& node;
    OpenDirectory& directory;
    const std::string& path;
    std::uint64_t epoch = 0;
    bool urgent = true;
    Appearance came = Appearance::None;  // as Listing::came
  };

  // --- scanner.cc
  void post(Request request);
  std::optional<BootTime> step();
  void take_requests(std::vector<BarrierRequest>& barriers);
  void take_dirt();
  void look_at_mounts();
  void watch_ended(Node& node);
  void keep_time();
  [[nodiscard]] bool held() const { return held_until && *held_until > now; }
  void count_held();
  // But for what it waited while all listings were held.
  [[nodiscard]] Nanoseconds took(const Folder::Pass& pass) const {
    return now - pass.began - (held_in_all - pass.held_before);
  }
  void conclude();
  [[nodiscard]] std::optional<BootTime> next_step() const;
  // A disk is about to be asked.
  void touch(FolderId folder);
  void emit(Observation observation);
  // `watch`: of the directory in which it was seen.
  void see(FolderId folder, FileObservation file, WatchId watch = no_watch);
  void flush();

  // --- scanner_folders.cc
  void set_folders(std::vector<FolderSpec> specs);
  void replace_spec(Folder& folder, FolderSpec spec);
  void remove_folder(FolderId id);
  void start_scan(Folder& folder);
  void start_poll(Folder& folder);
  void start_listings(const List& list);
  void try_root(Folder& folder);
  [[nodiscard]] bool has_twin(const Folder& folder) const;
  void refuse_twin(Folder& folder);
  static void judge_events(Folder& folder);
  void suspend(Folder& folder, FolderHealth health, std::string reason);
  void report(Folder& folder);

  // --- scanner_identity.cc
  // The root, as it was known; otherwise the folder is suspended, or tried again where the trouble
  // is ours (nullptr).
  std::unique_ptr<OpenDirectory> open_root(Folder& folder);
  void cannot_open_root(Folder& folder, const Error& error);
  static Result<bool> is_known(const Folder& folder, OpenDirectory& directory,
                               const Identity& found);
  // Looks only: nothing is suspended. False: it is not, or cannot be looked at now.
  bool is_root_in_place(const Folder& folder);
  void accept_root(Folder& folder);
  void keep_mark(Folder& folder, OpenDirectory& directory);

  // --- scanner_arrivals.cc
  // How names appeared, as events told it: kept until something is seen under the name.
  void note_appearances(Node& node, const std::map<std::string, Appearance>& appeared);
  Appearance take_appearance(Node& node, const std::string& name);
  void forget_appearances(Node& node);
  // Events were lost, and what they would have said with them.
  void forget_all_appearances();
  void listed_whole(Node& node);
  Appearance appearance_of_directory(const Spot& spot, const std::string& name);
  // All below it arrives with it, and is looked at again.
  void arrived_with(Node& top, const Spot& spot);
  Arrival arrival_of(const Spot& spot, const std::string& name, const FileStatus& status);
  // Those of the batch that something has overtaken since they were looked at are unseen.
  void confirm_arrivals();

  // --- scanner_proof.cc
  void prove();
  void touch_canary(Folder& folder);
  void hear_canary(const Coalescer::Dirt& taken);
  void keep_canary_time(Folder& folder);
  void begin_anew();
  void conclude_proof(FolderId id, Folder& folder);
  [[nodiscard]] static bool wholly_polled(const Folder& folder);

  // --- scanner_mounts.cc
  void know_mounts(Folder& folder);
  void accept_mount(const AcceptMount& request);
  void check_mounts(Folder& folder);
  void suspend_mount(Folder& folder, const std::string& path, Folder::Mount& mount,
                     std::string reason);
  // A directory at which every try fails though it may pass: with a mount there, its disk is as
  // good as away. False: no mount is known there. Otherwise the node is dropped, if it was one.
  bool lose_mount(const Node& near, const std::string& path, const Error& error);
  // A mount above it, not only the innermost, is told as missing.
  [[nodiscard]] static bool is_on_missing_mount(const Folder& folder, std::string_view path);
  // nullptr: there is nothing to be in its place.
  bool is_in_place(const Folder& folder, const std::pair<const std::string, Folder::Mount>* mount);
  // The innermost above `path`; nullptr: none.
  [[nodiscard]] static const std::pair<const std::string, Folder::Mount>* mount_above(
      const Folder& folder, std::string_view path);
  // The directory of a path, and its name in that. nullopt: nothing can be concluded there now.
  struct Reached {
    Result<std::unique_ptr<OpenDirectory>> directory;
    std::string name;
  };
  std::optional<Reached> reach(const Folder& folder, const std::string& path);
  static std::optional<Reached> reach_below(std::unique_ptr<OpenDirectory> top,
                                            const FileStatus& of_top, const std::string& path);
  // Whether a directory found at a name is to be placed now. Otherwise it waits for its turn, or is
  // not what was known there.
  bool may_enter(const Spot& spot, const std::string& name, const FileStatus& status);
  void enter_next_mount();
  // Known already under another name by which it is still reached: a bind mount.
  bool is_second_view(const Spot& spot, const std::string& name, const FileStatus& status,
                      const Node& known);
  // To be called when a directory is placed.
  const MountSpan* span_for(const Spot& spot, const std::string& name, const FileStatus& status,
                            OpenDirectory& directory);
  std::string place_before(Folder& folder, const std::string& path, const Identity& identity,
                           std::uint64_t on);
  void note_span(Node& node, std::uint64_t mount);

  // --- scanner_looks.cc
  void look_up_names();
  void add_look(Look look);
  void answer_looks();
  void look_later(const Look& look);
  // Nothing is concluded of it now.
  void leave_open(const Look& look);
  void answer_look(const Look& look, std::map<FolderId, std::vector<const Look*>>& absent);

  // --- scanner_listing.cc
  void list_piece();
  bool begin_listing();
  void end_listing(const Result<void>& outcome);
  void abort_listing();
  // The directory that the node stands for, reached by its path; nullptr: it is not there or cannot
  // be opened, and what is to be done about that is on the agenda.
  std::unique_ptr<OpenDirectory> open_node(Node& node, std::uint64_t epoch);
  void misplaced(Node& node, std::uint64_t epoch);
  // Watches it. False: it turned out to be another's; nothing must be concluded from it.
  bool arm(Node& node, OpenDirectory& directory, std::uint64_t epoch);
  bool claim_watch(Node& node, WatchId watch, OpenDirectory& directory, std::uint64_t epoch);
  // What is at `name`. True: a directory of the tree.
  bool meet(const Spot& spot, const std::string& name, const Result<FileStatus>& found,
            bool listed);
  bool meet_directory(const Spot& spot, const std::string& name, const FileStatus& status);
  bool place_directory(const Spot& spot, const std::string& name, OpenDirectory& directory);
  // False: it has just gone.
  bool cannot_enter(const Spot& spot, const std::string& name, const Error& error);
  void cannot_list(Node& node, const Error& error);
  void report_trouble(FolderId folder, std::string path, const Error& error);
  void directory_gone(Node& node);
  void vanish(const Spot& spot, const std::string& name);
  void set_unwatched(Node& node, const Error& reason);
  void retire(Node& node);
  void dropped(Node& node);

  // constant after construction
  FileSystem& files;
  EventSource& events;
  Coalescer& dirt;
  const Clock& clock;
  const ObservationSink sink;
  const std::function<bool()> drain;

  // guarded by mu
  mutable Mutex mu;
  std::vector<Request> requests GUARDED_BY(mu);
  std::optional<UnderWay> under_way GUARDED_BY(mu);

  // scan thread only
  std::map<FolderId, Folder> folders;
  NodeTree nodes;
  ScanAgenda agenda;
  std::optional<Listing> listing;
  std::deque<Look> looks;
  LaterLooks later_looks;
  // Directories on other mounts than their parents', to be entered when nothing else is to be done:
  // so that of two ways to one directory that with the fewest mounts on it is met first.
  struct Crossing {
    bool unknown = false;  // what is durable goes first: it was entered under that path before
    unsigned crossings = 0;
    FolderId folder{};
    std::string path;
    friend bool operator<(const Crossing& a, const Crossing& b) {
      return std::tie(a.unknown, a.crossings, a.folder, a.path) <
             std::tie(b.unknown, b.crossings, b.folder, b.path);
    }
  };
  std::map<Crossing, std::uint64_t> crossings;  // and the epoch of each
  BootTime crossings_since;
  bool entering = false;
  std::vector<BarrierRequest> waiting_barriers;
  struct AskedListing {  // over when its epoch is settled
    FolderId folder{};
    std::uint64_t id = 0;
    std::uint64_t epoch = 0;
  };
  std::vector<AskedListing> asked_listings;
  std::optional<BootTime> held_until;  // no listing goes on before
  Nanoseconds held_in_all{};           // as far as it is counted
  BootTime held_counted;               // up to then
  // Watches that we removed and whose IN_IGNORED is still to come: their events concern nobody.
  std::unordered_set<std::int32_t> retired;
  Seen batch;
  struct Claim {  // an arrival that the batch tells, and that is to be confirmed
    std::size_t index = 0;
    WatchId watch = no_watch;
  };
  std::vector<Claim> claims;
  std::size_t appearances = 0;  // kept in all nodes
  std::uint64_t epoch = 1;
  BootTime now;
  std::optional<BootTime> began_anew;
  Nanoseconds anew_took = Nanoseconds::zero();  // the longest scan since
};

}  // namespace waybill::watcher
