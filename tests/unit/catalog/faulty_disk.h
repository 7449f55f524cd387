#pragma once

#include <atomic>

#include "tests/fakes/sqlite_disk.h"

namespace waybill::catalog {

// A disk that fails on command. Reading always works.
class FaultyDisk final : public fakes::SqliteDisk {
 public:
  void fill() { full_ = true; }              // writes fail: no space left
  void free();                               // as before
  void fail_syncs() { sync_fails_ = true; }  // what was written may or may not survive
  void fail_one_sync_after(int n) { syncs_before_one_fails_ = n; }  // that many work before it
  [[nodiscard]] int syncs() const { return syncs_; }                // of write-ahead logs, so far

  int write(File& file, const void* from, int n, sqlite3_int64 at) override;
  int sync(File& file, int flags) override;

 private:
  std::atomic<bool> full_ = false;
  std::atomic<bool> sync_fails_ = false;
  std::atomic<int> syncs_before_one_fails_ = -1;  // negative: none will
  std::atomic<int> syncs_ = 0;
};

}  // namespace waybill::catalog
