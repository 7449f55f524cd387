#pragma once

#include <cstdint>

namespace waybill::catalog {

// Files by size, so that a small one never waits behind a big one. The numbers are in the index
// that serves the queue (schema.cc).
enum class Lane : std::uint8_t { Small = 0, Medium = 1, Large = 2 };

constexpr std::uint64_t largest_small = 1ULL << 20U;
constexpr std::uint64_t largest_medium = 16ULL << 20U;

constexpr Lane lane_of(std::uint64_t size) {
  if (size <= largest_small) return Lane::Small;
  return size <= largest_medium ? Lane::Medium : Lane::Large;
}

}  // namespace waybill::catalog
