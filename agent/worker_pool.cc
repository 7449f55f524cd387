#include "agent/worker_pool.h"

#include <utility>

#include "base/thread_name.h"

namespace waybill::agent {

WorkerPool::WorkerPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { loop(); });
}

WorkerPool::~WorkerPool() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
  }
  work_.notify_all();
}

void WorkerPool::run(Task task) {
  {
    const MutexLock lock(mu_);
    waiting_.push_back(std::move(task));
  }
  work_.notify_one();
}

void WorkerPool::loop() {
  name_this_thread("read");
  while (true) {
    Task task;
    {
      const MutexLock lock(mu_);
      while (waiting_.empty() && !stopping_) work_.wait(mu_);
      if (stopping_) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    task();
  }
}

}  // namespace waybill::agent
