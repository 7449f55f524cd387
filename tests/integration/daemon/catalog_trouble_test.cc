#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/daemon/journey.h"

// What can be wrong with the catalog: it is told, what is there is left alone,
// and all goes on when the cause is gone.
namespace waybill::test {
namespace {

namespace fs = std::filesystem;

class CatalogTrouble : public Journey {
 protected:
  [[nodiscard]] std::string catalog() const { return state_directory() + "/catalog.db"; }
  void set_schema_version(int version) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(catalog().c_str(), &database), SQLITE_OK);
    const std::string sql = "PRAGMA user_version = " + std::to_string(version);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }
  int schema_version() {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(catalog().c_str(), &database), SQLITE_OK);
    int version = 0;
    const auto take = [](void* into, int, char** values, char**) {
      *static_cast<int*>(into) = std::stoi(values[0]);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, "PRAGMA user_version", take, &version, nullptr), SQLITE_OK);
    sqlite3_close(database);
    return version;
  }
  void store_one_and_stop() {
    start();
    drop("one", "one");
    wait_until_all_stored();
    stop();
    puts_so_far_ = server().count("PutObject");
  }
  std::size_t puts_so_far_ = 0;
  testing::AssertionResult status_tells(std::string_view words) {
    Answer status;
    if (eventually([&] {
          status = waybill({"status"});
          return status.code == 3 && status.says(words);
        })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure()
           << "status (exit code " << status.code << ") does not say \"" << words << "\":\n"
           << status.output << status.error;
  }
  static std::string read_all(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(CatalogTrouble, SecondDaemonOnTheSameSocketEndsWithAClearSentence) {
  start();
  Child second = launch();
  EXPECT_EQ(second.wait(), 1);
  EXPECT_NE(daemon_log().find("another"), std::string::npos) << daemon_log();
  drop("one", "the first goes on");
  wait_until_all_stored();
}

TEST_F(CatalogTrouble, SecondDaemonOnTheSameStateDirectoryWaitsForTheFirstAndSaysWhy) {
  start();
  drop("one", "one");
  wait_until_all_stored();
  const std::string socket = aside("second.sock");
  Child second({.program = WAYBILLD,
                .arguments = {"--config", config_file(), "--state-dir", state_directory(),
                              "--socket", socket},
                .error = aside("second.log")});
  const auto ask_second = [&] { return waybill({"status"}, socket); };
  EXPECT_TRUE(eventually([&] { return ask_second().code == 3; })) << read_all(aside("second.log"));
  const Answer answer = ask_second();
  EXPECT_TRUE(answer.says("another")) << answer.output << answer.error;
  stop();
  EXPECT_TRUE(eventually([&] { return ask_second().code == 0; })) << ask_second().output;
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait(), 0);
}

TEST_F(CatalogTrouble, CatalogOfALaterVersionIsLeftUntouchedAndSaysSo) {
  store_one_and_stop();
  const int ours = schema_version();
  set_schema_version(999);
  const std::string before = read_all(catalog());
  start();
  EXPECT_TRUE(status_tells("later version"));
  stop();
  EXPECT_EQ(read_all(catalog()), before);
  start();
  drop("two", "two");
  EXPECT_TRUE(status_tells("later version"));
  set_schema_version(ours);
  wait_until_all_stored();  // by itself
}

TEST_F(CatalogTrouble, DamagedCatalogIsSetAsideAndNothingIsUploadedUntilOneIsPutBack) {
  store_one_and_stop();
  const std::string good = read_all(catalog());
  ASSERT_GT(good.size(), 8192U);
  fs::remove(catalog() + "-wal");
  fs::remove(catalog() + "-shm");
  {
    std::fstream file(catalog(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(good.size() - 4096, 'x');
  }
  drop("two", "two");
  for (int starts = 0; starts < 2; ++starts) {
    start();
    EXPECT_TRUE(status_tells("damaged"));
    EXPECT_TRUE(status_tells(state_directory() + "/catalog.damaged-"));
    EXPECT_TRUE(status_tells("from a backup"));
    stop();
  }
  EXPECT_FALSE(fs::exists(catalog()));
  EXPECT_EQ(server().count("PutObject"), puts_so_far_);
  // A person puts a copy back.
  std::ofstream(catalog(), std::ios::binary) << good;
  start();
  wait_until_all_stored();
  EXPECT_EQ(requests("PutObject", "in/one"), 1U);
}

TEST_F(CatalogTrouble, CatalogThatHasGoneIsToldAndNothingIsUploadedUntilOneIsPutBack) {
  store_one_and_stop();
  const std::string good = read_all(catalog());
  for (const char* name : {"", "-wal", "-shm"}) fs::remove(catalog() + name);
  drop("two", "two");
  start();
  EXPECT_TRUE(status_tells("has gone from " + state_directory()));
  stop();
  EXPECT_EQ(server().count("PutObject"), puts_so_far_);
  std::ofstream(catalog(), std::ios::binary) << good;
  start();
  wait_until_all_stored();
}

TEST_F(CatalogTrouble, LostLogEndsWithEveryFileStoredAndNothingReplacedBlindly) {
  start();
  drop("one", "one");
  wait_until_all_stored();
  kill();
  start();
  drop("two", "two");
  wait_until_all_stored();
  kill();
  fs::remove(catalog() + "-wal");
  fs::remove(catalog() + "-shm");
  start();
  wait_until_all_stored();
  // What the catalog has forgotten is recognised by a look, and replaced on condition at most.
  for (const s3server::RequestRecord& request : server().log()) {
    if (request.operation != "PutObject" || request.key.starts_with("in/_waybill/")) continue;
    EXPECT_TRUE(request.header("if-none-match") == "*" || !request.header("if-match").empty())
        << request.key;
  }
}

TEST_F(CatalogTrouble, StateDirectoryThatMayNotBeWrittenIsTold) {
  if (is_root()) {
    // Root may write everywhere; so there is no directory at all, and none can
    // be made.
    fs::remove(state_directory());
    std::ofstream(state_directory()) << "a file";
  } else {
    ::chmod(state_directory().c_str(), 0500);
  }
  start();
  drop("one", "one");
  EXPECT_TRUE(eventually([&] { return waybill({"status"}).code == 3; }));
  const Answer told = waybill({"status"});
  EXPECT_TRUE(told.says(state_directory())) << told.output << told.error;
  if (is_root()) {
    fs::remove(state_directory());
    fs::create_directory(state_directory());
  } else {
    ::chmod(state_directory().c_str(), 0700);
  }
  ASSERT_TRUE(becomes("one", "stored"));
  wait_until_all_stored();
}

TEST_F(CatalogTrouble, FullDiskIsToldNothingIsLostAndAllGoesOnWhenThereIsRoom) {
  small_disk = "24m";
  start();
  drop("before", "before");
  ASSERT_TRUE(becomes("before", "stored"));
  // Somebody else fills the disk to the last byte.
  const std::string filler = daemon().seen_from_here(state_directory()) + "/filler";
  const UniqueFd fill(::open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(fill.valid());
  const std::string block(65536, 'x');
  for (std::size_t size = block.size(); size > 0; size /= 2) {
    while (::write(fill.get(), block.data(), size) > 0) {
    }
  }
  // More than any reserve: sooner or later a commit finds no room.
  int dropped = 0;
  const bool full = eventually([&] {
    for (int i = 0; i < 200; ++i, ++dropped) {
      drop("burst/" + std::to_string(dropped), std::to_string(dropped));
    }
    return status().reason("catalog-disk-full") != nullptr;
  });
  EXPECT_TRUE(full) << waybill({"status"}).output;
  const Answer told = waybill({"status"});
  EXPECT_EQ(told.code, 3);
  EXPECT_TRUE(told.says("disk")) << told.output;
  ASSERT_EQ(::ftruncate(fill.get(), 0), 0);
  const Answer wait = waybill({"wait"});
  EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  for (const std::string& path : files()) {
    const auto object = server().object(bucket, prefix + path);
    ASSERT_TRUE(object) << path;
    EXPECT_EQ(object->body, content(path));
  }
  EXPECT_EQ(status().folders.at("drop").stored, static_cast<std::int64_t>(files().size()));
}

}  // namespace
}  // namespace waybill::test
