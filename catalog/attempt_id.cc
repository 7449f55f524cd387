#include "catalog/attempt_id.h"

#include "base/bytes.h"

namespace waybill::catalog {

namespace {

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> packed_attempt(std::string_view id) {
  if (id.size() != 32) return std::nullopt;
  std::string packed;
  packed.reserve(16);
  for (std::size_t i = 0; i < id.size(); i += 2) {
    const auto high = digit(id[i]);
    const auto low = digit(id[i + 1]);
    if (!high || !low) return std::nullopt;
    packed += static_cast<char>(*high << 4U | *low);
  }
  return packed;
}

std::string unpacked_attempt(std::string_view bytes) {
  return to_hex(as_bytes(bytes));
}

}  // namespace waybill::catalog
