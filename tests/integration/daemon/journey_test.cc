#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/daemon/journey.h"

// A file's whole way, from the folder to a proven object, through real
// processes.
namespace waybill::test {
namespace {

namespace fs = std::filesystem;
using s3server::Write;

TEST_F(Journey, StoresSmallFilesInNestedFoldersAnEmptyOneAndALargeOneInParts) {
  for (int i = 0; i < 20; ++i) drop("early/a/b/" + std::to_string(i), "early " + std::to_string(i));
  start();
  for (int i = 0; i < 20; ++i) drop("late/c/d/" + std::to_string(i), "late " + std::to_string(i));
  drop("empty", "");
  drop("large", bytes(20 * mebibyte, 1));
  drop("at the threshold", bytes(16 * mebibyte, 2));
  wait_until_all_stored();
  EXPECT_EQ(files().size(), 43U);
  for (const char* path : {"empty", "late/c/d/0", "large"}) EXPECT_GE(show(path).proof, 2) << path;
  EXPECT_EQ(server().count("CompleteMultipartUpload"), 1U);
  EXPECT_TRUE(server().uploads(bucket).empty());
  const Answer all_well = waybill({"status"});
  EXPECT_EQ(all_well.code, 0) << all_well.output;
  EXPECT_EQ(status().folders.at("drop").stored, 43);
}

TEST_F(Journey, StoresOddNamesByteForByte) {
  start();
  const std::vector<std::string> names{"with space",
                                       "plus+and&and=",
                                       "percent%",
                                       "escaped%2Fslash",
                                       "a%20b",
                                       "newline\nin it",
                                       "tab\t",
                                       "invalid\xff\xfe",
                                       "-n",
                                       "--json",
                                       "grüße-日本語-🙂",
                                       "quote\"'`$(ls)\\",
                                       "#hash?query=1",
                                       "semi;colon:",
                                       ".hidden",
                                       "trailing.",
                                       " leading space",
                                       "trailing space ",
                                       std::string(255, 'x'),
                                       "dir with \xc3/ü/+%"};
  for (const std::string& name : names) drop(name, "content of " + name);
  wait_until_all_stored();
  EXPECT_EQ(files().size(), names.size());
}

// WATCHING.md 39, PROTOCOL.md rule 6
TEST_F(Journey, StoresUnderTheKeysThatATemplateMakes) {
  folder["key"] = toml_string("{arrived}/{name}");
  write_config();
  const Answer wrong = waybill({"check-config"});
  EXPECT_EQ(wrong.code, 5);
  EXPECT_TRUE(wrong.says("needs a format of")) << wrong.error;
  folder["key"] = toml_string("by-name/{name}");
  start();
  EXPECT_TRUE(waybill({"check-config"}).says("would be s3://drop/in/by-name/report.pdf"));
  std::string deep;
  for (int i = 0; i < 12; ++i) deep += std::string(100, 'd') + "/";
  drop(deep + "a.txt", "far below");
  drop("one/b.txt", "the first");
  wait_until_all_stored();
  EXPECT_EQ(body_at("in/by-name/a.txt"), "far below");
  drop("two/b.txt", "another of the same name");
  wait_until_all_stored();
  EXPECT_EQ(body_at("in/by-name/b.txt"), "the first");
  EXPECT_EQ(body_at(show("two/b.txt").key), "another of the same name");
}

TEST_F(Journey, RestartInBetweenLosesNothingAndSendsNothingTwice) {
  start();
  drop("before", "stored before the restart");
  wait_until_all_stored();
  stop();
  const std::size_t sent = server().count("PutObject");
  drop("meanwhile", "dropped while nobody looked");
  start();
  wait_until_all_stored();
  const auto puts = server().log();
  EXPECT_EQ(std::count_if(puts.begin(), puts.end(),
                          [](const auto& request) {
                            return request.operation == "PutObject" && request.key == "in/before";
                          }),
            1);
  EXPECT_GT(server().count("PutObject"), sent);
}

TEST_F(Journey, ReplacedContentIsTheNextGenerationUnderTheSameKey) {
  start();
  drop("report", "first");
  drop("large", bytes(17 * mebibyte, 1));
  wait_until_all_stored();
  const Shown first = show("report");
  drop("report", "second, longer");
  drop("large", bytes(18 * mebibyte, 2));
  wait_until_all_stored();
  const Shown second = show("report");
  EXPECT_EQ(second.key, first.key);
  EXPECT_EQ(second.generation, first.generation + 1);
  // P7: it replaced our own object and nothing else, on condition.
  const std::vector<Write> history = server().history(bucket, second.key);
  ASSERT_EQ(history.size(), 2U);
  for (const auto& request : server().log()) {
    if (request.number == history[1].request) {
      EXPECT_EQ(request.header("if-match"), "\"" + history[0].etag + "\"");
    }
  }
}

TEST_F(Journey, FileBeingWrittenIsTakenOnceItsWriterHasClosedIt) {
  start();
  {
    const UniqueFd writer(
        ::open(local("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    ASSERT_EQ(::write(writer.get(), "one\n", 4), 4);
    // The half of it is there and settled; only the open descriptor tells that more will come.
    EXPECT_TRUE(eventually([&] {
      return waybill({"show", local("log")}).says("open for writing");
    }));
    ASSERT_EQ(::write(writer.get(), "two\n", 4), 4);
    book.note("log", "one\ntwo\n");
  }
  wait_until_all_stored();
  EXPECT_EQ(body_at(show("log").key), "one\ntwo\n");
}

TEST_F(Journey, SameBytesUnderANewTimeAreNotSentAgain) {
  start();
  drop("same", "the same");
  wait_until_all_stored();
  const std::size_t sent = server().count("PutObject");
  drop("same", "the same");
  wait_until_all_stored();
  EXPECT_EQ(server().count("PutObject"), sent);
  EXPECT_EQ(show("same").generation, 1);
}

TEST_F(Journey, SameNameAgainLeavesTheOnlyCopyOfTheOldContentUntouched) {
  start();
  drop("report.pdf", "the only copy");
  wait_until_all_stored();
  const Shown old = show("report.pdf");
  remove("report.pdf");
  ASSERT_TRUE(becomes("report.pdf", "gone"));
  drop("report.pdf", "another report");
  wait_until_all_stored();
  const Shown again = show("report.pdf");
  EXPECT_NE(again.key, old.key);
  EXPECT_TRUE(again.key.starts_with("in/report.") && again.key.ends_with(".pdf")) << again.key;
  EXPECT_EQ(body_at(old.key), "the only copy");
  EXPECT_EQ(server().history(bucket, old.key).size(), 1U);
}

TEST_F(Journey, SameNameAgainIsANewVersionWhereTheBucketKeepsVersions) {
  server_options.buckets = {};
  server().create_bucket(bucket, true);
  start();
  drop("report.pdf", "the only copy");
  wait_until_all_stored();
  const Shown old = show("report.pdf");
  EXPECT_FALSE(old.version.empty());
  remove("report.pdf");
  ASSERT_TRUE(becomes("report.pdf", "gone"));
  drop("report.pdf", "another report");
  wait_until_all_stored();
  const Shown again = show("report.pdf");
  EXPECT_EQ(again.key, old.key);
  EXPECT_NE(again.version, old.version);
  EXPECT_EQ(server().history(bucket, old.key).size(), 2U);
}

TEST_F(Journey, RenamedFileIsStoredUnderItsNewNameKeepsItsHistoryAndItsFirstObjectStays) {
  start();
  drop("a/old name", "content");
  wait_until_all_stored();
  book.note("b/new name", "content");
  fs::create_directories(local("b"));
  fs::rename(local("a/old name"), local("b/new name"));
  ASSERT_TRUE(becomes("b/new name", "stored"));
  wait_until_all_stored();
  EXPECT_EQ(server().keys(bucket), (std::vector<std::string>{"in/a/old name", "in/b/new name"}));
  const Answer now = waybill({"show", "--", local("b/new name")});
  EXPECT_TRUE(now.says("renamed; before, it was: a/old name")) << now.output;
  const Answer before = waybill({"show", "--", local("a/old name")});
  EXPECT_TRUE(before.says("It was renamed to " + local("b/new name"))) << before.output;
}

TEST_F(Journey, RenamedFileIsCopiedWhereThatIsAskedFor) {
  folder["on_rename"] = toml_string("copy");
  server_options.behaviour.copy_keeps_etag = true;  // else nothing proves the large one
  start();
  drop("old name", "content");
  drop("old large", std::string(20U << 20U, 'x'));
  wait_until_all_stored();
  const std::size_t sent = server().count("PutObject") + server().count("UploadPart");
  move("old name", "new name");
  move("old large", "new large");
  ASSERT_TRUE(becomes("new name", "stored"));
  ASSERT_TRUE(becomes("new large", "stored"));
  wait_until_all_stored();
  EXPECT_EQ(server().count("PutObject") + server().count("UploadPart"), sent);
  EXPECT_EQ(server().count("CopyObject"), 2U);
  EXPECT_EQ(body_at("in/new name"), "content");
  const Answer shown = waybill({"show", "--", local("new name")});
  EXPECT_TRUE(shown.says("S3 copied it")) << shown.output;
}

TEST_F(Journey, MovedFolderTreeIsTakenWhole) {
  for (int i = 0; i < 30; ++i) {
    const std::string name = "tree/" + std::to_string(i % 3) + "/" + std::to_string(i);
    book.note(name, name);
    fs::create_directories(fs::path(aside(name)).parent_path());
    FILE* file = std::fopen(aside(name).c_str(), "w");
    std::fputs(name.c_str(), file);
    std::fclose(file);
  }
  start();
  fs::rename(aside("tree"), local("tree"));
  wait_until_all_stored();
  EXPECT_EQ(files().size(), 30U);
}

TEST_F(Journey, WaitReturnsOnlyWhenTheSlowestObjectIsThere) {
  start();
  server().add_fault({.operation = "PutObject", .key = "in/slow", .delay = Milliseconds(1500)});
  drop("quick", "quick");
  drop("slow", "slow");
  wait_until_all_stored();
  EXPECT_EQ(body_at("in/slow"), "slow");
}

TEST_F(Journey, WaitForOneFileDoesNotWaitForTheOthers) {
  start();
  server().add_fault({.operation = "PutObject", .key = "in/never", .never_answer = true});
  drop("never", "never answered");
  drop("mine", "mine");
  const Answer wait = waybill({"wait", local("mine")});
  EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  EXPECT_TRUE(agrees("mine"));
  server().clear_faults();
}

TEST_F(Journey, ListsEveryFileWithItsState) {
  start();
  drop("one", "1");
  drop("two", "2");
  wait_until_all_stored();
  const Answer list = waybill({"ls"});
  EXPECT_EQ(list.code, 0);
  EXPECT_TRUE(list.says("one") && list.says("two") && list.says("stored")) << list.output;
}

TEST_F(Journey, WithoutTheDaemonStatusAndShowAnswerFromTheCatalogAndSaySo) {
  start();
  drop("one", "1");
  wait_until_all_stored();
  stop();
  const Answer status = waybill({"status"});
  EXPECT_EQ(status.code, 4) << status.output << status.error;
  EXPECT_TRUE(status.says("not running")) << status.output << status.error;
  EXPECT_TRUE(status.says(drop_folder())) << status.output;
  EXPECT_TRUE(agrees("one"));
  EXPECT_EQ(waybill({"wait"}).code, 4);
  EXPECT_EQ(waybill({"retry", "--all"}).code, 4);
}

}  // namespace
}  // namespace waybill::test
