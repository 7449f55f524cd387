#include "agent/cli/format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "agent/times.h"

namespace waybill::agent::cli {
namespace {

// Code points, which is what a terminal shows of nearly every name.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
}

std::string padded(std::string_view text, std::size_t to, Align align) {
  const std::string space(to - std::min(to, width(text)), ' ');
  return align == Align::Right ? space + std::string(text) : std::string(text) + space;
}

void add_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

std::string with_thousands(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  std::size_t unit = 0;
  double value = static_cast<double>(bytes) / 1000;
  // 999.95 would be rounded up to a fourth digit.
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 99.95 ? "%.1f %s" : "%.0f %s", value,
                units[unit]);
  return text.data();
}

std::string duration_text(Nanoseconds time) {
  const std::int64_t ms = std::max<std::int64_t>(0, time.count() / 1'000'000);
  if (ms < 1000) return std::to_string(ms) + " ms";
  const std::int64_t seconds = ms / 1000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + " h";
  return with_thousands(seconds / 86'400) + " days";
}

std::string ago_text(Nanoseconds time) {
  if (time < std::chrono::seconds(2)) return "just now";
  return duration_text(time) + " ago";
}

std::string utc_seconds_text(std::int64_t ns) {
  const CivilTime t = civil_time(ns);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d", t.year, t.month, t.day,
                t.hour, t.minute, t.second);
  return text.data();
}

std::string utc_text(std::int64_t ns) {
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03d", civil_time(ns).nanosecond / 1'000'000);
  return utc_seconds_text(ns) + fraction.data() + " UTC";
}

std::string plural(std::int64_t n, std::string_view one, std::string_view many) {
  return with_thousands(n) + " " + std::string(n == 1 ? one : many);
}

std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c >= 0x80 ||
           std::string_view("/._-+=:,@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows, std::string_view indent,
                  std::size_t gap) {
  std::vector<std::size_t> widths;
  bool titles = false;
  for (const Column& column : columns) {
    widths.push_back(width(column.title));
    titles = titles || !column.title.empty();
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < std::min(row.size(), columns.size()); ++i) {
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  const auto line_of = [&](auto&& cell, std::size_t cells) {
    std::string line(indent);
    for (std::size_t i = 0; i < cells; ++i) {
      if (i > 0) line += std::string(gap, ' ');
      line += padded(cell(i), widths[i], columns[i].align);
    }
    return line;
  };
  std::string out;
  if (titles) {
    add_line(out, line_of([&](std::size_t i) { return columns[i].title; }, columns.size()));
  }
  for (const auto& row : rows) {
    add_line(out,
             line_of([&](std::size_t i) { return row[i]; }, std::min(row.size(), columns.size())));
  }
  return out;
}

std::string Style::with(std::string_view code, std::string_view text) const {
  if (!colour) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace waybill::agent::cli
