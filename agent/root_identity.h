#pragma once

#include <cstdint>

#include "catalog/rows.h"
#include "watcher/file_system.h"
#include "watcher/observation.h"
#include "watcher/scanner.h"

// The identity of a folder's root between its row and the scanner. `btime` of the row holds what
// tells one life of the inode from another: its time of birth, or, where the file system tells
// none, the number in the mark of ours, negated; no time of birth is as small as that.
namespace waybill::agent {

inline void know_root(watcher::FolderSpec& spec, const catalog::FolderRow& row) {
  const bool marked = row.btime <= -static_cast<std::int64_t>(watcher::least_mark);
  spec.known_dev = row.dev;
  spec.known_ino = row.ino;
  spec.known_btime = marked ? 0 : row.btime;
  spec.known_mark = marked ? static_cast<std::uint64_t>(-row.btime) : 0;
}

inline void note_root(catalog::FolderRow& row, const watcher::FolderStatus& status) {
  row.dev = status.dev;
  row.ino = status.ino;
  row.btime = status.mark == 0 ? status.btime : -static_cast<std::int64_t>(status.mark);
}

// Whatever is found at the path next is taken for the root.
inline void forget_root(catalog::FolderRow& row) {
  row.dev = row.ino = 0;
  row.btime = 0;
}

}  // namespace waybill::agent
