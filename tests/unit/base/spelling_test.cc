#include "base/spelling.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace waybill {
namespace {

constexpr auto words =
    std::to_array<std::string_view>({"bucket", "region", "endpoint", "settle", "settle_nolease"});

TEST(Spelling, FindsTheWordThatWasMeant) {
  EXPECT_EQ(nearest("buckets", words), "bucket");
  EXPECT_EQ(nearest("bukcet", words), "bucket");
  EXPECT_EQ(nearest("Region", words), "region");
  EXPECT_EQ(nearest("end_point", words), "endpoint");
  EXPECT_EQ(nearest("settle-nolease", words), "settle_nolease");
}

TEST(Spelling, ANeighbourIsNearerThanALongerWord) {
  EXPECT_EQ(nearest("setle", words), "settle");
}

TEST(Spelling, AnotherWordIsNoMisspelling) {
  EXPECT_EQ(nearest("colour", words), std::nullopt);
  EXPECT_EQ(nearest("", words), std::nullopt);
  EXPECT_EQ(nearest(std::string(10'000, 'b'), words), std::nullopt);
}

}  // namespace
}  // namespace waybill
