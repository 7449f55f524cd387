#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <stdexcept>
#include <string>

#include "base/bytes.h"
#include "base/unique_fd.h"
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

// Changes a file's first byte and leaves its fingerprint, as a power loss may: its times are taken
// when the page is first touched, and never after.
class Mapping {
 public:
  explicit Mapping(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)),
        page_(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)) {
    if (page_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);
    write(*static_cast<char*>(page_));
  }
  ~Mapping() { ::munmap(page_, 1); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void write(char byte) { *static_cast<volatile char*>(page_) = byte; }

 private:
  const UniqueFd fd_;
  void* const page_;
};

TEST_F(SameContent, WhatTheDiskNoLongerBearsOutIsSentOnceAsItIsNow) {
  const std::string large(17U << 20U, 'x');
  std::string lost = large;
  lost.front() = '?';
  bool unanswered = true;
  int parts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::PutPart) ++parts;
    return call.operation == Operation::Complete && unanswered ? Fault::FailBefore : Fault::None;
  };
  world_.config().folders.front().lease = LeaseUse::Off;  // the mapping counts as a writer
  world_.write("large", large);
  Mapping mapping(world_.folder() + "/large");
  world_.start();
  world_.run_until([&] { return world_.row("large") && world_.row("large")->sha256; });
  world_.crash();
  mapping.write('?');
  unanswered = false;
  parts = 0;
  world_.start();
  world_.pass(std::chrono::hours(2));
  const auto row = world_.row("large");
  ASSERT_EQ(row->state, FileState::Stored);
  EXPECT_EQ(world_.bucket.find(world_.object_of(*row)->key)->sha256, sha256(as_bytes(lost)));
  EXPECT_LE(parts, 9) << "three at a time";
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
