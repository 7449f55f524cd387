#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "tests/unit/catalog/catalog_fixture.h"

namespace waybill::catalog {
namespace {

class Reading : public CatalogTest {
 protected:
  std::unique_ptr<Reader> reader() { return must(Reader::open(state_dir())); }
  static std::vector<std::string> paths(const std::vector<FileRow>& rows) {
    std::vector<std::string> result;
    for (const FileRow& row : rows) result.push_back(row.path);
    return result;
  }
  // Runs `look` as somebody who may read the files and nothing else.
  static void unprivileged(const std::function<bool()>& look) {
    const pid_t child = ::fork();
    if (child == 0) {
      const bool root = ::geteuid() == 0;
      const bool dropped =
          !root || (::setgroups(0, nullptr) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0);
      ::_exit(dropped && look() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  // Everybody may read, nobody may write, names included.
  void make_read_only() {
    namespace fs = std::filesystem;
    fs::permissions(directory_.path(), fs::perms(0755));
    for (const auto& entry : fs::directory_iterator(state_dir())) {
      fs::permissions(entry.path(), fs::perms(0444));
    }
    fs::permissions(state_dir(), fs::perms(0555));
  }
  void TearDown() override {
    std::filesystem::permissions(state_dir(), std::filesystem::perms(0755));
  }
};

TEST_F(Reading, NoCatalogYetIsSaidSo) {
  EXPECT_EQ(code_of(Reader::open(directory_.path() + "/nowhere")), ErrorCode::SourceGone);
  std::filesystem::create_directory(directory_.path() + "/empty");
  std::ofstream(directory_.path() + "/empty/catalog.db").close();
  EXPECT_EQ(code_of(Reader::open(directory_.path() + "/empty")), ErrorCode::SourceGone);
}

TEST_F(Reading, SeesWhatIsCommittedBesideAnOpenTransaction) {
  store("f", "one");
  must(catalog_->commit());
  auto reading = reader();
  must(catalog_->vanished(must(catalog_->find_live(folder_, "f"))->id));
  queue("g", "two");
  EXPECT_EQ(must(reading->find_live(folder_, "f"))->state, FileState::Stored);
  EXPECT_EQ(must(reading->find_live(folder_, "g")), std::nullopt);
  must(catalog_->commit());
  EXPECT_EQ(must(reading->find_live(folder_, "f"))->state, FileState::Gone);
  EXPECT_EQ(must(reading->find_live(folder_, "g"))->state, FileState::Queued);
}

TEST_F(Reading, SeesTheRowsAsTheWriterDoes) {
  queue("queued", "one");
  upload("uploading", "two");
  const FileRow stored_row = store("stored", "three");
  must(catalog_->complete({.folder = folder_, .path = "unread", .fingerprint = print()}));
  // A new generation, its content unknown: neither the object's nor the attempt's counts.
  const FileRow changed = store("changed", "four");
  must(catalog_->complete({.folder = folder_, .path = "changed", .fingerprint = print()}));
  NewAttempt multipart = attempt_for(reread(changed));
  multipart.kind = AttemptKind::Multipart;
  must(catalog_->claim(multipart));
  must(catalog_->commit());

  auto reading = reader();
  int rows = 0;
  must(catalog_->for_each_live(folder_, "", true, [&](const FileRow& row) {
    const FileRow seen = must(reading->find_live(folder_, row.path)).value();
    EXPECT_EQ(seen.id, row.id) << row.path;
    EXPECT_EQ(seen.state, row.state) << row.path;
    EXPECT_EQ(seen.generation, row.generation) << row.path;
    EXPECT_EQ(seen.fingerprint, row.fingerprint) << row.path;
    EXPECT_EQ(seen.sha256, row.sha256) << row.path;
    EXPECT_EQ(seen.key, row.key) << row.path;
    EXPECT_EQ(seen.object, row.object) << row.path;
    EXPECT_EQ(seen.arrived, row.arrived) << row.path;
    EXPECT_EQ(row.sha256, reread(row).sha256) << row.path;
    ++rows;
  }));
  EXPECT_EQ(rows, 5);
  EXPECT_EQ(must(reading->find_live(folder_, "changed"))->sha256, std::nullopt);
  EXPECT_EQ(must(reading->find_live(folder_, "uploading"))->sha256, content("two"));
  EXPECT_EQ(must(reading->object(*stored_row.object))->sha256, content("three"));
  EXPECT_EQ(must(reading->folders()).at(0).name, "inbox");
  EXPECT_EQ(must(reading->stores()).at(0).bucket, "bucket");
  EXPECT_EQ(must(reading->attempts_of(changed.id)).at(0).id, multipart.id);
}

TEST_F(Reading, FilesByFolderStateAndPrefix) {
  queue("a/1", "one");
  store("a/2", "two");
  queue("b/1", "three");
  const FolderId other = must(catalog_->ensure_folder("other", "/srv/other", store_)).id;
  CompleteFile elsewhere = seen("a/1", "four");
  elsewhere.folder = other;
  must(catalog_->complete(elsewhere));
  must(catalog_->commit());
  auto reading = reader();
  using Query = Reader::FileQuery;
  EXPECT_EQ(must(reading->files({})).size(), 4U);
  EXPECT_EQ(paths(must(reading->files(Query{.folder = folder_}))),
            (std::vector<std::string>{"a/1", "a/2", "b/1"}));
  EXPECT_EQ(paths(must(reading->files(Query{.state = FileState::Stored}))),
            (std::vector<std::string>{"a/2"}));
  EXPECT_EQ(paths(must(reading->files(Query{.folder = folder_, .state = FileState::Queued}))),
            (std::vector<std::string>{"a/1", "b/1"}));
  EXPECT_EQ(paths(must(reading->files(Query{.folder = folder_, .path_prefix = "a/"}))),
            (std::vector<std::string>{"a/1", "a/2"}));
  const auto first = must(reading->files(Query{.folder = folder_, .limit = 2}));
  EXPECT_EQ(paths(first), (std::vector<std::string>{"a/1", "a/2"}));
  EXPECT_EQ(paths(must(reading->files(
                Query{.folder = folder_, .limit = 2, .after_id = value_of(first.back().id)}))),
            (std::vector<std::string>{"b/1"}));
}

TEST_F(Reading, EndedRowsOnlyWhenAskedFor) {
  const FileRow old = store("f", "one");
  must(catalog_->vanished(old.id));
  const FileRow fresh = queue("f", "two");
  must(catalog_->commit());
  auto reading = reader();
  ASSERT_EQ(must(reading->files({})).size(), 1U);
  EXPECT_EQ(must(reading->files({})).at(0).id, fresh.id);
  const auto both = must(reading->files({.path_prefix = "f", .live_only = false}));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].id, old.id);
  EXPECT_FALSE(both[0].live);
}

TEST_F(Reading, EventsTellTheWholeJourneyNewestFirst) {
  const FileRow row = upload("f", "one");
  must(catalog_->commit());
  clock_.advance(std::chrono::milliseconds(1500));
  must(catalog_->apply(row.id, FileEvent::Absent, "it never arrived"));
  must(catalog_->claim(last_));
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  must(catalog_->commit());
  auto reading = reader();
  const auto events = must(reading->events_of(row.id, 100));
  std::vector<FileEvent> kinds;
  for (const EventRow& event : events) {
    kinds.push_back(event.event);
    EXPECT_EQ(event.file, row.id);
    EXPECT_EQ(event.generation, 1);
  }
  EXPECT_EQ(kinds, (std::vector{FileEvent::Acknowledged, FileEvent::Claim, FileEvent::Absent,
                                FileEvent::Claim, FileEvent::CompleteNewContent}));
  EXPECT_EQ(events[1].attempt, last_.id);
  EXPECT_EQ(events[2].reason, "it never arrived");
  EXPECT_EQ(events[0].at - events[4].at, 1'500'000'000);
  EXPECT_EQ(must(reading->events_of(row.id, 2)).size(), 2U);
  EXPECT_EQ(must(reading->events_of(row.id, 4)).size(), 4U);
  EXPECT_EQ(must(reading->events_of(row.id, 4)).at(3).event, FileEvent::Claim);
}

TEST_F(Reading, EventsAreTheSameHoweverTheCommitsFell) {
  const FileRow together = upload("together", "one");
  must(catalog_->commit());
  const FileRow apart = queue("apart", "one");
  must(catalog_->commit());
  must(catalog_->claim(attempt_for(apart)));
  must(catalog_->commit());
  auto reading = reader();
  const auto kinds = [&](FileId file) {
    std::vector<FileEvent> result;
    for (const EventRow& event : must(reading->events_of(file, 9))) result.push_back(event.event);
    return result;
  };
  const std::vector expected{FileEvent::Claim, FileEvent::CompleteNewContent};
  EXPECT_EQ(kinds(together.id), expected);
  EXPECT_EQ(kinds(apart.id), expected);
}

TEST_F(Reading, StateCountsAreTheWritersCounts) {
  store("a", "one");
  queue("b", "two");
  const FileRow c = upload("c", "three");
  must(catalog_->apply(c.id, FileEvent::Transient, "reset"));
  must(catalog_->commit());
  std::int64_t files = 0;
  for (const auto& count : must(reader()->state_counts())) {
    EXPECT_EQ(count.folder, folder_);
    EXPECT_EQ(count.files,
              catalog_->counts(folder_).by_state[static_cast<std::size_t>(count.state)]);
    files += count.files;
    if (count.state == FileState::Queued) {
      EXPECT_EQ(count.retrying, 1);
    }
    if (count.state == FileState::Stored) {
      EXPECT_EQ(count.last_stored_at, catalog_->counts(folder_).last_stored_at);
      EXPECT_EQ(count.bytes, 3);
    }
  }
  EXPECT_EQ(files, 3);
}

TEST_F(Reading, BlockedCausesComeWithAnExampleEach) {
  for (int i = 0; i < 3; ++i) {
    must(catalog_->apply(queue("denied" + std::to_string(i), "one").id, FileEvent::NeedsPerson,
                         "no permission to read it"));
  }
  must(catalog_->apply(queue("long", "one").id, FileEvent::NeedsPerson, "the key is too long"));
  queue("fine", "one");
  must(catalog_->commit());
  const auto causes = must(reader()->blocked_causes(10));
  ASSERT_EQ(causes.size(), 2U);
  EXPECT_EQ(causes[0].reason, "no permission to read it");
  EXPECT_EQ(causes[0].files, 3);
  EXPECT_EQ(causes[0].example_folder, folder_);
  EXPECT_EQ(causes[0].example_path, "denied0");
  EXPECT_EQ(causes[1].files, 1);
  EXPECT_EQ(must(reader()->blocked_causes(1)).size(), 1U);
}

TEST_F(Reading, SizeIsWhatTheDiskHolds) {
  EXPECT_EQ(must(reader()->size_bytes()),
            static_cast<std::int64_t>(std::filesystem::file_size(database()) +
                                      std::filesystem::file_size(database() + "-wal")));
}

TEST_F(Reading, WorksWithoutTheDaemonAndWithoutTheRightToWrite) {
  store("f", "one");
  must(catalog_->commit());
  catalog_.reset();
  make_read_only();
  unprivileged([this] {
    auto reading = Reader::open(state_dir());
    if (!reading) return false;
    const auto row = (*reading)->find_live(folder_, "f");
    return row && *row && (*row)->state == FileState::Stored;
  });
}

TEST_F(Reading, WorksAfterACrashWithoutTheRightToWrite) {
  catalog_.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    reopen();
    queue("f", "one");
    must(catalog_->commit());
    ::_exit(0);  // the row is in the write-ahead log alone
  }
  ::waitpid(child, nullptr, 0);
  make_read_only();
  unprivileged([this] {
    auto reading = Reader::open(state_dir());
    if (!reading) return false;
    const auto row = (*reading)->find_live(folder_, "f");
    return row && *row && (*row)->state == FileState::Queued;
  });
}

TEST_F(Reading, WorksOnACopyWithoutItsLog) {
  store("f", "one");
  must(catalog_->commit());
  must(catalog_->checkpoint());
  catalog_.reset();
  std::filesystem::remove(database() + "-wal");
  std::filesystem::remove(database() + "-shm");
  make_read_only();
  unprivileged([this] {
    auto reading = Reader::open(state_dir());
    return reading && (*reading)->find_live(folder_, "f") &&
           (*(*reading)->find_live(folder_, "f"))->state == FileState::Stored;
  });
}

TEST_F(Reading, FileThatMayNotBeReadNeedsAPerson) {
  catalog_.reset();
  namespace fs = std::filesystem;
  fs::permissions(directory_.path(), fs::perms(0755));
  fs::permissions(state_dir(), fs::perms(0755));
  fs::permissions(database(), fs::perms(0000));
  unprivileged([this] {
    const auto reading = Reader::open(state_dir());
    return !reading && reading.error().code == ErrorCode::NeedsPerson;
  });
}

}  // namespace
}  // namespace waybill::catalog
