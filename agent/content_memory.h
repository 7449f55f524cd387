#pragma once

#include <cstdint>

namespace waybill::agent {

// How much memory the parts of large files hold, and whether one more may come ([agent] memory).
// They leave a quarter to small files, which would wait behind them otherwise; one part is always
// let in, since it may be larger than all there is. Whether one more file may come is decided where
// its turn is (turns.h). Owned by coord.
class ContentMemory {
 public:
  [[nodiscard]] bool fits_part(std::uint64_t bytes, std::uint64_t limit) const {
    return parts_ == 0 || parts_ + bytes <= limit - limit / 4;
  }
  void take(std::uint64_t bytes) { parts_ += bytes; }
  void give_back(std::uint64_t bytes) { parts_ -= bytes; }

 private:
  std::uint64_t parts_ = 0;
};

}  // namespace waybill::agent
