#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace waybill::watcher {

// Does to a tree whatever a file system allows, at random but by its seed alone: what it does never
// depends on what came of the deed before. Most of it fails, for want of something to do it to:
// that is part of the noise. One thread.
class Mischief {
 public:
  Mischief(std::string root, std::string outside, unsigned seed)
      : root_(std::move(root)), outside_(std::move(outside)), random_(seed) {}

  unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

  void act() {
    const std::string a = some_path();
    const std::string b = some_path();
    switch (draw(15)) {
      case 0:
      case 1:
        ::mkdir(a.c_str(), 0755);
        break;
      case 2:
      case 3:
        write(a);
        break;
      case 4:
        remove(a);
        break;
      case 5:
      case 6:
      case 7:
        ignore(::rename(a.c_str(), b.c_str()));
        break;
      case 8:
        exchange(a, b);
        break;
      case 9:
        ignore(::link(a.c_str(), b.c_str()));
        break;
      case 10:
        link_in_without_a_close(a, b);
        break;
      case 11:
        make_nested(a);
        break;
      case 12:
        out_and_back(a);
        break;
      case 13:
        // Mostly back again, or soon nothing more could be done.
        ignore(::chmod(a.c_str(), draw(3) == 0 ? 0 : 0755));
        break;
      default:
        draw(2) == 0 ? ignore(::symlink(b.c_str(), a.c_str())) : ignore(::mkfifo(a.c_str(), 0644));
    }
  }

  // More events than the kernel's queue holds, nobody reading: two names in turn, since equal
  // events in a row are one.
  void flood(std::size_t events) {
    const std::array<std::string, 2> names{root_ + "/flood-a", root_ + "/flood-b"};
    for (const std::string& name : names) write(name);
    for (std::size_t i = 0; i < events; ++i) ignore(::chmod(names[i % 2].c_str(), 0644));
  }

  // Everything can be read again.
  void open_up() const {
    for (const std::string& top : {root_, outside_}) open_up(top);
  }

 private:
  static void ignore(int) {}
  static void open_up(const std::filesystem::path& directory) {
    ignore(::chmod(directory.c_str(), 0755));
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.is_symlink()) continue;
      if (entry.is_directory()) {
        open_up(entry.path());
      } else {
        ignore(::chmod(entry.path().c_str(), 0644));
      }
    }
  }

  // Few names in few levels, so that the deeds meet.
  std::string some_path() {
    std::string path = draw(6) == 0 ? outside_ : root_;
    for (unsigned depth = 1 + draw(4); depth > 0; --depth) {
      path += '/';
      path += static_cast<char>('a' + draw(4));
    }
    return path;
  }
  void write(const std::string& path) {
    const UniqueFd fd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0644));
    const unsigned length = draw(static_cast<unsigned>(path.size()));
    if (fd.valid()) ignore(static_cast<int>(::write(fd.get(), path.data(), length)));
  }
  static void remove(const std::string& path) {
    ::unlink(path.c_str());
    ::rmdir(path.c_str());
  }
  static void exchange(const std::string& a, const std::string& b) {
    ignore(static_cast<int>(
        ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE)));
  }
  // IN_CREATE is all that is ever heard of it.
  static void link_in_without_a_close(const std::string& directory, const std::string& path) {
    const UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
    if (!fd.valid()) return;
    ignore(static_cast<int>(::write(fd.get(), path.data(), path.size())));
    const std::string source = "/proc/self/fd/" + std::to_string(fd.get());
    ignore(::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW));
  }
  // As mkdir -p and a file do, faster than anybody watches.
  void make_nested(std::string path) {
    for (int level = 0; level < 3; ++level) {
      ::mkdir(path.c_str(), 0755);
      path += '/';
      path += static_cast<char>('a' + draw(4));
    }
    write(path);
  }
  void out_and_back(const std::string& path) const {
    const std::string away = outside_ + "/away";
    if (::rename(path.c_str(), away.c_str()) == 0) {
      ignore(::rename(away.c_str(), path.c_str()));
    }
  }

  const std::string root_;
  const std::string outside_;
  std::mt19937 random_;
};

}  // namespace waybill::watcher
