#include "agent/cli/format.h"

#include <gtest/gtest.h>

#include <limits>

namespace waybill::agent::cli {
namespace {

using namespace std::chrono_literals;

TEST(Format, ThousandsAreSeparated) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(1204551), "1,204,551");
  EXPECT_EQ(with_thousands(-1000), "-1,000");
  EXPECT_EQ(with_thousands(-100), "-100");
  EXPECT_EQ(with_thousands(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Format, SizesHaveThreeDigits) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(1000), "1.0 kB");
  EXPECT_EQ(size_text(48'213), "48.2 kB");
  EXPECT_EQ(size_text(412'000'000), "412 MB");
  EXPECT_EQ(size_text(999'499), "999 kB");
  EXPECT_EQ(size_text(999'500), "1.0 MB") << "never 1000 kB";
  EXPECT_EQ(size_text(99'960), "100 kB");
  EXPECT_EQ(size_text(std::numeric_limits<std::uint64_t>::max()), "18.4 EB");
}

TEST(Format, DurationsHaveOneUnit) {
  EXPECT_EQ(duration_text(-5s), "0 ms");
  EXPECT_EQ(duration_text(250ms), "250 ms");
  EXPECT_EQ(duration_text(3s), "3 s");
  EXPECT_EQ(duration_text(119s), "119 s");
  EXPECT_EQ(duration_text(2min), "2 min");
  EXPECT_EQ(duration_text(2h), "2 h");
  EXPECT_EQ(duration_text(24h * 12), "12 days");
}

TEST(Format, WhatHasJustHappenedNeedsNoNumber) {
  EXPECT_EQ(ago_text(-1s), "just now");
  EXPECT_EQ(ago_text(1s), "just now");
  EXPECT_EQ(ago_text(3s), "3 s ago");
  EXPECT_EQ(ago_text(2h), "2 h ago");
}

TEST(Format, TimesAreInUtc) {
  EXPECT_EQ(utc_text(1'782'897'243'114'000'000), "2026-07-01 09:14:03.114 UTC");
  EXPECT_EQ(utc_seconds_text(1'782'897'243'114'000'000), "2026-07-01 09:14:03");
}

TEST(Format, AShellTakesTheWordBack) {
  EXPECT_EQ(shell_word("invoices/2026/q3.pdf"), "invoices/2026/q3.pdf");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(shell_word("a\\x0ab"), "'a\\x0ab'");
  EXPECT_EQ(shell_word("für.pdf"), "für.pdf");
}

TEST(Format, TablesAlignByCodePoints) {
  EXPECT_EQ(table({{"NAME"}, {"N", Align::Right}}, {{"für", "1"}, {"abc", "1,000"}}),
            "NAME      N\n"
            "für       1\n"
            "abc   1,000\n");
}

TEST(Format, TablesHaveNoTitleLineWithoutTitlesAndNoSpaceAtTheEnd) {
  EXPECT_EQ(table({{""}, {""}}, {{"a", ""}, {"bcd", "x"}, {"e"}}, "  "), "  a\n  bcd  x\n  e\n");
}

TEST(Format, ColoursAreForTerminals) {
  EXPECT_EQ(Style{}.bad("x"), "x");
  EXPECT_EQ(Style{.colour = true}.bad("x"), "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace waybill::agent::cli
