#include "watcher/stable_reader.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "tests/fakes/fake_file_system.h"

namespace waybill::watcher {
namespace {

// Lets a test act between two calls of the reader: each read first calls `meanwhile`.
class InterruptedFile final : public OpenFile {
 public:
  InterruptedFile(std::unique_ptr<OpenFile> inner, const std::function<void()>& meanwhile,
                  const std::function<void()>& about)
      : inner_(std::move(inner)), meanwhile_(meanwhile), about_(about) {}
  Result<FileStatus> status() override { return inner_->status(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (meanwhile_) meanwhile_();
    return inner_->read_at(offset, into);
  }
  Result<ExtendedAttributes> extended_attributes(std::string_view prefix,
                                                 std::size_t most) override {
    auto attributes = inner_->extended_attributes(prefix, most);
    if (about_) about_();
    return attributes;
  }
  Result<Writers> take_lease() override { return inner_->take_lease(); }
  bool lease_broken() override { return inner_->lease_broken(); }
  void release_lease() override { inner_->release_lease(); }

 private:
  const std::unique_ptr<OpenFile> inner_;
  const std::function<void()>& meanwhile_;
  const std::function<void()>& about_;
};

class InterruptedFileSystem final : public FileSystem {
 public:
  explicit InterruptedFileSystem(FileSystem& inner) : inner_(inner) {}
  Result<std::unique_ptr<OpenDirectory>> open_directory(const Root& root,
                                                        std::string_view below) override {
    return inner_.open_directory(root, below);
  }
  Result<std::unique_ptr<OpenFile>> open_file(const Root& root, std::string_view below) override {
    auto file = inner_.open_file(root, below);
    if (!file) return fail(file.error());
    return std::make_unique<InterruptedFile>(std::move(*file), meanwhile, looked_at);
  }
  std::string mounts(const std::string& root) override { return inner_.mounts(root); }
  std::function<void()> meanwhile;
  std::function<void()> looked_at;  // once what is beside the bytes has been read

 private:
  FileSystem& inner_;
};

class StableReader : public testing::Test {
 protected:
  StableReader() { disk_.make_directory("/root"); }

  Fingerprint write(const std::string& text) {
    disk_.write("/root/a", text);
    return fingerprint();
  }
  Fingerprint fingerprint() { return (*disk_.open_file("/root", "a"))->status()->fingerprint; }
  Result<Content> read(const Fingerprint& expected, LeaseMode lease = LeaseMode::Auto) {
    return read_small(files_, "/root", "a", expected, lease);
  }

