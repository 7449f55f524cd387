#include "agent/units.h"

#include <gtest/gtest.h>

#include <chrono>

namespace waybill::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Units, DurationsAreNumbersWithUnits) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("2s"), seconds(2));
  EXPECT_EQ(parse_duration("5m"), minutes(5));
  EXPECT_EQ(parse_duration("1h"), hours(1));
  EXPECT_EQ(parse_duration("7d"), hours(7 * 24));
  EXPECT_EQ(parse_duration("1h30m"), minutes(90));
  EXPECT_EQ(parse_duration("0s"), seconds(0));
}

TEST(Units, WhatIsNoDurationIsRefused) {
  for (const char* text :
       {"", "2", "s", "-2s", "-0s", "+2s", "2 s", " 2s", "2s ", "1.5s", "2sec", "2S", "1h30",
        "0x2s", "99999999999999999999s", "9223372036854775807s", "300000d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Units, SumsThatOverflowAreRefused) {
  EXPECT_NE(parse_duration("100000d"), std::nullopt);
  EXPECT_EQ(parse_duration("100000d100000d"), std::nullopt);
}

TEST(Units, SizesAreBinaryOrDecimal) {
  EXPECT_EQ(parse_size("100B"), 100U);
  EXPECT_EQ(parse_size("64KiB"), 64U << 10U);
  EXPECT_EQ(parse_size("64MiB"), 64U << 20U);
  EXPECT_EQ(parse_size("1GiB"), 1U << 30U);
  EXPECT_EQ(parse_size("5TiB"), 5ULL << 40U);
  EXPECT_EQ(parse_size("1kB"), 1000U);
  EXPECT_EQ(parse_size("500MB"), 500'000'000U);
}

TEST(Units, WhatIsNoSizeIsRefused) {
  for (const char* text :
       {"", "64", "MiB", "-1B", "1 MiB", "1mib", "1MiB ", "1MiB1KiB", "9223372036854775807KiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace waybill::agent
