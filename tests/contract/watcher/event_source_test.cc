#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <vector>

#include "tests/contract/watcher/worlds.h"
#include "watcher/translator.h"

namespace waybill::watcher {
namespace {

template <typename World>
class EventSourceContract : public testing::Test {
 protected:
  WatchId watch(const std::string& below = {}) {
    const auto directory = world.files().open_directory(world.root(), below);
    const auto added = world.events().add(**directory);
    EXPECT_TRUE(added);
    return added ? *added : WatchId{-1};
  }
  // What the events since the last call say, in order, each change once in a row.
  std::vector<std::string> changes() {
    std::vector<RawEvent> events;
    while (world.events().read(events).value_or(0) > 0) {
    }
    std::vector<std::string> said;
    for (const RawEvent& event : events) {
      std::string what = describe(translate(event));
      if (!what.empty() && (said.empty() || said.back() != what)) said.push_back(std::move(what));
    }
    return said;
  }
  std::map<WatchId, std::string> names;
  World world;

 private:
  std::string describe(const Change& change) {
    if (const auto* name = std::get_if<NameChanged>(&change)) {
      return names[name->watch] + "/" + name->name;
    }
    if (const auto* dirty = std::get_if<DirectoryDirty>(&change)) {
      return "dirty " + names[dirty->watch];
    }
    if (const auto* ended = std::get_if<WatchEnded>(&change)) return "end " + names[ended->watch];
    return std::holds_alternative<Overflowed>(change) ? "overflow" : "";
  }
};
TYPED_TEST_SUITE(EventSourceContract, Worlds, WorldNames);

using Changes = std::vector<std::string>;

TYPED_TEST(EventSourceContract, EveryChangeOfANameIsReported) {
  this->world.write("old", "1");
  this->names[this->watch()] = "top";
  EXPECT_EQ(this->changes(), Changes{});
  this->world.write("new", "1");
  EXPECT_EQ(this->changes(), Changes{"top/new"});
  this->world.write("old", "2");
  EXPECT_EQ(this->changes(), Changes{"top/old"});
  this->world.change_mode("old");
  EXPECT_EQ(this->changes(), Changes{"top/old"});
  this->world.make_directory("directory");
  EXPECT_EQ(this->changes(), Changes{"top/directory"});
  this->world.move("old", "renamed");
  EXPECT_EQ(this->changes(), (Changes{"top/old", "top/renamed"}));
  this->world.exchange("new", "renamed");
  const Changes exchanged = this->changes();
  EXPECT_NE(std::find(exchanged.begin(), exchanged.end(), "top/new"), exchanged.end());
  EXPECT_NE(std::find(exchanged.begin(), exchanged.end(), "top/renamed"), exchanged.end());
  this->world.remove("new");
  EXPECT_EQ(this->changes().back(), "top/new");
}

TYPED_TEST(EventSourceContract, ALinkedInNameIsReported) {
  this->world.make_directory("in");
  this->world.write("x", "1");
  this->names[this->watch("in")] = "in";
  this->world.link("x", "in/x");
  EXPECT_EQ(this->changes(), Changes{"in/x"});
}

TYPED_TEST(EventSourceContract, TheCloseOfAWriterIsReported) {
  this->world.write("x", "1");
  this->names[this->watch()] = "top";
  this->world.open_writer("x");
  EXPECT_EQ(this->changes(), Changes{});
  this->world.close_writer("x");
  EXPECT_EQ(this->changes(), Changes{"top/x"});
}

TYPED_TEST(EventSourceContract, WhatHappensDeeperIsNotReported) {
  this->world.make_directory("a");
  this->names[this->watch()] = "top";
  this->world.write("a/x", "1");
  EXPECT_EQ(this->changes(), Changes{});
}

TYPED_TEST(EventSourceContract, AWatchIsTheDirectorysNotItsNames) {
  this->world.make_directory("a");
  const WatchId a = this->watch("a");
  this->names[a] = "a";
  EXPECT_EQ(this->watch("a"), a);
  this->world.move("a", "b");
  EXPECT_EQ(this->changes(), Changes{"dirty a"});
  this->world.write("b/x", "1");
  EXPECT_EQ(this->changes(), Changes{"a/x"});
  EXPECT_EQ(this->watch("b"), a);
}

TYPED_TEST(EventSourceContract, ARemovedDirectoryEndsItsWatch) {
  this->world.make_directory("a");
  const WatchId a = this->watch("a");
  this->names[a] = "a";
  this->world.remove("a");
  EXPECT_EQ(this->changes().back(), "end a");
  this->world.make_directory("a");
  EXPECT_NE(this->watch("a"), a);
}

TYPED_TEST(EventSourceContract, ARemovedWatchEndsAndReportsNoMore) {
  this->world.make_directory("a");
  const WatchId a = this->watch("a");
  this->names[a] = "a";
  this->world.events().remove(a);
  EXPECT_EQ(this->changes(), Changes{"end a"});
  this->world.write("a/x", "1");
  EXPECT_EQ(this->changes(), Changes{});
  this->world.events().remove(a);  // is nobody's mistake
  EXPECT_EQ(this->changes(), Changes{});
}

TYPED_TEST(EventSourceContract, ARenewedSourceForgetsAllAndWatchesAgain) {
  this->world.make_directory("a");
  this->names[this->watch("a")] = "a";
  this->world.write("a/x", "1");
  this->world.events().renew();
  EXPECT_EQ(this->changes(), Changes{});
  this->world.write("a/y", "1");
  EXPECT_EQ(this->changes(), Changes{});
  this->names[this->watch("a")] = "a again";
  this->world.write("a/z", "1");
  EXPECT_EQ(this->changes(), Changes{"a again/z"});
}

TYPED_TEST(EventSourceContract, ATouchInADirectoryIsReportedEachTime) {
  this->names[this->watch()] = "top";
  const auto root = this->world.files().open_directory(this->world.root(), "");
  ASSERT_TRUE(root);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE((*root)->touch(".waybill"));
    EXPECT_EQ(this->changes(), Changes{"top/.waybill"}) << i;
  }
}

TYPED_TEST(EventSourceContract, WithNothingToSayAReadReturnsAtOnce) {
  this->watch();
  std::vector<RawEvent> events;
  EXPECT_EQ(this->world.events().read(events), std::size_t{0});
  EXPECT_GE(this->world.events().poll_fd(), 0);
}

}  // namespace
}  // namespace waybill::watcher
