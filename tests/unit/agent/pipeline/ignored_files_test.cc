#include "agent/ignored_files.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace waybill::agent {
namespace {

class IgnoredFilesTest : public testing::Test {
 protected:
  void fill() {
    for (std::size_t i = 0; i < IgnoredFiles::named; ++i)
      files_.add("full/" + std::to_string(i), "why");
  }
  IgnoredFiles files_;
};

TEST_F(IgnoredFilesTest, EachCountsOnceAndIsNewsOnce) {
  EXPECT_TRUE(files_.add("d/a.part", "matches *.part"));
  EXPECT_FALSE(files_.add("d/a.part", "matches *.part"));
  EXPECT_TRUE(files_.add("d/a.part", "FIFO"));
  EXPECT_EQ(files_.size(), 1U);
  EXPECT_EQ(files_.reasons().at("d/a.part"), "FIFO");
  EXPECT_TRUE(files_.remove("d/a.part"));
  EXPECT_FALSE(files_.remove("d/a.part"));
  EXPECT_EQ(files_.size(), 0U);
}

TEST_F(IgnoredFilesTest, BeyondThoseThatAreNamedAllAreCounted) {
  fill();
  EXPECT_TRUE(files_.all_named());
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(files_.add("d/" + std::to_string(i), "why"));
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(files_.add("d/" + std::to_string(i), "why"));
  EXPECT_EQ(files_.size(), IgnoredFiles::named + 5000);
  EXPECT_EQ(files_.reasons().size(), IgnoredFiles::named);
  EXPECT_FALSE(files_.all_named());
  for (int i = 0; i < 5000; i += 2) EXPECT_TRUE(files_.remove("d/" + std::to_string(i)));
  EXPECT_EQ(files_.size(), IgnoredFiles::named + 2500);
  // With room it gets a name, and counts once.
  files_.remove("full/0");
  files_.add("d/1", "why");
  EXPECT_EQ(files_.reasons().count("d/1"), 1U);
  EXPECT_EQ(files_.size(), IgnoredFiles::named + 2499);
}

TEST_F(IgnoredFilesTest, WhatIsBelowADirectoryGoesWithIt) {
  fill();
  for (const char* path : {"d", "d/a", "d/e/b", "d-/c", "f"}) files_.add(path, "why");
  EXPECT_TRUE(files_.remove_below("d"));
  EXPECT_EQ(files_.size(), IgnoredFiles::named + 2);
  EXPECT_FALSE(files_.remove_below("d"));
  EXPECT_TRUE(files_.remove_below("full"));
  EXPECT_EQ(files_.size(), 2U);
  EXPECT_TRUE(files_.remove_below(""));
  EXPECT_EQ(files_.size(), 0U);
}

TEST_F(IgnoredFilesTest, WhatAListingDoesNotShowIsThereNoMore) {
  fill();
  for (const char* path : {"d/a", "d/b", "d/e/c"}) files_.add(path, "why");
  files_.listing_begins("d");
  files_.add("d/b", "why");
  files_.add("d/new", "why");
  files_.add("d/taken", "why");
  files_.remove("d/taken");
  EXPECT_FALSE(files_.listing_ends(false)) << "it failed half-way";
  EXPECT_EQ(files_.size(), IgnoredFiles::named + 4);
  files_.listing_begins("d");
  files_.add("d/b", "why");
  EXPECT_TRUE(files_.listing_ends(true));
  EXPECT_EQ(files_.size(), IgnoredFiles::named + 2) << "d/b and d/e/c";
  files_.listing_begins("full");
  files_.add("full/7", "why");
  files_.add("full/more", "why");
  EXPECT_TRUE(files_.listing_ends(true));
  EXPECT_EQ(files_.size(), 4U);
}

TEST(NumberSet, HoldsWhatASetWouldHold) {
  NumberSet numbers;
  std::set<std::uint64_t> truth;
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    // Few homes, so that they stand in each other's way.
    const std::uint64_t number = 1 + random() % 64 + (random() % 16 << 32U);
    if (random() % 2 == 0) {
      EXPECT_EQ(numbers.insert(number), truth.insert(number).second);
    } else {
      EXPECT_EQ(numbers.erase(number), truth.erase(number) == 1);
    }
    EXPECT_EQ(numbers.size(), truth.size());
    EXPECT_EQ(numbers.contains(number), truth.contains(number));
  }
  for (const std::uint64_t number : truth) EXPECT_TRUE(numbers.contains(number));
}

}  // namespace
}  // namespace waybill::agent
