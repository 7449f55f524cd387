#include "watcher/watch_loop.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "watcher/translator.h"

namespace waybill::watcher {

WatchLoop::WatchLoop(EventSource& events, Coalescer& dirt, int mounts)
    : events_(events), dirt_(dirt), mounts_(mounts) {}

Result<void> WatchLoop::step() {
  std::array<pollfd, 3> fds{pollfd{.fd = events_.poll_fd(), .events = POLLIN, .revents = 0},
                            pollfd{.fd = wake_.fd(), .events = POLLIN, .revents = 0},
                            pollfd{.fd = mounts_, .events = POLLPRI, .revents = 0}};
  if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
    dirt_.add(Overflowed{});
    return fail(system_error("wait for file system events", errno));
  }
  if ((fds[2].revents & (POLLPRI | POLLERR)) != 0) dirt_.add(MountsChanged{});
  wake_.clear();
  std::uint64_t asked = 0;
  {
    // Before reading: what is read from here on includes all that was queued when they asked.
    const MutexLock lock(mu_);
    asked = asked_;
  }
  Result<void> outcome;
  std::vector<RawEvent> batch;
  for (;;) {
    batch.clear();
    const Result<std::size_t> count = events_.read(batch);
    if (!count) {
      dirt_.add(Overflowed{});
      outcome = fail(count.error());
      break;
    }
    if (*count == 0) break;
    for (const RawEvent& event : batch) dirt_.add(translate(event));
  }
  {
    const MutexLock lock(mu_);
    answered_ = asked;
  }
  drained_.notify_all();
  return outcome;
}

bool WatchLoop::drain(Nanoseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::uint64_t ticket = 0;
  {
    const MutexLock lock(mu_);
    ticket = ++asked_;
  }
  wake_.signal();
  const MutexLock lock(mu_);
  while (answered_ < ticket) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= Nanoseconds::zero()) return false;
    drained_.wait_for(mu_, left);
  }
  return true;
}

}  // namespace waybill::watcher
