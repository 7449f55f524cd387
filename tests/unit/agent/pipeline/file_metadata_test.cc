#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "agent/metadata_text.h"
#include "tests/fakes/pipeline_world.h"
#include "tests/integration/watcher/disk.h"

// What is said of a file travels with its object and stands in its row: mode and owner where they
// are asked for, extended attributes always. Other metadata is new content.
namespace waybill::agent {
namespace {

namespace disk = watcher::disk;
using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using Said = std::map<std::string, std::string>;

class FileMetadata : public testing::Test {
 protected:
  [[nodiscard]] std::string at(const std::string& path) const {
    return world_.folder() + "/" + path;
  }
  void say(const std::string& path, const std::string& name, std::string_view value) {
    disk::set_attribute(at(path), "user.waybill." + name, value);
  }
  FolderConfig& folder() { return world_.config().folders.front(); }

  // What the object that the file's row names has beside ours.
  Said on_object(const std::string& path) {
    const auto row = world_.row(path);
    const auto object = row ? world_.object_of(*row) : std::nullopt;
    const auto* const there = object ? world_.bucket.find(object->key) : nullptr;
    if (there == nullptr) return {{"it has", "no object"}};
    Said said;
    for (const auto& [name, value] : there->metadata) {
      if (!name.starts_with("waybill-") && name != "mtime") said.emplace(name, value);
    }
    return said;
  }
  Said in_row(const std::string& path) {
    const auto row = world_.row(path);
    const auto object = row ? world_.object_of(*row) : std::nullopt;
    if (!object) return {{"it has", "no object"}};
    const auto pairs = metadata_pairs(object->metadata);
    return pairs ? Said(pairs->begin(), pairs->end()) : Said{{"it is", "no metadata"}};
  }
  void expect_said(const std::string& path, const Said& said) {
    const auto row = world_.row(path);
    ASSERT_TRUE(row) << path;
    EXPECT_EQ(row->state, FileState::Stored) << row->reason;
    EXPECT_EQ(on_object(path), said);
    EXPECT_EQ(in_row(path), said);
  }
  void count_bodies() {
    world_.fault = [this](const Call& call) {
      const bool of_a_file = call.key.find("_waybill/") == std::string::npos;
      if (of_a_file && (call.operation == Operation::Put || call.operation == Operation::PutPart)) {
        ++bodies_;
      }
      return Fault::None;
    };
  }

