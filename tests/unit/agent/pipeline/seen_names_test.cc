#include "agent/seen_names.h"

#include <gtest/gtest.h>

#include <string>

namespace waybill::agent {
namespace {

TEST(SeenNames, AreThoseThatWereShownAndNoOthers) {
  constexpr int many = 20'000;
  SeenNames seen(7);
  for (int i = 0; i < many; ++i) seen.insert("a/" + std::to_string(i));
  for (int i = 0; i < many; ++i) {
    EXPECT_TRUE(seen.contains("a/" + std::to_string(i))) << i;
    EXPECT_FALSE(seen.contains("b/" + std::to_string(i))) << i;
  }
  seen.insert("b/1");
  EXPECT_TRUE(seen.contains("b/1"));
  EXPECT_TRUE(seen.contains("a/0"));
  EXPECT_FALSE(seen.contains(""));
}

TEST(SeenNames, NoneAreShownAtFirst) {
  SeenNames seen(7);
  EXPECT_FALSE(seen.contains("a"));
}

}  // namespace
}  // namespace waybill::agent
