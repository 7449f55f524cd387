#include "agent/left_out.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace waybill::agent {
namespace {

using Names = std::vector<std::string>;

void leave_out(LeftOut& left_out, const std::string& directory, int files) {
  for (int i = 0; i < files; ++i) left_out.left_out(directory, true);
}

TEST(LeftOut, CountsTheFilesOfEachDirectory) {
  LeftOut left_out;
  EXPECT_TRUE(left_out.empty());
  leave_out(left_out, "a", 2);
  leave_out(left_out, "", 1);
  left_out.left_out("b", false);
  EXPECT_EQ(left_out.names(), (Names{"", "a", "b"}));
  EXPECT_EQ(left_out.files(), 3);
  left_out.met("a");
  left_out.met("elsewhere");
  EXPECT_EQ(left_out.files(), 2);
  left_out.met("");
  left_out.met("");
  EXPECT_EQ(left_out.files(), 1) << "no more than were counted";
  EXPECT_EQ(left_out.names().size(), 3U) << "each is listed all the same";
}

TEST(LeftOut, WhatAListingShowsAgainIsNotCountedTwice) {
  LeftOut left_out;
  leave_out(left_out, "a", 10);
  left_out.listing_begins("a");
  EXPECT_EQ(left_out.files(), 10) << "until the listing has shown something else";
  for (int i = 0; i < 3; ++i) left_out.met("a");
  leave_out(left_out, "a", 5);
  EXPECT_EQ(left_out.files(), 7);
  left_out.listing_ends("a", false);
  EXPECT_EQ(left_out.files(), 7) << "nobody knows what it would have shown";
  left_out.listing_begins("a");
  leave_out(left_out, "a", 5);
  left_out.listing_ends("a", true);
  EXPECT_EQ(left_out.files(), 5);
  left_out.listing_begins("a");
  leave_out(left_out, "a", 8);
  left_out.listing_ends("a", true);
  EXPECT_EQ(left_out.files(), 8);
}

TEST(LeftOut, AsManyDirectoriesMoveAsThereIsRoomForAndAllInTurn) {
  LeftOut left_out;
  for (const char* name : {"a", "b", "c"}) leave_out(left_out, name, 10);
  std::string last;
  LeftOut first;
  left_out.move_some(11, last, first);
  EXPECT_EQ(first.names(), (Names{"a", "b"}));
  EXPECT_EQ(first.files(), 20);
  leave_out(left_out, "a", 10);
  LeftOut second;
  left_out.move_some(1, last, second);
  EXPECT_EQ(second.names(), Names{"c"}) << "before those that had their turn";
  LeftOut third;
  left_out.move_some(1, last, third);
  EXPECT_EQ(third.names(), Names{"a"});
  EXPECT_TRUE(left_out.empty());
  EXPECT_EQ(left_out.files(), 0);
}

TEST(LeftOut, OfTooManyDirectoriesNoneIsKeptByName) {
  LeftOut left_out;
  for (std::size_t i = 0; i <= LeftOut::most; ++i) left_out.left_out(std::to_string(i), true);
  EXPECT_TRUE(left_out.all());
  EXPECT_EQ(left_out.names(), Names{});
  EXPECT_EQ(left_out.files(), static_cast<std::int64_t>(LeftOut::most) + 1);
  EXPECT_TRUE(left_out.concerns("any"));
  left_out.forget_below("any");
  EXPECT_FALSE(left_out.empty());
  std::string last;
  LeftOut moved;
  left_out.move_some(1, last, moved);
  EXPECT_TRUE(moved.all());
  EXPECT_TRUE(left_out.empty());
}

TEST(LeftOut, LongNamesCountByTheirLength) {
  LeftOut left_out;
  const std::string name(LeftOut::most_bytes / 2, 'n');
  left_out.left_out(name, true);
  left_out.left_out(name + '2', true);
  EXPECT_TRUE(left_out.all());
}

TEST(LeftOut, WhatHasGoneIsForgottenWithAllBelowIt) {
  LeftOut left_out;
  for (const char* name : {"a", "a/b", "a/b/c", "a-b", "ab"}) left_out.left_out(name, true);
  left_out.forget_below("a");
  EXPECT_EQ(left_out.names(), (Names{"a-b", "ab"}));
  EXPECT_EQ(left_out.files(), 2);
  left_out.forget_below("");
  EXPECT_TRUE(left_out.empty());
}

TEST(LeftOut, ConcernsAFileInADirectoryAndADirectoryAboveOne) {
  LeftOut left_out;
  EXPECT_FALSE(left_out.concerns(""));
  left_out.left_out("a/b", true);
  for (const char* path : {"", "a", "a/b", "a/b/file"})
    EXPECT_TRUE(left_out.concerns(path)) << path;
  for (const char* path : {"a/file", "a/bc", "a/b/c/file", "file"}) {
    EXPECT_FALSE(left_out.concerns(path)) << path;
  }
}

TEST(LeftOut, OneLeavesWhenItIsTakenUnlessNoneHasAName) {
  LeftOut left_out;
  left_out.left_out("a", false);
  left_out.left_out("a/b", false);
  EXPECT_FALSE(left_out.take(""));
  EXPECT_TRUE(left_out.take("a"));
  EXPECT_FALSE(left_out.take("a"));
  EXPECT_EQ(left_out.names(), Names{"a/b"});
  for (std::size_t i = 0; i < LeftOut::most; ++i) left_out.left_out(std::to_string(i), false);
  ASSERT_TRUE(left_out.all());
  EXPECT_TRUE(left_out.take("anything"));
  EXPECT_TRUE(left_out.take("anything"));
}

}  // namespace
}  // namespace waybill::agent
