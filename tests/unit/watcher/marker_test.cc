#include "watcher/marker.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_file_system.h"

namespace waybill::watcher {
namespace {

TEST(MarkerRule, LiesBesideItsFile) {
  const MarkerRule rule("{name}.done");
  EXPECT_EQ(rule.marker_of("a.csv"), "a.csv.done");
  EXPECT_EQ(rule.marker_of("2026/07/a.csv"), "2026/07/a.csv.done");
  EXPECT_EQ(MarkerRule(".ok-{name}").marker_of("d/a"), "d/.ok-a");
}

TEST(MarkerRule, IsToldByItsName) {
  const MarkerRule rule("{name}.done");
  EXPECT_EQ(rule.marked_by("d/a.csv.done"), "d/a.csv");
  EXPECT_EQ(rule.marked_by("d.done/a.csv"), std::nullopt);
  EXPECT_EQ(rule.marked_by("d/.done"), std::nullopt) << "of a file without a name";
  EXPECT_EQ(MarkerRule(".ok-{name}").marked_by("d/.ok-a"), "d/a");
  EXPECT_EQ(MarkerRule("ab{name}ba").marked_by("aba"), std::nullopt) << "both ends are one byte";
  EXPECT_EQ(MarkerRule("ab{name}ba").marked_by("abba"), std::nullopt);
  EXPECT_EQ(MarkerRule("ab{name}ba").marked_by("ab\nba"), "\n");
}

TEST(MarkerRule, MarksWhatItIsNamedAfter) {
  for (const char* pattern : {"{name}.done", ".{name}", "x{name}y"}) {
    const MarkerRule rule(pattern);
    for (const char* path : {"a", "d/e/f.done", "\xff", "d/{name}"}) {
      EXPECT_EQ(rule.marked_by(rule.marker_of(path)), path) << pattern;
    }
  }
}

TEST(MarkerRule, APatternIsANameWithAPlaceForAnother) {
  for (const char* right : {"{name}.done", ".{name}", "{name}{}"}) {
    EXPECT_EQ(MarkerRule::fault_of(right), std::nullopt) << right;
  }
  for (const char* wrong : {"", "done", "{name}", "{name}.{name}", "ok/{name}"}) {
    EXPECT_NE(MarkerRule::fault_of(wrong), std::nullopt) << wrong;
  }
}

TEST(MarkerIsThere, OnlyAsARegularFileAndWithoutFollowingLinks) {
  fakes::FakeFileSystem disk;
  disk.make_directory("/root");
  disk.make_directory("/root/d");
  EXPECT_EQ(marker_is_there(disk, "/root", "d/a.done"), false);
  EXPECT_EQ(marker_is_there(disk, "/root", "elsewhere/a.done"), false);
  disk.make("/root/d/a.done", FileKind::Symlink);
  EXPECT_EQ(marker_is_there(disk, "/root", "d/a.done"), false);
  disk.remove("/root/d/a.done");
  disk.write("/root/d/a.done", "");
  EXPECT_EQ(marker_is_there(disk, "/root", "d/a.done"), true);
  disk.write("/root/top", "");
  EXPECT_EQ(marker_is_there(disk, "/root", "top"), true);
}

TEST(MarkerIsThere, NobodyCanTellWhereTheDirectoryCannotBeEntered) {
  fakes::FakeFileSystem disk;
  disk.make_directory("/root");
  disk.make_directory("/root/d");
  disk.set_readable("/root/d", false);
  const auto there = marker_is_there(disk, "/root", "d/a.done");
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, ErrorCode::NeedsPerson);
}

}  // namespace
}  // namespace waybill::watcher
