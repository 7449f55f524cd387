#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace waybill::agent {

using Task = std::function<void()>;

// Everything that waits for a time, in one heap. Coord thread only. There is no cancelling: a task
// looks for itself whether it is still wanted.
class Timers {
 public:
  void at(BootTime due, Task task) {
    heap_.push_back({due, next_++, std::move(task)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  [[nodiscard]] std::optional<BootTime> next_due() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().due);
  }
  // The next task that is due, or nullopt.
  std::optional<Task> take(BootTime now) {
    if (heap_.empty() || heap_.front().due > now) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Task task = std::move(heap_.back().task);
    heap_.pop_back();
    return task;
  }

 private:
  struct Entry {
    BootTime due;
    std::uint64_t order;
    Task task;
  };
  static bool later(const Entry& a, const Entry& b) {
    return std::pair(a.due, a.order) > std::pair(b.due, b.order);
  }
  std::vector<Entry> heap_;
  std::uint64_t next_ = 0;
};

}  // namespace waybill::agent
