#include "uploader/bandwidth.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "tests/fakes/fake_clock.h"

namespace waybill::uploader {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Rate = BandwidthSchedule::Rate;

constexpr std::size_t mib = 1U << 20U;
constexpr std::size_t kib = 1U << 10U;

enum Day : int { Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday };

int at(int hour, int minute = 0) {
  return hour * 60 + minute;
}

TEST(BandwidthSchedule, TheFirstWindowThatIsOpenCounts) {
  const BandwidthSchedule schedule{
      .otherwise = 100,
      .windows = {{.days = 1U << Monday, .from = at(8), .until = at(18), .rate = 1},
                  {.from = at(12), .until = at(13), .rate = Rate()},
                  {.from = at(10), .until = at(16), .rate = 2}}};
  EXPECT_EQ(schedule.at(Monday, at(12)), Rate(1));
  EXPECT_EQ(schedule.at(Tuesday, at(12)), Rate());
  EXPECT_EQ(schedule.at(Tuesday, at(13)), Rate(2));
  EXPECT_EQ(schedule.at(Tuesday, at(16)), Rate(100));
  EXPECT_EQ(schedule.at(Monday, at(7, 59)), Rate(100));
  EXPECT_EQ(schedule.at(Monday, at(8)), Rate(1));
  EXPECT_EQ(schedule.at(Monday, at(17, 59)), Rate(1));
  EXPECT_EQ(schedule.at(Monday, at(18)), Rate(100));
}

TEST(BandwidthSchedule, AWindowOverMidnightBelongsToTheDayItBeginsOn) {
  const BandwidthSchedule schedule{
      .otherwise = 1,
      .windows = {{.days = 1U << Saturday, .from = at(22), .until = at(6), .rate = 9}}};
  EXPECT_EQ(schedule.at(Saturday, at(5)), Rate(1));
  EXPECT_EQ(schedule.at(Saturday, at(22)), Rate(9));
  EXPECT_EQ(schedule.at(Sunday, at(5, 59)), Rate(9));
  EXPECT_EQ(schedule.at(Sunday, at(6)), Rate(1));
  EXPECT_EQ(schedule.at(Sunday, at(22)), Rate(1));
}

TEST(BandwidthSchedule, AWholeDayIsOneWindow) {
  const BandwidthSchedule schedule{.otherwise = {}, .windows = {{.rate = 9}}};
  EXPECT_EQ(schedule.at(Sunday, 0), Rate(9));
  EXPECT_EQ(schedule.at(Saturday, at(23, 59)), Rate(9));
}

class BandwidthTest : public testing::Test {
 protected:
  // What somebody who always wants to send gets within a time.
  std::size_t sent_within(Bandwidth& bandwidth, Nanoseconds time) {
    const BootTime end = clock.boot() + time;
    std::size_t sent = 0;
    while (true) {
      const std::size_t taken = bandwidth.take(mib);
      sent += taken;
      if (taken > 0) continue;
      const BootTime ready = bandwidth.ready();
      EXPECT_GT(ready, clock.boot());
      if (ready > end) return sent;
      clock.advance(ready - clock.boot());
    }
  }

  fakes::FakeClock clock;
};

TEST_F(BandwidthTest, WhoeverSendsAllTheTimeGetsTheRate) {
  for (const std::size_t rate : {16 * kib, mib, 100 * mib, 1024 * mib}) {
    Bandwidth bandwidth({.otherwise = rate, .windows = {}}, clock);
    const std::size_t sent = sent_within(bandwidth, seconds(10));
    EXPECT_LE(sent, 10 * rate);
    EXPECT_GE(sent, 10 * rate - rate / 10);
  }
}

TEST_F(BandwidthTest, WhatWasNotUsedIsNotMadeUpForInARush) {
  Bandwidth bandwidth({.otherwise = mib, .windows = {}}, clock);
  clock.advance(std::chrono::hours(1));
  EXPECT_LE(sent_within(bandwidth, milliseconds(1)), mib / 4 + 2 * kib);
}

TEST_F(BandwidthTest, TurnsAreShort) {
  Bandwidth bandwidth({.otherwise = 16 * kib, .windows = {}}, clock);
  EXPECT_EQ(bandwidth.take(mib), 0U);
  const Nanoseconds wait = bandwidth.ready() - clock.boot();
  EXPECT_LE(wait, milliseconds(20));
  clock.advance(wait);
  EXPECT_EQ(bandwidth.take(mib), 256U);
}

TEST_F(BandwidthTest, TheEndOfABodyNeedsNoWholeTurn) {
  Bandwidth bandwidth({.otherwise = mib, .windows = {}}, clock);
  clock.advance(milliseconds(1));
  EXPECT_EQ(bandwidth.take(mib), 0U);
  EXPECT_EQ(bandwidth.take(10), 10U);
}

TEST_F(BandwidthTest, ADebtIsWaitedFor) {
  Bandwidth bandwidth({.otherwise = mib, .windows = {}}, clock);
  EXPECT_EQ(bandwidth.in_debt_until(), std::nullopt);
  bandwidth.take_whole(2 * mib);
  EXPECT_EQ(bandwidth.take(mib), 0U);
  const auto until = bandwidth.in_debt_until();
  ASSERT_TRUE(until);
  EXPECT_GE(*until, clock.boot() + seconds(2));
  EXPECT_LE(*until, clock.boot() + seconds(2) + milliseconds(1));
  clock.advance(*until - clock.boot());
  EXPECT_EQ(bandwidth.in_debt_until(), std::nullopt);
}

TEST_F(BandwidthTest, AWindowOfEveryDayRules) {
  Bandwidth bandwidth({.otherwise = mib, .windows = {{.rate = Rate()}}}, clock);
  EXPECT_EQ(bandwidth.take(mib), mib);
  EXPECT_EQ(bandwidth.take(mib), mib);
  bandwidth.take_whole(mib);
  EXPECT_EQ(bandwidth.in_debt_until(), std::nullopt);
}

}  // namespace
}  // namespace waybill::uploader
