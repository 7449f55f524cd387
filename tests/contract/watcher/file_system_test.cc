#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "tests/contract/watcher/worlds.h"

namespace waybill::watcher {
namespace {

template <typename World>
class FileSystemContract : public testing::Test {
 protected:
  std::unique_ptr<OpenDirectory> directory(const std::string& below = {}) {
    auto opened = world.files().open_directory(world.root(), below);
    EXPECT_TRUE(opened) << opened.error().describe();
    return opened ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<OpenFile> file(const std::string& below) {
    auto opened = world.files().open_file(world.root(), below);
    EXPECT_TRUE(opened) << opened.error().describe();
    return opened ? std::move(*opened) : nullptr;
  }
  ErrorCode open_file_error(const std::string& below) {
    const auto opened = world.files().open_file(world.root(), below);
    EXPECT_FALSE(opened);
    return opened ? ErrorCode::Internal : opened.error().code;
  }
  Fingerprint fingerprint(const std::string& below) { return file(below)->status()->fingerprint; }
  World world;
};
TYPED_TEST_SUITE(FileSystemContract, Worlds, WorldNames);

TYPED_TEST(FileSystemContract, AListingShowsEveryEntryWithItsKind) {
  this->world.write("file", "text");
  this->world.make_directory("directory");
  this->world.symlink("link");
  this->world.make_fifo("fifo");
  std::map<std::string, FileKind> kinds;
  const auto listed =
      this->directory()->list([&](std::string_view name, const Result<FileStatus>& status) {
        kinds.emplace(name, status->kind);
        return true;
      });
  ASSERT_TRUE(listed);
  EXPECT_EQ(kinds, (std::map<std::string, FileKind>{{"file", FileKind::Regular},
                                                    {"directory", FileKind::Directory},
                                                    {"link", FileKind::Symlink},
                                                    {"fifo", FileKind::Fifo}}));
}

TYPED_TEST(FileSystemContract, ATouchMakesADirectoryAndLeavesAFileAlone) {
  const auto root = this->directory();
  ASSERT_TRUE(root->touch("ours"));
  EXPECT_EQ(root->look("ours")->kind, FileKind::Directory);
  ASSERT_TRUE(root->touch("ours"));
  this->world.write("theirs", "text");
  const Fingerprint before = this->fingerprint("theirs");
  EXPECT_FALSE(root->touch("theirs"));
  EXPECT_EQ(this->fingerprint("theirs"), before);
  this->world.symlink("link");
  EXPECT_FALSE(root->touch("link"));
}

TYPED_TEST(FileSystemContract, AMarkIsMadeOnceAskedForAndReadBackUntilItIsMadeAnew) {
  const auto root = this->directory();
  EXPECT_EQ(root->mark("ours").error().code, ErrorCode::SourceGone);
  const auto first = root->leave_mark("ours");
  ASSERT_TRUE(first);
  EXPECT_GE(*first, least_mark);
  EXPECT_LT(*first, 2 * least_mark);
  const auto read = this->directory()->mark("ours");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, *first);
  const auto second = root->leave_mark("ours");
  ASSERT_TRUE(second);
  EXPECT_NE(*second, *first);
}

TYPED_TEST(FileSystemContract, WhatSomebodyPutsInPlaceOfAMarkIsNoneAndIsReplaced) {
  const auto root = this->directory();
  this->world.make_directory("ours");
  this->world.write("ours/disk", "nothing of ours, and a good deal longer than a mark is");
  EXPECT_EQ(root->mark("ours").error().code, ErrorCode::BadInput);
  ASSERT_TRUE(root->leave_mark("ours"));
  EXPECT_TRUE(root->mark("ours"));
  this->world.remove("ours/disk");
  this->world.make_fifo("ours/disk");
  EXPECT_EQ(root->mark("ours").error().code, ErrorCode::BadInput);
  ASSERT_TRUE(root->leave_mark("ours"));
  EXPECT_TRUE(root->mark("ours"));
}

TYPED_TEST(FileSystemContract, NoMarkIsReadOrLeftThroughALinkOrInPlaceOfAFile) {
  const auto root = this->directory();
  this->world.write("theirs", "text");
  const Fingerprint before = this->fingerprint("theirs");
  EXPECT_FALSE(root->leave_mark("theirs"));
  EXPECT_EQ(this->fingerprint("theirs"), before);
  this->world.symlink("link");
  EXPECT_FALSE(root->leave_mark("link"));
  EXPECT_FALSE(root->mark("link"));
  this->world.make_directory("ours");
  this->world.symlink("ours/disk");
  EXPECT_FALSE(root->mark("ours"));
  ASSERT_TRUE(root->leave_mark("ours"));
  EXPECT_TRUE(root->mark("ours"));
}

TYPED_TEST(FileSystemContract, AListingCanBePausedAndGoesOnBehindTheEntry) {
  for (int i = 0; i < 1000; ++i) this->world.write(std::to_string(i), "");
  const auto directory = this->directory();
  std::multiset<std::string> names;
  int calls = 0;
  for (std::size_t before = 1; before != names.size(); ++calls) {
    before = names.size();
    std::size_t count = 0;
    ASSERT_TRUE(directory->list([&](std::string_view name, const Result<FileStatus>&) {
      names.emplace(name);
      return ++count < 300;
    }));
    if (count < 300) break;
  }
  EXPECT_EQ(names.size(), 1000U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 1000U);
  // After the end, from the beginning.
  std::size_t again = 0;
  ASSERT_TRUE(directory->list([&](std::string_view, const Result<FileStatus>&) {
    ++again;
    return true;
  }));
  EXPECT_EQ(again, 1000U);
}

TYPED_TEST(FileSystemContract, AnOpenDirectoryIsTheSameWhateverItsNameMeansByNow) {
  this->world.make_directory("a");
  this->world.write("a/x", "1");
  const auto held = this->directory("a");
  this->world.move("a", "b");
  this->world.make_directory("a");
  EXPECT_TRUE(held->look("x"));
  EXPECT_EQ(held->look("y").error().code, ErrorCode::SourceGone);
  EXPECT_NE(held->status()->fingerprint.ino, this->directory("a")->status()->fingerprint.ino);
}

TYPED_TEST(FileSystemContract, ALookAndAListingAndAnOpenFileAgree) {
  this->world.write("x", "text");
  const auto directory = this->directory();
  const Fingerprint looked = directory->look("x")->fingerprint;
  Fingerprint listed;
  ASSERT_TRUE(directory->list([&](std::string_view, const Result<FileStatus>& status) {
    listed = status->fingerprint;
    return true;
  }));
  EXPECT_EQ(looked, listed);
  EXPECT_EQ(looked, this->fingerprint("x"));
  EXPECT_EQ(looked.size, 4U);
}

TYPED_TEST(FileSystemContract, MoreContentIsAnotherFingerprintOfTheSameInode) {
  this->world.write("x", "1");
  const Fingerprint first = this->fingerprint("x");
  EXPECT_EQ(this->fingerprint("x"), first);
  this->world.write("x", "12");
  EXPECT_NE(this->fingerprint("x"), first);
  EXPECT_TRUE(this->fingerprint("x").same_inode(first));
}

TYPED_TEST(FileSystemContract, TheNextFileOfANameIsAnotherInode) {
  this->world.write("x", "1");
  const auto first = this->file("x");  // held, so that its number is not given away again
  this->world.remove("x");
  this->world.write("x", "1");
  EXPECT_FALSE(this->fingerprint("x").same_inode(first->status()->fingerprint));
}

TYPED_TEST(FileSystemContract, TwoNamesOfAFileShareItsFingerprint) {
  this->world.write("x", "1");
  this->world.link("x", "y");
  EXPECT_EQ(this->fingerprint("x"), this->fingerprint("y"));
  EXPECT_EQ(this->file("x")->status()->links, 2U);
}

TYPED_TEST(FileSystemContract, AnOpenFileIsReadAtAnyOffsetAndEndsWithZero) {
  this->world.write("x", "0123456789");
  const auto file = this->file("x");
  Bytes buffer(4);
  EXPECT_EQ(file->read_at(3, buffer), std::size_t{4});
  EXPECT_EQ(as_text(buffer), "3456");
  EXPECT_EQ(file->read_at(8, buffer), std::size_t{2});
  EXPECT_EQ(file->read_at(10, buffer), std::size_t{0});
  EXPECT_EQ(file->read_at(99, buffer), std::size_t{0});
}

TYPED_TEST(FileSystemContract, ExtendedAttributesAreReadByTheirPrefix) {
  this->world.write("x", "1");
  const auto file = this->file("x");
  EXPECT_EQ(file->extended_attributes("user.ours.", 100), ExtendedAttributes{});
  const Fingerprint before = this->fingerprint("x");
  this->world.let_clock_tick();
  const std::string bytes("a\0\xff", 3);
  this->world.set_attribute("x", "user.ours.name", bytes);
  this->world.set_attribute("x", "user.ours.empty", "");
  this->world.set_attribute("x", "user.other", "theirs");
  EXPECT_EQ(file->extended_attributes("user.ours.", 100),
            (ExtendedAttributes{{"empty", ""}, {"name", bytes}}));
  EXPECT_NE(this->fingerprint("x"), before) << "a change of them is a change of the file";
}

TYPED_TEST(FileSystemContract, TooManyBytesOfExtendedAttributesNeedAPerson) {
  this->world.write("x", "1");
  this->world.set_attribute("x", "user.ours.abc", "12345");
  this->world.set_attribute("x", "user.ours.d", "6");
  const auto file = this->file("x");
  EXPECT_TRUE(file->extended_attributes("user.ours.", 10));
  for (const std::size_t most : {9U, 7U, 4U, 0U}) {
    const auto attributes = file->extended_attributes("user.ours.", most);
    ASSERT_FALSE(attributes) << most;
    EXPECT_EQ(attributes.error().code, ErrorCode::NeedsPerson);
  }
}

TYPED_TEST(FileSystemContract, AnOpenFileOutlivesItsName) {
  this->world.write("x", "kept");
  const auto file = this->file("x");
  this->world.remove("x");
  Bytes buffer(4);
  EXPECT_EQ(file->read_at(0, buffer), std::size_t{4});
  EXPECT_EQ(as_text(buffer), "kept");
}

TYPED_TEST(FileSystemContract, WhatIsNoRegularFileIsRefusedAndNothingBlocks) {
  this->world.make_directory("directory");
  this->world.symlink("link");
  this->world.make_fifo("fifo");
  for (const char* name : {"directory", "link", "fifo"}) {
    EXPECT_EQ(this->open_file_error(name), ErrorCode::NeedsPerson) << name;
  }
}

TYPED_TEST(FileSystemContract, WhatIsNotThereIsGone) {
  this->world.write("file", "");
  for (const char* name : {"nothing", "nothing/below", "file/below"}) {
    EXPECT_EQ(this->open_file_error(name), ErrorCode::SourceGone) << name;
    const auto directory = this->world.files().open_directory(this->world.root(), name);
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().code, ErrorCode::SourceGone) << name;
  }
  const auto root = this->world.files().open_directory(this->world.root() + "/nothing", "");
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().code, ErrorCode::SourceGone);
}

