#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "agent/command.h"
#include "agent/intake.h"

namespace waybill::agent {

// The `waybill wait`s under way: each knows which files were pending when the disk had been taken
// in, and counts them down. Coord thread only.
class Waits {
 public:
  enum class Standing : std::uint8_t { Pending, Stored, Blocked, Elsewhere };

  // `standing` says how a file is now.
  explicit Waits(std::function<Standing(const FilePath&)> standing);

  // Begins a wait; its number, for the scanner's barrier.
  std::uint64_t start(StartWait wait);
  // The barrier has been reached: `pending` is everything that is pending now.
  void reached(std::uint64_t id, const std::vector<FilePath>& pending);
  // This file may not be pending any more.
  void look_at(const FilePath& file);
  // What is waited for has another name now; what has come to the old one since is waited for too.
  void moved(const FilePath& from, const FilePath& to);
  // Looks at some more of them, in turn: a safety net, on a timer while anybody waits. Of a million
  // files it must not look up each every time.
  void look_at_some();
  static constexpr std::size_t looked_at_once = 1000;
  [[nodiscard]] bool any() const { return !waits_.empty(); }
  // Null: it is over, or whoever asked has gone. Valid until the next change.
  [[nodiscard]] const StartWait* find(std::uint64_t id) const;
  // A session begins, which knows nothing yet: none goes on before its barrier, to be asked for
  // again, is reached in it. Their numbers, which are new ones: a barrier of before tells nothing.
  std::vector<std::uint64_t> hold();

 private:
  struct Wait {
    std::uint64_t id = 0;
    StartWait what;
    WaitTicket::Progress progress;
    std::set<FilePath> files;
    bool held = false;  // by a session that does not know enough yet
    FilePath next;      // where to look on
  };
  // True when it is over.
  bool settle(Wait& wait, const FilePath& file);
  void drop_finished();

  const std::function<Standing(const FilePath&)> standing_;
  std::vector<Wait> waits_;
  std::uint64_t next_ = 1;
};

}  // namespace waybill::agent
