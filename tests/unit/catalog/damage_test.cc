#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "catalog/sqlite.h"
#include "tests/unit/catalog/catalog_fixture.h"

// A damaged catalog is set aside with its reason, nothing takes its place by itself, and what a
// person puts there is opened.
namespace waybill::catalog {
namespace {

namespace fs = std::filesystem;

constexpr std::streamoff page = 4096;

struct Damage {
  const char* name;
  // What befalls catalog.db; its log is gone, since it would heal what it still holds.
  void (*befall)(const std::string& database);
  bool remains = true;  // something is there that can be set aside

  friend std::ostream& operator<<(std::ostream& to, const Damage& damage) {
    return to << damage.name;
  }
};

void write_at(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(at);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

const Damage damages[] = {
    {.name = "CorruptPages",
     .befall =
         [](const std::string& database) {
           const auto size = static_cast<std::streamoff>(fs::file_size(database));
           for (std::streamoff at = page; at < size; at += page) {
             write_at(database, at + 8, std::string(64, '\x5a'));
           }
         }},
    {.name = "OnePageOfZeros",
     .befall =
         [](const std::string& database) {
           const auto pages = static_cast<std::streamoff>(fs::file_size(database)) / page;
           write_at(database, (pages - 1) * page, std::string(page, '\0'));
         }},
    {.name = "CutInTheMiddle",
     .befall =
         [](const std::string& database) {
           fs::resize_file(database, fs::file_size(database) / 2);
         }},
    {.name = "CutInsideItsFirstPage",
     .befall = [](const std::string& database) { fs::resize_file(database, 1000); }},
    {.name = "Emptied",
     .befall = [](const std::string& database) { fs::resize_file(database, 0); }},
    {.name = "GarbageThroughout",
     .befall =
         [](const std::string& database) {
           write_at(database, 0, std::string(fs::file_size(database), 'x'));
         }},
    {.name = "GarbageAtItsHead",
     .befall = [](const std::string& database) { write_at(database, 0, std::string(100, 'x')); }},
    {.name = "Gone",
     .befall = [](const std::string& database) { fs::remove(database); },
     .remains = false},
};

class Damages : public CatalogTest {
 protected:
  // A catalog with rows in the database itself, left by a crash.
  void crash_with_rows() {
    catalog_.reset();
    in_a_crash([this] {
      auto catalog = must(Catalog::open(state_dir(), clock_));
      for (int i = 0; i < 400; ++i) must(catalog->complete(seen("f" + std::to_string(i), "one")));
      must(catalog->commit());
      must(catalog->checkpoint());
      ::_exit(0);
    });
    fs::remove(database() + "-wal");
    fs::remove(database() + "-shm");
  }
  [[nodiscard]] std::vector<std::string> set_aside() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(state_dir())) {
      if (entry.path().filename().string().starts_with("catalog.damaged-")) {
        found.push_back(entry.path().string());
      }
    }
    return found;
  }
  std::string told() {
    const auto opened = Catalog::open(state_dir(), clock_);
    EXPECT_FALSE(opened.has_value());
    if (opened) return {};
    EXPECT_EQ(opened.error().code, ErrorCode::Damaged);
    return opened.error().message;
  }
};

class Damaged : public Damages, public testing::WithParamInterface<Damage> {};

TEST_P(Damaged, CatalogIsSetAsideAndNoneIsBegunInItsPlace) {
  crash_with_rows();
  const std::string good = bytes_of(database());
  GetParam().befall(database());
  const std::string bad = GetParam().remains ? bytes_of(database()) : "";

  const std::string first = told();
  EXPECT_FALSE(fs::exists(database()));
  if (GetParam().remains) {
    ASSERT_EQ(set_aside().size(), 1U);
    EXPECT_EQ(bytes_of(set_aside().front() + "/catalog.db"), bad);
    EXPECT_NE(first.find(set_aside().front()), std::string::npos) << first;
    EXPECT_EQ(bytes_of(set_aside().front() + "/reason"), first + "\n");
    // Who asks without a daemon hears the same.
    const auto read = Reader::open(state_dir());
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, ErrorCode::Damaged);
    EXPECT_EQ(read.error().message, first);
  } else {
    EXPECT_TRUE(set_aside().empty());
    EXPECT_NE(first.find(state_dir()), std::string::npos) << first;
  }

  // Later, and in the next process: the same, and nothing is begun.
  EXPECT_EQ(told(), first);
  EXPECT_FALSE(fs::exists(database()));
  EXPECT_LE(set_aside().size(), 1U);

  // What a person puts there is opened.
  std::ofstream(database(), std::ios::binary) << good;
  reopen();
  EXPECT_TRUE(must(catalog_->find_live(folder_, "f399")).has_value());
}

INSTANTIATE_TEST_SUITE_P(Catalog, Damaged, testing::ValuesIn(damages),
                         [](const auto& suite) { return std::string(suite.param.name); });

TEST_F(Damages, LogGoesAsideWithItsDatabase) {
  catalog_.reset();
  std::ofstream(database(), std::ios::trunc) << std::string(8192, 'x');
  std::ofstream(database() + "-wal", std::ios::trunc) << "no log";
  told();
  ASSERT_EQ(set_aside().size(), 1U);
  EXPECT_TRUE(fs::exists(set_aside().front() + "/catalog.db-wal"));
  EXPECT_FALSE(fs::exists(database() + "-wal"));
}

TEST_F(Damages, CrashWhileItIsSetAsideIsFinishedByTheNextStart) {
  catalog_.reset();
  const std::string aside = state_dir() + "/catalog.damaged-20260101T000000Z";
  fs::create_directory(aside);
  std::ofstream(aside + "/reason") << "a page was torn\n";
  fs::rename(database(), aside + "/catalog.db");
  ASSERT_TRUE(fs::exists(database() + "-wal"));
  EXPECT_EQ(told(), "a page was torn");
  EXPECT_FALSE(fs::exists(database() + "-wal"));
  EXPECT_TRUE(fs::exists(aside + "/catalog.db-wal"));
}

TEST_F(Damages, SecondOneOnTheSameDayHasAPlaceOfItsOwn) {
  for (int i = 0; i < 3; ++i) {
    catalog_.reset();
    fs::remove(database() + "-wal");
    std::ofstream(database(), std::ios::trunc) << std::string(8192, 'x');
    told();
  }
  EXPECT_EQ(set_aside().size(), 3U);
}

TEST_F(Damages, OneThatIsDistrustedIsCheckedThoughItWasClosed) {
  store("f", "one");
  must(catalog_->commit());
  must(catalog_->checkpoint());
  catalog_->distrust();
  catalog_.reset();
  auto connection = must(Connection::open(database(), Connection::Mode::ReadOnly));
  EXPECT_EQ(must(connection.integer("SELECT value FROM meta WHERE name = 'clean'")), 0);
}

TEST_F(Damages, LostLogLeavesWhatTheDatabaseHeld) {
  crash_with_rows();
  in_a_crash([this] {
    auto catalog = must(Catalog::open(state_dir(), clock_));
    must(catalog->complete(seen("later", "two")));
    must(catalog->commit());
    ::_exit(0);
  });
  fs::remove(database() + "-wal");
  fs::remove(database() + "-shm");
  reopen();
  EXPECT_TRUE(must(catalog_->find_live(folder_, "f399")).has_value());
  EXPECT_FALSE(must(catalog_->find_live(folder_, "later")).has_value());
}

}  // namespace
}  // namespace waybill::catalog
