#include "agent/command.h"

namespace waybill::agent {

void WaitTicket::update(const Progress& progress) {
  {
    const MutexLock lock(mu_);
    progress_ = progress;
  }
  changed_.notify_all();
}

WaitTicket::Progress WaitTicket::wait(Nanoseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const MutexLock lock(mu_);
  while (!progress_.done()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= Nanoseconds::zero()) break;
    changed_.wait_for(mu_, left);
  }
  return progress_;
}

}  // namespace waybill::agent
