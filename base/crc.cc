#include "base/crc.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#define WAYBILL_CRC_INSTRUCTIONS 1
#endif

// Both checksums are reflected: the highest power of x is the lowest bit. Polynomials: RFC 3720 for
// CRC-32C, the NVM Express command set (64b guard) for CRC-64. Both begin with all bits set and end
// inverted; between the two functions here the value is the plain remainder.
namespace waybill {
namespace {

struct Ways32c {
  using Word = std::uint32_t;
  static constexpr Word polynomial = 0x82F63B78U;
};
struct Ways64Nvme {
  using Word = std::uint64_t;
  static constexpr Word polynomial = 0x9A6C9329AC4BC9B5ULL;
};

template <typename Way>
constexpr typename Way::Word times_x(typename Way::Word value) {
  using Word = typename Way::Word;
  return static_cast<Word>(value >> 1U) ^ ((value & 1U) != 0 ? Way::polynomial : Word{0});
}

template <typename Way>
constexpr typename Way::Word one() {
  using Word = typename Way::Word;
  return static_cast<Word>(Word{1} << (8 * sizeof(Word) - 1));
}

// Modulo the polynomial.
template <typename Way>
constexpr typename Way::Word product(typename Way::Word a, typename Way::Word b) {
  typename Way::Word sum = 0;
  for (typename Way::Word bit = one<Way>(); bit != 0; bit >>= 1U) {
    if ((a & bit) != 0) sum ^= b;
    b = times_x<Way>(b);
  }
  return sum;
}

// x to the `exponent`.
template <typename Way>
constexpr typename Way::Word power_of_x(std::uint64_t exponent) {
  auto result = one<Way>();
  auto square = times_x<Way>(one<Way>());
  for (; exponent != 0; exponent >>= 1U) {
    if ((exponent & 1U) != 0) result = product<Way>(result, square);
    square = product<Way>(square, square);
  }
  return result;
}

// --- by tables: eight bytes at a time -----------------------------------------------------------

constexpr std::size_t lanes = 8;
template <typename Word>
using Tables = std::array<std::array<Word, 256>, lanes>;

template <typename Way>
constexpr Tables<typename Way::Word> make_tables() {
  Tables<typename Way::Word> tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    auto value = static_cast<typename Way::Word>(byte);
    for (int bit = 0; bit < 8; ++bit) value = times_x<Way>(value);
    tables[0][byte] = value;
  }
  for (std::size_t lane = 1; lane < lanes; ++lane) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const auto before = tables[lane - 1][byte];
      tables[lane][byte] =
          static_cast<typename Way::Word>(before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}

// Lowest byte first, whatever the machine.
std::uint64_t load(const std::byte* at) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < lanes; ++i) word |= std::to_integer<std::uint64_t>(at[i]) << (8 * i);
  return word;
}

template <typename Way>
typename Way::Word by_tables(typename Way::Word value, std::span<const std::byte> bytes) {
  using Word = typename Way::Word;
  static constexpr Tables<Word> tables = make_tables<Way>();
  while (bytes.size() >= lanes) {
    const std::uint64_t word = load(bytes.data()) ^ value;
    value = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      value ^= tables[lanes - 1 - lane][(word >> (8 * lane)) & 0xFFU];
    }
    bytes = bytes.subspan(lanes);
  }
  for (const std::byte byte : bytes) {
    const auto index = static_cast<std::size_t>((value ^ std::to_integer<Word>(byte)) & 0xFFU);
    value = static_cast<Word>(value >> 8U) ^ tables[0][index];
  }
  return value;
}

// --- by the processor ---------------------------------------------------------------------------

#ifdef WAYBILL_CRC_INSTRUCTIONS

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t value,
                                                               std::span<const std::byte> bytes) {
  std::uint64_t wide = value;
  while (bytes.size() >= sizeof(wide)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    wide = _mm_crc32_u64(wide, word);
    bytes = bytes.subspan(sizeof(word));
  }
  value = static_cast<std::uint32_t>(wide);
  for (const std::byte byte : bytes)
    value = _mm_crc32_u8(value, std::to_integer<unsigned char>(byte));
  return value;
}

// A block of 16 bytes, moved `bits` up and brought back below 128 bits. A carry-less product of two
// reflected words is one power of x too high, hence the -1.
struct Fold {
  std::uint64_t first;  // for the first eight bytes, which are 64 powers higher
  std::uint64_t second;
};
constexpr Fold fold_over(std::uint64_t bits) {
  return {power_of_x<Ways64Nvme>(bits + 64 - 1), power_of_x<Ways64Nvme>(bits - 1)};
}

