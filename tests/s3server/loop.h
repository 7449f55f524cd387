#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/s3server/connection.h"
#include "tests/s3server/http.h"
#include "tests/s3server/stream.h"

namespace waybill::s3server {

// An epoll loop with timers: `run` is the body of a thread. What is not marked "any thread" is
// called on that thread.
class Loop {
 public:
  using Clock = std::chrono::steady_clock;

  // Throws std::runtime_error when the kernel refuses. The references outlive the loop.
  Loop(Service& service, const TlsContext* tls, std::atomic<std::uint64_t>& connection_ids);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();                               // returns after stop()
  void stop();                              // any thread
  void post(std::function<void()> action);  // any thread

  void listen_on(int fd);  // which the caller keeps open; -1: accept no more
  void cut_all();
  void after(std::chrono::milliseconds delay, std::function<void()> action);
  // Runs it with the connection, if there still is one of that id.
  void with_connection(std::uint64_t id, const std::function<void(Connection&)>& action);

  const std::string& date(std::int64_t offset_seconds);
  std::array<char, 256 * 1024>& read_buffer() { return *read_buffer_; }
  std::array<char, 256 * 1024>& write_buffer() { return *write_buffer_; }

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    std::uint32_t events = 0;  // as the kernel knows them
  };

  int timeout() const;
  void run_timers();
  void run_posted();
  void accept_one();
  void settle(std::uint64_t id);

  Service& service_;
  const TlsContext* const tls_;
  std::atomic<std::uint64_t>& connection_ids_;
  Descriptor epoll_;
  Descriptor wake_;
  int listener_ = -1;
  std::unordered_map<std::uint64_t, Entry> connections_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::time_t date_of_ = -1;
  std::string date_;
  std::unique_ptr<std::array<char, 256 * 1024>> read_buffer_;
  std::unique_ptr<std::array<char, 256 * 1024>> write_buffer_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
};

}  // namespace waybill::s3server
