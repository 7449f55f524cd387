#include "tests/integration/watcher/own_kernel.h"
#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

// Scenario 41 of WATCHING.md 4: the kernel's limits, as this process meets them.
class Limits : public WatchedFolder {
 protected:
  static void limit(const std::string& name, int value) {
    write_setting("/proc/sys/user/max_inotify_" + name, std::to_string(value));
  }
  static void next_poll(LiveWatcher& watcher) {
    watcher.clock.advance(std::chrono::seconds(11));
    watcher.step();
    expect(watcher.catch_up(), "the watcher comes to rest");
  }
};

TEST_F(Limits, WatchesThatDoNotFitArePolledUntilTheLimitIsRaised) {
  for (const char* name : {"a", "b", "c", "d"}) disk::make_directory(at(name));
  EXPECT_EQ(in_own_kernel([this] {
              limit("watches", 3);
              LiveWatcher watcher(root_);
              expect(watcher.catch_up(), "the watcher comes to rest");
              expect(watcher.status().health == FolderHealth::Polling && watcher.status().lacking,
                     "the folder is polled, and that is a lack");
              expect(watcher.status().reason.ends_with("sysctl user.max_inotify_watches=1024"),
                     "the setting is named, but: " + watcher.status().reason);
              for (const char* name : {"a", "b", "c", "d"}) disk::write(at(name) + "/x", "x");
              next_poll(watcher);
              expect(watcher.belief.paths() == truth(), "everything is seen");

              limit("watches", 100);
              next_poll(watcher);
              expect(watcher.status().health == FolderHealth::Watching,
                     "the folder is watched again, without a restart");
              for (const char* name : {"a", "b", "c", "d"}) disk::write(at(name) + "/y", "y");
              expect(watcher.catch_up() && watcher.belief.paths() == truth(),
                     "events are enough again");
            }),
            0);
}

TEST_F(Limits, WithoutAnInstanceEverythingIsPolledUntilThereIsOne) {
  disk::make_directory(at("d"));
  disk::write(at("d/x"), "x");
  EXPECT_EQ(in_own_kernel([this] {
              limit("instances", 0);
              LiveWatcher watcher(root_);
              expect(watcher.catch_up(), "the watcher comes to rest");
              expect(watcher.status().health == FolderHealth::Polling && watcher.status().lacking,
                     "the folder is polled, and that is a lack");
              expect(watcher.status().reason.ends_with("sysctl user.max_inotify_instances=1024"),
                     "the setting is named, but: " + watcher.status().reason);
              disk::make_directory(at("new"));
              disk::write(at("new/y"), "y");
              next_poll(watcher);
              expect(watcher.belief.paths() == truth(), "everything is seen");

              limit("instances", 10);
              next_poll(watcher);
              expect(watcher.status().health == FolderHealth::Watching,
                     "the folder is watched, without a restart");
              disk::write(at("new/z"), "z");
              expect(watcher.catch_up() && watcher.belief.paths() == truth(),
                     "events are enough now");
            }),
            0);
}

}  // namespace
}  // namespace waybill::watcher