TYPED_TEST(FileSystemContract, NothingIsReachedThroughALink) {
  this->world.make_directory("target");
  this->world.write("target/x", "1");
  this->world.symlink("link");
  const auto through = this->world.files().open_directory(this->world.root(), "link");
  ASSERT_FALSE(through);
  EXPECT_EQ(this->open_file_error("link/x"), ErrorCode::NeedsPerson);
  EXPECT_FALSE(this->directory()->open_child("link"));
}

TYPED_TEST(FileSystemContract, AChildIsOpenedFromItsDirectoryNotFromItsPath) {
  this->world.make_directory("a");
  this->world.make_directory("a/b");
  this->world.write("a/b/x", "1");
  const auto a = this->directory("a");
  this->world.move("a", "elsewhere");
  const auto b = a->open_child("b");
  ASSERT_TRUE(b);
  EXPECT_TRUE((*b)->look("x"));
  EXPECT_EQ(a->open_child("c").error().code, ErrorCode::SourceGone);
}

TYPED_TEST(FileSystemContract, WritersAreFoundAndLeasesBroken) {
  this->world.write("x", "1");
  const auto file = this->file("x");
  this->world.open_writer("x");
  EXPECT_EQ(*file->take_lease(), OpenFile::Writers::Some);
  EXPECT_FALSE(file->lease_broken());
  this->world.close_writer("x");
  EXPECT_EQ(*file->take_lease(), OpenFile::Writers::None);
  EXPECT_FALSE(file->lease_broken());
  this->world.open_writer("x");  // knocks, and does not wait
  EXPECT_TRUE(file->lease_broken());
  file->release_lease();
  EXPECT_FALSE(file->lease_broken());
}

}  // namespace
}  // namespace waybill::watcher