  fakes::PipelineWorld world_{1, std::filesystem::temp_directory_path()};
  int bodies_ = 0;
};

TEST_F(FileMetadata, ExtendedAttributesAreOnTheObjectAndInTheRow) {
  world_.write("scan.tif", "pixels");
  say("scan.tif", "Sample", "HeLa 12");
  say("scan.tif", "operator", "Zo\xc3\xab");
  disk::set_attribute(at("scan.tif"), "user.other", "not ours");
  world_.start();
  world_.settle_down();
  expect_said("scan.tif", {{"sample", "HeLa 12"}, {"operator", "Zo%C3%AB"}});
}

TEST_F(FileMetadata, AFileOfWhichNothingIsSaidHasNone) {
  world_.write("f", "bytes");
  world_.start();
  world_.settle_down();
  expect_said("f", {});
}

TEST_F(FileMetadata, AFolderMayLeaveThemAll) {
  folder().xattr_metadata = false;
  world_.write("f", "bytes");
  say("f", "sample", "1");
  say("f", "large", std::string(2000, 'x'));
  world_.start();
  world_.settle_down();
  expect_said("f", {});
}

TEST_F(FileMetadata, ModeAndOwnerGoAlongWhereTheyAreAskedFor) {
  folder().posix_metadata = true;
  world_.write("f", "bytes");
  disk::set_mode(at("f"), 0640);
  world_.start();
  world_.settle_down();
  expect_said("f", {{"mode", "100640"},
                    {"uid", std::to_string(::geteuid())},
                    {"gid", std::to_string(::getegid())}});
}

TEST_F(FileMetadata, ALargeFileTakesThemAlongInPartsToo) {
  const std::string large(17U << 20U, 'x');
  world_.write("large", large);
  say("large", "sample", "1");
  world_.start();
  world_.settle_down();
  expect_said("large", {{"sample", "1"}});
}

TEST_F(FileMetadata, ALaterAttributeIsNewContentAndIsSent) {
  world_.write("f", "bytes");
  say("f", "sample", "1");
  world_.start();
  world_.settle_down();
  disk::let_clock_tick(world_.folder());
  say("f", "sample", "2");
  world_.settle_down();
  expect_said("f", {{"sample", "2"}});
  EXPECT_EQ(world_.row("f")->generation, 2);
}

TEST_F(FileMetadata, ALaterAttributeOfALargeFileIsSentToo) {
  world_.write("large", std::string(17U << 20U, 'x'));
  world_.start();
  world_.settle_down();
  disk::let_clock_tick(world_.folder());
  say("large", "sample", "2");
  world_.settle_down();
  expect_said("large", {{"sample", "2"}});
}

TEST_F(FileMetadata, WhatChangesNothingOfItIsNotSentAgain) {
  world_.write("f", "bytes");
  say("f", "sample", "1");
  world_.start();
  world_.settle_down();
  count_bodies();
  disk::let_clock_tick(world_.folder());
  say("f", "sample", "1");
  disk::set_mode(at("f"), 0600);
  disk::set_attribute(at("f"), "user.other", "x");
  world_.settle_down();
  EXPECT_EQ(bodies_, 0);
  expect_said("f", {{"sample", "1"}});
}

TEST_F(FileMetadata, WhatCannotBeSentBlocksTheFileUntilItIsPutRight) {
  world_.write("f", "bytes");
  say("f", "waybill-attempt", "mine");
  world_.start();
  world_.settle_down();
  ASSERT_EQ(world_.row("f")->state, FileState::Blocked);
  EXPECT_EQ(world_.row("f")->reason,
            "its metadata cannot be stored: \"waybill-attempt\" is written by waybilld itself");
  EXPECT_TRUE(world_.has_reason("file-blocked"));
  disk::let_clock_tick(world_.folder());
  disk::remove_attribute(at("f"), "user.waybill.waybill-attempt");
  world_.settle_down();
  expect_said("f", {});
}

TEST_F(FileMetadata, AStoredFileIsBlockedRatherThanLeftWithLessThanIsSaid) {
  world_.write("f", "bytes");
  world_.start();
  world_.settle_down();
  disk::let_clock_tick(world_.folder());
  say("f", "large", std::string(2000, 'x'));
  world_.settle_down();
  EXPECT_EQ(world_.row("f")->state, FileState::Blocked);
  disk::let_clock_tick(world_.folder());
  disk::remove_attribute(at("f"), "user.waybill.large");
  count_bodies();
  world_.settle_down();
  expect_said("f", {});
  EXPECT_EQ(bodies_, 0) << "it is what is stored";
}

TEST_F(FileMetadata, ANameOfTheConfigurationIsNobodyElses) {
  folder().s3.write.metadata = {{"lab", "imaging"}};
  world_.write("f", "bytes");
  say("f", "lab", "mine");
  world_.start();
  world_.settle_down();
  EXPECT_EQ(world_.row("f")->reason,
            "its metadata cannot be stored: \"lab\" is given by the folder's configuration");
}

TEST_F(FileMetadata, AnUploadThatIsTakenUpAgainSendsWhatItWasBegunWith) {
  const std::string large(40U << 20U, 'x');
  world_.write("large", large);
  say("large", "sample", "1");
  world_.start();
  int parts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::PutPart) ++parts;
    return Fault::None;
  };
  world_.run_until([&] { return parts >= 2; });
  world_.crash();
  folder().xattr_metadata = false;  // nobody would read them now
  world_.start();
  world_.settle_down();
  expect_said("large", {{"sample", "1"}});
}

TEST_F(FileMetadata, ALostReplyIsFollowedByTheSameMetadata) {
  bool lost = false;
  world_.fault = [&](const Call& call) {
    const bool first_put = call.operation == Operation::Put && call.key == "drop/f" && !lost;
    if (first_put) lost = true;
    return first_put ? Fault::LostReply : Fault::None;
  };
  world_.write("f", "bytes");
  say("f", "sample", "1");
  world_.start();
  world_.settle_down();
  expect_said("f", {{"sample", "1"}});
}

TEST_F(FileMetadata, EqualBytesOfSomebodyElseSayThatOursAreNotOnThem) {
  world_.bucket.put_foreign("drop/f", "bytes");
  world_.write("f", "bytes");
  say("f", "sample", "1");
  world_.start();
  world_.settle_down();
  const auto object = world_.object_of(*world_.row("f"));
  ASSERT_TRUE(object);
  EXPECT_FALSE(object->owned);
  EXPECT_EQ(object->metadata, "");
  EXPECT_NE(object->proof_detail.find("without the metadata that this file has here"),
            std::string::npos)
      << object->proof_detail;
}

}  // namespace
}  // namespace waybill::agent
