#include <sys/stat.h>

#include <cstdio>
#include <random>

#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

// Scenario 10 of WATCHING.md 4, small: whatever is done to the tree, and whenever the watcher gets
// its turns, in the end it believes what is true. Seeds are fixed: a failure repeats.
class Adversary : public WatchedFolder, public testing::WithParamInterface<unsigned> {
 protected:
  std::string some_path() {
    std::string path = random_() % 8 == 0 ? outside_ : root_;
    for (unsigned depth = 1 + random_() % 4; depth > 0; --depth) {
      path += '/';
      path += static_cast<char>('a' + random_() % 4);
    }
    return path;
  }

  // Most of it fails, for want of something to do it to: that is part of the noise.
  void act() {
    const std::string a = some_path();
    const std::string b = some_path();
    switch (random_() % 9) {
      case 0:
      case 1:
        ::mkdir(a.c_str(), 0755);
        break;
      case 2:
      case 3: {
        const UniqueFd fd(::open(a.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        const ssize_t written = fd.valid() ? ::write(fd.get(), a.data(), random_() % a.size()) : 0;
        EXPECT_GE(written, 0);
        break;
      }
      case 4:
        ::unlink(a.c_str());
        ::rmdir(a.c_str());
        break;
      case 5:
      case 6:
        ::rename(a.c_str(), b.c_str());
        break;
      case 7:
        ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
        break;
      default:
        static_cast<void>(::link(a.c_str(), b.c_str()) == 0);
    }
  }

  std::mt19937 random_{GetParam()};
};

TEST_P(Adversary, TheFinalBeliefIsTheTruth) {
  LiveWatcher watcher(root_, IgnoreRules());
  for (int round = 0; round < 2000; ++round) {
    for (unsigned count = random_() % 4; count > 0; --count) act();
    if (random_() % 3 == 0) watcher.step();
    if (random_() % 5 == 0) watcher.step_scanner_only();
  }
  ASSERT_TRUE(watcher.catch_up());
  const std::set<std::string> files = truth();
  EXPECT_EQ(watcher.belief.paths(), files);
  // Every later change is seen, too: no watch was lost on the way. Those of a second name are the
  // rescan's business.
  for (const std::string& path : files) {
    disk::write(at(path), "last");
  }
  ASSERT_TRUE(watcher.catch_up());
  for (const std::string& path : files) {
    struct stat about {};
    ASSERT_EQ(::stat(at(path).c_str(), &about), 0);
    EXPECT_EQ(watcher.belief.files[path].ino, about.st_ino) << path;
    if (about.st_nlink == 1) {
      EXPECT_EQ(watcher.belief.files[path].size, 4U) << path;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Adversary, testing::Range(0U, 20U));

}  // namespace
}  // namespace waybill::watcher
