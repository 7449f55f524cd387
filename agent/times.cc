#include "agent/times.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace waybill::agent {
namespace {

constexpr std::string_view shape = "0000-00-00T00:00:00.000000000Z";

bool has_shape(std::string_view text) {
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : text[i] != shape[i]) return false;
  }
  return true;
}

int number(std::string_view text, std::size_t at, std::size_t length) {
  int value = 0;
  std::from_chars(text.data() + at, text.data() + at + length, value);
  return value;
}

}  // namespace

CivilTime civil_time(std::int64_t ns) {
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(ns)};
  const auto midnight = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = static_cast<int>(clock.hours().count()),
          .minute = static_cast<int>(clock.minutes().count()),
          .second = static_cast<int>(clock.seconds().count()),
          .nanosecond = static_cast<int>(clock.subseconds().count())};
}

std::string iso_time(std::int64_t ns) {
  const CivilTime t = civil_time(ns);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", t.year, t.month,
                t.day, t.hour, t.minute, t.second, t.nanosecond);
  return text.data();
}

std::optional<std::int64_t> from_iso_time(std::string_view text) {
  if (!has_shape(text)) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(number(text, 0, 4)),
      std::chrono::month(static_cast<unsigned>(number(text, 5, 2))),
      std::chrono::day(static_cast<unsigned>(number(text, 8, 2))));
  // What nanoseconds in 64 bits can count.
  if (!date.ok() || number(text, 0, 4) < 1678 || number(text, 0, 4) > 2261) return std::nullopt;
  const std::int64_t seconds =
      std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400} +
      std::int64_t{number(text, 11, 2)} * 3600 + std::int64_t{number(text, 14, 2)} * 60 +
      number(text, 17, 2);
  return seconds * 1'000'000'000 + number(text, 20, 9);
}

}  // namespace waybill::agent
