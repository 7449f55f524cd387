#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

#include "tests/integration/watcher/disk.h"

// Runs a piece of a test in a child with a user and a mount namespace of its own: there it may
// mount and set limits, and nothing of it is left when the child ends.
namespace waybill::watcher {

inline void write_setting(const std::string& path, const std::string& value) {
  std::ofstream file(path);
  file << value << std::flush;
  if (!file) throw std::runtime_error("test cannot write " + path);
}

inline void mount(const char* type, const std::string& what, const std::string& where,
                  unsigned long flags = 0, const std::string& options = "") {
  disk::check(::mount(what.c_str(), where.c_str(), type, flags, options.c_str()) == 0,
              "mount over " + where);
}
inline void unmount(const std::string& where) {
  disk::check(::umount2(where.c_str(), MNT_DETACH) == 0, "unmount " + where);
}

// Says on the standard error what failed, and ends the child with 1.
inline void expect(bool holds, const std::string& sentence) {
  if (!holds) throw std::runtime_error("does not hold: " + sentence);
}

// What the child ended with: 0 if `piece` returned.
inline int in_own_kernel(const std::function<void()>& piece) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const uid_t user = ::getuid();
      const gid_t group = ::getgid();
      disk::check(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "make namespaces");
      write_setting("/proc/self/setgroups", "deny");
      write_setting("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
      write_setting("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
      disk::check(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0,
                  "keep mounts to itself");
      piece();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace waybill::watcher
