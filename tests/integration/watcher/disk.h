#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

// What people and programs do to a disk, in one call each; throws where it fails. And what is true.
namespace waybill::watcher::disk {

inline void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error("test cannot " + what + ": errno " + std::to_string(errno));
}

inline void write_at(int directory, const std::string& path, std::string_view text) {
  const UniqueFd fd(
      ::openat(directory, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  check(fd.valid(), "create " + path);
  check(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
        "write " + path);
}
inline void write(const std::string& path, std::string_view text) {
  write_at(AT_FDCWD, path, text);
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
inline void symlink(const std::string& target, const std::string& path) {
  check(::symlink(target.c_str(), path.c_str()) == 0, "symlink " + path);
}
inline void remove(const std::string& path) {
  check(::remove(path.c_str()) == 0, "remove " + path);
}
inline void make_fifo(const std::string& path) {
  check(::mkfifo(path.c_str(), 0644) == 0, "mkfifo " + path);
}
inline void set_mode(const std::string& path, mode_t mode) {
  check(::chmod(path.c_str(), mode) == 0, "chmod " + path);
}
inline void set_attribute(const std::string& path, const std::string& name,
                          std::string_view value) {
  check(::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0,
        "setxattr " + path);
}
inline void remove_attribute(const std::string& path, const std::string& name) {
  check(::removexattr(path.c_str(), name.c_str()) == 0, "removexattr " + path);
}
inline void give_to_all(const std::string& path) {
  set_mode(path, 0777);
}
inline void set_times_to_1970(const std::string& path) {
  const std::array<timespec, 2> times{timespec{1, 0}, timespec{1, 0}};
  check(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0, "set the times of " + path);
}

// Returns once the file system's clock shows another time than for what was done before: coarse
// clocks stand still for some milliseconds (WATCHING.md 1).
inline void let_clock_tick(const std::string& directory) {
  const UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  check(file.valid(), "make a file without a name");
  struct stat first {};
  struct stat now {};
  check(::fstat(file.get(), &first) == 0, "stat");
  do {
    check(::fchmod(file.get(), 0600) == 0 && ::fstat(file.get(), &now) == 0, "chmod");
  } while (now.st_ctim.tv_sec == first.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == first.st_ctim.tv_nsec);
}

// Bound in its directory by a short name, since a socket's path is short.
inline UniqueFd make_socket(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::size_t slash = path.rfind('/');
  const UniqueFd directory(
      ::open(path.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string place = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(slash);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  place.copy(address.sun_path, sizeof address.sun_path - 1);
  check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
        "bind " + path);
  return fd;
}

inline UniqueFd try_open_for_writing(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
}
inline UniqueFd open_for_writing(const std::string& path) {
  UniqueFd fd = try_open_for_writing(path);
  check(fd.valid(), "open " + path);
  return fd;
}
inline bool take_write_lease(const UniqueFd& fd) {
  return ::fcntl(fd.get(), F_SETLEASE, F_WRLCK) == 0;
}
inline void lock_for_writing(const UniqueFd& fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  check(::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0, "lock");
}
inline UniqueFd open_without_a_name(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
  check(fd.valid(), "make a file without a name");
  return fd;
}
inline void link_by_descriptor(const UniqueFd& fd, const std::string& path) {
  const std::string source = "/proc/self/fd/" + std::to_string(fd.get());
  check(::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0,
        "link " + path);
}

class WritableMapping {
 public:
  WritableMapping(const std::string& path, std::size_t size) : size_(size) {
    const UniqueFd fd = open_for_writing(path);
    memory_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    check(memory_ != MAP_FAILED, "map " + path);
  }
  ~WritableMapping() { ::munmap(memory_, size_); }
  WritableMapping(const WritableMapping&) = delete;
  WritableMapping& operator=(const WritableMapping&) = delete;
  void store(std::size_t at, char value) const { static_cast<char*>(memory_)[at] = value; }

 private:
  std::size_t size_;
  void* memory_ = nullptr;
};

// Directories in one another until their path is longer than any call takes. Goes with its owner,
// since what removes a tree by its path cannot.
class DeepDirectory {
 public:
  DeepDirectory(const std::string& root, const std::string& name, int levels) : name_(name) {
    fds_.emplace_back(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int level = 0; level < levels; ++level) {
      const int above = fds_.back().get();
      check(::mkdirat(above, name.c_str(), 0755) == 0, "mkdir " + std::to_string(level));
      fds_.emplace_back(::openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      path_ += (path_.empty() ? "" : "/") + name;
    }
  }
  ~DeepDirectory() {
    for (const std::string& file : files_) ::unlinkat(fds_.back().get(), file.c_str(), 0);
    while (fds_.size() > 1) {
      fds_.pop_back();
      ::unlinkat(fds_.back().get(), name_.c_str(), AT_REMOVEDIR);
    }
  }
  DeepDirectory(const DeepDirectory&) = delete;
  DeepDirectory& operator=(const DeepDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view text) {
    write_at(fds_.back().get(), name, text);
    files_.insert(name);
  }
  void remove(const std::string& name) {
    check(::unlinkat(fds_.back().get(), name.c_str(), 0) == 0, "remove " + name);
    files_.erase(name);
  }

 private:
  const std::string name_;
  std::string path_;
  std::vector<UniqueFd> fds_;
  std::set<std::string> files_;
};

// Every regular file below.
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
