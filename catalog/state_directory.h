#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waybill::catalog {

// The folder that holds the catalog, 0750, and the right to write in it: one process at a time, by
// a lock that the kernel drops when its holder ends, however it ends.
class StateDirectory {
 public:
  // Creates what is missing. NeedsPerson: no permission, or another process holds the lock.
  static Result<StateDirectory> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string catalog_path() const { return path_ + "/catalog.db"; }
  // An empty file, 0640 whatever the umask (SQLite gives its -wal and -shm the same mode). True:
  // it was not there.
  [[nodiscard]] Result<bool> create_catalog_file() const;
  // A catalog has been opened here before, so that one which has gone or is empty is not taken for
  // a first start. The lock file remembers it.
  [[nodiscard]] bool had_catalog() const;
  [[nodiscard]] Result<void> remember_catalog() const;
  // Makes new names in it durable.
  [[nodiscard]] Result<void> sync() const;

 private:
  StateDirectory(std::string path, UniqueFd directory, UniqueFd lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd directory_;
  UniqueFd lock_;
};

}  // namespace waybill::catalog
