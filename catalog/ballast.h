#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace waybill::catalog {

// A file in the state directory that holds room on its disk: given up when somebody has filled the
// disk, it lets what S3 has acknowledged be recorded all the same (PROTOCOL.md section 5). One
// thread at a time.
class Ballast {
 public:
  static constexpr std::uint64_t size = 16ULL << 20U;  // bytes

  explicit Ballast(std::string state_dir);

  // Takes the room, if it does not have it. DiskFull: there is not enough; nothing is held then.
  Result<void> hold();
  void release();
  // Bytes that are free on that disk beside it.
  [[nodiscard]] Result<std::uint64_t> free() const;

 private:
  const std::string directory_;
  const std::string path_;
};

}  // namespace waybill::catalog
