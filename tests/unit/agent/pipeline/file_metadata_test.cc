#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "tests/integration/watcher/disk.h"
#include "tests/unit/agent/pipeline/said.h"

// What is said of a file travels with its object and stands in its row: mode and owner where they
// are asked for, extended attributes always. Other metadata is new content.
namespace waybill::agent {
namespace {

namespace disk = watcher::disk;
using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;

class FileMetadata : public WhatIsSaid {
 protected:
  void say(const std::string& path, const std::string& name, std::string_view value) {
    disk::set_attribute(at(path), "user.waybill." + name, value);
  }
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

// What is to be hashed first, since it may well be what is stored.
TEST_F(FileMetadata, NothingIsHashedForWhatCannotBeSent) {
  world_.write("large", std::string(17U << 20U, 'x'));
  world_.start();
  world_.settle_down();
  disk::let_clock_tick(world_.folder());
  world_.disk.bytes_read = 0;
  say("large", "large", std::string(2000, 'x'));
  world_.settle_down();
  ASSERT_EQ(world_.row("large")->state, FileState::Blocked);
  world_.pass(std::chrono::hours(5));
  EXPECT_EQ(world_.row("large")->state, FileState::Blocked);
  EXPECT_EQ(world_.disk.bytes_read, 0U);
  disk::let_clock_tick(world_.folder());
  disk::remove_attribute(at("large"), "user.waybill.large");
  world_.settle_down();
  expect_said("large", {});
}

TEST_F(FileMetadata, AttributesThatCannotBeReadBlockTheFileUntilTheyCan) {
  world_.disk.attributes_fail = {.code = ErrorCode::NeedsPerson,
                                 .message = "cannot read an extended attribute of the file",
                                 .os_errno = EIO};
  world_.write("f", "bytes");
  say("f", "sample", "1");
  world_.start();
  world_.settle_down();
  ASSERT_EQ(world_.row("f")->state, FileState::Blocked);
  EXPECT_EQ(world_.row("f")->reason,
            "cannot read an extended attribute of the file (Input/output error)");
  world_.disk.attributes_fail.reset();
  world_.pass(std::chrono::minutes(5));
  expect_said("f", {{"sample", "1"}});
}

TEST_F(FileMetadata, AttributesThatCannotBeReadAreNobodysTroubleWhereNobodyWantsThem) {
  folder().xattr_metadata = false;
  world_.disk.attributes_fail = {.code = ErrorCode::NeedsPerson, .message = "broken"};
  world_.write("f", "bytes");
  world_.start();
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
