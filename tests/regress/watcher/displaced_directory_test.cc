#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

class DisplacedDirectory : public ScannerWorld {};

// The directory that a known one displaced was dropped without a word, and with it every row that
// lay deeper in it was believed for ever: only a listing's direct files are compared.
TEST_F(DisplacedDirectory, PutsWhatLayDeepBelowItInDoubt) {
  for (const char* name : {"/root/a", "/root/a/deep", "/root/b"}) disk.make_directory(name);
  disk.write("/root/a/deep/x", "1");
  disk.write("/root/b/y", "2");
  start();
  settle();
  disk.exchange("/root/a", "/root/b");
  settle();
  EXPECT_EQ(belief.paths(), (Paths{"a/y", "b/deep/x"}));
}

}  // namespace
}  // namespace waybill::watcher
