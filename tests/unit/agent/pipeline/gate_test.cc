#include "agent/gate.h"

#include <gtest/gtest.h>

namespace waybill::agent {
namespace {

constexpr FolderId one{1};
constexpr FolderId two{2};
using Strings = std::vector<std::string>;

TEST(Gate, HoldsEachFileOnceUntilItIsReleased) {
  Gate gate;
  gate.hold({one, "a"}, {.why = "first"});
  gate.hold({one, "a"}, {.why = "second"});
  EXPECT_EQ(gate.size(one), 1);
  ASSERT_NE(gate.find({one, "a"}), nullptr);
  EXPECT_EQ(gate.find({one, "a"})->why, "second");
  EXPECT_EQ(gate.find({two, "a"}), nullptr);
  EXPECT_TRUE(gate.release({one, "a"}));
  EXPECT_FALSE(gate.release({one, "a"}));
  EXPECT_EQ(gate.size(one), 0);
}

TEST(Gate, KnowsWhatLiesInADirectoryAndWhatLiesBelowIt) {
  Gate gate;
  for (const char* path : {"a", "d", "d/x", "d/e/y", "d-/z", "e"}) gate.hold({one, path}, {});
  gate.hold({two, "d/other"}, {});
  EXPECT_EQ(gate.below(one, "d", true), (Strings{"d/e/y", "d/x"}));
  EXPECT_EQ(gate.below(one, "d", false), (Strings{"d/x"}));
  EXPECT_EQ(gate.below(one, "", false), (Strings{"a", "d", "e"}));
  EXPECT_EQ(gate.below(one, "", true).size(), 6U);
  EXPECT_EQ(gate.below(two, "", true), Strings{"d/other"});
}

TEST(Gate, IsGoneThroughInPieces) {
  Gate gate;
  for (const char* path : {"a", "d/e/y", "d/x", "d/z", "e"}) gate.hold({one, path}, {});
  std::string from;
  Strings seen;
  const auto one_more = [&](bool deep) {
    return gate.each_below(one, "d", deep, from, [&seen](const std::string& path) {
      seen.push_back(path);
      return false;
    });
  };
  EXPECT_FALSE(one_more(false));
  gate.release({one, "d/x"});
  EXPECT_FALSE(one_more(false));
  EXPECT_TRUE(one_more(false));
  EXPECT_EQ(seen, (Strings{"d/x", "d/z"}));
}

}  // namespace
}  // namespace waybill::agent
