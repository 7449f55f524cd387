#include "agent/times.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace waybill::agent {
namespace {

TEST(Times, AreWrittenToTheNanosecond) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(iso_time(1'782'897'243'114'000'007), "2026-07-01T09:14:03.114000007Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST(Times, ReadBackAsTheyWere) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const auto ns = static_cast<std::int64_t>(random()) / 2;
    EXPECT_EQ(from_iso_time(iso_time(ns)), ns);
  }
}

TEST(Times, OtherFormsAreNotRead) {
  for (const char* text : {"", "2026-07-01", "2026-07-01T09:14:03Z",
                           "2026-07-01 09:14:03.114000007Z", "2026-02-30T00:00:00.000000000Z",
                           "9999-01-01T00:00:00.000000000Z", "2026-07-01T09:14:03.11400000xZ"}) {
    EXPECT_EQ(from_iso_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace waybill::agent
