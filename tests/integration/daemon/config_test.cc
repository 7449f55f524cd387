#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/integration/daemon/journey.h"

namespace waybill::test {
namespace {

namespace fs = std::filesystem;

class ConfigOfTheDaemon : public Journey {
 protected:
  void write_raw(const std::string& text) { std::ofstream(config_file(), std::ios::trunc) << text; }
};

TEST_F(ConfigOfTheDaemon, WrongOneAtTheStartIsRefusedWithFileLineAndKey) {
  folder["settel"] = toml_string("2s");
  write_config();
  Child daemon = launch();
  EXPECT_EQ(daemon.wait(), 5);
  EXPECT_NE(daemon_log().find(config_file() + ":"), std::string::npos) << daemon_log();
  EXPECT_NE(daemon_log().find("settel"), std::string::npos) << daemon_log();
  EXPECT_NE(daemon_log().find("did you mean"), std::string::npos) << daemon_log();
  const Answer check = waybill({"check-config"});
  EXPECT_EQ(check.code, 5);
  EXPECT_TRUE(check.says("settel")) << check.output << check.error;
}

TEST_F(ConfigOfTheDaemon, WrongOneAtAReloadKeepsTheOldOneAndSaysSo) {
  start();
  folder["settle"] = "\"soon\"";
  reload();
  EXPECT_TRUE(eventually([&] {
    const Answer status = waybill({"status"});
    return status.code == 3 && status.says("settle") && status.says("refused");
  })) << waybill({"status"}).output;
  drop("one", "goes on under the old one");
  const Answer wait = waybill({"wait"});
  EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  EXPECT_EQ(body_at("in/one"), "goes on under the old one");
  folder["settle"] = toml_string("50ms");
  reload();
  EXPECT_TRUE(eventually([&] { return waybill({"status"}).code == 0; }));
  EXPECT_TRUE(agrees("one"));
}

TEST_F(ConfigOfTheDaemon, WithoutAFolderItIdlesAndSaysWhatToDo) {
  folder.clear();
  start();
  const Answer status = waybill({"status"});
  EXPECT_EQ(status.code, 0) << status.output << status.error;
  EXPECT_TRUE(status.says("no folder")) << status.output;
  EXPECT_TRUE(status.says("[[folder]]")) << status.output;
}

TEST_F(ConfigOfTheDaemon, ReloadTakesInAnotherFolder) {
  start();
  drop("one", "one");
  wait_until_all_stored();
  const std::string second = aside("second");
  fs::create_directory(second);
  std::ofstream(second + "/two") << "two";
  book.note("two", "two");
  extra_configuration = "[[folder]]\nname = \"second\"\npath = " + toml_string(second) +
                        "\nprefix = \"second/\"\nsettle = \"50ms\"\n";
  reload();
  EXPECT_TRUE(eventually([&] {
    const StatusSeen seen = status();
    return seen.folders.contains("second") && seen.folders.at("second").stored == 1;
  }));
  EXPECT_EQ(body_at("second/two"), "two");
  EXPECT_TRUE(agrees("one"));
}

TEST_F(ConfigOfTheDaemon, ReloadLeavesAFolderThatStaysWatched) {
  start();
  const auto watched = [&] {
    const auto folders = status().folders;
    return folders.contains("drop") && folders.at("drop").watched == "inotify";
  };
  ASSERT_TRUE(eventually(watched));
  agent["uploads"] = "7";
  reload();
  EXPECT_TRUE(eventually(watched));
}

TEST_F(ConfigOfTheDaemon, ReloadInTheMiddleOfUploadsLosesNothing) {
  start();
  server().add_fault({.operation = "PutObject", .delay = Milliseconds(20)});
  for (int i = 0; i < 60; ++i) {
    drop("many/" + std::to_string(i), std::to_string(i));
    if (i % 20 == 10) reload();
  }
  drop("large", bytes(40U << 20U, 1));
  reload();
  wait_until_all_stored();
  EXPECT_TRUE(eventually([&] { return server().uploads(bucket).empty(); }));
}

TEST_F(ConfigOfTheDaemon, ReloadReadsTheMachinesContentTypesAnew) {
  const std::string list = aside("mime.types");
  std::ofstream(list) << "chemical/x-pdb pdb\n";
  agent["mime_types"] = toml_string(list);
  start();
  drop("one.pdb", "one");
  wait_until_all_stored();
  std::ofstream(list) << "application/vnd.palm pdb\n";
  reload();
  drop("two.pdb", "two");
  wait_until_all_stored();
  EXPECT_EQ(server().object(bucket, "in/one.pdb")->content_type, "chemical/x-pdb");
  EXPECT_EQ(server().object(bucket, "in/two.pdb")->content_type, "application/vnd.palm");
}

TEST_F(ConfigOfTheDaemon, StopsCleanlyWhileTheServerDoesNotAnswer) {
  start();
  server().add_fault({.operation = "PutObject", .key = "in/one", .never_answer = true});
  drop("one", "one");
  ASSERT_TRUE(eventually([&] { return requests("PutObject", "in/one") > 0; }));
  stop();
  server().clear_faults();
  start();
  wait_until_all_stored();
}

}  // namespace
}  // namespace waybill::test
