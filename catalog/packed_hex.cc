#include "catalog/packed_hex.h"

#include "base/bytes.h"

namespace waybill::catalog {

namespace {

// 16 and above: not a digit.
unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  return 16;
}

}  // namespace

std::optional<Packed> packed_hex(std::string_view digits) {
  Packed packed{};
  if (digits.size() != 2 * packed.size()) return std::nullopt;
  for (std::size_t i = 0; i < packed.size(); ++i) {
    const unsigned high = digit(digits[2 * i]);
    const unsigned low = digit(digits[2 * i + 1]);
    if (high > 15 || low > 15) return std::nullopt;
    packed[i] = static_cast<char>(high << 4U | low);
  }
  return packed;
}

std::string unpacked_hex(std::string_view bytes) {
  return to_hex(as_bytes(bytes));
}

}  // namespace waybill::catalog
