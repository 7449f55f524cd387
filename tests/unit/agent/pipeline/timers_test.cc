#include "agent/timers.h"

#include <gtest/gtest.h>

#include <string>

namespace waybill::agent {
namespace {

using std::chrono::seconds;

TEST(Timers, ComeInTheOrderOfTheirTimesAndThenOfTheirMaking) {
  Timers timers;
  std::string order;
  timers.at(BootTime(seconds(2)), [&] { order += 'c'; });
  timers.at(BootTime(seconds(1)), [&] { order += 'a'; });
  timers.at(BootTime(seconds(1)), [&] { order += 'b'; });
  while (auto task = timers.take(BootTime(seconds(2)))) (*task)();
  EXPECT_EQ(order, "abc");
}

TEST(Timers, NothingComesBeforeItsTime) {
  Timers timers;
  EXPECT_FALSE(timers.next_due());
  timers.at(BootTime(seconds(5)), [] {});
  EXPECT_EQ(timers.next_due(), BootTime(seconds(5)));
  EXPECT_FALSE(timers.take(BootTime(seconds(5)) - Nanoseconds(1)));
  EXPECT_TRUE(timers.take(BootTime(seconds(5))));
  EXPECT_FALSE(timers.next_due());
}

TEST(Timers, ATaskMayAskForAnother) {
  Timers timers;
  int runs = 0;
  timers.at(BootTime(seconds(1)), [&] {
    ++runs;
    timers.at(BootTime(seconds(2)), [&] { ++runs; });
  });
  while (auto task = timers.take(BootTime(seconds(3)))) (*task)();
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace waybill::agent
