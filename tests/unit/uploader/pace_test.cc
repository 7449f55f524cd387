#include "uploader/pace.h"

#include <gtest/gtest.h>

#include <chrono>

namespace waybill::uploader {
namespace {

using namespace std::chrono_literals;

// A store that takes `capacity` requests a second and throttles what is more, in virtual time.
struct ThrottlingStore {
  explicit ThrottlingStore(double allowed) : capacity(allowed) {}

  // Somebody with work without an end sends for so long; how many requests were taken.
  int run(Nanoseconds time) {
    const BootTime end = now + time;
    int taken = 0;
    while (now < end) {
      const BootTime due = pace.not_before(now);
      if (due > now) {
        now = std::min(due, end);
        continue;
      }
      pace.sent(now);
      ++sent;
      tokens = std::min(tokens + std::chrono::duration<double>(now - filled).count() * capacity,
                        capacity / 10);
      filled = now;
      if (tokens >= 1) {
        tokens -= 1;
        ++taken;
        pace.answered(now);
      } else {
        ++refused;
        pace.throttled(now);
      }
      now += 500us;  // no client is faster
    }
    return taken;
  }

  Pace pace;
  double capacity;
  double tokens = 0;
  BootTime now{1h};
  BootTime filled{1h};
  int sent = 0;
  int refused = 0;
};

TEST(Pace, IsNoneUntilAStoreThrottles) {
  Pace pace;
  BootTime now{1h};
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(pace.not_before(now), now);
    pace.sent(now);
    pace.answered(now);
    now += 1us;
  }
  EXPECT_FALSE(pace.rate());
}

// S3.md 10.27
TEST(Pace, FollowsWhatAStoreTakesWithoutStarvingOrStorming) {
  ThrottlingStore store(100);
  store.run(30s);
  store.refused = 0;
  store.sent = 0;
  const int taken = store.run(60s);
  EXPECT_GT(taken, 60 * 100 * 6 / 10);
  EXPECT_LT(store.refused, store.sent / 10);
}

TEST(Pace, FindsItsWayBackWhenAStoreTakesMoreAgain) {
  ThrottlingStore store(20);
  store.run(30s);
  store.capacity = 1000;
  store.run(30s);
  EXPECT_GT(store.run(10s), 10 * 500);
}

TEST(Pace, NeverStarvesHoweverOftenItIsThrottled) {
  Pace pace;
  BootTime now{1h};
  for (int i = 0; i < 1000; ++i) {
    now = std::max(now, pace.not_before(now));
    pace.sent(now);
    pace.throttled(now);
    now += 1s;
  }
  EXPECT_LE(pace.not_before(now), now + 2s);
}

// S3.md 10.29
TEST(Pace, PausesAsLongAsItIsAskedTo) {
  Pace pace;
  const BootTime now{1h};
  pace.pause(now, 3s);
  EXPECT_EQ(pace.not_before(now), now + 3s);
  pace.pause(now, 1s);
  EXPECT_EQ(pace.not_before(now), now + 3s);
  EXPECT_EQ(pace.not_before(now + 4s), now + 4s);
  pace.pause(now, 1h);
  EXPECT_EQ(pace.not_before(now), now + 5s);
}

}  // namespace
}  // namespace waybill::uploader
