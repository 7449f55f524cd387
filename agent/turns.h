#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "catalog/lane.h"

namespace waybill::agent {

// Where a file waits for its turn. `again`: it has been put back before.
struct QueueName {
  FolderId folder{};
  catalog::Lane lane{};
  bool again = false;
  friend bool operator==(const QueueName& a, const QueueName& b) { return !(a < b) && !(b < a); }
  friend bool operator<(const QueueName& a, const QueueName& b) {
    return std::tie(a.folder, a.lane, a.again) < std::tie(b.folder, b.lane, b.again);
  }
};

// What is under way.
struct Load {
  std::map<QueueName, int> slots;  // files, by where they waited
  std::uint64_t held_small = 0;    // bytes of content in memory, of small files
  std::uint64_t held_big = 0;      // and of all others

  void started(const QueueName& queue, std::uint64_t bytes) {
    ++slots[queue];
    (queue.lane == catalog::Lane::Small ? held_small : held_big) += bytes;
  }
};

// How much may be under way at the same time. A small file never waits behind a big one: half of
// the slots and a quarter of the memory are for the small ones alone, and large files, which may
// take hours, have a quarter of the slots at most.
struct Limits {
  int slots = 1;
  std::uint64_t memory = 0;      // bytes of content
  bool several_folders = false;  // then the last slot for large files is for a folder without one

  [[nodiscard]] int large() const { return slots < 8 ? 1 : slots / 4; }
  [[nodiscard]] int big() const { return slots < 4 ? 1 : slots / 2; }    // medium and large
  [[nodiscard]] int again() const { return slots < 8 ? 1 : slots / 4; }  // while others wait
  [[nodiscard]] std::uint64_t big_memory() const { return memory / 4 * 3; }
};

// Whose turn it is. A decision of its arguments and of who was served before: no I/O, no clock. The
// kinds of files (small, medium, large, and each of them put back) take turns; within a kind the
// folder with the fewest under way goes first, then the one that was served longest ago.
class Turns {
 public:
  explicit Turns(Limits limits) : limits_(limits) {}

  // One of `waiting`, which is served by that; nullopt: none of them may start now.
  std::optional<QueueName> next(const std::vector<QueueName>& waiting, const Load& load);

 private:
  using Kind = std::pair<catalog::Lane, bool>;  // and whether it was put back
  [[nodiscard]] bool has_room(const QueueName& queue, const Load& load) const;

  const Limits limits_;
  std::uint64_t turn_ = 0;
  // The turn in which each was served last; none: never.
  std::map<Kind, std::uint64_t> kinds_;
  std::map<QueueName, std::uint64_t> queues_;
};

}  // namespace waybill::agent
