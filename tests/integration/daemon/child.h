#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace waybill::test {

using Milliseconds = std::chrono::milliseconds;

// Generous: it bounds a test that hangs, it decides nothing else.
constexpr Milliseconds patience = std::chrono::seconds(60);

// Asks again and again until `condition` holds; false at the deadline. The pause between two
// questions only spares the processor.
template <typename Condition>
bool eventually(Condition condition, Milliseconds limit = patience);
void pause_between_questions();

// A real process. It ends with its owner at the latest, and with the thread that started it.
class Child {
 public:
  struct Command {
    std::string program;
    std::vector<std::string> arguments;
    // NAME=VALUE, beside what this process has; credentials and notification sockets of this
    // process are not passed on.
    std::vector<std::string> environment = {};
    std::string output = {};         // standard output goes to this file; empty: to where ours goes
    std::string error = {};          // standard error, likewise
    std::optional<uid_t> user = {};  // become this user first (only root can)
    // A file system of this size, of the child's own, on this directory (child_path() reaches it).
    std::string small_disk = {};
    std::string small_disk_size = {};
  };
  // Throws std::runtime_error where the process cannot be made.
  explicit Child(Command command);
  ~Child();
  Child(Child&&) = default;
  Child& operator=(Child&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  void signal(int signal) const;
  // Its exit code, or 128 + the signal that ended it; nullopt: it still runs at the deadline.
  std::optional<int> wait(Milliseconds limit = patience);
  [[nodiscard]] bool ended() { return wait(Milliseconds(0)).has_value(); }
  // Where a path of the child's view of the disk is found by us.
  [[nodiscard]] std::string seen_from_here(const std::string& path) const;

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<int> code_;
};

template <typename Condition>
bool eventually(Condition condition, Milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return condition();
    pause_between_questions();
  }
  return true;
}

}  // namespace waybill::test
