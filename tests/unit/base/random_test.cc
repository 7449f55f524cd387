#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace waybill {
namespace {

TEST(Random, SameSeedReplaysTheSameRun) {
  Random a(7);
  Random b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.id128(), b.id128());
}

TEST(Random, SystemSeedsDiffer) {
  EXPECT_NE(Random::from_system().id128(), Random::from_system().id128());
}

TEST(Random, IdsAre32HexDigitsAndDistinct) {
  Random random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random.id128();
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(Random, FractionStaysBelowOne) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    const double f = random.fraction();
    EXPECT_GE(f, 0.0);
    EXPECT_LT(f, 1.0);
  }
}

}  // namespace
}  // namespace waybill
