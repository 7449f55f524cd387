#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/integration/daemon/journey.h"

// complete = "rename" (WATCHING.md 2.4): only what was seen to arrive by rename is taken.
namespace waybill::test {
namespace {

namespace fs = std::filesystem;

class ByRename : public Journey {
 protected:
  ByRename() { folder["complete"] = toml_string("rename"); }

  // What came before the folder is watched is unseen, however soon after the start that was.
  void start() {
    Journey::start();
    EXPECT_TRUE(eventually([&] {
      const auto folders = status().folders;
      return !folders.empty() && folders.begin()->second.watched == "inotify";
    }));
  }

  void make_in_place(const std::string& path, const std::string& content) {
    std::ofstream(local(path)) << content;
    book.note(path, content);
  }
  testing::AssertionResult explained(const std::string& path, std::string_view words) {
    Answer shown;
    if (eventually([&] { return (shown = waybill({"show", local(path)})).says(words); })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << shown.output << shown.error;
  }
  // Durable arrivals, as anybody with a SQL prompt sees them.
  [[nodiscard]] int arrivals() const {
    sqlite3* database = nullptr;
    sqlite3_stmt* count = nullptr;
    int found = -1;
    const std::string file = state_directory() + "/catalog.db";
    if (sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(database, "SELECT count(*) FROM arrivals", -1, &count, nullptr) ==
            SQLITE_OK &&
        sqlite3_step(count) == SQLITE_ROW) {
      found = sqlite3_column_int(count, 0);
    }
    sqlite3_finalize(count);
    sqlite3_close(database);
    return found;
  }
};

TEST_F(ByRename, WhatArrivesIsStoredAndWhatIsMadeInPlaceWaitsUntilItIsRenamed) {
  start();
  drop("arrived", "whole");
  make_in_place("report.new", "who knows");
  ASSERT_TRUE(becomes("arrived", "stored"));
  EXPECT_TRUE(explained("report.new", "made in place"));
  EXPECT_TRUE(waybill({"ls"}).says("report.new"));
  EXPECT_EQ(body_at("in/report.new"), "(no object)");
  move("report.new", "report");
  ASSERT_TRUE(becomes("report", "stored"));
  wait_until_all_stored();
  EXPECT_EQ(server().keys(bucket), (std::vector<std::string>{"in/arrived", "in/report"}));
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(ByRename, AnArrivalThatIsNotTakenYetSurvivesSigkill) {
  folder["settle"] = toml_string("1h");
  start();
  drop("arrived", "whole");
  ASSERT_TRUE(eventually([&] { return arrivals() == 1; }));
  kill();
  folder["settle"] = toml_string("50ms");
  start();
  wait_until_all_stored();
  EXPECT_TRUE(eventually([&] { return arrivals() == 0; }));
}

TEST_F(ByRename, WhatCameWhileNobodyLookedWaitsAndAPersonsWordTakesIt) {
  start();
  stop();
  drop("meanwhile", "whole");
  start();
  EXPECT_TRUE(told("how it came was not seen", "meanwhile"));
  EXPECT_NE(status().reason("arrival-unseen"), nullptr);
  EXPECT_EQ(body_at("in/meanwhile"), "(no object)");
  const Answer retry = waybill({"retry", local("meanwhile")});
  EXPECT_EQ(retry.code, 0) << retry.output << retry.error;
  ASSERT_TRUE(becomes("meanwhile", "stored"));
  wait_until_all_stored();
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(ByRename, WhatNobodySawIsTakenWhereTheConfigurationSaysSo) {
  folder["arrived_unseen"] = toml_string("take");
  drop("before", "whole");
  start();
  wait_until_all_stored();
}

TEST_F(ByRename, ADirectoryThatIsMovedInBringsAllThatIsBelowIt) {
  start();
  const std::string staged = aside("delivery");
  fs::create_directories(staged + "/deep/deeper");
  std::ofstream(staged + "/a") << "1";
  std::ofstream(staged + "/deep/deeper/b") << "2";
  book.note("delivery/a", "1");
  book.note("delivery/deep/deeper/b", "2");
  fs::rename(staged, local("delivery"));
  ASSERT_TRUE(becomes("delivery/a", "stored"));
  ASSERT_TRUE(becomes("delivery/deep/deeper/b", "stored"));
  wait_until_all_stored();
}

TEST_F(ByRename, WhatTheKernelLostWaitsAndWhatComesAfterwardsDoesNot) {
  start();
  daemon().signal(SIGSTOP);
  // Twice what its queue of events holds, of names that are ignored.
  int queue = 16384;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
  std::ofstream(local("a.part")) << "x";
  for (int i = 0; i < queue; ++i) {
    fs::rename(local(i % 2 == 0 ? "a.part" : "b.part"), local(i % 2 == 0 ? "b.part" : "a.part"));
  }
  drop("lost", "whole");
  daemon().signal(SIGCONT);
  EXPECT_TRUE(told("how it came was not seen", "lost"));
  drop("heard", "whole");
  ASSERT_TRUE(becomes("heard", "stored"));
  EXPECT_EQ(waybill({"retry", local("lost")}).code, 0);
  ASSERT_TRUE(becomes("lost", "stored"));
}

}  // namespace
}  // namespace waybill::test
