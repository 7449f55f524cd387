#include "tests/model/mortal_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "base/unique_fd.h"

namespace waybill::model {
namespace {

constexpr std::int64_t sector = 512;

void put_back(const std::string& path, const MortalDisk::Unsynced& was, Random& dice) {
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

MortalDisk::MortalDisk(std::function<bool()> effect) : effect_(std::move(effect)) {}

void MortalDisk::remember(File& file, std::int64_t from, std::int64_t to) {
  Unsynced& known = unsynced(file);
  sqlite3_file* const there = real(file);
  sqlite3_int64 size = 0;
  there->pMethods->xFileSize(there, &size);
  if (!known.size) known.size = size;
  for (std::int64_t at = from / sector * sector; at < to; at += sector) {
    if (known.sectors.contains(at)) continue;
    std::vector<char> before(sector, 0);
    there->pMethods->xRead(there, before.data(), static_cast<int>(sector), at);
    known.sectors.emplace(at, std::move(before));
  }
}

int MortalDisk::write(File& file, const void* from, int n, sqlite3_int64 at) {
  if (!happens(file)) return SQLITE_IOERR_WRITE;
  ++writes_;
  remember(file, at, at + n);
  return SqliteDisk::write(file, from, n, at);
}

int MortalDisk::truncate(File& file, sqlite3_int64 size) {
  if (!happens(file)) return SQLITE_IOERR_TRUNCATE;
  sqlite3_int64 now = 0;
  real(file)->pMethods->xFileSize(real(file), &now);
  remember(file, size, now);
  return SqliteDisk::truncate(file, size);
}

int MortalDisk::sync(File& file, int) {
  if (!happens(file)) return SQLITE_IOERR_FSYNC;
  if (std::exchange(sync_fails_, false)) return SQLITE_IOERR_FSYNC;
  unsynced(file) = {};
  return SQLITE_OK;
}

int MortalDisk::sector_size(File&) {
  return static_cast<int>(sector);
}

void MortalDisk::end_process() {
  ++life_;
  sync_fails_ = false;
}

void MortalDisk::lose_power(Random& dice) {
  for (auto& [path, unsynced] : files_) {
    put_back(path, unsynced, dice);
    unsynced = {};
  }
}

}  // namespace waybill::model
