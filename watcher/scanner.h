#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "watcher/coalescer.h"
#include "watcher/event_source.h"
#include "watcher/file_system.h"
#include "watcher/ignore_rules.h"
#include "watcher/observation.h"

namespace waybill::watcher {

// Whether a folder is scanned by time, beside what is polled for want of a watch in any case.
enum class PollPolicy : std::uint8_t {
  WhereBlind,  // where its file system does not report every change
  Always,
  Never,
};

// A directory below a folder at which something was mounted when it was entered.
struct KnownMount {
  std::string path;
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
};

struct FolderSpec {
  FolderId id{};
  std::string path;
  IgnoreRules ignore;
  Nanoseconds rescan = std::chrono::hours(1);
  PollPolicy poll = PollPolicy::WhereBlind;
  bool prove = true;      // by touching a place of our own in it (WATCHING.md 3)
  bool arrivals = false;  // Present::arrival is to be told
  // Identity of the root as last known; zeros: not known yet. Another one is
  // FolderHealth::Replaced. Where there is a birth time, inode and birth time decide: device
  // numbers change when a machine restarts.
  std::uint64_t known_dev = 0;
  std::uint64_t known_ino = 0;
  std::int64_t known_btime = 0;
  // Where there is none, the mark of ours that must be in it decides with the inode; 0: none was
  // left yet.
  std::uint64_t known_mark = 0;
  // What is mounted below it belongs to it.
  bool cross_mounts = false;
  // Of those entered before. While another directory lies there, nothing below it is concluded.
  std::vector<KnownMount> mounts;

  [[nodiscard]] Root root() const { return {path, cross_mounts}; }
};

// Takes observations; may block to slow the scanner down (back-pressure). Scan thread.
using ObservationSink = std::function<void(Observation)>;

// The mark-dirty algorithm of WATCHING.md 3: owns the node tree and its watches. Everything but the
// requests happens in step(), on the scan thread.
class Scanner {
 public:
  // `drain`: returns true once all that the kernel had queued is in `dirt` (WatchLoop::drain).
  // Called on the scan thread, where arrivals are to be told; without it `dirt` is all there is.
  Scanner(FileSystem& files, EventSource& events, Coalescer& dirt, const Clock& clock,
          ObservationSink sink, std::function<bool()> drain = {});
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  // --- requests: any thread; carried out by the next step ---------------------------------------
  // Replaces all folders: those that stay keep their watches, and say again how they are.
  void set_folders(std::vector<FolderSpec> folders);
  // Every directory of it is dirty.
  void rescan(FolderId folder);
  // What lies at `path` now is taken for what belongs there, in place of what was mounted there;
  // or, at "", in place of the root that was known.
  void accept_mount(FolderId folder, std::string path);
  // One name, looked up afresh: an observation follows (Present, Absent, Suspended, …); none where
  // the folder is Missing, Replaced or Unreadable: on its return all of it is seen again.
  void look(FolderId folder, std::string path);
  // Each of these likewise, and then an observation Looked{id}: whoever has many to ask after asks
  // for some at a time.
  void look(FolderId folder, std::vector<std::string> paths, std::uint64_t id);
  // These directories, or with none every directory of the folder, are listed again, and then an
  // observation Listed{id} follows. One that is not there is passed over.
  void list(FolderId folder, std::vector<std::string> directories, std::uint64_t id);
  // No directory is listed, nor the listing that runs goes on, before then; nullopt: it goes on.
  // Names are looked at all the same. For whoever can take no more for a moment.
  void hold_listings(std::optional<BootTime> until);
  // Answered by an observation Barrier{id} once everything that had happened before is handed over.
  // The caller has made the watch thread drain the kernel first (WatchLoop::drain).
  void barrier(std::uint64_t id);

  // Every folder is to prove that its events arrive: a Watermark follows, or what is wrong with it
  // shows in its FolderStatus. More than one a second are one.
  void prove();

  // --- the scan thread ---------------------------------------------------------------------------
  // Does what is to be done now, a bounded piece of it. Returns when to step again at the latest
  // (nullopt: only when dirt or a request arrives): Coalescer::wait() until then.
  std::optional<BootTime> step();
  // What the step that runs now last asked a disk for: since when, and of which folder. nullopt:
  // none runs. Any thread: a file system that does not answer holds the step, and with it all
  // folders.
  struct UnderWay {
    BootTime since;
    FolderId folder{};
  };
  [[nodiscard]] std::optional<UnderWay> under_way() const;
  // Directories in the tree.
  [[nodiscard]] std::size_t nodes() const;

 private:
  struct Tree;
  const std::unique_ptr<Tree> tree_;
};

}  // namespace waybill::watcher
