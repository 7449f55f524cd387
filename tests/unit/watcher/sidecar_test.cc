#include "watcher/sidecar.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/fakes/fake_file_system.h"

namespace waybill::watcher {
namespace {

class ReadSidecar : public testing::Test {
 protected:
  ReadSidecar() { disk_.make_directory("/root"); }
  Result<std::optional<Sidecar>> read(const std::string& path) {
    return read_sidecar(disk_, "/root", path, LeaseMode::Auto);
  }
  ErrorCode refusal(const std::string& path) {
    const auto got = read(path);
    EXPECT_FALSE(got);
    return got ? ErrorCode::Internal : got.error().code;
  }
  fakes::FakeFileSystem disk_;
};

TEST_F(ReadSidecar, IsOnePassOverOneFingerprint) {
  disk_.write("/root/a.json", "{}");
  const auto got = read("a.json");
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->text, "{}");
  EXPECT_EQ((*got)->fingerprint.size, 2U);
  EXPECT_TRUE((*got)->leased);
}

TEST_F(ReadSidecar, OfNobodyIsNone) {
  const auto none = std::optional<Sidecar>();
  for (const char* path : {"a.json", "elsewhere/a.json"}) {
    const auto got = read(path);
    ASSERT_TRUE(got) << path;
    EXPECT_FALSE(*got) << path;
  }
}

// A server that has forgotten its handle has not said that it is gone.
TEST_F(ReadSidecar, IsNotThoughtAwayBecauseItsHandleIsStale) {
  disk_.write("/root/a.json", "{}");
  disk_.set_trouble("/root/a.json", ESTALE);
  EXPECT_EQ(refusal("a.json"), ErrorCode::RetryLater);
  disk_.set_trouble("/root/a.json", 0);
  EXPECT_TRUE(read("a.json"));
}

TEST_F(ReadSidecar, IsReadToItsLimitAlone) {
  disk_.write("/root/a.json", std::string(most_sidecar_bytes, ' '));
  EXPECT_TRUE(read("a.json"));
  disk_.write("/root/a.json", std::string(most_sidecar_bytes + 1, ' '));
  EXPECT_EQ(refusal("a.json"), ErrorCode::NeedsPerson);
}

TEST_F(ReadSidecar, IsARegularFileThatNobodyIsWriting) {
  disk_.make("/root/link.json", FileKind::Symlink);
  disk_.make("/root/fifo.json", FileKind::Fifo);
  disk_.make_directory("/root/directory.json");
  for (const char* path : {"link.json", "fifo.json", "directory.json"}) {
    EXPECT_EQ(refusal(path), ErrorCode::NeedsPerson) << path;
  }
  disk_.write("/root/a.json", "{");
  disk_.open_writer("/root/a.json");
  EXPECT_EQ(refusal("a.json"), ErrorCode::SourceBusy);
  disk_.close_writer("/root/a.json");
  disk_.set_readable("/root/a.json", false);
  EXPECT_EQ(refusal("a.json"), ErrorCode::NeedsPerson);
}

}  // namespace
}  // namespace waybill::watcher
