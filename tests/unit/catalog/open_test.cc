#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "catalog/schema.h"
#include "tests/unit/catalog/catalog_fixture.h"

// Opening: whose it is, who may, what is damaged, what is too new.
namespace waybill::catalog {
namespace {

class Open : public CatalogTest {
 protected:
  // As at a SQL prompt, with the catalog closed.
  void sql(const char* statement) {
    catalog_.reset();
    auto connection = must(Connection::open(database(), Connection::Mode::ReadWrite));
    must(connection.run(statement));
  }
  [[nodiscard]] std::int64_t clean_mark() const {
    auto connection = must(Connection::open(database(), Connection::Mode::ReadOnly));
    return must(connection.integer("SELECT value FROM meta WHERE name = 'clean'")).value_or(-1);
  }
};

TEST_F(Open, MintsOneAgentIdForGood) {
  const std::string id = must(catalog_->agent_id());
  EXPECT_EQ(id.size(), 32U);
  reopen();
  EXPECT_EQ(must(catalog_->agent_id()), id);
  auto other = must(Catalog::open(directory_.path() + "/other", clock_));
  EXPECT_NE(must(other->agent_id()), id);
}

TEST_F(Open, FilesAreReadableByTheGroupAndNobodyElse) {
  const auto mode = [](const std::string& path) {
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
    return facts.st_mode & 0777U;
  };
  const mode_t before = ::umask(0);
  auto wide = must(Catalog::open(directory_.path() + "/wide", clock_));
  ::umask(0777);
  auto narrow = must(Catalog::open(directory_.path() + "/narrow/", clock_));
  ::umask(before);
  for (const std::string& dir : {directory_.path() + "/wide", directory_.path() + "/narrow"}) {
    EXPECT_EQ(mode(dir), 0750U);
    for (const char* name : {"/catalog.db", "/catalog.db-wal", "/catalog.db-shm"}) {
      EXPECT_EQ(mode(dir + name), 0640U) << name;
    }
  }
}

TEST_F(Open, SecondOpenerIsToldWhoAndWhere) {
  const auto second = Catalog::open(state_dir(), clock_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::NeedsPerson);
  EXPECT_NE(second.error().message.find(state_dir()), std::string::npos);
  catalog_.reset();
  EXPECT_TRUE(Catalog::open(state_dir(), clock_).has_value());
}

TEST_F(Open, DirectoryThatCannotBeMadeNeedsAPerson) {
  std::ofstream(directory_.path() + "/file") << "x";
  const auto opened = Catalog::open(directory_.path() + "/file/state", clock_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::NeedsPerson);
}

TEST_F(Open, NewerCatalogStaysAsItIsToTheByte) {
  sql("PRAGMA user_version = 99");
  const std::string before = bytes_of(database());
  const auto opened = Catalog::open(state_dir(), clock_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::NewerVersion);
  EXPECT_EQ(bytes_of(database()), before);
  EXPECT_EQ(code_of(Reader::open(state_dir())), ErrorCode::NewerVersion);
  EXPECT_EQ(bytes_of(database()), before);
}

TEST_F(Open, NewerCatalogThatACrashLeftInItsLogStaysAsItIsToTheByte) {
  catalog_.reset();
  in_a_crash([this] {
    auto connection = must(Connection::open(database(), Connection::Mode::ReadWrite));
    must(connection.run("PRAGMA user_version = 99"));
    ::_exit(0);
  });
  const std::string before = bytes_of(database());
  const std::string log = bytes_of(database() + "-wal");
  ASSERT_FALSE(log.empty());
  EXPECT_EQ(code_of(Catalog::open(state_dir(), clock_)), ErrorCode::NewerVersion);
  EXPECT_EQ(code_of(Catalog::open(state_dir(), clock_)), ErrorCode::NewerVersion);
  EXPECT_EQ(bytes_of(database()), before);
  EXPECT_EQ(bytes_of(database() + "-wal"), log);
}

TEST_F(Open, DatabaseOfAnotherProgramIsLeftAlone) {
  sql("PRAGMA application_id = 4711");
  const std::string before = bytes_of(database());
  EXPECT_EQ(code_of(Catalog::open(state_dir(), clock_)), ErrorCode::NeedsPerson);
  EXPECT_EQ(bytes_of(database()), before);
}

TEST_F(Open, FileThatIsNoDatabaseIsDamaged) {
  catalog_.reset();
  std::filesystem::remove(database() + "-wal");  // it would heal what it still holds
  std::ofstream(database(), std::ios::trunc) << std::string(8192, 'x');
  EXPECT_EQ(code_of(Reader::open(state_dir())), ErrorCode::Damaged);
  EXPECT_EQ(code_of(Catalog::open(state_dir(), clock_)), ErrorCode::Damaged);
}

TEST_F(Open, DamageIsFoundAfterAnUncleanStop) {
  catalog_.reset();
  in_a_crash([this] {
    auto catalog = must(Catalog::open(state_dir(), clock_));
    for (int i = 0; i < 400; ++i) must(catalog->complete(seen("f" + std::to_string(i), "one")));
    must(catalog->commit());
    must(catalog->checkpoint());
    ::_exit(0);
  });
  std::filesystem::remove(database() + "-wal");
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(database()));
  for (std::streamoff page = 4096; page < size; page += 4096) {
    overwrite(database(), page + 8, std::string(64, '\x5a'));
  }
  EXPECT_EQ(code_of(Catalog::open(state_dir(), clock_)), ErrorCode::Damaged);
}

TEST_F(Open, CrashKeepsWhatWasCommittedAndNothingElse) {
  catalog_.reset();
  in_a_crash([this] {
    auto catalog = must(Catalog::open(state_dir(), clock_));
    must(catalog->complete(seen("kept", "one")));
    must(catalog->commit());
    must(catalog->complete(seen("lost", "two")));
    ::_exit(0);
  });
  EXPECT_EQ(clean_mark(), 0);
  reopen();
  EXPECT_TRUE(must(catalog_->find_live(folder_, "kept")).has_value());
  EXPECT_FALSE(must(catalog_->find_live(folder_, "lost")).has_value());
  EXPECT_EQ(catalog_->counts(folder_).by_state[0], 1);
}

TEST_F(Open, CleanStopLeavesItsMark) {
  EXPECT_EQ(clean_mark(), 0);
  catalog_.reset();
  EXPECT_EQ(clean_mark(), 1);
}

TEST_F(Open, CountsAreCountedAgainAfterAnUncleanStop) {
  store("f", "one");
  must(catalog_->commit());
  sql("UPDATE counts SET files = 4711; UPDATE meta SET value = 0 WHERE name = 'clean'");
  reopen();
  EXPECT_EQ(catalog_->counts(folder_).by_state[static_cast<int>(FileState::Stored)], 1);
  EXPECT_NE(catalog_->counts(folder_).last_stored_at, 0);
  catalog_.reset();
  auto reader = must(Reader::open(state_dir()));
  for (const auto& count : must(reader->state_counts())) EXPECT_LE(count.files, 1);
}

TEST_F(Open, StoresAndFoldersAreKnownByWhatNamesThem) {
  StoreRow store = must(catalog_->ensure_store("https://s3.test", "bucket", "p/"));
  EXPECT_EQ(store.id, store_);
  EXPECT_EQ(store.epoch, 1);
  store.capabilities = "{\"if_absent\":true}";
  store.epoch = 3;
  store.nonce = "abc";
  must(catalog_->save_store(store));
  EXPECT_NE(must(catalog_->ensure_store("https://s3.test", "bucket", "q/")).id, store_);

  FolderRow folder = must(catalog_->ensure_folder("inbox", "/srv/inbox", store_));
  EXPECT_EQ(folder.id, folder_);
  folder.dev = 7;
  folder.ino = 18'000'000'000'000'000'000ULL;
  folder.btime = -5;
  folder.boot_id = "boot";
  folder.clean = true;
  folder.state = "suspended";
  folder.reason = "another disk";
  must(catalog_->save_folder(folder));
  must(catalog_->commit());
  reopen();

  const StoreRow kept = must(catalog_->ensure_store("https://s3.test", "bucket", "p/"));
  EXPECT_EQ(kept.capabilities, store.capabilities);
  EXPECT_EQ(kept.epoch, 3);
  EXPECT_EQ(kept.nonce, "abc");
  const FolderRow same = must(catalog_->ensure_folder("inbox", "/srv/inbox", store_));
  EXPECT_EQ(same.dev, 7U);
  EXPECT_EQ(same.ino, 18'000'000'000'000'000'000ULL);
  EXPECT_EQ(same.btime, -5);
  EXPECT_EQ(same.boot_id, "boot");
  EXPECT_TRUE(same.clean);
  EXPECT_EQ(same.state, "suspended");
  EXPECT_EQ(same.reason, "another disk");
}

TEST_F(Open, HistoryFollowsTheNameOfAFolder) {
  store("f", "one");
  const FolderRow moved = must(catalog_->ensure_folder("inbox", "/srv/elsewhere", store_));
  EXPECT_EQ(moved.id, folder_);
  EXPECT_EQ(moved.path, "/srv/elsewhere");
  EXPECT_TRUE(must(catalog_->find_live(moved.id, "f")).has_value());
}

// Else a reader that recovers the log after a crash fails the start of the writer.
TEST_F(Open, ConnectionWaitsForOthersFromItsFirstStatementOn) {
  for (const auto mode : {Connection::Mode::ReadWrite, Connection::Mode::ReadOnly}) {
    auto connection = must(Connection::open(database(), mode));
    EXPECT_GE(must(connection.integer("PRAGMA busy_timeout")).value_or(0), 1000);
  }
}

TEST(Schema, MigratesForwardStepByStepAndKeepsWhatIsThere) {
  TemporaryFolder directory;
  const std::string path = directory.path() + "/m.db";
  std::ofstream(path).close();
  auto connection = must(Connection::open(path, Connection::Mode::ReadWrite));
  const Migration first{.to = 1, .sql = "CREATE TABLE t(a)"};
  const Migration second{.to = 2, .sql = "ALTER TABLE t ADD COLUMN b DEFAULT 5"};
  must(migrate(connection, std::vector{first}));
  must(connection.run("INSERT INTO t(a) VALUES(1)"));
  must(migrate(connection, std::vector{first, second}));
  EXPECT_EQ(must(inspect(connection, 2)).version, 2);
  EXPECT_EQ(must(connection.integer("SELECT a + b FROM t")), 6);
  EXPECT_EQ(code_of(inspect(connection, 1)), ErrorCode::NewerVersion);
}

TEST(Schema, FailedStepLeavesTheVersionBeforeIt) {
  TemporaryFolder directory;
  const std::string path = directory.path() + "/m.db";
  std::ofstream(path).close();
  auto connection = must(Connection::open(path, Connection::Mode::ReadWrite));
  const Migration first{.to = 1, .sql = "CREATE TABLE t(a)"};
  const Migration broken{.to = 2, .sql = "CREATE TABLE u(a); CREATE TABLE t(a)"};
  EXPECT_FALSE(migrate(connection, std::vector{first, broken}).has_value());
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_EQ(must(inspect(connection, 2)).version, 1);
  EXPECT_EQ(must(connection.integer("SELECT count(*) FROM sqlite_master")), 1);
}

struct Expected {
  int code;
  int os_errno;
  ErrorCode expected;
};

TEST(Sqlite, ErrorsAreNamedByWhatToDo) {
  const Expected table[] = {
      {SQLITE_FULL, 0, ErrorCode::DiskFull},
      {SQLITE_IOERR_WRITE, ENOSPC, ErrorCode::DiskFull},
      {SQLITE_IOERR_WRITE, EDQUOT, ErrorCode::DiskFull},
      {SQLITE_IOERR_FSYNC, EIO, ErrorCode::RetryLater},
      {SQLITE_CORRUPT, 0, ErrorCode::Damaged},
      {SQLITE_CORRUPT_INDEX, 0, ErrorCode::Damaged},
      {SQLITE_NOTADB, 0, ErrorCode::Damaged},
      {SQLITE_BUSY, 0, ErrorCode::RetryLater},
      {SQLITE_BUSY_RECOVERY, 0, ErrorCode::RetryLater},
      {SQLITE_LOCKED, 0, ErrorCode::RetryLater},
      {SQLITE_NOMEM, 0, ErrorCode::RetryLater},
      {SQLITE_CANTOPEN, EACCES, ErrorCode::NeedsPerson},
      {SQLITE_CANTOPEN, EMFILE, ErrorCode::RetryLater},
      {SQLITE_PERM, 0, ErrorCode::NeedsPerson},
      {SQLITE_READONLY, 0, ErrorCode::NeedsPerson},
      {SQLITE_READONLY_CANTINIT, 0, ErrorCode::NeedsPerson},
      {SQLITE_CONSTRAINT_UNIQUE, 0, ErrorCode::Internal},
      {SQLITE_MISUSE, 0, ErrorCode::Internal},
  };
  for (const Expected& line : table) {
    const Error error = sqlite_error("write", line.code, line.os_errno, "text");
    EXPECT_EQ(error.code, line.expected) << line.code;
    EXPECT_EQ(error.os_errno, line.os_errno);
    EXPECT_EQ(error.message, "cannot write: text");
  }
}

}  // namespace
}  // namespace waybill::catalog
