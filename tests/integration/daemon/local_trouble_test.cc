#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "tests/integration/daemon/journey.h"

// What can be wrong with files and folders: a clear sentence, the right state,
// nothing lost, and on by itself when the cause is gone.
namespace waybill::test {
namespace {

namespace fs = std::filesystem;

class LocalTrouble : public Journey {
 protected:
  // Root may read everything, so there another user runs the daemon.
  void start_without_privileges() {
    if (is_root()) user = nobody;
    start();
  }
  // Waits until this much of an upload is under way.
  bool upload_begun(const std::string& operation) {
    return eventually([&] {
      const auto log = server().log();
      return std::any_of(log.begin(), log.end(), [&](const auto& request) {
        return request.operation == operation && request.key.starts_with("in/") &&
               !request.key.starts_with("in/_waybill/");
      });
    });
  }
};

TEST_F(LocalTrouble, UnreadableFileIsBlockedAndTakenOnceItMayBeRead) {
  start_without_privileges();
  drop("readable", "everybody's");
  wait_until_all_stored();
  {
    const std::string secret = aside("secret");
    const UniqueFd file(::open(secret.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0));
    ASSERT_EQ(::write(file.get(), "mine", 4), 4);
    fs::rename(secret, local("secret"));
    book.note("secret", "mine");
  }
  EXPECT_TRUE(told("permission denied", "secret"));
  EXPECT_EQ(state_of("secret"), "blocked");
  EXPECT_TRUE(agrees("readable"));
  ::chmod(local("secret").c_str(), 0644);
  ASSERT_TRUE(becomes("secret", "stored"));
  EXPECT_TRUE(agrees("secret"));
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(LocalTrouble, UnreadableFolderIsToldAndTakenOnceItMayBeListed) {
  start_without_privileges();
  drop("closed/inside", "inside");
  wait_until_all_stored();
  ::chmod(local("closed").c_str(), 0);
  drop("other", "other");
  EXPECT_TRUE(eventually([&] {
    const Answer status = waybill({"status"});
    return status.code == 3 && status.says("permission denied");
  })) << waybill({"status"}).output;
  // Not to be seen is not to be gone.
  EXPECT_EQ(state_of("closed/inside"), "stored");
  ::chmod(local("closed").c_str(), 0755);
  EXPECT_TRUE(eventually([&] { return waybill({"status"}).code == 0; }));
  wait_until_all_stored();
}

TEST_F(LocalTrouble, WithoutTheRightToLeasesTheLongerWaitStoresAllTheSame) {
  start_without_privileges();
  drop("small", "small");
  drop("large", bytes(17 * mebibyte, 3));
  wait_until_all_stored();
}

TEST_F(LocalTrouble, FileThatVanishesBeforeItsUploadIsGoneAndNothingIsSent) {
  start();
  server().set_reachable(false);
  drop("short-lived", "here and gone");
  EXPECT_TRUE(told("connect", "short-lived"));
  remove("short-lived");
  EXPECT_TRUE(eventually([&] {
    const Shown shown = show("short-lived");
    return !shown.known || shown.state == "gone";
  }));
  server().set_reachable(true);
  drop("stays", "stays");
  wait_until_all_stored();
  EXPECT_EQ(server().keys(bucket), (std::vector<std::string>{"in/stays"}));
}

TEST_F(LocalTrouble, FileThatVanishesWhileItIsUploadedIsGoneAndItsNameIsFreeAgain) {
  start();
  server().add_fault(
      {.operation = "PutObject", .key = "in/fleeting", .count = 1, .read_rate = mebibyte / 2});
  drop("fleeting", bytes(8 * mebibyte, 4));
  ASSERT_TRUE(upload_begun("PutObject"));
  remove("fleeting");
  ASSERT_TRUE(becomes("fleeting", "gone"));
  drop("fleeting", "the name again");
  wait_until_all_stored();
}

TEST_F(LocalTrouble, LargeFileThatVanishesWhileItIsUploadedLeavesNoUpload) {
  start();
  server().add_fault({.operation = "UploadPart", .read_rate = 4 * mebibyte});
  drop("fleeting", bytes(40 * mebibyte, 5));
  ASSERT_TRUE(upload_begun("UploadPart"));
  remove("fleeting");
  ASSERT_TRUE(becomes("fleeting", "gone"));
  server().clear_faults();
  EXPECT_TRUE(eventually([&] { return server().uploads(bucket).empty(); }));
  drop("other", "goes on");
  wait_until_all_stored();
}

TEST_F(LocalTrouble, FileChangedWhileItIsUploadedIsStoredWhole) {
  start();
  server().add_fault({.operation = "UploadPart", .count = 2, .read_rate = 8 * mebibyte});
  const std::string first = bytes(40 * mebibyte, 6);
  drop("growing", first);
  ASSERT_TRUE(upload_begun("UploadPart"));
  {
    const UniqueFd writer(::open(local("growing").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    ASSERT_EQ(::write(writer.get(), "and more", 8), 8);
    book.note("growing", first + "and more");
  }
  wait_until_all_stored();
  EXPECT_EQ(body_at(show("growing").key).size(), first.size() + 8);
  EXPECT_TRUE(server().uploads(bucket).empty());
}

TEST_F(LocalTrouble, SmallFileReplacedWhileItIsUploadedEndsWithTheNewContent) {
  start();
  server().add_fault(
      {.operation = "PutObject", .key = "in/twice", .count = 1, .read_rate = 2 * mebibyte});
  drop("twice", bytes(4 * mebibyte, 7));
  ASSERT_TRUE(upload_begun("PutObject"));
  drop("twice", "replaced");
  wait_until_all_stored();
  EXPECT_EQ(body_at(show("twice").key), "replaced");
}

TEST_F(LocalTrouble, WhatIsNoRegularFileIsIgnoredAndHoldsNothingUp) {
  ASSERT_EQ(::mkfifo(local("fifo").c_str(), 0644), 0);
  start();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = local("socket");
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::create_symlink("/etc/hostname", local("link"));
  fs::create_directory_symlink("/etc", local("linked-folder"));
  fs::create_symlink("nowhere", local("dangling"));
  drop("regular", "regular");
  drop("upload.part", "not complete yet");
  const Answer wait = waybill({"wait"});
  EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  EXPECT_TRUE(agrees("regular"));
  EXPECT_EQ(server().keys(bucket), (std::vector<std::string>{"in/regular"}));
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(LocalTrouble, StoredFileThatBecomesASymbolicLinkKeepsItsObject) {
  start();
  drop("file", "once a file");
  wait_until_all_stored();
  remove("file");
  fs::create_symlink("/etc/hostname", local("file"));
  ASSERT_TRUE(becomes("file", "gone"));
  EXPECT_EQ(body_at("in/file"), "once a file");
}

TEST_F(LocalTrouble, MissingFolderIsSuspendedAndTakenUpWhenItComes) {
  fs::remove(drop_folder());
  start();
  EXPECT_TRUE(eventually([&] {
    const Answer status = waybill({"status"});
    return status.code == 3 && status.says("there is no directory " + drop_folder());
  })) << waybill({"status"}).output;
  fs::create_directory(drop_folder());
  drop("first", "first");
  ASSERT_TRUE(becomes("first", "stored"));
  wait_until_all_stored();
  EXPECT_EQ(waybill({"status"}).code, 0);
}

TEST_F(LocalTrouble, FolderRenamedAwayIsSuspendedAndNoRowBelievesItsFileGone) {
  start();
  for (int i = 0; i < 10; ++i) drop("d/" + std::to_string(i), std::to_string(i));
  wait_until_all_stored();
  fs::rename(drop_folder(), aside("elsewhere"));
  EXPECT_TRUE(eventually([&] { return status().folders.at("drop").watched == "suspended"; }));
  EXPECT_EQ(waybill({"status"}).code, 3);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(state_of("d/" + std::to_string(i)), "stored");
  fs::rename(aside("elsewhere"), drop_folder());
  EXPECT_TRUE(eventually([&] { return waybill({"status"}).code == 0; }));
  drop("after", "after");
  ASSERT_TRUE(becomes("after", "stored"));
  wait_until_all_stored();
  const auto log = server().log();
  EXPECT_TRUE(std::none_of(log.begin(), log.end(), [](const auto& request) {
    return request.operation == "DeleteObject" && !request.key.starts_with("in/_waybill/");
  }));
  EXPECT_EQ(show("d/0").generation, 1);
}

TEST_F(LocalTrouble, AnotherFolderInItsPlaceConcludesNothing) {
  start();
  drop("kept", "kept");
  wait_until_all_stored();
  stop();
  fs::rename(drop_folder(), aside("the disk"));
  fs::create_directory(drop_folder());  // the empty mount point, as it were
  start();
  EXPECT_TRUE(eventually([&] { return status().folders.at("drop").watched == "suspended"; }));
  EXPECT_EQ(state_of("kept"), "stored");
  fs::remove(drop_folder());
  fs::rename(aside("the disk"), drop_folder());
  EXPECT_TRUE(eventually([&] { return waybill({"status"}).code == 0; }));
  EXPECT_TRUE(agrees("kept"));
  EXPECT_EQ(show("kept").generation, 1);
}

}  // namespace
}  // namespace waybill::test
