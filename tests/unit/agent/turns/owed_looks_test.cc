#include "agent/owed_looks.h"

#include <gtest/gtest.h>

#include <set>

namespace waybill::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr FolderId changing{1};
constexpr FolderId other{2};

class OwedLooksTest : public testing::Test {
 protected:
  static constexpr Nanoseconds settle = seconds(2);
  void change(FolderId where = changing) { looks_.owe(where, now_, now_ + settle); }
  std::set<FolderId> begin_in(Nanoseconds wait) {
    now_ += wait;
    return looks_.begin(now_);
  }

  OwedLooks looks_;
  BootTime now_{hours(1)};
};

TEST_F(OwedLooksTest, BeginOnceWhatAsksForThemHasSettledAndAreOverAtTheirEnd) {
  change();
  EXPECT_EQ(looks_.next_due(), now_ + settle);
  EXPECT_TRUE(begin_in(seconds(1)).empty());
  EXPECT_EQ(begin_in(seconds(1)), std::set<FolderId>{changing});
  EXPECT_EQ(looks_.next_due(), std::nullopt);
  EXPECT_TRUE(looks_.any(changing, now_));
  looks_.end();
  EXPECT_FALSE(looks_.any(changing, now_));
}

TEST_F(OwedLooksTest, OfOneFolderConcernNoOther) {
  change(other);
  EXPECT_FALSE(looks_.any(changing, now_));
  EXPECT_TRUE(looks_.any(other, now_));
  EXPECT_TRUE(looks_.any(std::nullopt, now_));
  begin_in(settle);
  EXPECT_FALSE(looks_.any(changing, now_));
  EXPECT_TRUE(looks_.any(other, now_));
  EXPECT_TRUE(looks_.any(std::nullopt, now_));
}

TEST_F(OwedLooksTest, ForWhatComesLaterAreNotWaitedFor) {
  change();
  const BootTime then = now_;
  begin_in(settle);
  change();
  EXPECT_TRUE(looks_.any(changing, then)) << "what was there is looked at";
  looks_.end();
  EXPECT_FALSE(looks_.any(changing, then));
  EXPECT_TRUE(looks_.any(changing, now_));
}

TEST_F(OwedLooksTest, AreOverForWhatWasThereHoweverMuchComesMeanwhile) {
  change();
  now_ += seconds(1);
  change();
  const BootTime then = now_;
  int looks = 0;
  for (; looks_.any(changing, then) && looks < 100; ++looks) {
    now_ += seconds(1);
    change();
    looks_.begin(now_);
    looks_.end();
  }
  EXPECT_LE(looks, 4);
  EXPECT_TRUE(looks_.any(changing, now_));
}

TEST_F(OwedLooksTest, ThatBeginLateAreForAllThatHasSettledByThen) {
  change();
  now_ += seconds(1);
  change();
  EXPECT_EQ(begin_in(hours(1)), std::set<FolderId>{changing});
  EXPECT_EQ(looks_.next_due(), std::nullopt);
}

TEST_F(OwedLooksTest, GoBackToTheFirstWhoAsked) {
  const BootTime then = now_;
  now_ += seconds(1);
  change();
  EXPECT_FALSE(looks_.any(changing, then));
  looks_.owe(changing, then, now_);
  EXPECT_TRUE(looks_.any(changing, then));
  begin_in(settle);
  EXPECT_TRUE(looks_.any(changing, then));
}

}  // namespace
}  // namespace waybill::agent
