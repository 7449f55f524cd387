#pragma once

#include <cstdint>

namespace waybill {

// What tells one state of a file from another (WATCHING.md 2): times in nanoseconds since 1970 as
// the file system keeps them. `btime` tells a reused inode from its predecessor; 0 where the file
// system has none. A vocabulary of all rooms, so that there is one definition of "the same".
struct Fingerprint {
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  std::int64_t btime = 0;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;
  std::int64_t ctime = 0;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;

  // The same inode in the same life of it, whatever its content.
  [[nodiscard]] bool same_inode(const Fingerprint& other) const {
    return dev == other.dev && ino == other.ino && btime == other.btime;
  }
};

}  // namespace waybill
