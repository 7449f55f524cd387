#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace waybill {

// What other threads leave for one thread. Unbounded: whoever produces without a bound of its own
// (the scanner) asks size() first and waits.
template <typename T>
class Inbox {
 public:
  // Any thread.
  void push(T message) EXCLUDES(mu_) {
    {
      const MutexLock lock(mu_);
      waiting_.push_back(std::move(message));
    }
    arrived_.notify_one();
  }

  // Any thread: ends the owner's wait without a message.
  void wake() EXCLUDES(mu_) {
    {
      const MutexLock lock(mu_);
      woken_ = true;
    }
    arrived_.notify_one();
  }

  // The owner: all that has arrived, in order. Waits for the first for `patience` at the most; for
  // ever with nullopt; not at all with zero.
  std::vector<T> drain(std::optional<Nanoseconds> patience) EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    if (waiting_.empty() && !woken_) {
      if (!patience) {
        while (waiting_.empty() && !woken_) arrived_.wait(mu_);
      } else if (*patience > Nanoseconds::zero()) {
        arrived_.wait_for(mu_, *patience);
      }
    }
    woken_ = false;
    return std::exchange(waiting_, {});
  }

  [[nodiscard]] std::size_t size() const EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    return waiting_.size();
  }

 private:
  mutable Mutex mu_;
  Condition arrived_;
  std::vector<T> waiting_ GUARDED_BY(mu_);
  bool woken_ GUARDED_BY(mu_) = false;
};

}  // namespace waybill
