#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

// What people and programs do to a disk, in one call each; throws where it fails. And what is true.
namespace waybill::watcher::disk {

inline void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error("test cannot " + what + ": " + std::to_string(errno));
}

inline void write(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  check(fd.valid() &&
            ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
        "write " + path);
}
inline void make_directory(const std::string& path) {
  check(::mkdir(path.c_str(), 0755) == 0, "mkdir " + path);
}
inline void move(const std::string& from, const std::string& to) {
  check(::rename(from.c_str(), to.c_str()) == 0, "rename " + from);
}
inline void exchange(const std::string& a, const std::string& b) {
  check(::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0,
        "exchange " + a);
}
inline void link(const std::string& from, const std::string& to) {
  check(::link(from.c_str(), to.c_str()) == 0, "link " + from);
}
inline void remove(const std::string& path) {
  check(::remove(path.c_str()) == 0, "remove " + path);
}

// Every regular file below, but for our own directory.
inline std::set<std::string> files_below(const std::string& root) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (std::filesystem::is_regular_file(entry.symlink_status())) {
      files.insert(entry.path().string().substr(root.size() + 1));
    }
  }
  return files;
}

}  // namespace waybill::watcher::disk
