#include "watcher/later_looks.h"

#include <gtest/gtest.h>

namespace waybill::watcher {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr FolderId folder{1};
constexpr BootTime start{seconds(1000)};

TEST(LaterLooks, TheWaitDoublesUpToAnHour) {
  LaterLooks looks;
  BootTime now = start;
  std::vector<Nanoseconds> waits;
  for (unsigned tries = 0; tries < 14; ++tries) {
    ASSERT_TRUE(looks.add({folder, "a", tries}, now));
    waits.push_back(*looks.next_due() - now);
    EXPECT_TRUE(looks.take(*looks.next_due() - Nanoseconds(1)).empty());
    now = *looks.next_due();
    const auto due = looks.take(now);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due.front().tries, tries);
  }
  EXPECT_EQ(waits.front(), seconds(1));
  EXPECT_EQ(waits.at(3), seconds(8));
  EXPECT_EQ(waits.back(), hours(1));
  EXPECT_FALSE(looks.next_due());
}

TEST(LaterLooks, OfTwoOfOneNameTheSoonerCounts) {
  LaterLooks looks;
  looks.add({folder, "a", 9}, start);
  looks.add({folder, "a", 0}, start);
  looks.add({folder, "a", 5}, start);
  const auto due = looks.take(start + hours(2));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due.front().tries, 0U);
}

TEST(LaterLooks, AreBoundedAndGoWithTheirFolder) {
  LaterLooks looks;
  for (std::size_t i = 0; i < LaterLooks::room; ++i) {
    ASSERT_TRUE(looks.add({folder, std::to_string(i), 0}, start));
  }
  EXPECT_FALSE(looks.add({folder, "more", 0}, start));
  EXPECT_TRUE(looks.add({folder, "0", 3}, start)) << "known already";
  looks.forget(folder);
  EXPECT_FALSE(looks.next_due());
  EXPECT_TRUE(looks.add({FolderId{2}, "more", 0}, start));
}

}  // namespace
}  // namespace waybill::watcher
