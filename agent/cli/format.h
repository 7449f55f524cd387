#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

// Values as a person reads them. Pure.
namespace waybill::agent::cli {

std::string with_thousands(std::int64_t number);  // "1,204,551"
std::string size_text(std::uint64_t bytes);       // "512 B", "48.2 kB", "412 MB"
std::string duration_text(Nanoseconds time);      // "250 ms", "3 s", "2 h", "12 days"
std::string ago_text(Nanoseconds time);           // "just now", "3 s ago"
std::string utc_text(std::int64_t ns);            // "2026-07-01 09:14:03.114 UTC"
std::string utc_seconds_text(std::int64_t ns);    // "2026-07-01 09:14:03"
std::string plural(std::int64_t n, std::string_view one, std::string_view many);  // "1 file"
// As a shell takes it: quoted where it must be.
std::string shell_word(std::string_view text);

enum class Align : bool { Left, Right };
struct Column {
  std::string title;
  Align align = Align::Left;
};
// Rows may be shorter than the columns; no line ends in spaces. A title of only empty strings is no
// line.
std::string table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows, std::string_view indent = "",
                  std::size_t gap = 2);

// Colours for a terminal; nothing elsewhere.
struct Style {
  bool colour = false;
  [[nodiscard]] std::string strong(std::string_view text) const { return with("1", text); }
  [[nodiscard]] std::string good(std::string_view text) const { return with("32", text); }
  [[nodiscard]] std::string warning(std::string_view text) const { return with("33", text); }
  [[nodiscard]] std::string bad(std::string_view text) const { return with("31", text); }

 private:
  [[nodiscard]] std::string with(std::string_view code, std::string_view text) const;
};

}  // namespace waybill::agent::cli
