#include "agent/catalog_answers.h"

#include <gtest/gtest.h>

#include "tests/unit/catalog/catalog_fixture.h"

namespace waybill::agent {
namespace {

using catalog::FileState;
using catalog::must;

// The folder "inbox" at /srv/inbox of the fixture, and a second one.
class CatalogAnswers : public catalog::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    other_ = must(catalog_->ensure_folder("scans", "/srv/scans", store_)).id;
    must(catalog_->commit());
  }
  catalog::Reader& reader() {
    must(catalog_->commit());
    // One for the whole test: each of its calls is a snapshot of its own.
    if (!reader_) reader_ = must(catalog::Reader::open(state_dir()));
    return *reader_;
  }
  Result<Target> find(std::string_view argument, const std::string& cwd = "/root") {
    auto& open = reader();
    return locate(open, must(known_folders(open)), argument, cwd);
  }
  catalog::FileRow queue_in(FolderId folder, const std::string& path) {
    auto file = seen(path, path);
    file.folder = folder;
    return must(catalog_->complete(file));
  }
  FolderId other_{};
  std::unique_ptr<catalog::Reader> reader_;
};

TEST_F(CatalogAnswers, AnAbsolutePathNamesItsFile) {
  queue("2026/q2.pdf", "a");
  const auto target = find("/srv/inbox/2026/q2.pdf");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->folder.id, folder_);
  EXPECT_EQ(target->path, "2026/q2.pdf");
}

TEST_F(CatalogAnswers, ARelativePathCountsFromWhereThePersonIs) {
  queue("2026/q2.pdf", "a");
  EXPECT_EQ(find("q2.pdf", "/srv/inbox/2026")->path, "2026/q2.pdf");
  EXPECT_EQ(find("./../2026//q2.pdf", "/srv/inbox/2026")->path, "2026/q2.pdf");
  EXPECT_EQ(find(".", "/srv/inbox/2026")->path, "2026");
  EXPECT_EQ(find(".", "/srv/inbox")->path, "");
}

TEST_F(CatalogAnswers, APathBelowAFolderIsEnoughWhereItIsTheOnlyOne) {
  queue("2026/q2.pdf", "a");
  EXPECT_EQ(find("2026/q2.pdf")->folder.id, folder_);
  EXPECT_EQ(find("2026")->path, "2026") << "a directory is one that has rows below it";
  EXPECT_EQ(find("inbox/2026/q2.pdf")->path, "2026/q2.pdf") << "NAME/path, as status gives it";
  queue_in(other_, "2026/q2.pdf");
  const auto both = find("2026/q2.pdf");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::BadInput);
  EXPECT_EQ(
      both.error().message,
      "2026/q2.pdf is in several folders: say /srv/inbox/2026/q2.pdf or /srv/scans/2026/q2.pdf");
  EXPECT_EQ(find("scans/2026/q2.pdf")->folder.id, other_);
}

TEST_F(CatalogAnswers, TheFormThatWasPrintedFindsTheBytes) {
  queue("a\nb\xff", "a");
  EXPECT_EQ(find("/srv/inbox/a\\x0ab\\xff")->path, "a\nb\xff");
  EXPECT_EQ(find("a\\x0ab\\xff")->path, "a\nb\xff");
}

TEST_F(CatalogAnswers, ANameWithABackslashIsFoundAsItIs) {
  queue("a\\x41", "a");
  EXPECT_EQ(find("/srv/inbox/a\\x41")->path, "a\\x41");
}

TEST_F(CatalogAnswers, AFileThatIsNotKnownYetIsTakenAsItStands) {
  EXPECT_EQ(find("/srv/scans/new.pdf")->path, "new.pdf");
  EXPECT_EQ(find("new.pdf", "/srv/scans")->folder.id, other_);
}

TEST_F(CatalogAnswers, WhatLiesElsewhereIsSaidSo) {
  const auto target = find("/etc/passwd");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, ErrorCode::NotFound);
  EXPECT_EQ(target.error().message,
            "/etc/passwd is nothing that Waybill knows of; the folders are /srv/inbox, /srv/scans");
  EXPECT_FALSE(find("/srv/inbox2/a")) << "a common beginning is no folder";
}

TEST_F(CatalogAnswers, ListsWhatIsBelowADirectoryAndNotItsNeighbours) {
  for (const char* path : {"a/1", "a/2", "a/b/3", "ab", "a.txt"}) queue(path, path);
  const auto list = list_files(reader(), {.target = must(find("/srv/inbox/a"))});
  ASSERT_TRUE(list) << list.error().message;
  std::vector<std::string> paths;
  for (const auto& file : list->files) paths.push_back(file.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"a/1", "a/2", "a/b/3"}));
  EXPECT_EQ(list->next, 0);
}

TEST_F(CatalogAnswers, ListsOneFileByItsPath) {
  queue("a", "a");
  const auto list = list_files(reader(), {.target = must(find("/srv/inbox/a"))});
  ASSERT_EQ(list->files.size(), 1U);
  EXPECT_EQ(list->files[0].folder, "inbox");
  EXPECT_EQ(list->files[0].folder_path, "/srv/inbox");
  const auto none =
      list_files(reader(), {.target = must(find("/srv/inbox/a")), .state = FileState::Stored});
  EXPECT_TRUE(none->files.empty());
}

