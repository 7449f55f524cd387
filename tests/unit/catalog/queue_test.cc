#include <sqlite3.h>

#include "catalog/columns.h"
#include "catalog/lane.h"
#include "tests/unit/catalog/catalog_fixture.h"

// In which order queued rows are served, and since when the oldest of them waits.
namespace waybill::catalog {
namespace {

using std::chrono::seconds;

class QueueOrder : public CatalogTest {
 protected:
  FileRow queue_of_size(const std::string& path, std::uint64_t size) {
    clock_.advance(seconds(1));
    return must(catalog_->complete({.folder = folder_, .path = path, .fingerprint = print(size)}));
  }
  std::vector<std::string> served(Queue queue, std::size_t page = 2) {
    queue.folder = folder_;
    std::vector<std::string> paths;
    std::optional<QueuePlace> after;
    for (;;) {
      const auto rows = must(catalog_->queued(queue, after, page));
      for (const FileRow& row : rows) {
        paths.push_back(row.path);
        after = place_of(row);
      }
      if (rows.size() < page) return paths;
    }
  }
  std::int64_t now() { return clock_.wall().time_since_epoch().count() / 1'000'000 * 1'000'000; }
  using Paths = std::vector<std::string>;
};

TEST_F(QueueOrder, FilesAreServedByLaneAndByHowLongTheyWait) {
  queue_of_size("b", 1);
  queue_of_size("huge", largest_medium + 1);
  queue_of_size("a", largest_small);
  queue_of_size("middle", largest_small + 1);
  queue_of_size("c", 0);
  EXPECT_EQ(served({.lane = Lane::Small}), (Paths{"b", "a", "c"}));
  EXPECT_EQ(served({.lane = Lane::Small, .newest_first = true}), (Paths{"c", "a", "b"}));
  EXPECT_EQ(served({.lane = Lane::Medium}), (Paths{"middle"}));
  EXPECT_EQ(served({.lane = Lane::Large}), (Paths{"huge"}));
  EXPECT_EQ(served({.lane = Lane::Small, .again = true}), Paths{});
}

TEST_F(QueueOrder, FilesOfOneInstantAreEachServedOnce) {
  for (const char* path : {"a", "b", "c", "d", "e"}) {
    must(catalog_->complete({.folder = folder_, .path = path, .fingerprint = print(1)}));
  }
  EXPECT_EQ(served({.lane = Lane::Small}), (Paths{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(served({.lane = Lane::Small, .newest_first = true}), (Paths{"e", "d", "c", "b", "a"}));
}

TEST_F(QueueOrder, WhatWasPutBackWaitsInALineOfItsOwn) {
  const FileRow tried = upload("tried", "one");
  must(catalog_->apply(tried.id, FileEvent::Transient, "reset"));
  const FileRow blocked = queue("blocked", "two");
  must(catalog_->apply(blocked.id, FileEvent::NeedsPerson, "denied"));
  must(catalog_->apply(blocked.id, FileEvent::CauseFixed, "tried again"));
  queue("fresh", "three");
  EXPECT_EQ(served({.lane = Lane::Small}), (Paths{"fresh"}));
  EXPECT_EQ(served({.lane = Lane::Small, .again = true}), (Paths{"tried", "blocked"}));
}

TEST_F(QueueOrder, AChangedFileWaitsSinceItsChangeAndNotSinceItsFirstSight) {
  store("old", "one");
  clock_.advance(seconds(100));
  queue("new", "two");
  clock_.advance(seconds(1));
  const FileRow changed = queue("old", "three");
  EXPECT_EQ(changed.pending_since, now());
  EXPECT_EQ(served({.lane = Lane::Small}), (Paths{"new", "old"}));
}

TEST_F(QueueOrder, AnIndexServesIt) {
  must(catalog_->commit());
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open_v2(database().c_str(), &handle, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  for (const char* order :
       {"> (1, 2) ORDER BY f.since, f.id", "< (1, 2) ORDER BY f.since DESC, f.id DESC"}) {
    const std::string sql =
        std::string("EXPLAIN QUERY PLAN SELECT f.id FROM files f WHERE f.folder_id = 1 AND ") +
        WAYBILL_QUEUE_OF("0", "0") + " AND (f.since, f.id) " + order + " LIMIT 9";
    sqlite3_stmt* statement = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
    std::string plan;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      plan += reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    EXPECT_NE(plan.find("INDEX files_queue (folder_id=? AND <expr>=? AND <expr>=?"),
              std::string::npos)
        << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
  }
  sqlite3_close(handle);
}

class OldestPending : public QueueOrder {
 protected:
  std::int64_t oldest() {
    must(catalog_->commit());
    const auto all = must(catalog_->oldest_pending());
    EXPECT_EQ(must(must(Reader::open(state_dir()))->oldest_pending()), all);
    const auto found = all.find(folder_);
    return found == all.end() ? 0 : found->second;
  }
};

TEST_F(OldestPending, NothingPendingHasNoAge) {
  store("f", "one");
  must(catalog_->vanished(queue("g", "two").id));
  EXPECT_EQ(oldest(), 0);
}

TEST_F(OldestPending, IsTheOneThatWaitsLongestInWhateverLineItWaits) {
  queue_of_size("huge", largest_medium + 1);
  const std::int64_t first = now();
  queue_of_size("small", 1);
  EXPECT_EQ(oldest(), first);
}

TEST_F(OldestPending, KeepsItsAgeWhileItIsTriedPutBackAndBlocked) {
  const FileRow row = upload("f", "one");
  const std::int64_t first = now();
  clock_.advance(seconds(5));
  queue("later", "two");
  const std::int64_t later = now();
  EXPECT_EQ(oldest(), first) << "uploading";
  must(catalog_->apply(row.id, FileEvent::Transient, "reset"));
  EXPECT_EQ(oldest(), first) << "put back";
  must(catalog_->apply(row.id, FileEvent::NeedsPerson, "denied"));
  EXPECT_EQ(oldest(), later) << "a blocked one waits for a person, and is told apart";
  must(catalog_->apply(row.id, FileEvent::CauseFixed, "again"));
  EXPECT_EQ(oldest(), first) << "queued again";
  reopen();
  EXPECT_EQ(oldest(), first) << "after a restart";
  must(catalog_->claim(last_));
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  EXPECT_EQ(oldest(), later);
  EXPECT_EQ(reread(row).pending_since, 0);
}

TEST_F(OldestPending, ACatalogOfTheFirstVersionTellsItSinceTheFirstSight) {
  const FileRow row = queue("f", "one");
  const std::int64_t first = now();
  store("g", "two");
  must(catalog_->commit());
  must(catalog_->checkpoint());
  catalog_.reset();
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(
                handle,
                "DROP INDEX events_renamed; DROP INDEX files_queue; DROP INDEX objects_proof_due;"
                "ALTER TABLE files DROP COLUMN since;"
                "DROP TABLE arrivals; DROP TABLE mounts; DROP TABLE covered_files;"
                "DROP TABLE lost_objects;"
                "DROP VIEW receipts; CREATE VIEW receipts AS SELECT 1;"
                "ALTER TABLE attempts DROP COLUMN metadata;"
                "ALTER TABLE objects DROP COLUMN metadata;"
                "PRAGMA user_version = 1",
                nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(handle);
  sqlite3_close(handle);
  clock_.advance(seconds(50));
  reopen();
  EXPECT_EQ(oldest(), first);
  EXPECT_EQ(served({.lane = Lane::Small}), (Paths{"f"}));
  EXPECT_EQ(must(catalog_->find_live(folder_, "g"))->pending_since, 0);
}

}  // namespace
}  // namespace waybill::catalog