__attribute__((target("pclmul,sse2"))) __m128i load_block(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

__attribute__((target("pclmul,sse2"))) __m128i folded(__m128i block, __m128i factors) {
  return _mm_xor_si128(_mm_clmulepi64_si128(block, factors, 0x00),
                       _mm_clmulepi64_si128(block, factors, 0x11));
}

__attribute__((target("pclmul,sse2"))) __m128i factors_of(const Fold& fold) {
  return _mm_set_epi64x(static_cast<long long>(fold.second), static_cast<long long>(fold.first));
}

// Four blocks are under way at once: one product waits for the one before it. What is left at the
// end is a message of one block with the same remainder.
__attribute__((target("pclmul,sse2"))) std::uint64_t by_folding(std::uint64_t value,
                                                                std::span<const std::byte> bytes) {
  constexpr std::size_t block = 16;
  constexpr std::size_t round = 4 * block;
  static constexpr Fold over_round = fold_over(8 * round);
  static constexpr Fold over_block = fold_over(8 * block);
  if (bytes.size() < round) return by_tables<Ways64Nvme>(value, bytes);

  __m128i blocks[4];
  for (std::size_t i = 0; i < 4; ++i) blocks[i] = load_block(bytes.data() + i * block);
  blocks[0] = _mm_xor_si128(blocks[0], _mm_set_epi64x(0, static_cast<long long>(value)));
  bytes = bytes.subspan(round);
  const __m128i far = factors_of(over_round);
  while (bytes.size() >= round) {
    for (std::size_t i = 0; i < 4; ++i) {
      blocks[i] = _mm_xor_si128(folded(blocks[i], far), load_block(bytes.data() + i * block));
    }
    bytes = bytes.subspan(round);
  }
  const __m128i near = factors_of(over_block);
  __m128i whole = blocks[0];
  for (std::size_t i = 1; i < 4; ++i) whole = _mm_xor_si128(folded(whole, near), blocks[i]);
  while (bytes.size() >= block) {
    whole = _mm_xor_si128(folded(whole, near), load_block(bytes.data()));
    bytes = bytes.subspan(block);
  }
  std::array<std::byte, block> rest{};
  std::memcpy(rest.data(), &whole, block);
  return by_tables<Ways64Nvme>(by_tables<Ways64Nvme>(0, rest), bytes);
}

#endif

std::uint32_t remainder_32c(std::uint32_t value, std::span<const std::byte> bytes) {
#ifdef WAYBILL_CRC_INSTRUCTIONS
  if (__builtin_cpu_supports("sse4.2") != 0) return by_instruction(value, bytes);
#endif
  return by_tables<Ways32c>(value, bytes);
}

std::uint64_t remainder_64nvme(std::uint64_t value, std::span<const std::byte> bytes) {
#ifdef WAYBILL_CRC_INSTRUCTIONS
  if (__builtin_cpu_supports("pclmul") != 0) return by_folding(value, bytes);
#endif
  return by_tables<Ways64Nvme>(value, bytes);
}

}  // namespace

Crc crc_of(CrcKind kind, std::span<const std::byte> bytes) {
  return extend({.kind = kind, .value = 0}, bytes);
}

Crc extend(const Crc& before, std::span<const std::byte> bytes) {
  switch (before.kind) {
    case CrcKind::Crc32c:
      return {before.kind, static_cast<std::uint32_t>(
                               ~remainder_32c(static_cast<std::uint32_t>(~before.value), bytes))};
    case CrcKind::Crc64Nvme:
      return {before.kind, ~remainder_64nvme(~before.value, bytes)};
  }
  return before;
}

Crc extend_portably(const Crc& before, std::span<const std::byte> bytes) {
  switch (before.kind) {
    case CrcKind::Crc32c:
      return {before.kind, static_cast<std::uint32_t>(~by_tables<Ways32c>(
                               static_cast<std::uint32_t>(~before.value), bytes))};
    case CrcKind::Crc64Nvme:
      return {before.kind, ~by_tables<Ways64Nvme>(~before.value, bytes)};
  }
  return before;
}

// 2^61 bytes and more are no object's: the exponent, in bits, fits.
CrcJoin::CrcJoin(CrcKind kind, std::uint64_t length)
    : kind_(kind),
      power_(kind == CrcKind::Crc32c ? power_of_x<Ways32c>(8 * length)
                                     : power_of_x<Ways64Nvme>(8 * length)) {}

// The bits set at the beginning and inverted at the end cancel each other out.
Crc CrcJoin::operator()(const Crc& before, const Crc& piece) const {
  switch (kind_) {
    case CrcKind::Crc32c:
      return {kind_, product<Ways32c>(static_cast<std::uint32_t>(power_),
                                      static_cast<std::uint32_t>(before.value)) ^
                         piece.value};
    case CrcKind::Crc64Nvme:
      return {kind_, product<Ways64Nvme>(power_, before.value) ^ piece.value};
  }
  return before;
}

}  // namespace waybill
