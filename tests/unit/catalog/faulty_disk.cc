#include "tests/unit/catalog/faulty_disk.h"

#include <sqlite3.h>

#include <new>
#include <string_view>

namespace waybill::catalog {

// SQLite's way of wrapping a file system: a file object of ours in front of the real one, which
// lies right behind it in the same allocation.
struct FaultyDisk::Vfs {
  sqlite3_vfs vfs{};
  sqlite3_io_methods methods{};
  sqlite3_vfs* real = nullptr;
  Faults faults;
};

namespace {

struct File {
  sqlite3_file base;
  FaultyDisk::Faults* faults;
  bool is_log;
};

File* mine(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(mine(file) + 1);
}

int close(sqlite3_file* f) {
  return real(f)->pMethods->xClose(real(f));
}
int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}
int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (mine(f)->faults->full) return SQLITE_FULL;
  return real(f)->pMethods->xWrite(real(f), from, n, at);
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
  return real(f)->pMethods->xTruncate(real(f), size);
}
int sync(sqlite3_file* f, int flags) {
  if (mine(f)->is_log) ++mine(f)->faults->syncs;
  if (mine(f)->faults->sync_fails) return SQLITE_IOERR_FSYNC;
  if (mine(f)->faults->syncs_before_one_fails-- == 0) return SQLITE_IOERR_FSYNC;
  return real(f)->pMethods->xSync(real(f), flags);
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return real(f)->pMethods->xFileSize(real(f), size);
}
int lock(sqlite3_file* f, int level) {
  return real(f)->pMethods->xLock(real(f), level);
}
int unlock(sqlite3_file* f, int level) {
  return real(f)->pMethods->xUnlock(real(f), level);
}
int check_reserved_lock(sqlite3_file* f, int* held) {
  return real(f)->pMethods->xCheckReservedLock(real(f), held);
}
int file_control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int sector_size(sqlite3_file* f) {
  return real(f)->pMethods->xSectorSize(real(f));
}
int characteristics(sqlite3_file* f) {
  return real(f)->pMethods->xDeviceCharacteristics(real(f));
}
int shm_map(sqlite3_file* f, int region, int size, int extend, void volatile** at) {
  return real(f)->pMethods->xShmMap(real(f), region, size, extend, at);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) {
  real(f)->pMethods->xShmBarrier(real(f));
}
int shm_unmap(sqlite3_file* f, int remove) {
  return real(f)->pMethods->xShmUnmap(real(f), remove);
}

}  // namespace

FaultyDisk::FaultyDisk() : vfs_(std::make_unique<Vfs>()) {
  vfs_->real = sqlite3_vfs_find(nullptr);
  vfs_->vfs = *vfs_->real;
  vfs_->vfs.zName = "faulty";
  vfs_->vfs.pAppData = vfs_.get();
  vfs_->vfs.szOsFile = static_cast<int>(sizeof(File)) + vfs_->real->szOsFile;
  vfs_->methods = {.iVersion = 2,
                   .xClose = close,
                   .xRead = read,
                   .xWrite = write,
                   .xTruncate = truncate,
                   .xSync = sync,
                   .xFileSize = file_size,
                   .xLock = lock,
                   .xUnlock = unlock,
                   .xCheckReservedLock = check_reserved_lock,
                   .xFileControl = file_control,
                   .xSectorSize = sector_size,
                   .xDeviceCharacteristics = characteristics,
                   .xShmMap = shm_map,
                   .xShmLock = shm_lock,
                   .xShmBarrier = shm_barrier,
                   .xShmUnmap = shm_unmap};
  vfs_->vfs.xOpen = [](sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                       int* out) {
    auto* disk = static_cast<Vfs*>(vfs->pAppData);
    const bool is_log = (flags & SQLITE_OPEN_WAL) != 0;
    new (file) File{.base = {.pMethods = nullptr}, .faults = &disk->faults, .is_log = is_log};
    const int code = disk->real->xOpen(disk->real, name, real(file), flags, out);
    // Only what has methods is closed again.
    if (real(file)->pMethods != nullptr) file->pMethods = &disk->methods;
    return code;
  };
  sqlite3_vfs_register(&vfs_->vfs, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&vfs_->vfs);
  sqlite3_vfs_register(vfs_->real, 1);
}

void FaultyDisk::fill() {
  vfs_->faults.full = true;
}
void FaultyDisk::free() {
  vfs_->faults.full = false;
  vfs_->faults.sync_fails = false;
  vfs_->faults.syncs_before_one_fails = -1;
}
void FaultyDisk::fail_syncs() {
  vfs_->faults.sync_fails = true;
}
void FaultyDisk::fail_one_sync_after(int n) {
  vfs_->faults.syncs_before_one_fails = n;
}
int FaultyDisk::syncs() const {
  return vfs_->faults.syncs;
}

}  // namespace waybill::catalog
