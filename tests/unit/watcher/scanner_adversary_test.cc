#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using std::chrono::milliseconds;

// What a disk can do to a tree, at random, with events read now and then or lost, must end in the
// truth. The seeds are fixed: a failure repeats.
class ScannerAdversary : public ScannerWorld, public testing::WithParamInterface<unsigned> {
 protected:
  std::string some_path(bool inside) {
    std::string path = inside ? "/root" : "/out";
    for (unsigned depth = random_() % 4; depth > 0; --depth) path += "/" + some_name();
    return path + "/" + some_name();
  }
  std::string some_name() { return std::string(1, static_cast<char>('a' + random_() % 4)); }

  // What the disk would refuse.
  [[nodiscard]] virtual bool refused(const std::string& /*a*/, const std::string& /*b*/) const {
    return false;
  }

  void act() {
    const std::string a = some_path(random_() % 8 != 0);
    const std::string b = some_path(random_() % 8 != 0);
    const std::string text = std::to_string(random_());
    if (refused(a, b)) return;
    try {
      switch (random_() % 8) {
        case 0:
        case 1:
          disk.make_directory(a);
          break;
        case 2:
        case 3:
          if (kind_of(a) != FileKind::Directory) disk.write(a, text);
          break;
        case 4:
          disk.remove(a);
          break;
        case 5:
          if (!is_below(b, a) && !is_below(a, b) && kind_of(b) != FileKind::Directory) {
            disk.move(a, b);
          }
          break;
        case 6:
          if (!is_below(b, a) && !is_below(a, b) && kind_of(b)) disk.exchange(a, b);
          break;
        default:
          if (kind_of(a) == FileKind::Regular && !kind_of(b)) disk.link(a, b);
      }
    } catch (const std::logic_error&) {  // there was nothing to do that to
    }
  }

  static bool is_below(const std::string& path, const std::string& directory) {
    return (path + "/").starts_with(directory + "/");
  }
  std::optional<FileKind> kind_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const auto directory = disk.open_directory({path.substr(0, slash), true}, "");
    if (!directory) return std::nullopt;
    const auto status = (*directory)->look(path.substr(slash + 1));
    return status ? std::optional(status->kind) : std::nullopt;
  }
  Paths truth(const std::string& below = {}) {
    Paths files;
    const auto directory = disk.open_directory(spec.root(), below);
    std::vector<std::string> deeper;
    static_cast<void>(
        (*directory)->list([&](std::string_view name, const Result<FileStatus>& status) {
          const std::string path = (below.empty() ? "" : below + "/") + std::string(name);
          if (status->kind == FileKind::Directory) deeper.push_back(path);
          if (status->kind == FileKind::Regular) files.insert(path);
          return true;
        }));
    for (const std::string& path : deeper) files.merge(truth(path));
    return files;
  }

  std::mt19937 random_{GetParam()};
};

