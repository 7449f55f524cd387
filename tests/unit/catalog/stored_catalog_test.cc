#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "catalog/schema.h"
#include "catalog/sqlite.h"
#include "tests/unit/catalog/catalog_fixture.h"

// Catalogs that earlier versions wrote, kept as SQL in stored/: each is opened by this one, keeps
// what it holds, and ends with the very schema of a fresh one. A new step of the schema needs the
// catalog of the version before it there, as that version left it:
//   sqlite3 catalog.db .dump, and the application id, the version and the clean mark set
namespace waybill::catalog {
namespace {

namespace fs = std::filesystem;

std::string stored_file(std::int64_t version) {
  return std::string(WAYBILL_STORED_CATALOGS) + "/version_" + std::to_string(version) + ".sql";
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Each table, index and view with its SQL.
std::map<std::string, std::string> schema_of(Connection& connection) {
  std::map<std::string, std::string> schema;
  auto statement = must(connection.prepare(
      "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"));
  auto rows = must(statement.query({}));
  while (must(rows.next())) schema[rows.string(0)] = rows.string(1);
  return schema;
}

class StoredCatalog : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    fs::create_directory(state_dir());
    const std::string sql = text_of(stored_file(GetParam()));
    ASSERT_FALSE(sql.empty()) << "there is no " << stored_file(GetParam());
    std::ofstream(database()).close();
    auto connection = must(Connection::open(database(), Connection::Mode::ReadWrite));
    must(connection.run(sql.c_str()));
    ASSERT_EQ(must(connection.integer("PRAGMA user_version")), GetParam());
  }
  [[nodiscard]] std::string state_dir() const { return directory_.path() + "/state"; }
  [[nodiscard]] std::string database() const { return state_dir() + "/catalog.db"; }

