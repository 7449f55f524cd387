#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fingerprint.h"
#include "base/ids.h"

// What the scan thread found on disk. Facts by statx, never by event (WATCHING.md 3 d).
namespace waybill::watcher {

// How what lies under a name came to have it. Only told where FolderSpec::arrivals asks for it, and
// only of what happened under a watch: no later look at a disk can find it out.
enum class Arrival : std::uint8_t {
  Unseen,         // nobody saw it, or nothing new was seen
  ByRename,       // a rename put exactly this inode there, and nothing has come there since
  WithDirectory,  // a rename put a directory there that it is in
  InPlace,        // it was made there: created, copied, linked
};

struct Present {
  Fingerprint fingerprint;
  Arrival arrival = Arrival::Unseen;
};
struct Absent {};      // looked up by name in a directory that was reached: not there
struct Ignored {       // counted and listable, never uploaded
  std::string reason;  // "symbolic link", "matches *.part", "FIFO" …
};
struct Unreadable {  // a directory that cannot be listed; its next ListingBegins says that it can
  Error cause;
};

// It lies where a directory was that is not there now (FolderStatus::missing), or that is reached
// under another name: nothing is concluded.
struct Suspended {};

struct FileObservation {
  std::string path;  // below the folder
  std::variant<Present, Absent, Ignored, Unreadable, Suspended> what;
};

// Files seen, some at a time.
struct Seen {
  FolderId folder{};
  std::vector<FileObservation> files;
};

// A listing of one directory begins; Seen batches with its direct children follow, then its end.
// What the catalog has directly in it and the listing did not show may be gone: to be confirmed by
// Scanner::look before anybody believes it (readdir is not atomic). Other observations may come in
// between.
struct ListingBegins {
  FolderId folder{};
  std::string directory;
};
struct ListingEnds {
  FolderId folder{};
  std::string directory;
  bool complete = false;  // false: it failed half-way and will be repeated
};
// A directory is not there any more, or another one has its place: every row below it is in doubt.
struct DirectoryGone {
  FolderId folder{};
  std::string directory;
  bool there = false;  // it is: only what rows tell of below it is in doubt
};
// What is mounted at a directory of the folder is watched from here on. To be durable before
// anything that is seen below it: only who knows it can tell an unmounted disk from an emptied one.
struct MountEntered {
  FolderId folder{};
  std::string path;
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
  bool accepted = false;  // in place of what was known there, by a person's word
  std::string before;     // where it was known until now, and is no more; empty: nowhere
};
// What lies at `path` is not what was mounted there: all below it is suspended.
struct MissingMount {
  std::string path;
  std::string reason;  // a sentence
  friend bool operator==(const MissingMount&, const MissingMount&) = default;
};
enum class FolderHealth : std::uint8_t {
  Watching,  // by events
  Polling,   // events are not (all) to be had; rescanned by time. The reason says why
  Missing,   // the root is not there
  Replaced,  // the root is another directory than the one we knew: nothing is concluded from it
  Unreadable,
};
struct FolderStatus {
  FolderId folder{};
  FolderHealth health{};
  std::string reason;    // a sentence; empty when Watching
  bool lacking = false;  // Polling for want of something that a person can give
  std::string unproven;  // why it cannot be proven that its events arrive; empty: it can
  std::vector<MissingMount> missing;  // while Watching or Polling
  // Of the root, while Watching or Polling; ino 0: not told.
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
  std::uint64_t mark = 0;  // where there is no birth time: what is in ours; 0: there is none,
  std::string unmarked;    // and why, so that only the numbers tell its disk from another
  friend bool operator==(const FolderStatus&, const FolderStatus&) = default;
};
// The whole tree has been listed since the folder was added, rescanned or overflowed.
struct ScanComplete {
  FolderId folder{};
};
// The queue of events overflowed; everything is looked at again.
struct EventsLost {
  std::string advice;  // what a person can do so that it happens less; may be empty
};
// No change of the folder from before that time is unseen, but in what is listed as unreadable: its
// events were proven to arrive, or all of it was looked at since.
struct Watermark {
  FolderId folder{};
  BootTime until;
};
// All that Scanner::look(…, id) asked for was looked up: what has no observation yet gives no
// conclusion now, and is looked up again by itself.
struct Looked {
  std::uint64_t id = 0;
};
// All that Scanner::list(…, id) asked for was listed; what failed is listed again by itself.
struct Listed {
  std::uint64_t id = 0;
};
// Everything that had happened on disk before Scanner::barrier(id) was called has been handed over.
struct Barrier {
  std::uint64_t id = 0;
};

using Observation =
    std::variant<Seen, ListingBegins, ListingEnds, DirectoryGone, MountEntered, FolderStatus,
                 ScanComplete, EventsLost, Watermark, Looked, Listed, Barrier>;

}  // namespace waybill::watcher
