#include "watcher/translator.h"

#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <array>

namespace waybill::watcher {
namespace {

RawEvent event(std::uint32_t mask, std::string name = {}) {
  return {.watch = WatchId{7}, .mask = mask, .cookie = 0, .name = std::move(name)};
}

TEST(Translator, WhateverHappensToANameMeansOnlyLookAtIt) {
  constexpr std::array<std::uint32_t, 7> masks{
      IN_CREATE,     IN_CREATE | IN_ISDIR,   IN_CLOSE_WRITE,
      IN_MOVED_FROM, IN_MOVED_TO | IN_ISDIR, IN_DELETE,
      IN_ATTRIB};
  for (const std::uint32_t mask : masks) {
    const Change change = translate(event(mask, "file"));
    const auto* const name = std::get_if<NameChanged>(&change);
    ASSERT_NE(name, nullptr) << mask;
    EXPECT_EQ(name->watch, WatchId{7});
    EXPECT_EQ(name->name, "file");
  }
}

TEST(Translator, WhatHappensToTheDirectoryItselfMakesItDirty) {
  constexpr std::array<std::uint32_t, 2> masks{IN_MOVE_SELF, IN_ATTRIB | IN_ISDIR};
  for (const std::uint32_t mask : masks) {
    EXPECT_TRUE(std::holds_alternative<DirectoryDirty>(translate(event(mask)))) << mask;
  }
}

// Both are followed by IN_IGNORED, whatever else the kernel says in between.
TEST(Translator, DeletionAndUnmountAreToldByTheEndOfTheWatch) {
  EXPECT_TRUE(std::holds_alternative<Nothing>(translate(event(IN_DELETE_SELF))));
  EXPECT_TRUE(std::holds_alternative<Nothing>(translate(event(IN_UNMOUNT))));
  EXPECT_TRUE(std::holds_alternative<WatchEnded>(translate(event(IN_IGNORED))));
}

TEST(Translator, AFullQueueIsKnownByItsMaskAndByItsWatch) {
  RawEvent full{.watch = WatchId{-1}, .mask = IN_Q_OVERFLOW, .cookie = 0, .name = {}};
  EXPECT_TRUE(std::holds_alternative<Overflowed>(translate(full)));
  full.mask = 0;
  EXPECT_TRUE(std::holds_alternative<Overflowed>(translate(full)));
}

TEST(Translator, ANameIsBytes) {
  const Change change = translate(event(IN_CREATE, std::string("\xff\n%2F-", 6)));
  EXPECT_EQ(std::get<NameChanged>(change).name, std::string("\xff\n%2F-", 6));
}

}  // namespace
}  // namespace waybill::watcher