  fakes::FakeFileSystem disk_;
  InterruptedFileSystem files_{disk_};
};

TEST_F(StableReader, AQuietFileIsReadWithItsDigests) {
  const Fingerprint expected = write("hello");
  const auto content = read(expected);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(as_text(*content->bytes), "hello");
  EXPECT_EQ(content->sha256, sha256(as_bytes("hello")));
  EXPECT_EQ(content->md5, md5(as_bytes("hello")));
  EXPECT_EQ(content->fingerprint, expected);
  EXPECT_TRUE(content->leased);
}

TEST_F(StableReader, AnEmptyFileIsContentToo) {
  const auto content = read(write(""));
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->bytes->empty());
  EXPECT_EQ(content->sha256, sha256({}));
}

TEST_F(StableReader, WhatIsBesideTheBytesBelongsToTheSameFingerprint) {
  write("hello");
  disk_.set_mode("/root/a", 0640);
  disk_.set_attribute("/root/a", "user.waybill.sample", "1");
  disk_.set_attribute("/root/a", "user.other", "x");
  const Fingerprint expected = files_.open_file("/root", "a").value()->status()->fingerprint;
  const auto content = read(expected);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->about.mode, 0640U);
  EXPECT_EQ(content->about.attributes, (ExtendedAttributes{{"sample", "1"}}));
  const auto parts = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_TRUE(parts);
  EXPECT_EQ((*parts)->about().attributes, (ExtendedAttributes{{"sample", "1"}}));
}

TEST_F(StableReader, WhatIsBesideTheBytesMayNotChangeMeanwhile) {
  const Fingerprint expected = write("hello");
  files_.looked_at = [this] { disk_.set_attribute("/root/a", "user.waybill.sample", "2"); };
  EXPECT_EQ(read(expected).error().code, ErrorCode::SourceChanged);
  const auto parts = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_FALSE(parts);
  EXPECT_EQ(parts.error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AttributesThatAreTooLargeConcernWhoWantsThem) {
  write("hello");
  disk_.set_attribute("/root/a", "user.waybill.x", std::string(most_attribute_bytes, 'x'));
  const auto content = read(files_.open_file("/root", "a").value()->status()->fingerprint);
  ASSERT_TRUE(content);
  ASSERT_FALSE(content->about.attributes);
  EXPECT_EQ(content->about.attributes.error().code, ErrorCode::NeedsPerson);
}

TEST_F(StableReader, AnotherFingerprintThanExpectedIsNotRead) {
  const Fingerprint old = write("hello");
  write("other");
  EXPECT_EQ(read(old).error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AWriterBeforeTheReadIsBusy) {
  const Fingerprint expected = write("hello");
  disk_.open_writer("/root/a");
  EXPECT_EQ(read(expected).error().code, ErrorCode::SourceBusy);
}

TEST_F(StableReader, AWriterDuringTheReadSpoilsItEvenIfItHasWrittenNothingYet) {
  const Fingerprint expected = write("hello");
  files_.meanwhile = [this] { disk_.open_writer("/root/a"); };
  EXPECT_EQ(read(expected).error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AChangeDuringTheReadIsSeenWithoutALease) {
  const Fingerprint expected = write("hello");
  disk_.set_leases(false);
  files_.meanwhile = [this] { disk_.write("/root/a", "jello"); };
  EXPECT_EQ(read(expected).error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AFileThatShrinksIsChangedNotShort) {
  const Fingerprint expected = write("hello");
  disk_.set_leases(false);
  files_.meanwhile = [this] { disk_.write("/root/a", ""); };
  EXPECT_EQ(read(expected).error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, WithoutLeasesTheReceiptSaysSo) {
  disk_.set_leases(false);
  const auto content = read(write("hello"));
  ASSERT_TRUE(content);
  EXPECT_FALSE(content->leased);
}

TEST_F(StableReader, ARequiredLeaseThatCannotBeHadNeedsAPerson) {
  disk_.set_leases(false);
  EXPECT_EQ(read(write("hello"), LeaseMode::Require).error().code, ErrorCode::NeedsPerson);
}

TEST_F(StableReader, WithLeasesOffAWriterDoesNotStopTheRead) {
  const Fingerprint expected = write("hello");
  disk_.open_writer("/root/a");
  const auto content = read(expected, LeaseMode::Off);
  ASSERT_TRUE(content);
  EXPECT_FALSE(content->leased);
}

TEST_F(StableReader, TheLeaseIsGivenBack) {
  const Fingerprint expected = write("hello");
  ASSERT_TRUE(read(expected));
  const auto file = disk_.open_file("/root", "a");
  disk_.open_writer("/root/a");
  EXPECT_FALSE((*file)->lease_broken());
}

TEST_F(StableReader, AProbeTellsWritersFromNone) {
  const Fingerprint expected = write("hello");
  EXPECT_EQ(probe_writers(files_, "/root", "a")->writers, OpenFile::Writers::None);
  EXPECT_EQ(probe_writers(files_, "/root", "a")->fingerprint, expected);
  disk_.open_writer("/root/a");
  EXPECT_EQ(probe_writers(files_, "/root", "a")->writers, OpenFile::Writers::Some);
  disk_.set_leases(false);
  EXPECT_EQ(probe_writers(files_, "/root", "a")->writers, OpenFile::Writers::Unknown);
  EXPECT_EQ(probe_writers(files_, "/root", "b").error().code, ErrorCode::SourceGone);
}

std::string large(std::size_t size) {
  std::string text(size, '\0');
  std::iota(text.begin(), text.end(), '\0');
  return text;
}

TEST_F(StableReader, PartsAddUpToTheWholeFile) {
  const std::string text = large(2'500'000);
  const Fingerprint expected = write(text);
  const auto reader = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_TRUE(reader);
  constexpr std::size_t part = 1'000'000;
  for (std::size_t at = 0; at < text.size(); at += part) {
    const std::size_t length = std::min(part, text.size() - at);
    const auto content = (*reader)->read(at, length);
    ASSERT_TRUE(content) << content.error().message;
    const std::string_view slice = std::string_view(text).substr(at, length);
    EXPECT_EQ(as_text(*content->bytes), slice);
    EXPECT_EQ(content->sha256, sha256(as_bytes(slice)));
    EXPECT_EQ(content->md5, md5(as_bytes(slice)));
  }
  EXPECT_EQ((*reader)->finish(), sha256(as_bytes(text)));
  EXPECT_TRUE((*reader)->leased());
}

TEST_F(StableReader, APartReadAgainCountsOnce) {
  const Fingerprint expected = write("0123456789");
  const auto reader = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_TRUE((*reader)->read(0, 4));
  ASSERT_TRUE((*reader)->read(0, 4));
  ASSERT_TRUE((*reader)->read(2, 8));
  EXPECT_EQ((*reader)->finish(), sha256(as_bytes("0123456789")));
}

TEST_F(StableReader, AGapOrAnUnfinishedReadGivesNoDigest) {
  const Fingerprint expected = write("0123456789");
  const auto reader = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  EXPECT_EQ((*reader)->read(4, 2).error().code, ErrorCode::BadInput);
  EXPECT_EQ((*reader)->read(0, 11).error().code, ErrorCode::BadInput);
  ASSERT_TRUE((*reader)->read(0, 4));
  EXPECT_EQ((*reader)->finish().error().code, ErrorCode::BadInput);
}

TEST_F(StableReader, AChangeBetweenPartsSpoilsAllThatFollow) {
  const Fingerprint expected = write("0123456789");
  const auto reader = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_TRUE((*reader)->read(0, 5));
  disk_.write("/root/a", "0123456780");
  EXPECT_EQ((*reader)->read(5, 5).error().code, ErrorCode::SourceChanged);
  EXPECT_EQ((*reader)->finish().error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AWriterBetweenPartsIsNotKeptWaitingAndSpoilsTheNextPart) {
  const Fingerprint expected = write("0123456789");
  const auto reader = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_TRUE((*reader)->read(0, 5));
  disk_.open_writer("/root/a");
  EXPECT_EQ((*reader)->read(5, 5).error().code, ErrorCode::SourceChanged);
  disk_.close_writer("/root/a");
  EXPECT_EQ((*reader)->read(5, 5).error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AChangeAfterTheLastPartSpoilsTheWhole) {
  const Fingerprint expected = write("0123456789");
  const auto reader = PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto);
  ASSERT_TRUE((*reader)->read(0, 10));
  disk_.write("/root/a", "x");
  EXPECT_EQ((*reader)->finish().error().code, ErrorCode::SourceChanged);
}

TEST_F(StableReader, AWriterBeforeTheFirstPartIsBusy) {
  const Fingerprint expected = write("0123456789");
  disk_.open_writer("/root/a");
  EXPECT_EQ(PartReader::open(files_, "/root", "a", expected, LeaseMode::Auto).error().code,
            ErrorCode::SourceBusy);
}

}  // namespace
}  // namespace waybill::watcher
