#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// clang's thread-safety analysis (-Wthread-safety) checks that what is marked GUARDED_BY is touched
// only under its mutex; other compilers see nothing.
#if defined(__clang__)
#define WAYBILL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define WAYBILL_THREAD_ATTRIBUTE(x)
#endif
#define CAPABILITY(x) WAYBILL_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY WAYBILL_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) WAYBILL_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) WAYBILL_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) WAYBILL_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) WAYBILL_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define EXCLUDES(...) WAYBILL_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS WAYBILL_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace waybill {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for a Mutex. Wake-ups may be spurious: wait in a loop around the predicate.
class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    condition_.wait(held);
    held.release();
  }
  void wait_for(Mutex& mutex, std::chrono::nanoseconds time)
      REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    condition_.wait_for(held, time);
    held.release();
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace waybill
