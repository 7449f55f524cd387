#include "agent/owed_listings.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace waybill::agent {
namespace {

constexpr FolderId inbox{1};
constexpr FolderId scans{2};
constexpr BootTime first = BootTime(std::chrono::seconds(1));
constexpr BootTime later = BootTime(std::chrono::seconds(2));

class OwedListingsTest : public testing::Test {
 protected:
  using Asked = std::pair<FolderId, std::vector<std::string>>;

  void ask_on() {
    owed_.ask_on([this](FolderId folder) { return room_[folder]; });
  }

  std::map<FolderId, std::int64_t> room_;
  std::vector<Asked> asked_;
  std::uint64_t id_ = 0;
  OwedListings owed_{
      [this](FolderId folder, std::vector<std::string> directories, std::uint64_t id) {
        asked_.emplace_back(folder, std::move(directories));
        id_ = id;
      },
      100};
};

TEST_F(OwedListingsTest, NothingIsAskedForWithoutRoom) {
  owed_.left_out({inbox, "a/1"}, first);
  ask_on();
  EXPECT_TRUE(asked_.empty());
  EXPECT_TRUE(owed_.any(inbox));
  EXPECT_FALSE(owed_.any(scans));
  EXPECT_TRUE(owed_.any(std::nullopt));
  room_[inbox] = 1;
  ask_on();
  EXPECT_EQ(asked_, (std::vector<Asked>{{inbox, {"a"}}}));
  EXPECT_GT(id_, 100U);
}

TEST_F(OwedListingsTest, OneQuestionAtATimeAndFoldersTakeTurns) {
  room_[inbox] = room_[scans] = 1;
  for (const char* file : {"a/1", "b/1"}) {
    owed_.left_out({inbox, file}, first);
    owed_.left_out({scans, file}, first);
  }
  ask_on();
  ask_on();
  EXPECT_EQ(asked_.size(), 1U) << "before that is answered";
  for (int i = 0; i < 3; ++i) {
    owed_.listed(id_);
    ask_on();
  }
  EXPECT_EQ(asked_,
            (std::vector<Asked>{{inbox, {"a"}}, {scans, {"a"}}, {inbox, {"b"}}, {scans, {"b"}}}));
}

TEST_F(OwedListingsTest, IsOwedUntilTheListingIsThere) {
  room_[inbox] = 1;
  owed_.left_out({inbox, "a/1"}, first);
  ask_on();
  owed_.listed(id_ + 1);
  EXPECT_TRUE(owed_.any(inbox)) << "somebody else was answered";
  EXPECT_TRUE(owed_.concerns({inbox, "a/1"}));
  EXPECT_FALSE(owed_.concerns({scans, "a/1"}));
  owed_.listed(id_);
  EXPECT_FALSE(owed_.any(inbox));
  EXPECT_FALSE(owed_.concerns({inbox, "a/1"}));
  EXPECT_EQ(owed_.since(inbox), std::nullopt);
}

TEST_F(OwedListingsTest, WhatIsLeftOutAgainIsOwedAgainAndCountedOnce) {
  room_[inbox] = 1;
  for (int i = 0; i < 10; ++i) owed_.left_out({inbox, "a/" + std::to_string(i)}, first);
  ask_on();
  EXPECT_EQ(owed_.files(inbox), 10) << "nothing is known of them yet";
  for (int i = 0; i < 4; ++i) owed_.taken_in({inbox, "a/" + std::to_string(i)});
  for (int i = 4; i < 10; ++i) owed_.left_out({inbox, "a/" + std::to_string(i)}, later);
  EXPECT_EQ(owed_.files(inbox), 6);
  owed_.listed(id_);
  EXPECT_EQ(owed_.files(inbox), 6);
  EXPECT_EQ(owed_.since(inbox), first) << "without a break";
  ask_on();
  EXPECT_EQ(asked_.size(), 2U);
}

TEST_F(OwedListingsTest, AListingThatNobodyAskedForCountsNoFileTwice) {
  for (int pass = 0; pass < 3; ++pass) {
    owed_.listing_begins(inbox, "a");
    for (int i = 0; i < 10; ++i) owed_.left_out({inbox, "a/" + std::to_string(i)}, first);
    owed_.listing_ends(inbox, "a", true);
    EXPECT_EQ(owed_.files(inbox), 10);
  }
}

TEST_F(OwedListingsTest, WithoutNamesTheCountIsTheOneOfTheLastListingThatWasAskedFor) {
  const auto leave_out = [this](std::size_t directories) {
    for (std::size_t i = 0; i < directories; ++i) {
      owed_.left_out({inbox, std::to_string(i) + "/file"}, first);
    }
  };
  constexpr std::size_t many = 2 * LeftOut::most;
  constexpr auto counted = static_cast<std::int64_t>(LeftOut::most + 1);
  for (int pass = 0; pass < 3; ++pass) leave_out(many);
  EXPECT_EQ(owed_.files(inbox), counted);
  room_[inbox] = 1;
  ask_on();
  EXPECT_EQ(asked_, (std::vector<Asked>{{inbox, {}}})) << "all of the folder";
  leave_out(many);
  EXPECT_EQ(owed_.files(inbox), static_cast<std::int64_t>(many));
  owed_.listed(id_);
  EXPECT_EQ(owed_.files(inbox), static_cast<std::int64_t>(many));
}

TEST_F(OwedListingsTest, AFolderThatIsAwayOwesNothing) {
  room_[inbox] = room_[scans] = 1;
  owed_.left_out({inbox, "a/1"}, first);
  owed_.left_out({scans, "a/1"}, first);
  ask_on();
  owed_.forget(inbox);
  EXPECT_FALSE(owed_.any(inbox));
  owed_.listed(id_);
  ask_on();
  EXPECT_EQ(asked_.back().first, scans);
  owed_.listed(id_);
  EXPECT_FALSE(owed_.any(std::nullopt));
}

TEST_F(OwedListingsTest, ADirectoryThatHasGoneIsNotAskedFor) {
  room_[inbox] = 10;
  owed_.left_out({inbox, "a/b/1"}, first);
  owed_.forget_below(inbox, "a");
  EXPECT_FALSE(owed_.any(inbox));
  ask_on();
  EXPECT_TRUE(asked_.empty());
}

}  // namespace
}  // namespace waybill::agent
