#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

// Permissions bind everybody but root: while one of these lives, the process is somebody else.
class AsNobody {
 public:
  AsNobody() {
    if (::geteuid() != 0) return;
    disk::check(::seteuid(65534) == 0, "become nobody");
    changed_ = true;
  }
  ~AsNobody() {
    if (changed_ && ::seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool changed_ = false;
};

class Permissions : public WatchedFolder {
 protected:
  Permissions() {
    for (const std::string& path : {folder_.path(), root_, outside_}) disk::give_to_all(path);
  }
};

TEST_F(Permissions, ADirectoryThatCannotBeReadIsNamedAndComesBackByItself) {  // scenario 40
  const AsNobody nobody;
  disk::make_directory(at("d"));
  disk::write(at("d/x"), "x");
  disk::set_mode(at("d"), 0);
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  ASSERT_TRUE(watcher.belief.unreadable.contains("d"));
  EXPECT_EQ(watcher.belief.unreadable["d"].os_errno, EACCES);
  disk::set_mode(at("d"), 0755);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), Paths{"d/x"});
  EXPECT_TRUE(watcher.belief.unreadable.empty());

  disk::set_mode(at("d"), 0);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), Paths{"d/x"});
  EXPECT_TRUE(watcher.belief.unreadable.contains("d"));
  disk::set_mode(at("d"), 0755);
  disk::write(at("d/y"), "y");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), (Paths{"d/x", "d/y"}));
}

TEST_F(Permissions, ADirectoryWhoseNamesMayBeReadButNotEnteredConcludesNothing) {
  const AsNobody nobody;
  disk::make_directory(at("d"));
  disk::write(at("d/x"), "x");
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::set_mode(at("d"), 0444);
  watcher.scanner().rescan(LiveWatcher::folder);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), Paths{"d/x"});
  EXPECT_TRUE(watcher.belief.unreadable.contains("d"));
  disk::set_mode(at("d"), 0755);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_TRUE(watcher.belief.unreadable.empty());
}

TEST_F(Permissions, AFileThatCannotBeReadNeedsAPersonAndItsChmodIsSeen) {
  const AsNobody nobody;
  disk::write(at("x"), "x");
  disk::set_mode(at("x"), 0);
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  const auto files = make_linux_file_system();
  const auto opened = files->open_file(root_, "x");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::NeedsPerson);
  EXPECT_EQ(opened.error().os_errno, EACCES);
  const int before = watcher.belief.times_seen["x"];
  disk::set_mode(at("x"), 0644);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_GT(watcher.belief.times_seen["x"], before);
  EXPECT_TRUE(files->open_file(root_, "x"));
}

// Not the owner and without CAP_LEASE: no lease, but never a guess either.
TEST_F(Permissions, SomebodyElsesFileGivesNoLease) {
  disk::write(at("x"), "x");
  if (::geteuid() != 0) return;  // then the file is ours, and there is nobody else to be
  const AsNobody nobody;
  const auto file = make_linux_file_system()->open_file(root_, "x");
  ASSERT_TRUE(file);
  const auto writers = (*file)->take_lease();
  ASSERT_TRUE(writers) << writers.error().describe();
  EXPECT_EQ(*writers, OpenFile::Writers::Unknown);
}

TEST_F(Permissions, AWriteLockTellsOfAWriterWhereNoLeaseDoes) {
  disk::write(at("x"), "x");
  const UniqueFd writer = disk::open_for_writing(at("x"));
  disk::lock_for_writing(writer);
  const AsNobody nobody;
  const auto file = make_linux_file_system()->open_file(root_, "x");
  ASSERT_TRUE(file);
  EXPECT_EQ(*(*file)->take_lease(), OpenFile::Writers::Some);
}

}  // namespace
}  // namespace waybill::watcher
