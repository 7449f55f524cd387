#include "base/inbox.h"

#include <gtest/gtest.h>

#include <thread>

namespace waybill {
namespace {

TEST(Inbox, KeepsTheOrderOfEachSender) {
  Inbox<int> inbox;
  std::vector<int> got;
  {
    const std::jthread sender([&inbox] {
      for (int i = 0; i < 1000; ++i) inbox.push(i);
    });
    while (got.size() < 1000) {
      for (const int message : inbox.drain(std::nullopt)) got.push_back(message);
    }
  }
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], i);
}

TEST(Inbox, WakeEndsAWaitWithoutAMessage) {
  Inbox<int> inbox;
  const std::jthread waker([&inbox] { inbox.wake(); });
  EXPECT_TRUE(inbox.drain(std::nullopt).empty());
}

TEST(Inbox, ZeroPatienceDoesNotWait) {
  Inbox<int> inbox;
  EXPECT_TRUE(inbox.drain(Nanoseconds::zero()).empty());
  inbox.push(7);
  EXPECT_EQ(inbox.drain(Nanoseconds::zero()), std::vector<int>{7});
}

}  // namespace
}  // namespace waybill
