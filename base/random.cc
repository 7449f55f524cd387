#include "base/random.h"

#include <sys/random.h>

#include <array>

namespace waybill {

Random Random::from_system() {
  std::array<std::uint32_t, 8> entropy{};
  // Up to 256 bytes come whole and uninterrupted once the kernel's pool is ready (getrandom(2)).
  [[maybe_unused]] const auto got = ::getrandom(entropy.data(), sizeof entropy, 0);
  std::seed_seq seed(entropy.begin(), entropy.end());
  return Random(seed);
}

double Random::fraction() {
  return static_cast<double>(next() >> 11U) * 0x1.0p-53;
}

std::string Random::id128() {
  constexpr const char* digits = "0123456789abcdef";
  std::string id;
  id.reserve(32);
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = next();
    for (int i = 0; i < 16; ++i, bits >>= 4U) id += digits[bits & 0xFU];
  }
  return id;
}

}  // namespace waybill