TEST_P(ScannerAdversary, TheFinalBeliefIsTheTruth) {
  disk.make_directory("/out");
  if (GetParam() % 3 == 0) events.set_queue_size(20);
  bool acting = true;
  disk.set_listing_hook([&](const std::string&) {
    if (acting && random_() % 4 == 0) act();
  });
  start();
  for (int round = 0; round < 400; ++round) {
    for (unsigned count = random_() % 4; count > 0; --count) act();
    if (random_() % 3 == 0) drain_events();
    if (random_() % 3 == 0) scanner.step();
    for (const std::string& path : belief.take_doubts()) scanner.look(folder, path);
    clock.advance(milliseconds(random_() % 20));
  }
  acting = false;
  for (int i = 0; i < 60; ++i) pass(milliseconds(200));
  EXPECT_EQ(belief.paths(), truth());
  for (const std::string& path : truth()) {
    const auto file = disk.open_file("/root", path);
    EXPECT_EQ(belief.files[path].ino, (*file)->status()->fingerprint.ino) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScannerAdversary, testing::Range(0U, 60U));

// Two disks come and go as well, wherever there is a directory: what is on a disk that is away is
// believed as it was, until it is back or a person accepts what lies in its place.
class MountAdversary : public ScannerAdversary {
 protected:
  MountAdversary() { spec.cross_mounts = true; }

  // Mount points neither move nor go, and nothing moves from one file system to another.
  [[nodiscard]] bool refused(const std::string& a, const std::string& b) const override {
    return std::any_of(mounted_.begin(), mounted_.end(), [&](const auto& mount) {
      return is_below(mount.first, a) || is_below(mount.first, b) ||
             is_below(a, mount.first) != is_below(b, mount.first);
    });
  }

  void act_on_mounts() {
    const std::string disk_name = random_() % 2 == 0 ? "one" : "two";
    const auto at = std::find_if(mounted_.begin(), mounted_.end(),
                                 [&](const auto& mount) { return mount.second == disk_name; });
    if (at != mounted_.end()) {
      unmount(at->first);
    } else if (random_() % 2 == 0 && last_place_.contains(disk_name)) {
      mount(last_place_[disk_name], disk_name);
    } else {
      mount(some_path(true), disk_name);
    }
    if (random_() % 4 != 0) dirt.add(MountsChanged{});
  }
  void mount(const std::string& path, const std::string& disk_name) {
    if (kind_of(path) != FileKind::Directory || mounted_.contains(path) || holds_mounts(path))
      return;
    disk.mount_disk(path, disk_name);
    mounted_[path] = disk_name;
    last_place_[disk_name] = path;
    const std::uint64_t dev = device(path);
    std::erase_if(away_, [&](const auto& file) {
      return is_below("/root/" + file.first, path) && file.second.dev == dev;
    });
  }
  void unmount(const std::string& path) {
    if (holds_mounts(path)) return;
    const std::uint64_t dev = device(path);
    if (!entered(path, dev)) return take_away(path);
    for (const auto& [file, fingerprint] : belief.files) {
      if (fingerprint.dev != dev || !is_below("/root/" + file, path)) continue;
      const auto there = disk.open_file(spec.root(), file);
      if (there && (*there)->status()->fingerprint.ino == fingerprint.ino) {
        away_[file] = fingerprint;
      }
    }
    take_away(path);
  }
  void take_away(const std::string& path) {
    disk.unmount(path);
    mounted_.erase(path);
  }
  // Told so by the scanner, and no person has said otherwise since.
  bool entered(const std::string& path, std::uint64_t dev) {
    for (; heard_mounts_ < belief.mounts.size(); ++heard_mounts_) {
      const MountEntered& mount = belief.mounts[heard_mounts_];
      known_.erase("/root/" + mount.before);
      known_["/root/" + mount.path] = mount.dev;
    }
    const auto known = known_.find(path);
    return known != known_.end() && known->second == dev;
  }
  [[nodiscard]] bool holds_mounts(const std::string& directory) const {
    return std::any_of(mounted_.begin(), mounted_.end(),
                       [&](const auto& mount) { return mount.first.starts_with(directory + '/'); });
  }
  std::uint64_t device(const std::string& path) {
    return (*disk.open_directory({path, true}, ""))->status()->fingerprint.dev;
  }
  [[nodiscard]] std::vector<MissingMount> missing() const {
    return belief.statuses.empty() ? std::vector<MissingMount>{} : belief.statuses.back().missing;
  }
  void accept(const std::string& path) {
    std::erase_if(away_, [&](const auto& file) { return is_below(file.first, path); });
    static_cast<void>(entered(path, 0));
    known_.erase("/root/" + path);
    scanner.accept_mount(folder, path);
  }
  void expect_nothing_lost(const std::string& when) {
    for (const auto& [file, fingerprint] : away_) {
      const auto known = belief.files.find(file);
      ASSERT_TRUE(known != belief.files.end()) << file << " is lost " << when;
      EXPECT_EQ(known->second.ino, fingerprint.ino) << file << " was replaced " << when;
    }
  }

  std::map<std::string, std::string> mounted_;  // path → disk
  std::map<std::string, std::string> last_place_;
  std::map<std::string, std::uint64_t> known_;  // path → device
  std::size_t heard_mounts_ = 0;
  std::map<std::string, Fingerprint> away_;  // what lies on disks that are not mounted there
};

TEST_P(MountAdversary, NothingIsLostWithADiskAndTheFinalBeliefIsTheTruth) {
  disk.make_directory("/out");
  if (GetParam() % 3 == 0) events.set_queue_size(20);
  bool acting = true;
  disk.set_listing_hook([&](const std::string&) {
    if (acting && random_() % 4 == 0) act();
    if (acting && random_() % 16 == 0) act_on_mounts();
  });
  start();
  for (int round = 0; round < 400 && !HasFatalFailure(); ++round) {
    for (unsigned count = random_() % 4; count > 0; --count) act();
    if (random_() % 8 == 0) act_on_mounts();
    if (random_() % 3 == 0) drain_events();
    if (random_() % 3 == 0) scanner.step();
    for (const std::string& path : belief.take_doubts()) scanner.look(folder, path);
    if (random_() % 40 == 0) {
      for (const MissingMount& mount : missing()) accept(mount.path);
    }
    clock.advance(milliseconds(random_() % 20));
    expect_nothing_lost("in round " + std::to_string(round));
  }
  ASSERT_FALSE(HasFatalFailure());
  acting = false;
  dirt.add(MountsChanged{});
  scanner.rescan(folder);  // as each hour
  for (int i = 0; i < 60; ++i) pass(milliseconds(200));
  expect_nothing_lost("at rest");
  for (int i = 0; i < 10 && !missing().empty(); ++i) {
    for (const MissingMount& mount : missing()) accept(mount.path);
    for (int j = 0; j < 60; ++j) pass(milliseconds(200));
  }
  EXPECT_TRUE(missing().empty());
  EXPECT_EQ(belief.paths(), truth());
  for (const std::string& path : truth()) {
    const auto file = disk.open_file(spec.root(), path);
    EXPECT_EQ(belief.files[path].ino, (*file)->status()->fingerprint.ino) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MountAdversary, testing::Range(0U, 120U));

}  // namespace
}  // namespace waybill::watcher
