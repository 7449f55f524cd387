#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/unit/catalog/catalog_fixture.h"

// SCHEMA.md is an interface: its queries run, its columns exist, its tables are all there are.
namespace waybill::catalog {
namespace {

struct Query {
  std::set<std::string> columns;  // as the page promises
  std::string sql;
};

std::string page_text() {
  std::ifstream file(WAYBILL_SCHEMA_PAGE);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Query> queries_of(const std::string& text) {
  std::vector<Query> queries;
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```sql") {
      inside = true;
      queries.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside && line.starts_with("-- columns: ")) {
      std::istringstream names(line.substr(12));
      for (std::string name; std::getline(names, name, ',');) {
        queries.back().columns.insert(name.substr(name.find_first_not_of(' ')));
      }
    } else if (inside) {
      queries.back().sql += line + "\n";
    }
  }
  return queries;
}

struct Answer {
  std::set<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

class SchemaPage : public CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    folder_ = must(catalog_->ensure_folder("invoices", "/srv/drop/invoices", store_)).id;
    store("2026/q2.pdf", "one");
    must(catalog_->apply(queue("2026/q3.pdf", "two").id, FileEvent::NeedsPerson,
                         "an object that is not ours has this key"));
    upload("2026/q4.pdf", "three");
    must(catalog_->vanished(store("2026/q1.pdf", "four").id));
    upload("2026/q5.pdf", "five");
    StoredObject weak = stored("five");
    weak.proof = ProofLevel::EtagRecomputed;
    must(catalog_->acknowledge(last_.id, weak, true));
    must(catalog_->renamed(must(catalog_->vanished(store("2026/draft.pdf", "six").id)).id,
                           seen("2026/q7.pdf", "six")));
    last_ = attempt_for(queue("2026/scan.tif", "seven"));
    last_.metadata = R"({"sample":"HeLa 12"})";
    must(catalog_->claim(last_));
    must(catalog_->acknowledge(last_.id, stored("seven"), true));
    must(catalog_->note_arrival(folder_, {.path = "2026/q6.pdf", .dev = 1, .ino = 2, .btime = 3}));
    must(catalog_->commit());
    ASSERT_EQ(sqlite3_open_v2(database().c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr),
              SQLITE_OK);
  }
  void TearDown() override { sqlite3_close(handle_); }

  Answer ask(const std::string& sql) {
    Answer answer;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle_) << "\n"
        << sql;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      answer.columns.insert(sqlite3_column_name(statement, i));
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::vector<std::string> row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        row.emplace_back(text == nullptr ? "" : text);
      }
      answer.rows.push_back(row);
    }
    EXPECT_EQ(sqlite3_finalize(statement), SQLITE_OK) << sqlite3_errmsg(handle_);
    return answer;
  }

  sqlite3* handle_ = nullptr;
};

TEST_F(SchemaPage, EveryQueryOnThePageRunsAndAnswers) {
  const auto queries = queries_of(page_text());
  EXPECT_GE(queries.size(), 10U);
  for (const Query& query : queries) {
    const Answer answer = ask(query.sql);
    EXPECT_FALSE(query.columns.empty()) << query.sql;
    for (const std::string& column : query.columns) {
      EXPECT_TRUE(answer.columns.contains(column)) << column << " of\n" << query.sql;
    }
    EXPECT_FALSE(answer.rows.empty()) << query.sql;
  }
}

TEST_F(SchemaPage, HistoryTellsTheJourneyInOrder) {
  for (const Query& query : queries_of(page_text())) {
    if (query.sql.find("RECURSIVE") == std::string::npos) continue;
    const Answer answer = ask(query.sql);
    ASSERT_EQ(answer.rows.size(), 3U);
    EXPECT_EQ(answer.rows[0][1], "complete-new-content");
    EXPECT_EQ(answer.rows[1][1], "claim");
    EXPECT_EQ(answer.rows[2][1], "acknowledged");
  }
}

// `history` is asked from a number on: that must not read what lies before, nor sort.
TEST_F(SchemaPage, HistoryFromANumberOnIsReadInOrder) {
  const Answer plan =
      ask("EXPLAIN QUERY PLAN SELECT seq FROM history WHERE seq > 7 ORDER BY seq LIMIT 9");
  bool by_number = false;
  for (const auto& row : plan.rows) {
    by_number = by_number || row[3].find("SEARCH e USING INTEGER PRIMARY KEY (rowid>?)") == 0;
    EXPECT_EQ(row[3].find("USE TEMP B-TREE"), std::string::npos) << row[3];
    EXPECT_EQ(row[3].find("SCAN e"), std::string::npos) << row[3];
  }
  EXPECT_TRUE(by_number);
}

TEST_F(SchemaPage, ViewsShowWhatTheCatalogSays) {
  const Answer files = ask("SELECT state, sha256, key FROM current_files ORDER BY path");
  const auto hex = [](std::string_view text) { return to_hex(content(text)); };
  using Row = std::vector<std::string>;
  ASSERT_EQ(files.rows.size(), 7U);
  EXPECT_EQ(files.rows[0], (Row{"gone", hex("four"), "p/2026/q1.pdf"}));
  EXPECT_EQ(files.rows[1], (Row{"stored", hex("one"), "p/2026/q2.pdf"}));
  EXPECT_EQ(files.rows[2], (Row{"blocked", hex("two"), ""}));
  EXPECT_EQ(files.rows[3], (Row{"uploading", hex("three"), "p/2026/q4.pdf"}));
  EXPECT_EQ(files.rows[5], (Row{"queued", hex("six"), ""})) << "its key is of its new name";
  const Answer receipts = ask("SELECT path, etag, proof_level, sole FROM receipts ORDER BY path");
  ASSERT_EQ(receipts.rows.size(), 5U);
  EXPECT_EQ(receipts.rows[0], (Row{"2026/q1.pdf", "\"e\"", "3", "1"}));
}

TEST_F(SchemaPage, NamesOfStatesAndEventsAreTheCodes) {
  for (const FileState state : all_file_states) {
    const std::string number = std::to_string(static_cast<int>(state));
    const Answer name = ask("SELECT name FROM state_names WHERE state = " + number);
    ASSERT_EQ(name.rows.size(), 1U);
    EXPECT_EQ(name.rows[0][0], to_string(state));
  }
  for (const FileEvent event : all_file_events) {
    const std::string number = std::to_string(static_cast<int>(event));
    const Answer name = ask("SELECT name FROM event_names WHERE event = " + number);
    ASSERT_EQ(name.rows.size(), 1U);
    EXPECT_EQ(name.rows[0][0], to_string(event));
  }
}

TEST_F(SchemaPage, EveryTableAndEveryColumnIsOnThePage) {
  const std::string text = page_text();
  for (const auto& table : ask("SELECT name, type FROM sqlite_master WHERE type IN"
                               " ('table', 'view') AND name NOT LIKE 'sqlite_%'")
                               .rows) {
    const std::string quoted = table[1] == "table" ? "**" + table[0] + "**" : "`" + table[0] + "`";
    EXPECT_NE(text.find(quoted), std::string::npos) << table[0] << " is not on the page";
    for (const auto& column : ask("SELECT name FROM pragma_table_info('" + table[0] + "')").rows) {
      EXPECT_NE(text.find(column[0]), std::string::npos) << table[0] << "." << column[0];
    }
  }
}

}  // namespace
}  // namespace waybill::catalog
