#pragma once

#include <cstdint>

namespace waybill::agent {

// How much of the files' content is in memory, and whether more may come ([agent] memory). Parts of
// large files leave a quarter to small ones, which would wait behind them otherwise; one part is
// always let in, since it may be larger than all there is. Owned by coord.
class ContentMemory {
 public:
  enum class Of : std::uint8_t { SmallFile, Part };

  // A small file is let in as long as there is any room: its size is at most one part's.
  [[nodiscard]] bool has_room(std::uint64_t limit) const { return small_ + parts_ < limit; }
  [[nodiscard]] bool fits_part(std::uint64_t bytes, std::uint64_t limit) const {
    return parts_ == 0 || parts_ + bytes <= limit - limit / 4;
  }
  void take(Of what, std::uint64_t bytes) { counter(what) += bytes; }
  void give_back(Of what, std::uint64_t bytes) { counter(what) -= bytes; }

 private:
  std::uint64_t& counter(Of what) { return what == Of::Part ? parts_ : small_; }

  std::uint64_t small_ = 0;
  std::uint64_t parts_ = 0;
};

}  // namespace waybill::agent