  TemporaryFolder directory_;
  fakes::FakeClock clock_;
};

std::vector<std::int64_t> earlier_versions_and_this() {
  std::vector<std::int64_t> all;
  for (const Migration& step : migrations()) all.push_back(step.to);
  return all;
}

TEST_P(StoredCatalog, IsAsItsVersionMadeIt) {
  // A step that was released is never edited: catalogs of then would differ from those of now.
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  std::erase_if(steps, [](const Migration& step) { return step.to > GetParam(); });
  const std::string fresh_path = directory_.path() + "/fresh.db";
  std::ofstream(fresh_path).close();
  auto fresh = must(Connection::open(fresh_path, Connection::Mode::ReadWrite));
  must(migrate(fresh, steps));
  auto stored = must(Connection::open(database(), Connection::Mode::ReadWrite));
  EXPECT_EQ(schema_of(stored), schema_of(fresh));
}

TEST_P(StoredCatalog, EndsWithTheSchemaOfAFreshOne) {
  must(Catalog::open(state_dir(), clock_));
  must(Catalog::open(directory_.path() + "/fresh", clock_));
  auto migrated = must(Connection::open(database(), Connection::Mode::ReadOnly));
  auto fresh =
      must(Connection::open(directory_.path() + "/fresh/catalog.db", Connection::Mode::ReadOnly));
  EXPECT_EQ(schema_of(migrated), schema_of(fresh));
  EXPECT_EQ(must(migrated.integer("PRAGMA user_version")), migrations().back().to);
  EXPECT_TRUE(quick_check(migrated).has_value());
}

TEST_P(StoredCatalog, KeepsEveryRowAndGoesOn) {
  auto catalog = must(Catalog::open(state_dir(), clock_));
  EXPECT_EQ(must(catalog->agent_id()), "0123456789abcdef0123456789abcdef");
  const StoreId store = must(catalog->ensure_store("https://s3.test", "bucket", "p/")).id;
  const FolderId folder = must(catalog->ensure_folder("inbox", "/srv/inbox", store)).id;
  const auto row = [&](const std::string& path) {
    return must(catalog->find_live(folder, path)).value();
  };

  EXPECT_EQ(row("queued").state, FileState::Queued);
  EXPECT_EQ(row("queued").sha256, content("queued"));
  EXPECT_EQ(row("blocked").state, FileState::Blocked);
  EXPECT_EQ(row("blocked").reason, "an object that is not ours has this key: p/blocked");
  EXPECT_EQ(row("gone").state, FileState::Gone);
  EXPECT_EQ(row("odd\xff\xfename").state, FileState::Stored);

  const FileRow stored = row("stored");
  EXPECT_EQ(stored.state, FileState::Stored);
  EXPECT_EQ(stored.generation, 2);
  EXPECT_EQ(stored.sha256, content("second"));
  const ObjectRow object = must(catalog->object(*stored.object)).value();
  EXPECT_EQ(object.key, "p/stored");
  EXPECT_EQ(object.checksum, "sha256:" + to_base64(content("second")));
  EXPECT_EQ(object.proof, ProofLevel::StoreChecked);
  EXPECT_EQ(object.proof_detail, "S3 checked the signed SHA-256");
  EXPECT_TRUE(must(catalog->live_object_at(store, "p/gone")).value().sole);

  const FileRow large = row("large");
  EXPECT_EQ(large.state, FileState::Uploading);
  const auto attempts = must(catalog->attempts_of(large.id));
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_EQ(attempts.front().state, AttemptState::Uploading);
  EXPECT_EQ(attempts.front().upload_id, "an upload id");
  EXPECT_EQ(attempts.front().part_size, 16U << 20U);

  // Since version 6.
  const bool tells_metadata = GetParam() >= 6;
  EXPECT_EQ(object.metadata, tells_metadata ? R"({"sample":"12"})" : "");
  EXPECT_EQ(attempts.front().metadata,
            tells_metadata ? R"({"mode":"100644","uid":"0","gid":"0"})" : "");

  // Since version 8.
  EXPECT_EQ(must(catalog->lost_objects()).objects, GetParam() >= 8 ? 1 : 0);

  // Since version 3.
  const auto arrived = must(catalog->arrival(folder, "arrived"));
  ASSERT_EQ(arrived.has_value(), GetParam() >= 3);
  if (arrived) {
    EXPECT_EQ(arrived->ino, 108U);
  }

  // Since version 4.
  const auto mounts = must(catalog->mounts(folder));
  ASSERT_EQ(mounts.size(), GetParam() >= 4 ? 1U : 0U);
  if (!mounts.empty()) {
    EXPECT_EQ(mounts.front().path, "disk");
    EXPECT_EQ(mounts.front().ino, 109U);
    EXPECT_EQ(must(catalog->covered(folder)), std::vector{stored.id});
  }

  const Catalog::Counts counts = catalog->counts(folder);
  EXPECT_EQ(counts.by_state[static_cast<int>(FileState::Stored)], 2);
  EXPECT_EQ(counts.by_state[static_cast<int>(FileState::Queued)], 1);

  // And it goes on: what was queued is stored.
  const NewAttempt attempt{.id = "00112233445566778899aabbccddeeff",
                           .file = row("queued").id,
                           .store = store,
                           .key = "p/queued",
                           .condition = "absent",
                           .fingerprint = row("queued").fingerprint,
                           .sha256 = content("queued")};
  must(catalog->claim(attempt));
  must(catalog->commit());
  must(catalog->acknowledge(attempt.id,
                            {.etag = "\"e\"",
                             .size = 3,
                             .sha256 = content("queued"),
                             .proof = ProofLevel::Acknowledged,
                             .proof_detail = "acknowledged"},
                            true));
  must(catalog->commit());
  EXPECT_EQ(row("queued").state, FileState::Stored);
}

INSTANTIATE_TEST_SUITE_P(Version, StoredCatalog, testing::ValuesIn(earlier_versions_and_this()));

}  // namespace
}  // namespace waybill::catalog
