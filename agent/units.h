#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

// Durations and sizes as people write them. Pure.
namespace waybill::agent {

// "500ms", "2s", "5m", "1h", "7d", and sums like "1h30m". nullopt: no duration, or beyond 290
// years.
std::optional<Nanoseconds> parse_duration(std::string_view text);

// "64MiB", "1GiB", "500MB", "100B". nullopt: no size, or beyond 2^63.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace waybill::agent
