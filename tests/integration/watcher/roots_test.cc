#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

// Scenario 43 of WATCHING.md 4: the root goes, or another takes its place. Nothing is concluded.
class Roots : public WatchedFolder {
 protected:
  Roots() {
    disk::make_directory(at("d"));
    disk::write(at("d/x"), "x");
  }
};

TEST_F(Roots, ARenamedRootSuspendsTheFolderAndItsReturnEndsThat) {
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::move(root_, out("elsewhere"));
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.status().health, FolderHealth::Missing);
  disk::write(out("elsewhere/d/y"), "y");
  disk::move(out("elsewhere"), root_);
  watcher.clock.advance(std::chrono::seconds(10));
  watcher.step();
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.status().health, FolderHealth::Watching);
  EXPECT_EQ(watcher.belief.paths(), (Paths{"d/x", "d/y"}));
  EXPECT_TRUE(watcher.belief.lost.empty());
}

TEST_F(Roots, AnEmptyDirectoryInTheRootsPlaceDeletesNothing) {
  LiveWatcher watcher(root_);
  ASSERT_TRUE(watcher.catch_up());
  disk::move(root_, out("elsewhere"));
  disk::make_directory(root_);
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.status().health, FolderHealth::Replaced);
  watcher.clock.advance(std::chrono::hours(3));
  watcher.step();
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), Paths{"d/x"});
}

// The event queue knows nothing of a renamed ancestor; the next look at the disk does.
TEST_F(Roots, ARootWhoseParentWasRenamedDeletesNothing) {
  const std::string deep = at("parent/inbox");
  disk::make_directory(at("parent"));
  disk::make_directory(deep);
  disk::write(deep + "/x", "x");
  LiveWatcher watcher(deep);
  ASSERT_TRUE(watcher.catch_up());
  disk::move(at("parent"), at("other"));
  disk::write(at("other/inbox/y"), "y");
  ASSERT_TRUE(watcher.catch_up());
  watcher.scanner().look(LiveWatcher::folder, "x");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.status().health, FolderHealth::Missing);
  EXPECT_EQ(watcher.belief.paths(), Paths{"x"});
}

TEST_F(Roots, ARootReachedThroughTheAdministratorsLinkIsWatched) {
  disk::symlink(root_, out("link"));
  LiveWatcher watcher(out("link"));
  ASSERT_TRUE(watcher.catch_up());
  disk::write(at("d/y"), "y");
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.belief.paths(), (Paths{"d/x", "d/y"}));
}

TEST_F(Roots, ARootThatIsAFileIsMissing) {
  LiveWatcher watcher(at("d/x"));
  ASSERT_TRUE(watcher.catch_up());
  EXPECT_EQ(watcher.status().health, FolderHealth::Missing);
}

}  // namespace
}  // namespace waybill::watcher
