#pragma once

#include <cstdint>
#include <string_view>

namespace waybill {

// SipHash-2-4 (Aumasson and Bernstein, 2012): with another key other bytes share a hash. Not for
// what somebody must not be able to forge.
std::uint64_t siphash(std::uint64_t key0, std::uint64_t key1, std::string_view bytes);

}  // namespace waybill
