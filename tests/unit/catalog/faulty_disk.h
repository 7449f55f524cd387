#pragma once

#include <atomic>
#include <memory>
#include <string>

namespace waybill::catalog {

// A disk that fails on command, beneath SQLite: while one of these lives, databases opened in this
// process are on it. Reading always works.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  void fill();                      // writes fail: no space left
  void free();                      // as before
  void fail_syncs();                // what was written may or may not survive
  void fail_one_sync_after(int n);  // that many work before it
  [[nodiscard]] int syncs() const;  // of write-ahead logs, so far

  struct Faults {
    std::atomic<bool> full = false;
    std::atomic<bool> sync_fails = false;
    std::atomic<int> syncs_before_one_fails = -1;  // negative: none will
    std::atomic<int> syncs = 0;
  };

 private:
  struct Vfs;
  const std::unique_ptr<Vfs> vfs_;
};

}  // namespace waybill::catalog
