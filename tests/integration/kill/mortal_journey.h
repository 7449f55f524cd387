#pragma once

#include <string>

#include "tests/integration/daemon/journey.h"
#include "tests/integration/kill/left_catalog.h"

namespace waybill::test {

// A journey whose daemon is killed on the way.
class MortalJourney : public Journey {
 protected:
  // The daemon with test points (test_points.cc) in place of the released one; files of more than
  // a few KiB go up in parts.
  void with_test_points();
  static constexpr std::size_t part_size = 64U << 10U;
  // WAYBILL_KILLS, where somebody wishes for another number.
  static int wished_kills(int by_default);

  // With the daemon down: no row says more than the truth (P3).
  void no_row_lies();
  [[nodiscard]] LeftCatalog left_catalog();

  // Folder, catalog and bucket, byte by byte; and no object or upload that belongs to nothing.
  void everything_agrees();
  // Likewise, where a file may have gone while it was sent: an upload that its attempt knows may
  // stay for the attempt's quarantine (P6).
  void everything_agrees_but_for_quarantine();

 private:
  void files_and_objects_agree();
};

}  // namespace waybill::test
