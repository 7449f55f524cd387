#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "agent/pipeline.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "tests/fakes/pipeline_world.h"
#include "uploader/key.h"

// What a folder's key template makes of its files, and what happens where two get one key
// (PROTOCOL.md rules 5 and 6).
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::PipelineWorld;

std::string hash_of(std::string_view content) {
  return to_hex(sha256(as_bytes(content)));
}

class Naming : public testing::Test {
 protected:
  Naming() { folder().prefix = ""; }
  FolderConfig& folder() { return world_.config().folders.front(); }
  std::string key_of(const std::string& path) {
    const auto row = world_.row(path);
    if (!row) return "no row";
    if (row->state != FileState::Stored) return row->reason;
    const auto object = world_.object_of(*row);
    return object ? object->key : "no object";
  }
  // The bucket has these very bytes under the key of the row.
  void expect_content(const std::string& path, const std::string& content) {
    const auto* there = world_.bucket.find(key_of(path));
    ASSERT_NE(there, nullptr) << path << ": " << key_of(path);
    EXPECT_EQ(there->sha256, sha256(as_bytes(content))) << path;
  }
  void start_and_settle() {
    world_.start();
    world_.settle_down();
  }

  PipelineWorld world_;
};

TEST_F(Naming, ATemplateRegroupsAndTheRowKeepsTheKey) {
  folder().prefix = "in/";
  folder().key = "{ext}/{name}";
  world_.write("2026/q1.pdf", "one");
  start_and_settle();
  EXPECT_EQ(key_of("2026/q1.pdf"), "in/.pdf/q1.pdf");
  world_.crash();
  folder().key = "{path}";
  world_.write("2026/q1.pdf", "other");
  start_and_settle();
  // Evaluated once an incarnation: the template of today is for files that come today.
  EXPECT_EQ(key_of("2026/q1.pdf"), "in/.pdf/q1.pdf");
  expect_content("2026/q1.pdf", "other");
}

// WATCHING.md 39
TEST_F(Naming, WhatIsTooLongForAKeyIsStoredWhereTheTemplateShortensIt) {
  std::string path;
  for (int i = 0; i < 11; ++i) path += std::string(100, 'd') + "/";
  path += "a.txt";
  std::filesystem::create_directories(
      std::filesystem::path(world_.folder() + "/" + path).parent_path());
  world_.write(path, "deep");
  start_and_settle();
  EXPECT_NE(key_of(path).find("S3 allows 1024"), std::string::npos) << key_of(path);
  world_.crash();
  folder().key = "{arrived:%Y}/{name}";
  world_.start();
  world_.run_until([&] { return world_.row(path)->state == FileState::Stored; });
  EXPECT_TRUE(key_of(path).ends_with("/a.txt")) << key_of(path);
  expect_content(path, "deep");
}

TEST_F(Naming, TwoFilesOfOneKeyAreTwoObjects) {
  folder().key = "{name}";
  world_.write("a/x.txt", "first");
  start_and_settle();
  world_.write("b/x.txt", "second");
  world_.settle_down();
  EXPECT_EQ(key_of("a/x.txt"), "x.txt");
  EXPECT_TRUE(uploader::is_suffixed(key_of("b/x.txt"), "x.txt")) << key_of("b/x.txt");
  expect_content("a/x.txt", "first");
  expect_content("b/x.txt", "second");
  // Each goes on under its own key.
  const std::string beside = key_of("b/x.txt");
  world_.write("b/x.txt", "third");
  world_.settle_down();
  EXPECT_EQ(key_of("b/x.txt"), beside);
  expect_content("a/x.txt", "first");
  expect_content("b/x.txt", "third");
}

TEST_F(Naming, TwoFilesOfOneKeyThatComeTogetherAreTwoObjects) {
  folder().key = "{name}";
  for (const char* directory : {"a", "b", "c", "d"}) {
    world_.write(std::string(directory) + "/x.txt", directory);
  }
  start_and_settle();
  for (const char* directory : {"a", "b", "c", "d"}) {
    expect_content(std::string(directory) + "/x.txt", directory);
  }
}

TEST_F(Naming, OfTwoFilesOfOneKeyTheSecondIsRefusedOrNeverReplacesTheFirst) {
  for (const OnReplace wish : {OnReplace::Refuse, OnReplace::Overwrite}) {
    PipelineWorld world;
    world.config().folders.front().prefix = "";
    world.config().folders.front().key = "{name}";
    world.config().folders.front().on_replace = wish;
    world.write("a/x.txt", "first");
    world.start();
    world.settle_down();
    world.write("b/x.txt", "second");
    world.settle_down();
    const auto row = world.row("b/x.txt");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->state, FileState::Blocked);
    EXPECT_NE(row->reason.find("its key x.txt is that of a/x.txt"), std::string::npos)
        << row->reason;
    ASSERT_NE(world.bucket.find("x.txt"), nullptr);
    EXPECT_EQ(world.bucket.find("x.txt")->sha256, sha256(as_bytes(std::string_view("first"))));
  }
}

// --- {sha256} ------------------------------------------------------------------------------------

class NamedByContent : public Naming {
 protected:
  NamedByContent() { folder().key = "{sha256}{ext}"; }
};

TEST_F(NamedByContent, AKeyIsTheHashOfItsBytesAndIsNeverReplaced) {
  world_.write("a.txt", "one");
  start_and_settle();
  EXPECT_EQ(key_of("a.txt"), hash_of("one") + ".txt");
  world_.write("a.txt", "two");
  world_.settle_down();
  EXPECT_EQ(key_of("a.txt"), hash_of("two") + ".txt");
  expect_content("a.txt", "two");
  const auto* before = world_.bucket.find(hash_of("one") + ".txt");
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(before->sha256, sha256(as_bytes(std::string_view("one"))));
}

TEST_F(NamedByContent, ContentThatComesBackIsBesideItsFormerObject) {
  for (const char* content : {"one", "two", "one"}) {
    world_.write("a.txt", content);
    if (world_.row("a.txt")) {
      world_.settle_down();
    } else {
      start_and_settle();
    }
  }
  EXPECT_TRUE(uploader::is_suffixed(key_of("a.txt"), hash_of("one") + ".txt")) << key_of("a.txt");
  expect_content("a.txt", "one");
}

TEST_F(NamedByContent, EqualFilesAreTwoObjectsSoThatNoneHangsOnTheOther) {
  world_.write("a.txt", "same");
  start_and_settle();
  world_.write("b.txt", "same");
  world_.settle_down();
  EXPECT_EQ(key_of("a.txt"), hash_of("same") + ".txt");
  EXPECT_TRUE(uploader::is_suffixed(key_of("b.txt"), hash_of("same") + ".txt"));
  expect_content("b.txt", "same");
}

TEST_F(NamedByContent, ALargeFileIsHashedBeforeItIsSent) {
  const std::string content(17U << 20U, 'x');
  world_.write("large.bin", content);
  start_and_settle();
  EXPECT_EQ(key_of("large.bin"), hash_of(content) + ".bin");
  expect_content("large.bin", content);
}

TEST_F(NamedByContent, AChangeBeforeTheUploadEndedChangesTheKey) {
  world_.bucket_hangs = true;
  world_.write("a.txt", "one");
  world_.start();
  world_.pass(std::chrono::minutes(1));
  world_.bucket_hangs = false;
  world_.write("a.txt", "two");
  world_.settle_down();
  EXPECT_EQ(key_of("a.txt"), hash_of("two") + ".txt");
  expect_content("a.txt", "two");
}

}  // namespace
}  // namespace waybill::agent
