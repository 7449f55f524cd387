#include "base/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace waybill {
namespace {

constexpr std::uint64_t key0 = 0x0706050403020100U;
constexpr std::uint64_t key1 = 0x0f0e0d0c0b0a0908U;

// Appendix A of the paper, and the first of its authors' test vectors.
TEST(SipHash, IsThatOfThePaper) {
  std::string bytes;
  EXPECT_EQ(siphash(key0, key1, bytes), 0x726fdb47dd0e0e31U);
  for (char byte = 0; byte < 15; ++byte) bytes += byte;
  EXPECT_EQ(siphash(key0, key1, bytes), 0xa129ca6149be45e5U);
}

TEST(SipHash, EveryByteAndTheKeyMatter) {
  EXPECT_NE(siphash(0, 0, "12345678"), siphash(1, 0, "12345678"));
  EXPECT_NE(siphash(0, 0, "12345678"), siphash(0, 0, "12345678\xff"));
  EXPECT_NE(siphash(0, 0, "\xff\x01"), siphash(0, 0, "\xff\x02"));
}

}  // namespace
}  // namespace waybill
