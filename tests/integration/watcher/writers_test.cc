#include <csignal>

#include "base/bytes.h"
#include "tests/integration/watcher/watched_folder.h"
#include "watcher/stable_reader.h"

namespace waybill::watcher {
namespace {

// Who has a file open for writing, as the real kernel tells it (WATCHING.md 2.3, scenarios 20 to
// 25).
class Writers : public WatchedFolder {
 protected:
  Writers() { std::signal(SIGIO, SIG_IGN); }

  [[nodiscard]] OpenFile::Writers probe(const std::string& name) const {
    const auto result = probe_writers(*files_, root_, name);
    EXPECT_TRUE(result) << result.error().describe();
    return result ? result->writers : OpenFile::Writers::Unknown;
  }

  const std::unique_ptr<FileSystem> files_ = make_linux_file_system();
};

TEST_F(Writers, AWriterIsFoundUntilItCloses) {
  disk::write(at("x"), "x");
  UniqueFd writer = disk::open_for_writing(at("x"));
  EXPECT_EQ(probe("x"), OpenFile::Writers::Some);
  writer.reset();
  EXPECT_EQ(probe("x"), OpenFile::Writers::None);
}

TEST_F(Writers, OfTwoWritersBothMustClose) {
  disk::write(at("x"), "x");
  UniqueFd first = disk::open_for_writing(at("x"));
  UniqueFd second = disk::open_for_writing(at("x"));
  first.reset();
  EXPECT_EQ(probe("x"), OpenFile::Writers::Some);
  second.reset();
  EXPECT_EQ(probe("x"), OpenFile::Writers::None);
}

TEST_F(Writers, AMappingIsAWriterThoughItsDescriptorIsClosed) {
  disk::write(at("x"), std::string(4096, 'x'));
  {
    const disk::WritableMapping mapping(at("x"), 4096);
    EXPECT_EQ(probe("x"), OpenFile::Writers::Some);
  }
  EXPECT_EQ(probe("x"), OpenFile::Writers::None);
}

TEST_F(Writers, AWriterThroughAnotherNameIsFound) {
  disk::write(out("x"), "x");
  disk::link(out("x"), at("x"));
  UniqueFd writer = disk::open_for_writing(out("x"));
  EXPECT_EQ(probe("x"), OpenFile::Writers::Some);
  writer.reset();
  EXPECT_EQ(probe("x"), OpenFile::Writers::None);
}

TEST_F(Writers, AFileLinkedInWhileItIsWrittenHasAWriter) {
  UniqueFd writer = disk::open_without_a_name(root_);
  disk::link_by_descriptor(writer, at("x"));
  EXPECT_EQ(probe("x"), OpenFile::Writers::Some);
  writer.reset();
  EXPECT_EQ(probe("x"), OpenFile::Writers::None);
}

// A writer that comes while we read is told to wait by the kernel, and we are told of it.
TEST_F(Writers, AWriterThatKnocksBreaksTheLeaseAndGetsInOnceItIsReleased) {
  disk::write(at("x"), "x");
  const auto file = files_->open_file(root_, "x");
  ASSERT_TRUE(file);
  ASSERT_EQ(*(*file)->take_lease(), OpenFile::Writers::None);
  EXPECT_FALSE((*file)->lease_broken());
  EXPECT_FALSE(disk::try_open_for_writing(at("x")).valid());
  EXPECT_TRUE((*file)->lease_broken());
  (*file)->release_lease();
  EXPECT_TRUE(disk::try_open_for_writing(at("x")).valid());
}

TEST_F(Writers, AnotherReaderDoesNotBreakTheLease) {
  disk::write(at("x"), "x");
  const auto file = files_->open_file(root_, "x");
  ASSERT_EQ(*(*file)->take_lease(), OpenFile::Writers::None);
  const auto other = files_->open_file(root_, "x");
  ASSERT_TRUE(other);
  EXPECT_EQ(*(*other)->take_lease(), OpenFile::Writers::None);
  EXPECT_FALSE((*file)->lease_broken());
}

TEST_F(Writers, AFileHeldByAForeignWriteLeaseIsBusyNotBroken) {  // scenario 33
  disk::write(at("x"), "x");
  UniqueFd holder = disk::open_for_writing(at("x"));
  ASSERT_TRUE(disk::take_write_lease(holder));
  const auto file = files_->open_file(root_, "x");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::SourceBusy);
  holder.reset();
  EXPECT_TRUE(files_->open_file(root_, "x"));
}

TEST_F(Writers, AMappedStoreBetweenPartsIsNoticed) {
  disk::write(at("x"), std::string(8192, 'x'));
  const auto before = (*files_->open_file(root_, "x"))->status();
  const auto reader = PartReader::open(*files_, root_, "x", before->fingerprint, LeaseMode::Auto);
  ASSERT_TRUE(reader);
  ASSERT_TRUE((*reader)->read(0, 4096));
  const disk::WritableMapping mapping(at("x"), 8192);
  mapping.store(5000, 'y');
  EXPECT_EQ((*reader)->read(4096, 4096).error().code, ErrorCode::SourceChanged);
}

TEST_F(Writers, AQuietFileIsReadUnderALease) {
  disk::write(at("x"), "content");
  const auto before = (*files_->open_file(root_, "x"))->status();
  const auto content = read_small(*files_, root_, "x", before->fingerprint, LeaseMode::Require);
  ASSERT_TRUE(content) << content.error().describe();
  EXPECT_EQ(as_text(*content->bytes), "content");
  EXPECT_TRUE(content->leased);
}

}  // namespace
}  // namespace waybill::watcher
