#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/fakes/sqlite_disk.h"

namespace waybill::model {

// The disk beneath SQLite as a machine sees it that can die. It knows, sector by sector, what was
// not synced.
class MortalDisk final : public fakes::SqliteDisk {
 public:
  // `effect` is asked before each write, truncation and sync: false, and it does not happen, now or
  // later in this process's life.
  explicit MortalDisk(std::function<bool()> effect);

  // What is open now changes nothing any more.
  void end_process();
  // After end_process(): of what was not synced, any part may be lost.
  void lose_power(Random& dice);
  // The next sync reports an error; what it was to make durable may be so or not.
  void fail_next_sync() { sync_fails_ = true; }
  // How often anything was written: while it stands still, so does what a reader finds.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

  void opened(File& file) override { file.life = life_; }
  int write(File& file, const void* from, int n, sqlite3_int64 at) override;
  int truncate(File& file, sqlite3_int64 size) override;
  int sync(File& file, int flags) override;
  int sector_size(File& file) override;
  int characteristics(File&) override { return 0; }  // promises nothing

  // What one file was when it was last synced, as far as it differs from what it is.
  struct Unsynced {
    std::map<std::int64_t, std::vector<char>> sectors;  // by offset: what lay there
    std::optional<std::int64_t> size;
  };

 private:
  bool happens(const File& file) { return file.life == life_ && effect_(); }
  Unsynced& unsynced(const File& file) { return files_[file.name == nullptr ? "" : file.name]; }
  void remember(File& file, std::int64_t from, std::int64_t to);

  const std::function<bool()> effect_;
  std::map<std::string, Unsynced> files_;
  std::uint64_t life_ = 1;
  std::uint64_t writes_ = 0;
  bool sync_fails_ = false;
};

}  // namespace waybill::model
