#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "agent/gate.h"
#include "base/clock.h"
#include "base/fingerprint.h"

namespace waybill::agent {

// The names under which files were seen for the first time a moment ago, by the life of their
// inode: a rename's new name may be seen before its old one is missed. Coord thread only.
class RecentNames {
 public:
  static constexpr Nanoseconds kept_for = std::chrono::seconds(2);

  void came(const Fingerprint& file, const FilePath& name, BootTime now) {
    while (!order_.empty() && (order_.front().at + kept_for < now || order_.size() >= most)) {
      const auto oldest = names_.find(order_.front().life);
      if (oldest != names_.end() && oldest->second.second == order_.front().at)
        names_.erase(oldest);
      order_.pop_front();
    }
    if (file.btime == 0) return;
    const Life life(file.ino, file.btime);
    names_.insert_or_assign(life, std::pair(name, now));
    order_.push_back({now, life});
  }
  // Null: none, of late. Valid until the next change.
  [[nodiscard]] const FilePath* of(const Fingerprint& file) const {
    const auto found = names_.find({file.ino, file.btime});
    return found == names_.end() ? nullptr : &found->second.first;
  }

 private:
  static constexpr std::size_t most = 10'000;
  using Life = std::pair<std::uint64_t, std::int64_t>;  // inode and time of birth
  struct Coming {
    BootTime at;
    Life life;
  };

  std::map<Life, std::pair<FilePath, BootTime>> names_;
  std::deque<Coming> order_;
};

}  // namespace waybill::agent
