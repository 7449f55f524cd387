#pragma once

#include "base/clock.h"
#include "base/mutex.h"

namespace waybill::fakes {

// Time that moves when a test says so; both clocks together, the wall clock also by itself.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] BootTime boot() const override {
    const MutexLock lock(mu_);
    return boot_;
  }
  [[nodiscard]] WallTime wall() const override {
    const MutexLock lock(mu_);
    return wall_;
  }
  void advance(Nanoseconds by) {
    const MutexLock lock(mu_);
    boot_ += by;
    wall_ += by;
  }
  void set_wall(WallTime to) {
    const MutexLock lock(mu_);
    wall_ = to;
  }

 private:
  mutable Mutex mu_;
  BootTime boot_ GUARDED_BY(mu_){std::chrono::hours(1)};
  WallTime wall_ GUARDED_BY(mu_){std::chrono::sys_days{std::chrono::year{2026} / 7 / 1}};
};

}  // namespace waybill::fakes
