#include "tests/unit/watcher/scanner_world.h"

namespace waybill::watcher {
namespace {

using MountStaysListed = ScannerWorld;

// What a listing does not show is forgotten by whoever keeps the list of what is left out: a mount
// point was said once, and dropped out of that list with the next rescan.
TEST_F(MountStaysListed, EveryListingOfItsDirectorySaysIt) {
  disk.make_directory("/root/d");
  disk.mount("/root/d");
  start();
  settle();
  for (int rescans = 0; rescans < 3; ++rescans) {
    bool said = false;
    bool open = false;
    for (const Observation& what : heard) {
      if (const auto* begins = std::get_if<ListingBegins>(&what)) open |= begins->directory.empty();
      if (const auto* seen = std::get_if<Seen>(&what); seen != nullptr && open) {
        for (const FileObservation& file : seen->files) {
          said |= file.path == "d" && std::holds_alternative<Ignored>(file.what);
        }
      }
    }
    EXPECT_TRUE(said) << rescans;
    heard.clear();
    scanner.rescan(folder);
    settle();
  }
}

}  // namespace
}  // namespace waybill::watcher
