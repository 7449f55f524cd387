#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "agent/gate.h"
#include "agent/recent_names.h"
#include "base/clock.h"
#include "base/fingerprint.h"

namespace waybill::agent {

// Pending files that have just gone: a rename's old name may be missed before its new one is seen,
// and until then whoever waits for the file goes on to wait. Coord thread only.
class DepartedFiles {
 public:
  static constexpr Nanoseconds kept_for = RecentNames::kept_for;

  // False: it could not be told again by its inode, or there are too many.
  bool departed(const FilePath& file, const Fingerprint& as, BootTime now) {
    if (as.btime == 0 || by_name_.size() >= most) return false;
    const Life life(as.ino, as.btime);
    const auto [gone, first] = by_name_.try_emplace(file);
    if (!first) forget(gone->second.life, file);
    gone->second = {life, now + kept_for};
    by_life_[life] = file;
    return true;
  }
  // The name from which this file went, if it did, of late; it is forgotten.
  std::optional<FilePath> turned_up(const Fingerprint& as, const FilePath& at) {
    const auto found = by_life_.find({as.ino, as.btime});
    if (found == by_life_.end() || found->second == at) return std::nullopt;
    FilePath from = std::move(found->second);
    by_life_.erase(found);
    const auto gone = by_name_.find(from);
    if (gone != by_name_.end() && gone->second.life == Life(as.ino, as.btime)) by_name_.erase(gone);
    return from;
  }
  // Its time is up, and it is forgotten. False: it has turned up, or went once more since.
  bool has_not_turned_up(const FilePath& file, BootTime now) {
    const auto found = by_name_.find(file);
    if (found == by_name_.end() || found->second.until > now) return false;
    forget(found->second.life, file);
    by_name_.erase(found);
    return true;
  }
  [[nodiscard]] bool contains(const FilePath& file) const { return by_name_.contains(file); }

 private:
  static constexpr std::size_t most = 10'000;
  using Life = std::pair<std::uint64_t, std::int64_t>;  // inode and time of birth
  struct Gone {
    Life life;
    BootTime until;  // then it has not turned up
  };

  // Unless it has gone from another name since.
  void forget(const Life& life, const FilePath& file) {
    const auto found = by_life_.find(life);
    if (found != by_life_.end() && found->second == file) by_life_.erase(found);
  }

  std::map<FilePath, Gone> by_name_;
  std::map<Life, FilePath> by_life_;
};

}  // namespace waybill::agent
