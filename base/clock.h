#pragma once

#include <chrono>

namespace waybill {

using Nanoseconds = std::chrono::nanoseconds;

// CLOCK_BOOTTIME: monotonic, counts suspend, untouched by a wall clock that is set. Every wait uses
// it.
struct BootTimeline {
  using duration = Nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootTimeline>;
  static constexpr bool is_steady = true;
};
using BootTime = BootTimeline::time_point;

// Nanoseconds since 1970 in UTC; for what people read and what other machines compare.
using WallTime = std::chrono::sys_time<Nanoseconds>;

// The edge to time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual BootTime boot() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot() const override;
  [[nodiscard]] WallTime wall() const override;
};

}  // namespace waybill
