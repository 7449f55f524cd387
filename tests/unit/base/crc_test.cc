#include "base/crc.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.h"

namespace waybill {
namespace {

constexpr CrcKind kinds[] = {CrcKind::Crc32c, CrcKind::Crc64Nvme};

// Without a pattern that a wrong shift could hide in.
Bytes noise(std::size_t size) {
  Bytes bytes(size);
  std::uint64_t state = 0x9E3779B97F4A7C15ULL;
  for (std::byte& byte : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<std::byte>(state >> 32U);
  }
  return bytes;
}

// One bit at a time, from the definition.
std::uint64_t by_definition(CrcKind kind, const Bytes& bytes) {
  const bool wide = kind == CrcKind::Crc64Nvme;
  const std::uint64_t polynomial = wide ? 0x9A6C9329AC4BC9B5ULL : 0x82F63B78ULL;
  const std::uint64_t mask = wide ? ~0ULL : 0xFFFFFFFFULL;
  std::uint64_t value = mask;
  for (const std::byte byte : bytes) {
    value ^= std::to_integer<std::uint64_t>(byte);
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0);
  }
  return ~value & mask;
}

TEST(Crc, CheckValuesAreThePublishedOnes) {
  // The catalogue of parametrised CRC algorithms; RFC 3720 B.4; NVM Express NVM command set.
  const std::tuple<CrcKind, std::string, std::uint64_t> published[] = {
      {CrcKind::Crc32c, "123456789", 0xE3069283},
      {CrcKind::Crc32c, std::string(32, '\0'), 0x8A9136AA},
      {CrcKind::Crc32c, std::string(32, '\xFF'), 0x62A8AB43},
      {CrcKind::Crc64Nvme, "123456789", 0xAE8B14860A799888},
      {CrcKind::Crc64Nvme, std::string(4096, '\0'), 0x6482D367EB22B64E},
      {CrcKind::Crc64Nvme, std::string(4096, '\xFF'), 0xC0DDBA7302ECA3AC},
      {CrcKind::Crc64Nvme, "", 0},
      {CrcKind::Crc32c, "", 0},
  };
  for (const auto& [kind, text, value] : published) {
    EXPECT_EQ(crc_of(kind, as_bytes(text)).value, value);
    EXPECT_EQ(extend_portably({kind, 0}, as_bytes(text)).value, value);
  }
}

TEST(Crc, EveryWayAgreesWithTheDefinitionAtEveryLengthAndAlignment) {
  const Bytes bytes = noise(400);
  for (const CrcKind kind : kinds) {
    for (std::size_t length = 0; length < 330; ++length) {
      for (const std::size_t offset :
           {std::size_t{0}, std::size_t{1}, std::size_t{7}, length % 61}) {
        const Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                          bytes.begin() + static_cast<std::ptrdiff_t>(offset + length));
        const std::span<const std::byte> view(bytes.data() + offset, length);
        const std::uint64_t expected = by_definition(kind, piece);
        ASSERT_EQ(crc_of(kind, view).value, expected) << length << " at " << offset;
        ASSERT_EQ(extend_portably({kind, 0}, view).value, expected) << length << " at " << offset;
      }
    }
  }
}

TEST(Crc, PieceByPieceItIsThatOfTheWhole) {
  const Bytes bytes = noise(5000);
  for (const CrcKind kind : kinds) {
    const Crc whole = crc_of(kind, bytes);
    for (const std::size_t cut : {0U, 1U, 63U, 64U, 1000U, 4999U, 5000U}) {
      const std::span<const std::byte> view(bytes);
      EXPECT_EQ(extend(crc_of(kind, view.first(cut)), view.subspan(cut)), whole);
    }
  }
}

TEST(Crc, ThoseOfThePartsMakeThatOfTheWhole) {
  const Bytes bytes = noise(100'003);
  const std::span<const std::byte> view(bytes);
  for (const CrcKind kind : kinds) {
    for (const std::size_t part : {1000U, 16'384U, 99'999U}) {
      const CrcJoin join(kind, part);
      Crc together{kind, 0};
      std::size_t at = 0;
      for (; at + part <= bytes.size(); at += part) {
        together = join(together, crc_of(kind, view.subspan(at, part)));
      }
      const CrcJoin last(kind, bytes.size() - at);
      together = last(together, crc_of(kind, view.subspan(at)));
      EXPECT_EQ(together, crc_of(kind, bytes)) << part;
    }
  }
}

// 5 TiB in parts of 5 GiB: nobody reads them here, but zeros can be counted in two ways.
TEST(Crc, TheLargestPartsJoinAsTheirHalvesDo) {
  for (const CrcKind kind : kinds) {
    constexpr std::uint64_t half = 5ULL << 29U;
    const Crc before = crc_of(kind, as_bytes("something"));
    const Crc none{kind, 0};
    const CrcJoin by_half(kind, half);
    EXPECT_EQ(CrcJoin(kind, 2 * half)(before, none), by_half(by_half(before, none), none));
  }
}

}  // namespace
}  // namespace waybill
