#pragma once

#include <deque>
#include <thread>
#include <vector>

#include "agent/timers.h"
#include "base/mutex.h"

namespace waybill::agent {

// The hash pool: threads that read and hash, one task after the other. Destruction waits for the
// tasks that run and drops those that wait.
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Any thread.
  void run(Task task);

 private:
  void loop();

  Mutex mu_;
  Condition work_;
  std::deque<Task> waiting_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace waybill::agent
