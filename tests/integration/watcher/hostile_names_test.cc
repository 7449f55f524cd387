#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <thread>

#include "base/bytes.h"
#include "tests/integration/watcher/watched_folder.h"
#include "watcher/stable_reader.h"

namespace waybill::watcher {
namespace {

// What a hostile or careless person puts into a folder.
class HostileNames : public WatchedFolder {};

TEST_F(HostileNames, WhatIsNoFileIsNamedSkippedAndNeverWaitedFor) {  // scenario 35
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::make_fifo(at("fifo"));
  // The one device that anybody may make.
  ASSERT_EQ(::mknod(at("device").c_str(), S_IFCHR | 0666, makedev(0, 0)), 0);
  const UniqueFd listener = disk::make_socket(at("socket"));
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.ignored,
            (std::map<std::string, std::string>{
                {"device", "device"}, {"fifo", "FIFO"}, {"socket", "socket"}}));
  const auto files = make_linux_file_system();
  for (const char* name : {"device", "fifo", "socket"}) {
    const auto opened = files->open_file(root_, name);
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().code, ErrorCode::NeedsPerson);
  }
}

TEST_F(HostileNames, LinksAreNotFollowedWhereverTheyLead) {  // scenario 36
  disk::write(out("secret"), "secret");
  disk::make_directory(at("d"));
  disk::symlink(out("secret"), at("to_secret"));
  disk::symlink(outside_, at("to_outside"));
  disk::symlink("../d", at("d/loop"));
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_TRUE(watcher.belief.paths().empty());
  EXPECT_EQ(watcher.belief.ignored["d/loop"], "symbolic link");
  const auto files = make_linux_file_system();
  for (const char* path : {"to_secret", "to_outside/secret", "d/loop/loop/loop"}) {
    EXPECT_FALSE(files->open_file(root_, path)) << path;
    EXPECT_FALSE(files->open_directory(root_, path)) << path;
  }
}

// Scenario 37: a directory and a link to the outside change places all the time.
TEST_F(HostileNames, NothingOutsideIsReadWhileADirectoryAndALinkChangePlaces) {
  disk::make_directory(at("d"));
  disk::write(at("d/f"), "public");
  disk::make_directory(out("d"));
  disk::write(out("d/f"), "secret");
  disk::symlink(out("d"), at("l"));
  std::atomic<bool> stop = false;
  std::jthread attacker([&] {
    while (!stop) disk::exchange(at("d"), at("l"));
  });
  const auto files = make_linux_file_system();
  int reached = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto file = files->open_file(root_, "d/f");
    if (!file) continue;
    Bytes text(6);
    ASSERT_TRUE((*file)->read_at(0, text));
    ASSERT_EQ(as_text(text), "public");
    ++reached;
  }
  LiveWatcher watcher(root_);
  for (int i = 0; i < 500; ++i) watcher.step();
  stop = true;
  attacker.join();
  EXPECT_GT(reached, 0);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), truth());
}

TEST_F(HostileNames, NamesAreBytesAndStayDistinct) {  // scenario 38
  LiveWatcher watcher(root_, IgnoreRules());
  ASSERT_TRUE(watcher.catch_up());
  const Paths names{"new\nline", "\xff\xfe", std::string(255, 'n'), "%2F", "-rf", "a b", "\\x41",
                    "A",         "\x01"};
  for (const std::string& name : names) disk::write(at(name), name);
  disk::make_directory(at("\xff"));
  disk::write(at("\xff/\n"), "x");
  ASSERT_TRUE(watcher.catch_up());
  Paths expected = names;
  expected.insert("\xff/\n");
  EXPECT_EQ(watcher.belief.paths(), expected);
  const auto files = make_linux_file_system();
  for (const std::string& name : names) {
    const auto content =
        read_small(*files, root_, name, watcher.belief.files[name], LeaseMode::Auto);
    ASSERT_TRUE(content) << printable(name) << content.error().describe();
    EXPECT_EQ(as_text(*content->bytes), name);
  }
}

// Scenario 39: longer than the kernel takes in one piece.
TEST_F(HostileNames, APathOfSixKilobytesIsWatchedAndRead) {
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::DeepDirectory deep(root_, std::string(200, 'd'), 30);
  deep.write("bottom", "deep");
  ASSERT_TRUE(watcher.catch_up());
  deep.write("late", "late");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), (Paths{deep.path() + "/bottom", deep.path() + "/late"}));
  const auto files = make_linux_file_system();
  const std::string path = deep.path() + "/bottom";
  const auto content = read_small(*files, root_, path, watcher.belief.files[path], LeaseMode::Auto);
  ASSERT_TRUE(content) << content.error().describe();
  EXPECT_EQ(as_text(*content->bytes), "deep");
  deep.remove("bottom");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), Paths{deep.path() + "/late"});
}

}  // namespace
}  // namespace waybill::watcher
