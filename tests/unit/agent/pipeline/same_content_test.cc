#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "tests/fakes/pipeline_world.h"

// The same content again is recognised and not sent (PROTOCOL.md section 4).
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;

class SameContent : public testing::Test {
 protected:
  SameContent() {
    world_.fault = [this](const Call& call) {
      const bool of_a_file = call.key.find("_waybill/") == std::string::npos;
      if (of_a_file && (call.operation == Operation::Put || call.operation == Operation::PutPart)) {
        ++sent_;
      }
      return Fault::None;
    };
  }
  // Stores it, makes the change, and tells how many bodies that has sent.
  template <typename Change>
  int sent_by(const std::string& path, const std::string& content, Change change) {
    world_.write(path, content);
    world_.start();
    world_.settle_down();
    EXPECT_EQ(world_.row(path)->state, FileState::Stored);
    before_ = world_.row(path)->fingerprint;
    sent_ = 0;
    change();
    world_.settle_down();
    return sent_;
  }
  void expect_stored_as_it_is(const std::string& path, const std::string& content) {
    const auto row = world_.row(path);
    ASSERT_TRUE(row && row->state == FileState::Stored);
    EXPECT_NE(row->fingerprint, before_);
    const auto object = world_.object_of(*row);
    ASSERT_TRUE(object);
    EXPECT_EQ(world_.bucket.find(object->key)->sha256, sha256(as_bytes(content)));
  }

  fakes::PipelineWorld world_;
  Fingerprint before_;
  int sent_ = 0;
};

TEST_F(SameContent, RewrittenWithTheSameBytesIsNotSent) {
  EXPECT_EQ(sent_by("f", "bytes", [this] { world_.write("f", "bytes"); }), 0);
  expect_stored_as_it_is("f", "bytes");
}

TEST_F(SameContent, ALargeFileWrittenAgainIsReadAndNotSent) {
  const std::string large(17U << 20U, 'x');
  EXPECT_EQ(sent_by("large", large, [&] { world_.write("large", large); }), 0);
  expect_stored_as_it_is("large", large);
}

// One task for all of it would hold a reading thread, and the end of the process, for minutes.
TEST_F(SameContent, ALargeFileIsHashedPieceByPiece) {
  const std::string content(41U << 20U, 'x');
  int before = 0;
  EXPECT_EQ(sent_by("large", content,
                    [&] {
                      before = world_.reads;
                      world_.write("large", content);
                    }),
            0);
  EXPECT_GE(world_.reads - before, 6);  // of 8 MiB
}

TEST_F(SameContent, ALargeFileOfOtherBytesAndTheSameSizeIsSent) {
  const std::string large(17U << 20U, 'x');
  const std::string other(17U << 20U, 'y');
  EXPECT_GT(sent_by("large", large, [&] { world_.write("large", other); }), 0);
  expect_stored_as_it_is("large", other);
}

TEST_F(SameContent, WhatComesBackAfterItWentIsNotSent) {
  EXPECT_EQ(sent_by("f", "bytes",
                    [this] {
                      world_.remove("f");
                      world_.settle_down();
                      EXPECT_EQ(world_.row("f")->state, FileState::Gone);
                      world_.write("f", "bytes");
                    }),
            0);
  expect_stored_as_it_is("f", "bytes");
  EXPECT_FALSE(world_.object_of(*world_.row("f"))->sole);
}

}  // namespace
}  // namespace waybill::agent
