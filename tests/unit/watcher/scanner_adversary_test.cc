#include <gtest/gtest.h>

#include <algorithm>
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

  void act() {
    const std::string a = some_path(random_() % 8 != 0);
    const std::string b = some_path(random_() % 8 != 0);
    const std::string text = std::to_string(random_());
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
    const auto directory = disk.open_directory(path.substr(0, slash), "");
    if (!directory) return std::nullopt;
    const auto status = (*directory)->look(path.substr(slash + 1));
    return status ? std::optional(status->kind) : std::nullopt;
  }
  Paths truth(const std::string& below = {}) {
    Paths files;
    const auto directory = disk.open_directory("/root", below);
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

}  // namespace
}  // namespace waybill::watcher
