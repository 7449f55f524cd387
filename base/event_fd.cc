#include "base/event_fd.h"

#include <sys/eventfd.h>

#include <cstdint>

namespace waybill {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void EventFd::signal() const {
  const std::uint64_t one = 1;
  // A full counter already wakes the sleeper, so a short write loses nothing.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

void EventFd::clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(fd_.get(), &count, sizeof count);
}

}  // namespace waybill
