#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/event_fd.h"
#include "base/mutex.h"
#include "tests/fakes/fake_file_system.h"
#include "watcher/event_source.h"

namespace waybill::fakes {

// inotify over a FakeFileSystem: its watches, its queue with an end, its limit. Thread-safe. The
// file system must outlive it, and must not change any more once it is gone.
class FakeEventSource final : public watcher::EventSource {
 public:
  explicit FakeEventSource(FakeFileSystem& files);

  Result<watcher::WatchId> add(const watcher::OpenDirectory& directory) override;
  void remove(watcher::WatchId watch) override;
  void renew() override;
  [[nodiscard]] std::string overflow_advice() const override { return "a longer queue"; }
  [[nodiscard]] bool outgrown() const override;
  Result<std::size_t> read(std::vector<watcher::RawEvent>& into) override;
  [[nodiscard]] int poll_fd() const override { return ready_.fd(); }

  // From here on the queue holds so many and then overflows, as the kernel's.
  void set_queue_size(std::size_t events);
  // From its next renewal on.
  void raise_queue_size(std::size_t events);
  void set_watch_limit(std::size_t watches);
  // What is queued is lost, and the reader is told.
  void overflow();
  // Reports nothing any more, until renew() if that mends it.
  void deafen(bool renewing_mends);
  // The next read fails.
  void break_next_read();
  [[nodiscard]] std::size_t watches() const;

 private:
  void happened(const FakeFileSystem::Inode* where, std::uint32_t mask, const std::string& name,
                std::uint32_t cookie);
  void queue(watcher::RawEvent event) REQUIRES(mu_);
  void signal() REQUIRES(mu_);

  const EventFd ready_;
  mutable Mutex mu_;
  std::map<const FakeFileSystem::Inode*, std::int32_t> watches_ GUARDED_BY(mu_);
  std::vector<watcher::RawEvent> queue_ GUARDED_BY(mu_);
  std::int32_t last_ GUARDED_BY(mu_) = 0;
  std::size_t queue_size_ GUARDED_BY(mu_) = 16384;
  std::size_t raised_ GUARDED_BY(mu_) = 0;  // 0: it was not
  std::size_t limit_ GUARDED_BY(mu_) = 1'000'000;
  bool signalled_ GUARDED_BY(mu_) = false;
  bool broken_ GUARDED_BY(mu_) = false;
  bool deaf_ GUARDED_BY(mu_) = false;
  bool renewing_mends_ GUARDED_BY(mu_) = true;
};

}  // namespace waybill::fakes
