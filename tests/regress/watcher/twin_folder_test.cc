#include <chrono>

#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using std::chrono::seconds;

class TwinFolder : public ScannerWorld {
 protected:
  static constexpr FolderId twin_id{2};

  // What a directory that is mounted in two places looks like to a folder on each.
  TwinFolder() {
    twin = spec;
    twin.id = twin_id;
    scanner.set_folders({spec, twin});
    settle();
  }
  [[nodiscard]] std::vector<FolderStatus> said_of_twin() const {
    std::vector<FolderStatus> said;
    for (const Observation& what : heard) {
      const auto* status = std::get_if<FolderStatus>(&what);
      if (status != nullptr && status->folder == twin_id) said.push_back(*status);
    }
    return said;
  }

  FolderSpec twin;
};

// Each time the refused one was tried again it was watched for a moment, said so, and was refused
// again: whoever looked at the status saw the one or the other.
TEST_F(TwinFolder, IsNeverSaidToBeWatched) {
  for (int tries = 0; tries < 6; ++tries) pass(seconds(10));
  const std::vector<FolderStatus> said = said_of_twin();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].health, FolderHealth::Unreadable);
  EXPECT_EQ(said[0].reason, "another folder watches the same directory");
  EXPECT_EQ(events.watches(), 1U);
}

TEST_F(TwinFolder, IsTakenUpOnceTheOtherHasLeft) {
  disk.write("/root/x", "1");
  scanner.set_folders({twin});
  pass(seconds(10));
  EXPECT_EQ(said_of_twin().back().health, FolderHealth::Watching);
  Belief twin_belief{twin_id};
  for (const Observation& what : heard) twin_belief.take(what);
  EXPECT_EQ(twin_belief.paths(), Paths{"x"});
}

// What it was on while it was refused is no identity to hold on to.
TEST_F(TwinFolder, IsTakenUpOnAnotherDirectory) {
  disk.make_directory("/elsewhere");
  disk.move("/root", "/first");
  disk.move("/elsewhere", "/root");
  spec.path = "/first";
  scanner.set_folders({spec, twin});
  pass(seconds(10));
  EXPECT_EQ(said_of_twin().back().health, FolderHealth::Watching);
}

}  // namespace
}  // namespace waybill::watcher
