#pragma once

#include "base/unique_fd.h"

namespace waybill {

// Wakes a thread that sleeps in poll or epoll. signal(): any thread, and async-signal-safe.
class EventFd {
 public:
  EventFd();
  [[nodiscard]] int fd() const { return fd_.get(); }
  void signal() const;
  void clear() const;

 private:
  UniqueFd fd_;
};

}  // namespace waybill
