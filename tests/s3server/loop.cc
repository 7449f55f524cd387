#include "tests/s3server/loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

// Connections are numbered from 1 on and never reach these.
constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr std::uint64_t kListener = kWake - 1;

bool add_to(int epoll, int fd, std::uint64_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Loop::Loop(Service& service, const TlsContext* tls, std::atomic<std::uint64_t>& connection_ids)
    : service_(service),
      tls_(tls),
      connection_ids_(connection_ids),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      read_buffer_(std::make_unique<std::array<char, 256 * 1024>>()),
      write_buffer_(std::make_unique<std::array<char, 256 * 1024>>()) {
  if (!epoll_.valid() || !wake_.valid() || !add_to(epoll_.get(), wake_.get(), kWake, EPOLLIN)) {
    throw std::runtime_error("the kernel gives no epoll or eventfd");
  }
}

Loop::~Loop() {
  connections_.clear();
}

void Loop::run() {
  std::array<epoll_event, 256> events{};
  while (!stopping_.load()) {
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout());
    run_timers();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      if (event.data.u64 == kWake) {
        run_posted();
      } else if (event.data.u64 == kListener) {
        accept_one();
      } else {
        with_connection(event.data.u64,
                        [&event](Connection& connection) { connection.on_event(event.events); });
      }
    }
  }
  cut_all();
}

void Loop::stop() {
  stopping_.store(true);
  post([] {});
}

void Loop::post(std::function<void()> action) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(action));
  }
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Loop::run_posted() {
  std::uint64_t counter = 0;
  [[maybe_unused]] const ssize_t read = ::read(wake_.get(), &counter, sizeof counter);
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const auto& action : posted) action();
}

void Loop::listen_on(int fd) {
  // A listener that was closed has left the epoll set by itself.
  listener_ = fd;
  // Exclusive: a new connection wakes one loop, not all.
  if (fd >= 0) add_to(epoll_.get(), fd, kListener, EPOLLIN | EPOLLEXCLUSIVE);
}

void Loop::accept_one() {
  if (listener_ < 0) return;
  Descriptor fd(::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) return;
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::uint64_t id = ++connection_ids_;
  const int raw = fd.get();
  Entry entry{
      .connection = std::make_unique<Connection>(*this, service_, id, Stream(std::move(fd), tls_)),
      .events = EPOLLIN};
  if (!add_to(epoll_.get(), raw, id, entry.events)) return;
  connections_.emplace(id, std::move(entry));
}

void Loop::cut_all() {
  // A connection that dies reports to the service, which must not find the map half gone.
  auto gone = std::move(connections_);
  connections_.clear();
}

void Loop::with_connection(std::uint64_t id, const std::function<void(Connection&)>& action) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  action(*found->second.connection);
  settle(id);
}

// Tells the kernel what the connection waits for now, or lets go of it.
void Loop::settle(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Entry& entry = found->second;
  if (entry.connection->dead()) {
    connections_.erase(found);
    return;
  }
  const std::uint32_t wanted = entry.connection->wanted_events();
  if (wanted == entry.events) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = id;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, entry.connection->fd(), &event);
  entry.events = wanted;
}

void Loop::after(std::chrono::milliseconds delay, std::function<void()> action) {
  timers_.emplace(Clock::now() + delay, std::move(action));
}

int Loop::timeout() const {
  if (timers_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void Loop::run_timers() {
  if (timers_.empty()) return;
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    // Out of the map first: the action may add timers.
    auto node = timers_.extract(timers_.begin());
    node.mapped()();
  }
}

const std::string& Loop::date(std::int64_t offset_seconds) {
  const std::time_t now = std::time(nullptr) + offset_seconds;
  if (now != date_of_) {
    date_of_ = now;
    date_ = http_date(now);
  }
  return date_;
}

}  // namespace waybill::s3server
