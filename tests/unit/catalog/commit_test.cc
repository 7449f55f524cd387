#include <sqlite3.h>

#include <fstream>

#include "catalog/sqlite.h"
#include "tests/unit/catalog/catalog_fixture.h"
#include "tests/unit/catalog/faulty_disk.h"

// What is durable, and what a failing disk leaves behind.
namespace waybill::catalog {
namespace {

class Commit : public CatalogTest {
 protected:
  void TearDown() override { catalog_.reset(); }  // before its disk goes
  FaultyDisk disk_;
};

TEST_F(Commit, NothingIsThereWithoutIt) {
  queue("f", "one");
  EXPECT_TRUE(catalog_->dirty());
  reopen();
  EXPECT_EQ(must(catalog_->find_live(folder_, "f")), std::nullopt);
  EXPECT_EQ(catalog_->counts(folder_).by_state[0], 0);
}

TEST_F(Commit, AllSinceTheLastOneIsThereAfterIt) {
  queue("a", "one");
  upload("b", "two");
  store("c", "three");
  must(catalog_->commit());
  EXPECT_FALSE(catalog_->dirty());
  queue("d", "four");
  reopen();
  EXPECT_EQ(must(catalog_->find_live(folder_, "a"))->state, FileState::Queued);
  EXPECT_EQ(must(catalog_->find_live(folder_, "b"))->state, FileState::Uploading);
  EXPECT_EQ(must(catalog_->find_live(folder_, "b"))->key, "p/b");
  EXPECT_EQ(must(catalog_->find_live(folder_, "b"))->sha256, content("two"));
  EXPECT_EQ(must(catalog_->find_live(folder_, "c"))->state, FileState::Stored);
  EXPECT_EQ(must(catalog_->find_live(folder_, "d")), std::nullopt);
}

TEST_F(Commit, WaitsForTheDiskOnceAGroup) {
  must(catalog_->commit());
  const int before = disk_.syncs();
  for (int i = 0; i < 50; ++i) upload("f" + std::to_string(i), "one");
  EXPECT_EQ(disk_.syncs(), before);
  must(catalog_->commit());
  EXPECT_EQ(disk_.syncs(), before + 1) << "a group is durable with one fsync, and not without";
  must(catalog_->commit());
  EXPECT_EQ(disk_.syncs(), before + 1) << "nothing to commit costs nothing";
}

TEST_F(Commit, RollbackForgetsAllSinceTheLastOne) {
  const FileRow row = upload("f", "one");
  must(catalog_->commit());
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  queue("g", "two");
  catalog_->rollback();
  EXPECT_FALSE(catalog_->dirty());
  EXPECT_EQ(reread(row).state, FileState::Uploading);
  EXPECT_EQ(must(catalog_->attempt(last_.id))->state, AttemptState::Open);
  EXPECT_EQ(must(catalog_->find_live(folder_, "g")), std::nullopt);
  EXPECT_EQ(catalog_->counts(folder_).by_state[1], 1);
  EXPECT_EQ(catalog_->counts(folder_).by_state[3], 0);
  EXPECT_EQ(catalog_->counts(folder_).last_stored_at, 0);
  // And it goes on as if nothing had been.
  EXPECT_EQ(must(catalog_->acknowledge(last_.id, stored("one"), true)).state, FileState::Stored);
  must(catalog_->commit());
}

TEST_F(Commit, RollbackForgetsRowsOnTheirWayToo) {
  const FileRow row = queue("f", "one");
  must(catalog_->commit());
  must(catalog_->claim(attempt_for(row, "p/first")));
  catalog_->rollback();
  EXPECT_EQ(reread(row).state, FileState::Queued);
  EXPECT_TRUE(reread(row).key.empty());
  EXPECT_TRUE(must(catalog_->attempts_of(row.id)).empty());
  EXPECT_EQ(must(catalog_->claim(attempt_for(row, "p/second"))).key, "p/second");
  must(catalog_->commit());
  auto events = must(must(Reader::open(state_dir()))->events_of(row.id, 9));
  EXPECT_EQ(events.size(), 2U);
}

TEST_F(Commit, FullDiskTakesNothingAndLaterTakesAll) {
  const FileRow row = upload("f", "one");
  must(catalog_->commit());
  disk_.fill();
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  EXPECT_EQ(code_of(catalog_->commit()), ErrorCode::DiskFull);
  EXPECT_FALSE(catalog_->dirty());
  EXPECT_EQ(reread(row).state, FileState::Uploading) << "a failed commit promises nothing";
  EXPECT_EQ(catalog_->counts(folder_).by_state[3], 0);

  disk_.free();
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  must(catalog_->commit());
  reopen();
  EXPECT_EQ(reread(row).state, FileState::Stored);
}

TEST_F(Commit, DiskThatFillsWithinAGroupStopsTheGroup) {
  // More than the page cache holds, so that a verb writes to the log itself.
  disk_.fill();
  std::optional<Error> failed;
  const std::string long_name(3000, 'x');
  for (int i = 0; i < 20000 && !failed; ++i) {
    auto row = catalog_->complete(seen(std::to_string(i) + long_name, "one"));
    if (!row) failed = row.error();
  }
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->code, ErrorCode::DiskFull);
  EXPECT_EQ(code_of(catalog_->complete(seen("more", "one"))), ErrorCode::DiskFull)
      << "half a group must not go on";
  EXPECT_EQ(code_of(catalog_->commit()), ErrorCode::DiskFull);
  catalog_->rollback();
  disk_.free();
  EXPECT_EQ(catalog_->counts(folder_).by_state[0], 0);
  queue("f", "one");
  must(catalog_->commit());
  EXPECT_EQ(catalog_->counts(folder_).by_state[0], 1);
}

TEST_F(Commit, FailedSyncLeavesTheOutcomeOpenUntilItIsReadAgain) {
  const FileRow row = upload("f", "one");
  must(catalog_->commit());
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  disk_.fail_syncs();
  EXPECT_EQ(code_of(catalog_->commit()), ErrorCode::Ambiguous);
  EXPECT_EQ(code_of(catalog_->complete(seen("g", "two"))), ErrorCode::Ambiguous)
      << "closed: nobody builds on what may not be there";
  EXPECT_EQ(code_of(catalog_->commit()), ErrorCode::Ambiguous);
  disk_.free();

  // The caller reopens beside the dead one, reads, and goes on from whatever it finds.
  auto again = must(Catalog::open(state_dir(), clock_));
  const FileRow found = must(again->file(row.id)).value();
  if (found.state == FileState::Uploading) {
    ASSERT_TRUE(must(again->attempt(last_.id)).has_value());
    must(again->acknowledge(last_.id, stored("one"), true));
  } else {
    EXPECT_EQ(found.state, FileState::Stored);
    EXPECT_EQ(must(again->attempt(last_.id)), std::nullopt);
  }
  must(again->commit());
  EXPECT_EQ(again->counts(folder_).by_state[3], 1);
}

TEST_F(Commit, WhatAPersonWritesBetweenAReadingAndAWriteIsInNobodysWay) {
  queue("a", "one");
  must(catalog_->commit());
  ASSERT_NE(must(catalog_->find_live(folder_, "a")), std::nullopt);
  auto prompt = must(Connection::open(database(), Connection::Mode::ReadWrite));
  must(prompt.run("UPDATE files SET reason = 'looked at'"));
  const FileRow b = queue("b", "two");
  must(catalog_->commit());
  EXPECT_EQ(must(catalog_->find_live(folder_, "a"))->reason, "looked at");
  EXPECT_EQ(must(catalog_->find_live(folder_, "b"))->id, b.id);
}

TEST_F(Commit, ReadingHoldsTheLogUntilItsMomentIsOver) {
  queue("a", "one");
  must(catalog_->commit());
  auto other = must(Connection::open(database(), Connection::Mode::ReadWrite));
  const auto held = [&] { return must(other.integer("PRAGMA wal_checkpoint(RESTART)")) == 1; };
  ASSERT_NE(must(catalog_->find_live(folder_, "a")), std::nullopt);
  EXPECT_TRUE(held()) << "all that is read is of one moment";
  catalog_->release_snapshot();
  EXPECT_FALSE(held());
  ASSERT_NE(must(catalog_->find_live(folder_, "a")), std::nullopt);
  must(catalog_->commit());
  EXPECT_FALSE(held()) << "a commit of nothing ends it too";
  ASSERT_NE(must(catalog_->find_live(folder_, "a")), std::nullopt);
  must(catalog_->checkpoint());
  EXPECT_FALSE(held());
}

TEST_F(Commit, CheckpointMovesTheLogIntoTheDatabase) {
  const auto before = std::filesystem::file_size(database());
  for (int i = 0; i < 500; ++i) queue("f" + std::to_string(i), "one");
  must(catalog_->commit());
  must(catalog_->checkpoint());
  EXPECT_GT(std::filesystem::file_size(database()), before);
}

// SQLite reports the mode that it wants before it has committed the change to it.
TEST_F(Commit, ACatalogIsNotUsedWithoutItsWriteAheadLogWhicheverFirstSyncFails) {
  constexpr char write_ahead_log = 2;
  for (int working = 0; working < 12; ++working) {
    const TemporaryFolder place;
    disk_.fail_one_sync_after(working);
    auto opened = Catalog::open(place.path(), clock_);
    disk_.free();
    if (!opened) opened = Catalog::open(place.path(), clock_);
    ASSERT_TRUE(opened) << working << ": " << opened.error().describe();
    // In another mode the pages would be written through a journal.
    must((*opened)->ensure_store("https://s3.lab", "bucket", "p/"));
    must((*opened)->commit());
    std::ifstream file(place.path() + "/catalog.db", std::ios::binary);
    file.seekg(18);
    EXPECT_EQ(file.get(), write_ahead_log) << working;
    EXPECT_GT(std::filesystem::file_size(place.path() + "/catalog.db-wal"), 0U) << working;
  }
}

// What a creation leaves behind that was killed in the middle: pages that nobody committed, and the
// journal that takes them back.
TEST_F(Commit, ACatalogWhoseCreationBrokeOffIsCreatedAnew) {
  const TemporaryFolder first;
  const TemporaryFolder copy;
  sqlite3* writer = nullptr;
  ASSERT_EQ(sqlite3_open((first.path() + "/catalog.db").c_str(), &writer), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(writer,
                         "PRAGMA cache_size = 1; BEGIN; CREATE TABLE half(made);"
                         "INSERT INTO half WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                         "FROM n LIMIT 100) SELECT zeroblob(1000) FROM n",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  for (const char* name : {"/catalog.db", "/catalog.db-journal"}) {
    std::filesystem::copy_file(first.path() + name, copy.path() + name);
    ASSERT_GT(std::filesystem::file_size(copy.path() + name), 0U) << name;
  }
  sqlite3_close(writer);

  auto opened = Catalog::open(copy.path(), clock_);
  ASSERT_TRUE(opened) << opened.error().describe();
  must((*opened)->ensure_store("https://s3.lab", "bucket", "p/"));
  must((*opened)->commit());
}

TEST_F(Commit, CountsFollowEveryVerb) {
  store("a", "one");
  clock_.advance(std::chrono::seconds(5));
  store("b", "two");
  const FileRow c = upload("c", "three");
  must(catalog_->apply(c.id, FileEvent::Absent, "not there"));
  queue("d", "four");
  const auto counts = catalog_->counts(folder_);
  EXPECT_EQ(counts.by_state[static_cast<int>(FileState::Stored)], 2);
  EXPECT_EQ(counts.by_state[static_cast<int>(FileState::Queued)], 2);
  EXPECT_EQ(counts.retrying, 1);
  EXPECT_EQ(counts.stored_bytes, 6);
  EXPECT_EQ(counts.last_stored_at, clock_.wall().time_since_epoch().count());
  must(catalog_->commit());
  reopen();
  const auto again = catalog_->counts(folder_);
  EXPECT_EQ(again.by_state[static_cast<int>(FileState::Stored)], 2);
  EXPECT_EQ(again.retrying, 1);
  EXPECT_EQ(again.stored_bytes, 6);
  EXPECT_EQ(again.last_stored_at, counts.last_stored_at);
  EXPECT_EQ(catalog_->counts(FolderId{99}).by_state[0], 0);
}

}  // namespace
}  // namespace waybill::catalog
