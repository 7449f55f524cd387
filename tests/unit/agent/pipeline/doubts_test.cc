#include "agent/doubts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/gate.h"
#include "base/paths.h"

namespace waybill::agent {
namespace {

constexpr FolderId this_folder{1};
constexpr FolderId that_folder{2};

// Rows are a set of paths, and looks are answered when the test says so.
class DoubtsTest : public testing::Test {
 protected:
  bool more(Doubt& doubt, std::vector<std::string>& names) {
    const auto& rows = rows_[doubt.folder];
    for (auto row = rows.upper_bound(doubt.path); row != rows.end(); ++row) {
      if (names.size() >= Doubts::at_a_time) return false;
      doubt.path = *row;
      const bool meant =
          doubt.deep ? at_or_below(*row, doubt.directory) : parent_of(*row) == doubt.directory;
      auto* const shown = std::get_if<SeenNames>(&doubt.seen);
      if (meant && !(shown != nullptr && shown->contains(*row))) names.push_back(*row);
    }
    return true;
  }
  // All that is asked for, until nothing is.
  void answer_all() {
    while (open_) doubts_.looked(*std::exchange(open_, std::nullopt));
  }
  void make_rows(FolderId folder, const std::string& directory, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      rows_[folder].insert(directory + "/" + std::to_string(i));
    }
  }

  std::map<FolderId, std::set<std::string>> rows_;
  std::map<std::string, int> asked_;
  std::optional<std::uint64_t> open_;
  std::size_t most_at_a_time_ = 0;
  int questions_ = 0;
  Doubts doubts_{[this](Doubt& doubt, auto& names) { return more(doubt, names); },
                 [this](FolderId, const std::vector<std::string>& names, std::uint64_t id) {
                   EXPECT_FALSE(open_) << "one question at a time";
                   open_ = id;
                   ++questions_;
                   most_at_a_time_ = std::max(most_at_a_time_, names.size());
                   for (const std::string& name : names) ++asked_[name];
                 }};
};

TEST_F(DoubtsTest, ADirectoryOfVeryManyIsAskedAfterSomeAtATime) {
  make_rows(this_folder, "d", 3 * Doubts::at_a_time + 1);
  make_rows(this_folder, "other", 10);
  doubts_.gone(this_folder, "d");
  EXPECT_EQ(asked_.size(), Doubts::at_a_time) << "and no more before these are answered";
  answer_all();
  EXPECT_EQ(asked_.size(), 3 * Doubts::at_a_time + 1);
  EXPECT_EQ(most_at_a_time_, Doubts::at_a_time);
  EXPECT_FALSE(asked_.contains("other/1"));
  for (const auto& [name, times] : asked_) EXPECT_EQ(times, 1) << name;
}

TEST_F(DoubtsTest, AreKnownUntilTheLastNameWasLookedAt) {
  make_rows(this_folder, "d", Doubts::at_a_time + 1);
  EXPECT_FALSE(doubts_.any(this_folder));
  doubts_.gone(this_folder, "d");
  EXPECT_TRUE(doubts_.any(this_folder));
  EXPECT_FALSE(doubts_.any(that_folder));
  doubts_.looked(*std::exchange(open_, std::nullopt));
  EXPECT_TRUE(doubts_.any(this_folder)) << "one is left";
  doubts_.looked(*std::exchange(open_, std::nullopt));
  EXPECT_FALSE(doubts_.any(this_folder));
}

TEST_F(DoubtsTest, WhatAListingShowedIsNotInDoubt) {
  make_rows(this_folder, "d", 10);
  SeenNames shown(1);
  for (int i = 0; i < 9; ++i) shown.insert("d/" + std::to_string(i));
  doubts_.add({.folder = this_folder, .directory = "d", .seen = std::move(shown)});
  EXPECT_EQ(asked_, (std::map<std::string, int>{{"d/9", 1}}));
}

TEST_F(DoubtsTest, ALaterListingOfADirectoryTakesThePlaceOfAnEarlierOne) {
  make_rows(this_folder, "big", Doubts::at_a_time);
  make_rows(this_folder, "d", 2);
  doubts_.gone(this_folder, "big");
  SeenNames first(1);
  first.insert("d/0");
  SeenNames second(2);
  second.insert("d/1");
  doubts_.add({.folder = this_folder, .directory = "d", .seen = std::move(first)});
  doubts_.add({.folder = this_folder, .directory = "d", .seen = std::move(second)});
  answer_all();
  EXPECT_EQ(asked_["d/0"], 1);
  EXPECT_FALSE(asked_.contains("d/1"));
}

TEST_F(DoubtsTest, ManySmallOnesAreAskedTogether) {
  make_rows(this_folder, "big", Doubts::at_a_time);
  doubts_.gone(this_folder, "big");
  for (int i = 0; i < 100; ++i) {
    make_rows(this_folder, std::to_string(i), 3);
    doubts_.gone(this_folder, std::to_string(i));
  }
  answer_all();
  EXPECT_EQ(asked_.size(), Doubts::at_a_time + 300);
  EXPECT_LE(questions_, 4);
}

TEST_F(DoubtsTest, OfNamesThatAreVeryManyTheDirectoryIsKept) {
  make_rows(this_folder, "d", 3 * Doubts::at_a_time);
  for (const std::string& path : rows_[this_folder]) doubts_.name(this_folder, path);
  answer_all();
  EXPECT_EQ(asked_.size(), 3 * Doubts::at_a_time);
  EXPECT_LE(most_at_a_time_, Doubts::at_a_time);
}

TEST_F(DoubtsTest, EveryFolderHasItsTurn) {
  make_rows(this_folder, "d", 5 * Doubts::at_a_time);
  make_rows(that_folder, "e", 5);
  doubts_.gone(this_folder, "d");
  doubts_.gone(that_folder, "e");
  for (int i = 0; i < 2 && open_; ++i) doubts_.looked(*std::exchange(open_, std::nullopt));
  EXPECT_TRUE(asked_.contains("e/0"));
  answer_all();
  EXPECT_EQ(asked_.size(), 5 * Doubts::at_a_time + 5);
}

TEST_F(DoubtsTest, NothingIsAskedOfAFolderThatIsForgotten) {
  make_rows(this_folder, "d", 2 * Doubts::at_a_time);
  doubts_.gone(this_folder, "d");
  doubts_.gone(this_folder, "e");
  doubts_.name(this_folder, "x");
  doubts_.forget(this_folder);
  answer_all();
  EXPECT_EQ(asked_.size(), Doubts::at_a_time);
  doubts_.name(this_folder, "y");
  EXPECT_TRUE(asked_.contains("y"));
}

TEST_F(DoubtsTest, AnAnswerToAnEarlierQuestionIsNone) {
  make_rows(this_folder, "d", 2 * Doubts::at_a_time);
  doubts_.gone(this_folder, "d");
  doubts_.looked(*open_ + 7);
  EXPECT_EQ(questions_, 1);
}

}  // namespace
}  // namespace waybill::agent
