#include "tests/fakes/sqlite_disk.h"

#include <new>

namespace waybill::fakes {
namespace {

using File = SqliteDisk::File;

File& mine(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return SqliteDisk::real(mine(file));
}

const sqlite3_io_methods methods{
    .iVersion = 2,
    .xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
    .xRead = [](sqlite3_file* f, void* to, int n,
                sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, n, at); },
    .xWrite = [](sqlite3_file* f, const void* from, int n,
                 sqlite3_int64 at) { return mine(f).disk->write(mine(f), from, n, at); },
    .xTruncate = [](sqlite3_file* f,
                    sqlite3_int64 size) { return mine(f).disk->truncate(mine(f), size); },
    .xSync = [](sqlite3_file* f, int flags) { return mine(f).disk->sync(mine(f), flags); },
    .xFileSize = [](sqlite3_file* f,
                    sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
    .xLock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); },
    .xUnlock = [](sqlite3_file* f,
                  int level) { return real(f)->pMethods->xUnlock(real(f), level); },
    .xCheckReservedLock =
        [](sqlite3_file* f, int* held) {
          return real(f)->pMethods->xCheckReservedLock(real(f), held);
        },
    .xFileControl = [](sqlite3_file* f, int op,
                       void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
    .xSectorSize = [](sqlite3_file* f) { return mine(f).disk->sector_size(mine(f)); },
    .xDeviceCharacteristics =
        [](sqlite3_file* f) { return mine(f).disk->characteristics(mine(f)); },
    .xShmMap =
        [](sqlite3_file* f, int region, int size, int extend, void volatile** at) {
          return real(f)->pMethods->xShmMap(real(f), region, size, extend, at);
        },
    .xShmLock = [](sqlite3_file* f, int offset, int n,
                   int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); },
    .xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
    .xShmUnmap = [](sqlite3_file* f,
                    int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }};

}  // namespace

SqliteDisk::SqliteDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  vfs_.zName = "in-front";
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.xOpen = open;
  sqlite3_vfs_register(&vfs_, 1);
}

SqliteDisk::~SqliteDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
}

int SqliteDisk::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* disk = static_cast<SqliteDisk*>(vfs->pAppData);
  File& front = *new (file) File{
      .base = {.pMethods = nullptr}, .disk = disk, .name = name, .flags = flags, .life = 0};
  const int code = disk->real_->xOpen(disk->real_, name, real(front), flags, out);
  // Only what has methods is closed again.
  if (real(front)->pMethods != nullptr) front.base.pMethods = &methods;
  disk->opened(front);
  return code;
}

void SqliteDisk::opened(File&) {}
int SqliteDisk::write(File& file, const void* from, int n, sqlite3_int64 at) {
  return real(file)->pMethods->xWrite(real(file), from, n, at);
}
int SqliteDisk::truncate(File& file, sqlite3_int64 size) {
  return real(file)->pMethods->xTruncate(real(file), size);
}
int SqliteDisk::sync(File& file, int flags) {
  return real(file)->pMethods->xSync(real(file), flags);
}
int SqliteDisk::sector_size(File& file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int SqliteDisk::characteristics(File& file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

}  // namespace waybill::fakes
