#pragma once

#include <functional>
#include <memory>

#include "base/random.h"

namespace waybill::model {

// The disk beneath SQLite as a machine sees it that can die: while one of these lives, databases
// opened in this process are on it. It knows, sector by sector, what was not synced.
class MortalDisk {
 public:
  // `effect` is asked before each write, truncation and sync: false, and it does not happen, now or
  // later in this process's life.
  explicit MortalDisk(std::function<bool()> effect);
  ~MortalDisk();
  MortalDisk(const MortalDisk&) = delete;
  MortalDisk& operator=(const MortalDisk&) = delete;

  // What is open now changes nothing any more.
  void end_process();
  // After end_process(): of what was not synced, any part may be lost.
  void lose_power(Random& dice);
  // The next sync reports an error; what it was to make durable may be so or not.
  void fail_next_sync();

  struct State;

 private:
  const std::unique_ptr<State> state_;
};

}  // namespace waybill::model
