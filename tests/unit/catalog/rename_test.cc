#include "catalog/columns.h"
#include "catalog/sqlite.h"
#include "tests/unit/catalog/catalog_fixture.h"

// renamed(): the row of a file that is found again under another name.
namespace waybill::catalog {
namespace {

class Renamed : public CatalogTest {
 protected:
  // The same inode at another path: a rename changes its ctime alone.
  CompleteFile at(const FileRow& row, std::string path, std::string_view bytes = "one") {
    CompleteFile found = seen(std::move(path), bytes);
    const std::int64_t ctime = found.fingerprint.ctime;
    found.fingerprint = row.fingerprint;
    found.fingerprint.ctime = ctime;
    return found;
  }
  FileRow gone(const FileRow& row) { return must(catalog_->vanished(row.id)); }
  FileRow store_at(const FileRow& row, std::string key) {
    const NewAttempt attempt = attempt_for(row, std::move(key));
    must(catalog_->claim(attempt));
    return must(catalog_->acknowledge(attempt.id, stored("one"), true));
  }
  ObjectRow object_at(const std::string& key) {
    return must(catalog_->live_object_at(store_, key)).value();
  }
};

TEST_F(Renamed, RowGoesOnUnderItsNewName) {
  const FileRow old = gone(store("a", "one"));
  const FileRow now = must(catalog_->renamed(old.id, at(old, "dir/b")));
  EXPECT_EQ(now.id, old.id);
  EXPECT_EQ(now.path, "dir/b");
  EXPECT_EQ(now.state, FileState::Queued);
  EXPECT_EQ(now.generation, 2);
  EXPECT_TRUE(now.key.empty()) << "it is evaluated for the new path";
  EXPECT_EQ(now.arrived, old.arrived) << "first sight was under the old name";
  EXPECT_EQ(must(catalog_->find_live(folder_, "a")), std::nullopt);
  must(catalog_->commit());
  reopen();
  const FileRow again = must(catalog_->find_live(folder_, "dir/b")).value();
  EXPECT_EQ(again.id, old.id);
  EXPECT_TRUE(again.key.empty());
  EXPECT_EQ(again.sha256, content("one"));
  const auto events = must(must(Reader::open(state_dir()))->events_of(old.id, 10));
  EXPECT_EQ(events.front().event, FileEvent::Renamed);
  EXPECT_EQ(events.front().reason, "a");
  EXPECT_EQ(events.at(1).event, FileEvent::Vanished);
}

TEST_F(Renamed, ObjectIsHeldUntilTheNewOneIsStoredAndSoleThen) {
  const FileRow old = gone(store("a", "one"));
  EXPECT_TRUE(object_at("p/a").sole);
  const FileRow now = must(catalog_->renamed(old.id, at(old, "b")));
  EXPECT_FALSE(object_at("p/a").sole) << "it is this file's, and nobody else's to replace";
  const FileRow other = queue("a", "two");
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(other, "p/a"))), ErrorCode::PreconditionFailed);
  const FileRow done = store_at(now, "p/b");
  EXPECT_EQ(done.state, FileState::Stored);
  EXPECT_TRUE(object_at("p/a").sole);
  EXPECT_FALSE(object_at("p/b").sole);
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(other, "p/a"))), ErrorCode::PreconditionFailed);
}

TEST_F(Renamed, ObjectUnderTheOldKeyDoesNotStandForTheNewName) {
  const FileRow old = gone(store("a", "one"));
  const FileRow now = must(catalog_->renamed(old.id, at(old, "b")));
  CompleteFile touched = at(now, "b");
  touched.fingerprint.mtime += 1;
  EXPECT_EQ(must(catalog_->complete(touched)).state, FileState::Queued);
  EXPECT_EQ(must(catalog_->take_object(now.id, std::nullopt)).state, FileState::Queued);
}

TEST_F(Renamed, ObjectUnderTheSameKeyIsTaken) {
  const FileRow old = gone(store("a", "one"));
  const FileRow now = must(catalog_->renamed(old.id, at(old, "b")));
  must(catalog_->set_key(now.id, "p/a"));
  EXPECT_EQ(must(catalog_->take_object(now.id, std::nullopt)).state, FileState::Stored);
  EXPECT_FALSE(object_at("p/a").sole);
}

TEST_F(Renamed, BackToItsOldNameIsTheSameRow) {
  const FileRow old = gone(store("a", "one"));
  const FileRow away = must(catalog_->renamed(old.id, at(old, "b")));
  must(catalog_->vanished(away.id));
  const FileRow back = must(catalog_->renamed(old.id, at(old, "a")));
  EXPECT_EQ(back.id, old.id);
  EXPECT_EQ(back.path, "a");
}

TEST_F(Renamed, ObjectOfFormerContentStaysTheOnlyCopyOfIt) {
  const FileRow old = gone(store("a", "one"));
  FileRow now = must(catalog_->renamed(old.id, at(old, "b")));
  now = queue("b", "two");
  ASSERT_EQ(now.id, old.id);
  gone(now);
  must(catalog_->renamed(old.id, at(now, "a", "two")));
  EXPECT_TRUE(object_at("p/a").sole);
}

