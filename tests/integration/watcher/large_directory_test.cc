#include "tests/fakes/wrapped_file_system.h"
#include "tests/integration/watcher/watched_folder.h"

namespace waybill::watcher {
namespace {

// A directory so large that a listing for each change would never end.
TEST(LargeDirectory, OneChangedFileCostsOneLookAndNoListing) {
  constexpr int files = 200'000;
  const fakes::TemporaryFolder folder(fakes::TemporaryFolder::memory());
  for (int i = 0; i < files; ++i) {
    ASSERT_EQ(::mknod(folder.file(std::to_string(i)).c_str(), S_IFREG | 0644, 0), 0);
  }
  fakes::Questions questions;
  LiveWatcher watcher(folder.path(), IgnoreRules(),
                      std::make_unique<fakes::WrappedFileSystem>(questions));
  ASSERT_TRUE(watcher.catch_up());
  ASSERT_EQ(watcher.belief.files.size(), static_cast<std::size_t>(files));
  EXPECT_EQ(questions.entries_listed, files);

  questions = fakes::Questions();
  constexpr int changes = 100;
  for (int change = 0; change < changes; ++change) {
    disk::write(folder.file("77"), std::to_string(change));
    ASSERT_TRUE(watcher.catch_up());
    EXPECT_EQ(watcher.belief.files["77"].size, std::to_string(change).size());
  }
  EXPECT_EQ(questions.names_looked_at, changes);
  EXPECT_EQ(questions.entries_listed, 0);
}

}  // namespace
}  // namespace waybill::watcher
