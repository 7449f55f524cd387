#include "tests/unit/catalog/faulty_disk.h"

namespace waybill::catalog {

void FaultyDisk::free() {
  full_ = false;
  sync_fails_ = false;
  syncs_before_one_fails_ = -1;
}

int FaultyDisk::write(File& file, const void* from, int n, sqlite3_int64 at) {
  return full_ ? SQLITE_FULL : SqliteDisk::write(file, from, n, at);
}

int FaultyDisk::sync(File& file, int flags) {
  if ((file.flags & SQLITE_OPEN_WAL) != 0) ++syncs_;
  if (sync_fails_ || syncs_before_one_fails_-- == 0) return SQLITE_IOERR_FSYNC;
  return SqliteDisk::sync(file, flags);
}

}  // namespace waybill::catalog