TEST_F(Renamed, FormerNameTellsWhereTheFileIs) {
  const FileRow old = gone(store("a\xff", "one"));
  must(catalog_->renamed(old.id, at(old, "b")));
  must(catalog_->commit());
  auto reader = must(Reader::open(state_dir()));
  const auto found = must(reader->renamed_from(folder_, "a\xff"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, old.id);
  EXPECT_EQ(found->path, "b");
  EXPECT_GT(found->at, 0);
  EXPECT_FALSE(must(reader->renamed_from(folder_, "b")));
  EXPECT_FALSE(must(reader->renamed_from(FolderId{77}, "a\xff")));
}

TEST_F(Renamed, RowThatHadOnlyBeenQueuedThereMakesWay) {
  const FileRow old = gone(store("a", "one"));
  const FileRow waiting =
      must(catalog_->complete({.folder = folder_, .path = "b", .fingerprint = old.fingerprint}));
  const FileRow now = must(catalog_->renamed(old.id, at(old, "b")));
  EXPECT_EQ(now.id, old.id);
  EXPECT_FALSE(reread(waiting).live);
  EXPECT_EQ(catalog_->counts(folder_).by_state[static_cast<int>(FileState::Queued)], 1);
  EXPECT_EQ(catalog_->counts(folder_).by_state[static_cast<int>(FileState::Gone)], 0);
}

TEST_F(Renamed, RowOfAFileThatIsStillThereDoesNot) {
  const FileRow old = gone(store("a", "one"));
  const FileRow there = store("b", "two");
  EXPECT_EQ(code_of(catalog_->renamed(old.id, at(old, "b"))), ErrorCode::PreconditionFailed);
  EXPECT_TRUE(reread(there).live);
  EXPECT_EQ(reread(old).state, FileState::Gone);
  EXPECT_TRUE(object_at("p/a").sole);
}

TEST_F(Renamed, RowOfAFileThatWentEndsAndItsObjectStaysTheOnlyCopy) {
  const FileRow there = gone(store("b", "two"));
  const FileRow old = gone(store("a", "one"));
  EXPECT_EQ(must(catalog_->renamed(old.id, at(old, "b"))).id, old.id);
  EXPECT_FALSE(reread(there).live);
  EXPECT_TRUE(object_at("p/b").sole);
}

TEST_F(Renamed, OtherBytesAreAnotherFile) {
  const FileRow old = gone(store("a", "one"));
  EXPECT_EQ(code_of(catalog_->renamed(old.id, at(old, "b", "two"))), ErrorCode::Internal);
}

TEST_F(Renamed, OnlyWhatHasGoneIsRenamed) {
  const FileRow there = store("a", "one");
  EXPECT_EQ(code_of(catalog_->renamed(there.id, at(there, "b"))), ErrorCode::Internal);
}

TEST_F(Renamed, AttemptUnderTheOldNameThatLandsLateIsNobodysCurrentObject) {
  const FileRow old = upload("a", "one");
  const NewAttempt late = last_;
  gone(old);
  const FileRow now = must(catalog_->renamed(old.id, at(old, "b")));
  must(catalog_->claim(attempt_for(now, "p/b")));
  must(catalog_->acknowledge(late.id, stored("one"), true));
  EXPECT_TRUE(object_at("p/a").sole);
  EXPECT_EQ(reread(now).state, FileState::Uploading);
}

TEST_F(Renamed, SameInodeIsFoundByItsTimeOfBirthAndThoseThatAreGoneComeFirst) {
  const FileRow there = store("link", "one");
  const FileRow row = queue("a", "one");
  must(catalog_->refresh_fingerprint(row.id, there.fingerprint, false));
  gone(row);
  const auto found = must(catalog_->same_inode_elsewhere(folder_, "b", there.fingerprint));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.front().id, row.id);
  EXPECT_EQ(must(catalog_->same_inode_elsewhere(folder_, "a", there.fingerprint)).size(), 1U);
  Fingerprint reused = there.fingerprint;
  reused.btime += 1;
  EXPECT_TRUE(must(catalog_->same_inode_elsewhere(folder_, "b", reused)).empty());
  Fingerprint unborn = there.fingerprint;
  unborn.btime = 0;
  EXPECT_TRUE(must(catalog_->same_inode_elsewhere(folder_, "b", unborn)).empty());
}

TEST_F(Renamed, AnIndexTellsTheLivesOfAnInodeApart) {
  auto connection = must(Connection::open(database(), Connection::Mode::ReadOnly));
  auto statement = must(connection.prepare(
      "EXPLAIN QUERY PLAN SELECT 1 FROM files f WHERE " WAYBILL_SAME_LIFE " LIMIT 1"));
  auto rows = must(statement.query({1, 2, 2}));
  ASSERT_TRUE(must(rows.next()));
  EXPECT_NE(rows.string(3).find("files_live_ino (ino=? AND <expr>=?)"), std::string::npos)
      << rows.string(3);
}

}  // namespace
}  // namespace waybill::catalog
