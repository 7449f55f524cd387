#include <sys/inotify.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/unique_fd.h"
#include "watcher/event_source.h"

namespace waybill::watcher {

namespace {

// IN_CREATE is the only event of link(2) and of O_TMPFILE + linkat; IN_ATTRIB brings back what a
// chmod had taken away (WATCHING.md 1).
//
// Left out on purpose:
//   IN_MODIFY       one event for each write(2), and none of them says more than the IN_CLOSE_WRITE
//                   to come: while a writer has the file open the lease probe finds it and settling
//                   goes on. truncate(2) by path and writes through a link elsewhere are left to
//                   the rescan by ctime, which the latter needs anyway.
//   IN_EXCL_UNLINK  it hides what happens to a file that was linked in while unlinked elsewhere.
//   IN_DONT_FOLLOW  on /proc/self/fd/N it would watch the link in /proc.
constexpr std::uint32_t watched = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                  IN_ONLYDIR;

constexpr std::size_t buffer_size = std::size_t{256} * 1024;

std::string setting(const char* name) {
  std::ifstream file(std::string("/proc/sys/fs/inotify/") + name);
  std::string value;
  std::getline(file, value);
  return value;
}

// "the limit … (8192) is reached; raise it: sysctl fs.inotify.max_user_watches=16384"
Error limit_reached(const char* what, const char* name, int os_errno) {
  const std::string value = setting(name);
  std::uint64_t limit = 0;
  for (const char digit : value) {
    if (digit < '0' || digit > '9') break;
    limit = limit * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  const std::uint64_t enough = limit < 512 ? 1024 : limit * 2;
  return Error{.code = ErrorCode::NeedsPerson,
               .message = std::string("the kernel's limit of ") + what + " (" + value +
                          ") is reached; raise it: sysctl fs.inotify." + name + "=" +
                          std::to_string(enough),
               .os_errno = os_errno};
}

class InotifySource final : public EventSource {
 public:
  explicit InotifySource(UniqueFd fd) : fd_(std::move(fd)) {}

  Result<WatchId> add(const OpenDirectory& directory) override {
    const int watch = ::inotify_add_watch(fd_.get(), directory.watchable_path().c_str(), watched);
    if (watch >= 0) return WatchId{watch};
    if (errno == ENOSPC) {
      return fail(limit_reached("inotify watches", "max_user_watches", ENOSPC));
    }
    return fail(system_error("watch a directory", errno));
  }

  void remove(WatchId watch) override {
    // EINVAL: the kernel has removed it already, with the directory.
    ::inotify_rm_watch(fd_.get(), static_cast<int>(watch));
  }

  Result<std::size_t> read(std::vector<RawEvent>& into) override {
    ssize_t got = 0;
    do {
      got = ::read(fd_.get(), buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      if (errno == EAGAIN) return std::size_t{0};
      return fail(system_error("read file system events", errno));
    }
    return append(static_cast<std::size_t>(got), into);
  }

  [[nodiscard]] int poll_fd() const override { return fd_.get(); }

 private:
  std::size_t append(std::size_t size, std::vector<RawEvent>& into) const {
    std::size_t count = 0;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event event{};
      std::memcpy(&event, buffer_.data() + at, sizeof event);
      const char* name = buffer_.data() + at + sizeof event;
      // The name is padded with zeros to the next event.
      into.push_back({.watch = WatchId{event.wd},
                      .mask = event.mask,
                      .cookie = event.cookie,
                      .name = std::string(name, ::strnlen(name, event.len))});
      at += sizeof event + event.len;
      ++count;
    }
    return count;
  }

  const UniqueFd fd_;
  std::vector<char> buffer_ = std::vector<char>(buffer_size);  // watch thread only
};

}  // namespace

Result<std::unique_ptr<EventSource>> make_inotify_source() {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (fd.valid()) return std::make_unique<InotifySource>(std::move(fd));
  if (errno == EMFILE) {
    return fail(limit_reached("inotify instances", "max_user_instances", EMFILE));
  }
  return fail(system_error("start inotify", errno));
}

}  // namespace waybill::watcher
