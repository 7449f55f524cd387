#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "watcher/translator.h"

namespace waybill::watcher {

// Dirt between the watch thread, which only adds, and the scan thread, which takes it all. Bounded:
// more than `names_per_directory` names of one directory make the directory dirty; more directories
// than `directories` make everything dirty.
class Coalescer {
 public:
  static constexpr std::size_t names_per_directory = 1024;
  static constexpr std::size_t directories = 65536;
  // How names appeared is kept of so many, and of no more.
  static constexpr std::size_t appearances = 262144;

  struct Directory {
    bool whole = false;           // list it
    std::set<std::string> names;  // or look these up
    bool gone = false;            // the kernel dropped its watch
    // The last appearance under each name, beside `names` and whatever `whole` says.
    std::map<std::string, Appearance> appeared;
  };
  struct Dirt {
    bool everything = false;      // events were lost, or are too many to be told one by one
    bool overflowed = false;      // … because the queue was full
    bool mounts = false;          // something was mounted or unmounted somewhere
    std::size_t appearances = 0;  // in all directories
    std::map<WatchId, Directory> directories_by_watch;
    [[nodiscard]] bool empty() const {
      return !everything && !mounts && directories_by_watch.empty();
    }
  };

  // Watch thread.
  void add(const Change& change);
  // Scan thread: waits until there is dirt or until wake(), for `patience` at the most (for ever
  // with nullopt), and takes nothing: the thread is a loop around Scanner::step() and this.
  void wait(std::optional<Nanoseconds> patience);
  // Scan thread: what has gathered; waits for the first as wait() does (not at all with zero).
  Dirt take(std::optional<Nanoseconds> patience);
  // Any thread.
  void wake();
  // Any thread: whether somebody wants to know how names appeared. From here on.
  void keep_appearances(bool keep);
  // Any thread: something has appeared under that name since the last take(), or may have.
  [[nodiscard]] bool overtaken(WatchId watch, const std::string& name) const;

 private:
  mutable Mutex mu_;
  Condition arrived_;
  Dirt dirt_ GUARDED_BY(mu_);
  bool woken_ GUARDED_BY(mu_) = false;
  bool keep_appearances_ GUARDED_BY(mu_) = false;
};

}  // namespace waybill::watcher
