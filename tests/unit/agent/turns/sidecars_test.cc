#include "agent/sidecars.h"

#include <gtest/gtest.h>

#include <set>
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

  static constexpr std::size_t most = 3;
  static FilePath another(std::size_t i) { return {folder, "e/" + std::to_string(i)}; }
  void see_others(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      sidecars_.present(another(i), version(1), policy_, now_, false);
    }
  }
  std::set<FolderId> owed_in(Nanoseconds wait) {
    now_ += wait;
    auto folders = looks_.begin(now_);
    looks_.end();
    return folders;
  }

  OwedLooks looks_;
  Sidecars sidecars_{most, looks_};
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
  see_others(most + 1);
  EXPECT_TRUE(owed_in({}).empty()) << "they still settle";
  EXPECT_TRUE(looks_.any(folder, now_));
  EXPECT_EQ(due_in(seconds(2)).size(), most);
  EXPECT_EQ(owed_in({}), std::set<FolderId>{folder});
  EXPECT_TRUE(owed_in({}).empty());
  EXPECT_FALSE(looks_.any(folder, now_));
}

TEST_F(SidecarsTest, WhereSomeAlwaysChangeTheOthersAreLookedAtAllTheSame) {
  see_others(most + 1);
  int looks = 0;
  for (int i = 2; i < 12; ++i) {
    now_ += seconds(1);
    sidecars_.present(another(0), version(i), policy_, now_, false);
    sidecars_.present(another(1), version(i), policy_, now_, false);
    sidecars_.present(another(2), version(i), policy_, now_, false);
    sidecars_.present(another(most + 1), version(i), policy_, now_, false);
    EXPECT_LE(*looks_.next_due(), now_ + seconds(2));
    if (!owed_in({}).empty()) ++looks;
  }
  EXPECT_GE(looks, 4);
  EXPECT_EQ(owed_in(seconds(2)), std::set<FolderId>{folder}) << "what came last settles too";
}

TEST_F(SidecarsTest, NoMoreOfThemThanThatAreTriedLater) {
  for (std::size_t i = 0; i < 10; ++i) sidecars_.try_later(another(i), "busy", policy_, now_);
  EXPECT_EQ(sidecars_.all_settling().size(), most);
  EXPECT_EQ(sidecars_.why_later(another(0)), "busy");
  EXPECT_EQ(sidecars_.why_later(another(9)), "");
  EXPECT_TRUE(looks_.any(folder, BootTime{})) << "who waits waits for them";
  EXPECT_EQ(owed_in(seconds(2)), std::set<FolderId>{folder});
}

TEST_F(SidecarsTest, WhoseSilenceIsStillTooShortAreOwedSinceTheyChanged) {
  see_others(most);
  EXPECT_FALSE(may_use(1, seconds(20), false));
  EXPECT_FALSE(looks_.any(folder, now_ - seconds(21)));
  EXPECT_TRUE(looks_.any(folder, now_ - seconds(20)));
  EXPECT_TRUE(owed_in(seconds(39)).empty());
  EXPECT_EQ(owed_in(seconds(1)), std::set<FolderId>{folder});
}

TEST_F(SidecarsTest, WhatFindsNoRoomIsNotTakenForSettled) {
  see(1, true);
  see_others(most);
  see(2);
  EXPECT_FALSE(sidecars_.settling(sidecar));
  EXPECT_FALSE(may_use(2, seconds(1)));
  EXPECT_TRUE(may_use(2, seconds(2)));
}

TEST_F(SidecarsTest, WhatIsNotKnownIsBelievedOnceItHasSettledWhateverTheClockSays) {
  see_others(most);
  due_in(seconds(2));
  EXPECT_FALSE(may_use(1, -hours(1)));
  EXPECT_EQ(due_in(seconds(2)), std::vector<FilePath>{sidecar});
  EXPECT_TRUE(may_use(1, -hours(1)));
  EXPECT_FALSE(may_use(2, -hours(1))) << "it has changed since";
}

TEST_F(SidecarsTest, AListingWhereSomeAreNotKnownMayHideThatTheyAreGone) {
  for (std::size_t i = 0; i <= most; ++i) {
    sidecars_.present(another(i), version(1), policy_, now_, true);
  }
  const auto list = [this](const std::string& directory, bool complete, bool shows_it) {
    sidecars_.listing_begins(folder, directory);
    if (shows_it) sidecars_.present(another(most), version(1), policy_, now_, true);
    sidecars_.listing_ends(folder, directory, complete, now_);
  };
  list("d", true, false);
  list("", true, false);
  EXPECT_TRUE(owed_in({}).empty()) << "all of those are known";
  list("e", false, false);
  EXPECT_TRUE(owed_in({}).empty()) << "it has told nothing";
  list("e", true, true);
  EXPECT_EQ(owed_in({}), std::set<FolderId>{folder});
  list("e", true, false);
  EXPECT_EQ(owed_in({}), std::set<FolderId>{folder});
  list("e", true, false);
  EXPECT_TRUE(owed_in({}).empty()) << "none of those is there any more";
}

TEST_F(SidecarsTest, AreRememberedByDirectory) {
  Sidecars sidecars(10, looks_);
  for (const char* path : {"x", "d/a", "d/b", "d/e/c", "da"}) {
    sidecars.present({folder, path}, version(1), policy_, now_, true);
  }
  EXPECT_EQ(sidecars.in(folder, "d"), (std::vector<std::string>{"d/a", "d/b"}));
  EXPECT_EQ(sidecars.in(folder, ""), (std::vector<std::string>{"da", "x"}));
  sidecars.forget_below(folder, "d");
  EXPECT_TRUE(sidecars.in(folder, "d").empty());
  EXPECT_TRUE(sidecars.in(folder, "d/e").empty());
  EXPECT_EQ(sidecars.in(folder, "").size(), 2U);
}

}  // namespace
}  // namespace waybill::agent
