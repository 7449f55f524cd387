#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// The cyclic checksums that S3 knows for whole objects (S3.md section 2): unlike a hash, those of
// two pieces make that of the two together. They find what was damaged, not what was forged. Pure.
namespace waybill {

enum class CrcKind : std::uint8_t { Crc32c, Crc64Nvme };

struct Crc {
  CrcKind kind = CrcKind::Crc64Nvme;
  std::uint64_t value = 0;
  bool operator==(const Crc&) const = default;
};

Crc crc_of(CrcKind kind, std::span<const std::byte> bytes);
// Of what `before` is of, and these bytes behind it.
Crc extend(const Crc& before, std::span<const std::byte> bytes);
// The same by tables alone, as on a processor that has no instruction for it.
Crc extend_portably(const Crc& before, std::span<const std::byte> bytes);

// Puts pieces of one length behind others. Making one costs some microseconds, using it less than
// one.
class CrcJoin {
 public:
  CrcJoin(CrcKind kind, std::uint64_t length);  // bytes of each piece that is put behind another
  // Both of the kind given.
  [[nodiscard]] Crc operator()(const Crc& before, const Crc& piece) const;

 private:
  CrcKind kind_;
  std::uint64_t power_;  // x to the 8·length
};

}  // namespace waybill
