#include "agent/hot_files.h"

#include <gtest/gtest.h>

namespace waybill::agent {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr FolderId drops{1};

struct World {
  HotFiles files;
  BootTime now{};
  std::int64_t ticks = 0;

  void change(const std::string& path = "f") {
    files.changed(drops, path, {.ctime = ++ticks}, now);
  }
  Nanoseconds settle(Nanoseconds settle = seconds(2)) const {
    return files.settle(drops, "f", settle, now);
  }
};

TEST(HotFiles, AFileThatNeverChangedWaitsAsAllDo) {
  EXPECT_EQ(World{}.settle(), seconds(2));
}

TEST(HotFiles, AFileThatIsReplacedOnceWaitsAsAllDo) {
  World world;
  world.change();
  EXPECT_EQ(world.settle(Nanoseconds::zero()), Nanoseconds::zero());
}

TEST(HotFiles, EachChangeDoublesTheWaitUpToFiveMinutes) {
  World world;
  world.change();
  const Nanoseconds expected[] = {seconds(2),  seconds(4),   seconds(8),   seconds(16), seconds(32),
                                  seconds(64), seconds(128), seconds(256), minutes(5),  minutes(5)};
  for (const Nanoseconds wait : expected) {
    world.change();
    EXPECT_EQ(world.settle(seconds(1)), wait);
    world.now += wait;
  }
  for (int i = 0; i < 100; ++i) world.change();
  EXPECT_EQ(world.settle(), minutes(5));
}

TEST(HotFiles, ALongerSettleOfItsFolderStands) {
  World world;
  for (int i = 0; i < 4; ++i) world.change();
  EXPECT_EQ(world.settle(minutes(30)), minutes(30));
}

TEST(HotFiles, OneChangeSeenTwiceIsOne) {
  World world;
  for (int i = 0; i < 5; ++i) world.files.changed(drops, "f", {.ctime = 7}, world.now);
  EXPECT_EQ(world.files.heat(drops, "f", world.now), 0);
}

TEST(HotFiles, QuietForLongItIsLikeAllOthers) {
  World world;
  for (int i = 0; i < 5; ++i) world.change();
  world.now += HotFiles::recent + seconds(1);
  EXPECT_EQ(world.settle(), seconds(2));
  world.change();
  EXPECT_EQ(world.files.heat(drops, "f", world.now), 0) << "and begins anew";
}

TEST(HotFiles, OthersAreNotDampedWithIt) {
  World world;
  for (int i = 0; i < 5; ++i) world.change("hot");
  EXPECT_EQ(world.settle(), seconds(2));
  EXPECT_EQ(world.files.settle(FolderId{2}, "hot", seconds(2), world.now), seconds(2));
}

TEST(HotFiles, RemembersABoundedNumberAndForgetsTheQuietFirst) {
  World world;
  for (std::size_t i = 0; i < HotFiles::most; ++i) world.change("file" + std::to_string(i));
  world.change();
  world.change();
  EXPECT_EQ(world.files.heat(drops, "f", world.now), 0) << "there is no room for it";
  world.now += HotFiles::recent + seconds(1);
  world.change();
  world.change();
  EXPECT_EQ(world.files.heat(drops, "f", world.now), 1) << "now there is";
}

}  // namespace
}  // namespace waybill::agent
