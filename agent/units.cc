#include "agent/units.h"

#include <charconv>
#include <limits>
#include <span>
#include <utility>

namespace waybill::agent {
namespace {

using Unit = std::pair<std::string_view, std::int64_t>;

constexpr Unit times[] = {{"ms", 1'000'000},
                          {"s", 1'000'000'000},
                          {"m", 60'000'000'000},
                          {"h", 3'600'000'000'000},
                          {"d", 86'400'000'000'000}};
constexpr Unit sizes[] = {{"B", 1},
                          {"KiB", 1LL << 10U},
                          {"MiB", 1LL << 20U},
                          {"GiB", 1LL << 30U},
                          {"TiB", 1LL << 40U},
                          {"kB", 1'000},
                          {"KB", 1'000},
                          {"MB", 1'000'000},
                          {"GB", 1'000'000'000},
                          {"TB", 1'000'000'000'000}};

// Takes one number with its unit from the front of `text`.
std::optional<std::int64_t> take(std::string_view& text, std::span<const Unit> units) {
  if (text.starts_with('-')) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const Unit* unit = nullptr;
  for (const Unit& candidate : units) {
    const bool longer = unit == nullptr || candidate.first.size() > unit->first.size();
    if (text.starts_with(candidate.first) && longer) unit = &candidate;
  }
  if (unit == nullptr || number > std::numeric_limits<std::int64_t>::max() / unit->second) {
    return std::nullopt;
  }
  text.remove_prefix(unit->first.size());
  return number * unit->second;
}

}  // namespace

std::optional<Nanoseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t sum = 0;
  while (!text.empty()) {
    const auto part = take(text, times);
    if (!part || *part > std::numeric_limits<std::int64_t>::max() - sum) return std::nullopt;
    sum += *part;
  }
  return Nanoseconds(sum);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto size = take(text, sizes);
  if (!size || !text.empty()) return std::nullopt;
  return static_cast<std::uint64_t>(*size);
}

}  // namespace waybill::agent
