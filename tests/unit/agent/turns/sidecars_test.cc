#include "agent/sidecars.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace waybill::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr FolderId folder{1};
const FilePath sidecar(folder, "d/a.json");

Fingerprint version(std::int64_t ctime) {
  return {.dev = 1, .ino = 2, .size = 3, .ctime = ctime};
}

class SidecarsTest : public testing::Test {
 protected:
  void see(std::int64_t ctime, bool known = false) {
    sidecars_.present(sidecar, version(ctime), policy_, now_, known);
  }
  bool may_use(std::int64_t ctime, Nanoseconds age, bool leased = true) {
    const watcher::Sidecar read{.text = "{}", .fingerprint = version(ctime), .leased = leased};
    return sidecars_.may_use(sidecar, read, policy_, true, age, now_);
  }
  std::vector<FilePath> due_in(Nanoseconds wait) {
    now_ += wait;
    return sidecars_.take_due(now_);
  }

  Sidecars sidecars_;
  watcher::SettlePolicy policy_{.settle = seconds(2), .settle_nolease = seconds(60)};
  BootTime now_{hours(1)};
};

TEST_F(SidecarsTest, EachChangeIsNoticedOnceItHasSettled) {
  see(1);
  EXPECT_TRUE(due_in(seconds(1)).empty());
  see(2);
  EXPECT_TRUE(due_in(seconds(1)).empty()) << "the wait starts over";
  EXPECT_TRUE(sidecars_.settling(sidecar));
  EXPECT_EQ(due_in(seconds(1)), std::vector<FilePath>{sidecar});
  see(2);
  EXPECT_TRUE(due_in(hours(1)).empty()) << "nothing has changed";
  sidecars_.absent(sidecar, policy_, now_);
  EXPECT_EQ(due_in(seconds(2)), std::vector<FilePath>{sidecar});
  see(2);
  EXPECT_EQ(due_in(seconds(2)), std::vector<FilePath>{sidecar}) << "it has come back";
}

TEST_F(SidecarsTest, WhatIsThereAtFirstHasSettled) {
  see(1, true);
  EXPECT_FALSE(sidecars_.settling(sidecar));
  EXPECT_TRUE(may_use(1, seconds(0)));
  see(2, true);
  EXPECT_TRUE(sidecars_.settling(sidecar));
}

TEST_F(SidecarsTest, NothingIsUsedBeforeItHasSettled) {
  see(1);
  EXPECT_FALSE(may_use(1, hours(1)));
  due_in(seconds(2));
  EXPECT_TRUE(may_use(1, seconds(0)));
  EXPECT_FALSE(may_use(2, hours(1))) << "it has changed since it was seen";
  EXPECT_EQ(due_in(seconds(2)), std::vector<FilePath>{sidecar});
  EXPECT_TRUE(may_use(2, seconds(0)));
}

TEST_F(SidecarsTest, WhatNobodyHasSeenYetIsUsedWhereItIsOld) {
  EXPECT_TRUE(may_use(1, seconds(3)));
  EXPECT_FALSE(may_use(1, seconds(1)));
  EXPECT_TRUE(sidecars_.settling(sidecar));
  due_in(seconds(2));
  EXPECT_TRUE(may_use(1, -hours(1))) << "whatever the clock that wrote it says";
}

TEST_F(SidecarsTest, WithoutALeaseOnlyALongSilenceCounts) {
  see(1, true);
  EXPECT_FALSE(may_use(1, seconds(20), false));
  EXPECT_TRUE(due_in(seconds(39)).empty());
  EXPECT_EQ(due_in(seconds(1)), std::vector<FilePath>{sidecar});
  EXPECT_TRUE(may_use(1, seconds(60), false));
}

TEST_F(SidecarsTest, ThatNothingIsThereIsBelievedOnceNothingMoves) {
  EXPECT_TRUE(sidecars_.may_use(sidecar, std::nullopt, policy_, true, {}, now_));
  see(1);
  EXPECT_FALSE(sidecars_.may_use(sidecar, std::nullopt, policy_, true, {}, now_));
}

TEST_F(SidecarsTest, WhereTooManyChangeAllOfTheFolderIsLookedAt) {
  for (std::size_t i = 0; i <= Sidecars::most; ++i) {
    sidecars_.present({folder, std::to_string(i)}, version(1), policy_, now_, false);
  }
  EXPECT_TRUE(sidecars_.take_overflowed().empty()) << "they still settle";
  EXPECT_EQ(due_in(seconds(2)).size(), Sidecars::most);
  EXPECT_EQ(sidecars_.take_overflowed(), std::set<FolderId>{folder});
  EXPECT_TRUE(sidecars_.take_overflowed().empty());
}

TEST_F(SidecarsTest, AreRememberedByDirectory) {
  for (const char* path : {"x", "d/a", "d/b", "d/e/c", "da"}) {
    sidecars_.present({folder, path}, version(1), policy_, now_, true);
  }
  EXPECT_EQ(sidecars_.in(folder, "d"), (std::vector<std::string>{"d/a", "d/b"}));
  EXPECT_EQ(sidecars_.in(folder, ""), (std::vector<std::string>{"da", "x"}));
  sidecars_.forget_below(folder, "d");
  EXPECT_TRUE(sidecars_.in(folder, "d").empty());
  EXPECT_TRUE(sidecars_.in(folder, "d/e").empty());
  EXPECT_EQ(sidecars_.in(folder, "").size(), 2U);
}

}  // namespace
}  // namespace waybill::agent
