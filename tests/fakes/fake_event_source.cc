#include "tests/fakes/fake_event_source.h"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace waybill::fakes {

using watcher::RawEvent;
using watcher::WatchId;

FakeEventSource::FakeEventSource(FakeFileSystem& files) {
  files.listen([this](const FakeFileSystem::Inode* where, std::uint32_t mask,
                      const std::string& name,
                      std::uint32_t cookie) { happened(where, mask, name, cookie); });
}

Result<WatchId> FakeEventSource::add(const watcher::OpenDirectory& directory) {
  const MutexLock lock(mu_);
  const FakeFileSystem::Inode* const inode = FakeFileSystem::inode_of(directory);
  if (const auto found = watches_.find(inode); found != watches_.end()) {
    return WatchId{found->second};
  }
  if (watches_.size() >= limit_) {
    return fail(Error{.code = ErrorCode::NeedsPerson,
                      .message = "the limit of watches is reached; raise it: sysctl "
                                 "fs.inotify.max_user_watches=1024",
                      .os_errno = ENOSPC});
  }
  watches_[inode] = ++last_;
  return WatchId{last_};
}

void FakeEventSource::remove(WatchId watch) {
  const MutexLock lock(mu_);
  const auto found = std::find_if(watches_.begin(), watches_.end(), [watch](const auto& entry) {
    return WatchId{entry.second} == watch;
  });
  if (found == watches_.end()) return;
  watches_.erase(found);
  queue({.watch = watch, .mask = IN_IGNORED, .cookie = 0, .name = {}});
}

void FakeEventSource::renew() {
  const MutexLock lock(mu_);
  watches_.clear();
  queue_.clear();
  if (raised_ != 0) queue_size_ = std::exchange(raised_, 0);
  last_ = 0;  // the numbers begin anew, as the kernel's
  if (renewing_mends_) deaf_ = false;
}

Result<std::size_t> FakeEventSource::read(std::vector<RawEvent>& into) {
  const MutexLock lock(mu_);
  // Asked for millions of times by a simulation: without a system call while nothing has come.
  if (std::exchange(signalled_, false)) ready_.clear();
  if (std::exchange(broken_, false)) return fail(system_error("read events", EIO));
  const std::size_t count = queue_.size();
  std::move(queue_.begin(), queue_.end(), std::back_inserter(into));
  queue_.clear();
  return count;
}

void FakeEventSource::happened(const FakeFileSystem::Inode* where, std::uint32_t mask,
                               const std::string& name, std::uint32_t cookie) {
  const MutexLock lock(mu_);
  const auto found = watches_.find(where);
  if (found == watches_.end() || deaf_) return;
  queue({.watch = WatchId{found->second}, .mask = mask, .cookie = cookie, .name = name});
  if ((mask & IN_IGNORED) != 0) watches_.erase(found);
}

void FakeEventSource::queue(RawEvent event) {
  if (queue_.size() < queue_size_) {
    queue_.push_back(std::move(event));
  } else if (queue_.size() == queue_size_) {
    queue_.push_back({.watch = WatchId{-1}, .mask = IN_Q_OVERFLOW, .cookie = 0, .name = {}});
  }
  signal();
}

void FakeEventSource::signal() {
  signalled_ = true;
  ready_.signal();
}

void FakeEventSource::set_queue_size(std::size_t events) {
  const MutexLock lock(mu_);
  queue_size_ = events;
}
void FakeEventSource::raise_queue_size(std::size_t events) {
  const MutexLock lock(mu_);
  raised_ = events;
}
bool FakeEventSource::outgrown() const {
  const MutexLock lock(mu_);
  return raised_ > queue_size_;
}
void FakeEventSource::set_watch_limit(std::size_t watches) {
  const MutexLock lock(mu_);
  limit_ = watches;
}
void FakeEventSource::overflow() {
  const MutexLock lock(mu_);
  queue_.clear();
  queue_.push_back({.watch = WatchId{-1}, .mask = IN_Q_OVERFLOW, .cookie = 0, .name = {}});
  signal();
}
void FakeEventSource::deafen(bool renewing_mends) {
  const MutexLock lock(mu_);
  deaf_ = true;
  renewing_mends_ = renewing_mends;
}
void FakeEventSource::break_next_read() {
  const MutexLock lock(mu_);
  broken_ = true;
  signal();
}
std::size_t FakeEventSource::watches() const {
  const MutexLock lock(mu_);
  return watches_.size();
}

}  // namespace waybill::fakes
