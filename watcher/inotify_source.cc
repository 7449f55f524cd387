#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/mutex.h"
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

std::uint64_t setting(const char* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : 0;
}

// One of the kernel's limits, as this process meets it: a user namespace has its own beside the
// machine's, and the lower one counts.
struct Limit {
  const char* of_what;
  const char* machine;
  const char* machine_path;
  const char* user_namespace;
  const char* user_namespace_path;
};
constexpr Limit limit_of_watches{"inotify watches", "fs.inotify.max_user_watches",
                                 "/proc/sys/fs/inotify/max_user_watches",
                                 "user.max_inotify_watches", "/proc/sys/user/max_inotify_watches"};
constexpr Limit limit_of_instances{
    "inotify instances", "fs.inotify.max_user_instances", "/proc/sys/fs/inotify/max_user_instances",
    "user.max_inotify_instances", "/proc/sys/user/max_inotify_instances"};

constexpr const char* queue_limit = "fs.inotify.max_queued_events";
constexpr const char* queue_limit_path = "/proc/sys/fs/inotify/max_queued_events";

std::string advice(const char* name, std::uint64_t value) {
  const std::uint64_t enough = value < 512 ? 1024 : value * 2;
  return "sysctl " + std::string(name) + "=" + std::to_string(enough);
}

// "the limit … (8192) is reached; raise it: sysctl fs.inotify.max_user_watches=16384"
Error limit_reached(const Limit& limit, int os_errno) {
  const std::uint64_t machine = setting(limit.machine_path);
  const std::ifstream separate(limit.user_namespace_path);
  const std::uint64_t ours = setting(limit.user_namespace_path);
  const bool in_namespace = separate.good() && ours < machine;
  const std::uint64_t value = in_namespace ? ours : machine;
  return Error{.code = ErrorCode::NeedsPerson,
               .message = std::string("the kernel's limit of ") + limit.of_what + " (" +
                          std::to_string(value) + ") is reached; raise it: " +
                          advice(in_namespace ? limit.user_namespace : limit.machine, value),
               .os_errno = os_errno};
}

Error no_instance(int os_errno) {
  if (os_errno != EMFILE) return system_error("start inotify", os_errno);
  // The same number says that this process has too many files open.
  const UniqueFd room(::open("/proc/self", O_PATH | O_CLOEXEC));
  if (room.valid()) return limit_reached(limit_of_instances, EMFILE);
  return {.code = ErrorCode::NeedsPerson,
          .message = "no file descriptor is left for inotify; raise LimitNOFILE= of the service",
          .os_errno = EMFILE};
}

class InotifySource final : public EventSource {
 public:
  explicit InotifySource(UniqueFd ready) : ready_(std::move(ready)) {}

  Result<WatchId> add(const OpenDirectory& directory) override {
    const MutexLock lock(mu_);
    if (!fd_.valid()) {
      if (const Result<void> started = start(); !started) return fail(started.error());
    }
    const int watch = ::inotify_add_watch(fd_.get(), directory.watchable_path().c_str(), watched);
    if (watch >= 0) return WatchId{watch};
    if (errno == ENOSPC) return fail(limit_reached(limit_of_watches, ENOSPC));
    return fail(system_error("watch a directory", errno));
  }

  void remove(WatchId watch) override {
    const MutexLock lock(mu_);
    // EINVAL: the kernel has removed it already, with the directory.
    if (fd_.valid()) ::inotify_rm_watch(fd_.get(), static_cast<int>(watch));
  }

  void renew() override {
    const MutexLock lock(mu_);
    fd_ = UniqueFd();  // takes its watches, its queue and its place in ready_ with it
  }

  [[nodiscard]] std::string overflow_advice() const override {
    return outgrown() ? std::string() : advice(queue_limit, setting(queue_limit_path));
  }

  [[nodiscard]] bool outgrown() const override {
    const MutexLock lock(mu_);
    return fd_.valid() && setting(queue_limit_path) > queued_at_most_;
  }

  Result<std::size_t> read(std::vector<RawEvent>& into) override {
    ssize_t got = 0;
    {
      const MutexLock lock(mu_);
      if (!fd_.valid()) return std::size_t{0};
      do {
        got = ::read(fd_.get(), buffer_.data(), buffer_.size());
      } while (got < 0 && errno == EINTR);
    }
    if (got < 0) {
      if (errno == EAGAIN) return std::size_t{0};
      return fail(system_error("read file system events", errno));
    }
    return append(static_cast<std::size_t>(got), into);
  }

  [[nodiscard]] int poll_fd() const override { return ready_.get(); }

 private:
  Result<void> start() REQUIRES(mu_) {
    UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd.valid()) return fail(no_instance(errno));
    epoll_event wanted{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, fd.get(), &wanted) != 0) {
      return fail(system_error("start inotify", errno));
    }
    queued_at_most_ = setting(queue_limit_path);
    fd_ = std::move(fd);
    return {};
  }

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

  // What is waited on stays the same while instances come and go.
  const UniqueFd ready_;
  mutable Mutex mu_;
  // The kernel's limit when the instance was made: one that is raised later is not its own.
  std::uint64_t queued_at_most_ GUARDED_BY(mu_) = 0;
  UniqueFd fd_ GUARDED_BY(mu_);  // invalid: none is to be had, or none was needed yet
  std::vector<char> buffer_ = std::vector<char>(buffer_size);  // watch thread only
};

}  // namespace

Result<std::unique_ptr<EventSource>> make_inotify_source() {
  UniqueFd ready(::epoll_create1(EPOLL_CLOEXEC));
  if (!ready.valid()) return fail(system_error("prepare for file system events", errno));
  return std::make_unique<InotifySource>(std::move(ready));
}

}  // namespace waybill::watcher
