#include "base/clock.h"

#include <ctime>

namespace waybill {
namespace {

Nanoseconds read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
}

}  // namespace

BootTime SystemClock::boot() const {
  return BootTime(read(CLOCK_BOOTTIME));
}
WallTime SystemClock::wall() const {
  return WallTime(read(CLOCK_REALTIME));
}

}  // namespace waybill