TEST_F(CatalogAnswers, PagesMeetWithoutGapOrOverlap) {
  for (int i = 0; i < 25; ++i) queue("f" + std::to_string(i), "x");
  std::vector<std::string> paths;
  std::int64_t after = 0;
  int pages = 0;
  do {
    const auto list = list_files(reader(), {.after = after, .limit = 10});
    ASSERT_TRUE(list);
    for (const auto& file : list->files) paths.push_back(file.path);
    after = list->next;
    ++pages;
  } while (after != 0);
  EXPECT_EQ(pages, 3);
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(paths.size(), 25U);
  EXPECT_EQ(std::unique(paths.begin(), paths.end()), paths.end());
}

TEST_F(CatalogAnswers, FiltersByState) {
  store("done", "a");
  queue("waiting", "b");
  const auto list = list_files(reader(), {.state = FileState::Stored});
  ASSERT_EQ(list->files.size(), 1U);
  EXPECT_EQ(list->files[0].path, "done");
}

TEST_F(CatalogAnswers, AStoredFileHasItsObjectAndItsHistory) {
  store("a.pdf", "hello");
  const auto story = tell(reader(), must(find("/srv/inbox/a.pdf")));
  ASSERT_TRUE(story) << story.error().message;
  ASSERT_TRUE(story->file);
  EXPECT_EQ(story->file->state, FileState::Stored);
  ASSERT_TRUE(story->object);
  EXPECT_EQ(story->object->bucket, "bucket");
  EXPECT_EQ(story->object->endpoint, "https://s3.test");
  EXPECT_EQ(story->object->row.key, "p/a.pdf");
  EXPECT_EQ(story->object->row.proof, catalog::ProofLevel::StoreChecked);
  EXPECT_TRUE(story->attempts.empty());
  ASSERT_GE(story->events.size(), 2U);
  EXPECT_EQ(story->events.front().event, catalog::FileEvent::Acknowledged) << "newest first";
}

TEST_F(CatalogAnswers, AnUploadUnderWayHasItsAttempt) {
  upload("a.pdf", "hello");
  const auto story = tell(reader(), must(find("/srv/inbox/a.pdf")));
  ASSERT_EQ(story->attempts.size(), 1U);
  EXPECT_EQ(story->attempts[0].id, last_.id);
}

TEST_F(CatalogAnswers, AnUnknownFileIsAStoryWithoutARow) {
  const auto story = tell(reader(), {.folder = {folder_, "inbox", "/srv/inbox"}, .path = "new"});
  ASSERT_TRUE(story);
  EXPECT_FALSE(story->file);
  EXPECT_EQ(story->path, "new");
}

TEST_F(CatalogAnswers, AFormerNameTellsWhereItsFileIsNow) {
  const catalog::FileRow before = store("old", "hello");
  must(catalog_->vanished(before.id));
  auto found = seen("new", "hello");
  must(catalog_->renamed(before.id, found));
  const auto story = tell(reader(), must(find("inbox/old")));
  ASSERT_TRUE(story) << story.error().message;
  EXPECT_FALSE(story->file);
  ASSERT_TRUE(story->renamed);
  EXPECT_EQ(story->renamed->path, "new");
  EXPECT_GT(story->renamed->at, 0);
  const auto now = tell(reader(), must(find("inbox/new")));
  EXPECT_FALSE(now->renamed);
  ASSERT_TRUE(now->file);
  EXPECT_EQ(now->events.front().event, catalog::FileEvent::Renamed);
  EXPECT_EQ(now->events.front().reason, "old");
  // Another file of that name is the one that is asked for.
  queue_in(other_, "old");
  EXPECT_EQ(find("old")->folder.id, other_);
}

TEST_F(CatalogAnswers, StatusFromTheCatalogCountsAndNamesTheCauses) {
  store("done", "a");
  queue("waiting", "b");
  for (const char* path : {"x", "y"}) {
    const auto row = upload(path, path);
    must(catalog_->end_attempt(last_.id));
    must(catalog_->apply(row.id, catalog::FileEvent::Foreign,
                         std::string("an object that is not ours has this key: p/") + path));
  }
  const auto status = status_from(reader());
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_EQ(status->folders.size(), 2U);
  const FolderView& inbox = status->folders[0];
  EXPECT_EQ(inbox.name, "inbox");
  EXPECT_EQ(inbox.stored, 1);
  EXPECT_EQ(inbox.pending, 1);
  EXPECT_EQ(inbox.blocked, 2);
  ASSERT_EQ(status->reasons.size(), 1U) << "one cause, however many files";
  EXPECT_EQ(status->reasons[0].files, 2);
  EXPECT_EQ(status->reasons[0].sentence, "an object that is not ours has this key");
  EXPECT_EQ(status->reasons[0].folder, "inbox");
  EXPECT_GT(status->catalog_bytes, 0);
}

TEST(Concerning, AFilesStoryHasItsOwnReasonsAndTheCommonOnes) {
  const FileStory story{.folder = "a", .path = "x"};
  const auto ours =
      concerning(story, {{.code = "store", .severity = Severity::Degraded, .sentence = "store"},
                         {.code = "mine", .severity = Severity::Blocked, .folder = "a"},
                         {.code = "other-folder", .severity = Severity::Blocked, .folder = "b"},
                         {.code = "other-file",
                          .severity = Severity::Blocked,
                          .folder = "a",
                          .example = "y",
                          .files = 1},
                         {.code = "this-file",
                          .severity = Severity::Blocked,
                          .folder = "a",
                          .example = "x",
                          .files = 1},
                         {.code = "notice", .severity = Severity::Notice}});
  std::vector<std::string> codes;
  for (const Reason& reason : ours) codes.push_back(reason.code);
  EXPECT_EQ(codes, (std::vector<std::string>{"store", "mine", "this-file"}));
}

}  // namespace
}  // namespace waybill::agent
