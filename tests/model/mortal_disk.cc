#include "tests/model/mortal_disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace waybill::model {
namespace {

constexpr std::int64_t sector = 512;

// What one file was when it was last synced, as far as it differs from what it is.
struct Unsynced {
  std::map<std::int64_t, std::vector<char>> sectors;  // by offset: what lay there
  std::optional<std::int64_t> size;
};

}  // namespace

struct MortalDisk::State {
  sqlite3_vfs vfs{};
  sqlite3_io_methods methods{};
  sqlite3_vfs* real = nullptr;
  std::function<bool()> effect;
  std::map<std::string, Unsynced> files;
  std::uint64_t life = 1;
  bool sync_fails = false;
};

namespace {

// SQLite's way of wrapping a file system: ours in front of the real file, in the same allocation.
struct File {
  sqlite3_file base;
  MortalDisk::State* disk;
  Unsynced* unsynced;
  std::uint64_t life;
};

File* mine(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(mine(file) + 1);
}
bool happens(sqlite3_file* file) {
  return mine(file)->life == mine(file)->disk->life && mine(file)->disk->effect();
}

void remember(sqlite3_file* f, std::int64_t from, std::int64_t to) {
  Unsynced& unsynced = *mine(f)->unsynced;
  sqlite3_int64 size = 0;
  real(f)->pMethods->xFileSize(real(f), &size);
  if (!unsynced.size) unsynced.size = size;
  for (std::int64_t at = from / sector * sector; at < to; at += sector) {
    if (unsynced.sectors.contains(at)) continue;
    std::vector<char> before(sector, 0);
    real(f)->pMethods->xRead(real(f), before.data(), static_cast<int>(sector), at);
    unsynced.sectors.emplace(at, std::move(before));
  }
}

int close(sqlite3_file* f) {
  return real(f)->pMethods->xClose(real(f));
}
int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}
int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (!happens(f)) return SQLITE_IOERR_WRITE;
  remember(f, at, at + n);
  return real(f)->pMethods->xWrite(real(f), from, n, at);
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (!happens(f)) return SQLITE_IOERR_TRUNCATE;
  sqlite3_int64 now = 0;
  real(f)->pMethods->xFileSize(real(f), &now);
  remember(f, size, now);
  return real(f)->pMethods->xTruncate(real(f), size);
}
int sync(sqlite3_file* f, int) {
  if (!happens(f)) return SQLITE_IOERR_FSYNC;
  if (std::exchange(mine(f)->disk->sync_fails, false)) return SQLITE_IOERR_FSYNC;
  *mine(f)->unsynced = {};
  return SQLITE_OK;
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
int sector_size(sqlite3_file*) {
  return static_cast<int>(sector);
}
int characteristics(sqlite3_file*) {
  return 0;  // promises nothing
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

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* disk = static_cast<MortalDisk::State*>(vfs->pAppData);
  Unsynced& unsynced = disk->files[name == nullptr ? "" : name];
  new (file)
      File{.base = {.pMethods = nullptr}, .disk = disk, .unsynced = &unsynced, .life = disk->life};
  const int code = disk->real->xOpen(disk->real, name, real(file), flags, out);
  // Only what has methods is closed again.
  if (real(file)->pMethods != nullptr) file->pMethods = &disk->methods;
  return code;
}

void put_back(const std::string& path, const Unsynced& was, Random& dice) {
  if (!was.size || path.empty()) return;
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.get() < 0) return;  // it is gone, and its name with it
  enum class Lost : std::uint8_t { Everything, SomeSectors, Nothing };
  const auto lost = static_cast<Lost>(dice.next() % 3);
  if (lost == Lost::Nothing) return;
  for (const auto& [at, before] : was.sectors) {
    if (lost == Lost::SomeSectors && dice.next() % 2 == 0) continue;
    if (::pwrite(file.get(), before.data(), before.size(), at) < 0) {
      throw std::runtime_error("cannot write " + path);
    }
  }
  if ((lost == Lost::Everything || dice.next() % 2 == 0) &&
      ::ftruncate(file.get(), *was.size) != 0) {
    throw std::runtime_error("cannot truncate " + path);
  }
}

}  // namespace

MortalDisk::MortalDisk(std::function<bool()> effect) : state_(std::make_unique<State>()) {
  state_->effect = std::move(effect);
  state_->real = sqlite3_vfs_find(nullptr);
  state_->vfs = *state_->real;
  state_->vfs.zName = "mortal";
  state_->vfs.pAppData = state_.get();
  state_->vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->real->szOsFile;
  state_->vfs.xOpen = open;
  state_->methods = {.iVersion = 2,
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
  sqlite3_vfs_register(&state_->vfs, 1);
}

MortalDisk::~MortalDisk() {
  sqlite3_vfs_unregister(&state_->vfs);
  sqlite3_vfs_register(state_->real, 1);
}

void MortalDisk::end_process() {
  ++state_->life;
  state_->sync_fails = false;
}

void MortalDisk::lose_power(Random& dice) {
  for (auto& [path, unsynced] : state_->files) {
    put_back(path, unsynced, dice);
    unsynced = {};
  }
}

void MortalDisk::fail_next_sync() {
  state_->sync_fails = true;
}

}  // namespace waybill::model
