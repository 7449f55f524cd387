#include "agent/config_bandwidth.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/units.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

using uploader::BandwidthSchedule;
using Window = BandwidthSchedule::Window;

constexpr std::uint64_t least_rate = 16ULL << 10U;
constexpr std::uint64_t most_rate = 1ULL << 40U;
constexpr auto weekdays =
    std::to_array<std::string_view>({"sun", "mon", "tue", "wed", "thu", "fri", "sat"});

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> weekday(std::string_view name) {
  const auto* const found = std::ranges::find(weekdays, name);
  if (found == weekdays.end()) return std::nullopt;
  return static_cast<unsigned>(found - weekdays.begin());
}

// "mon-fri", "sat,sun", "fri-mon".
std::optional<std::uint8_t> parse_days(std::string_view text) {
  unsigned days = 0;
  for (const std::string_view range : split(text, ',')) {
    const auto ends = split(range, '-');
    const auto first = weekday(ends.front());
    const auto last = weekday(ends.back());
    if (!first || !last || ends.size() > 2) return std::nullopt;
    for (unsigned day = *first;; day = (day + 1) % weekdays.size()) {
      days |= 1U << day;
      if (day == *last) break;
    }
  }
  return static_cast<std::uint8_t>(days);
}

// "08:00" → 480; "24:00" is the end of the day.
std::optional<int> parse_minute(std::string_view text) {
  constexpr std::size_t length = 5;
  if (text.size() != length || text[2] != ':') return std::nullopt;
  const auto number = [](std::string_view two) -> std::optional<int> {
    int value = 0;
    const auto [end, error] = std::from_chars(two.data(), two.data() + two.size(), value);
    if (error != std::errc() || end != two.data() + two.size() || value < 0) return std::nullopt;
    return value;
  };
  const auto hour = number(text.substr(0, 2));
  const auto minute = number(text.substr(3));
  if (!hour || !minute || *minute > 59) return std::nullopt;
  const int minutes = *hour * 60 + *minute;
  return minutes <= BandwidthSchedule::minutes_of_day ? std::optional(minutes) : std::nullopt;
}

// nullopt: no rate; a rate that is none: unlimited.
std::optional<BandwidthSchedule::Rate> parse_rate(std::string_view text) {
  if (text == "unlimited") return BandwidthSchedule::Rate();
  const auto rate = parse_size(text);
  if (!rate || *rate < least_rate || *rate > most_rate) return std::nullopt;
  return BandwidthSchedule::Rate(*rate);
}

// "[DAYS ]HH:MM-HH:MM RATE"
std::optional<Window> parse_window(std::string_view text) {
  auto words = split(text, ' ');
  Window window;
  if (words.size() == 3) {
    const auto days = parse_days(words.front());
    if (!days) return std::nullopt;
    window.days = *days;
    words.erase(words.begin());
  }
  if (words.size() != 2) return std::nullopt;
  const auto times = split(words[0], '-');
  if (times.size() != 2) return std::nullopt;
  const auto from = parse_minute(times[0]);
  const auto until = parse_minute(times[1]);
  const auto rate = parse_rate(words[1]);
  if (!from || !until || !rate || *from == BandwidthSchedule::minutes_of_day) return std::nullopt;
  window.from = *from;
  window.until = *until;
  window.rate = *rate;
  return window;
}

}  // namespace

BandwidthSchedule read_bandwidth(const SectionReader& section) {
  BandwidthSchedule schedule;
  schedule.otherwise = section.size("bandwidth", least_rate, most_rate);
  for (const std::string& text : section.strings("bandwidth_schedule")) {
    const auto window = parse_window(text);
    if (window) {
      schedule.windows.push_back(*window);
    } else {
      section.refuse(*section.find("bandwidth_schedule"),
                     "\"" + printable(text) +
                         "\" is not written like \"mon-fri 08:00-18:00 2MiB\" or \"22:00-06:00 "
                         "unlimited\": days or none, from and until, and bytes a second from "
                         "\"16KiB\"");
    }
  }
  return schedule;
}

}  // namespace waybill::agent
