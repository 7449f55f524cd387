#include "uploader/http.h"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <latch>
#include <map>
#include <utility>

#include "base/event_fd.h"
#include "base/mutex.h"
#include "base/overloaded.h"
#include "base/unique_fd.h"
#include "uploader/http_transfer.h"

namespace waybill::uploader {
namespace {

struct Task {
  RequestId id{};
  const void* owner = nullptr;
  std::unique_ptr<HttpExchange> exchange;
};

struct Submit {
  Task task;
};
struct Cancel {
  RequestId id{};
};
struct CancelAll {
  const void* owner = nullptr;
  std::latch* gone = nullptr;
};
struct Limit {
  BandwidthSchedule bandwidth;
};
using Order = std::variant<Submit, Cancel, CancelAll, Limit>;

// A handle with the task that it works on.
struct Lane final : HttpTransfer {
  using HttpTransfer::HttpTransfer;
  Task task;  // no exchange: free
  std::uint64_t moved_before = 0;
  BootTime moved_at;
};

// What epoll watches for libcurl. A connection between two requests stays registered as it was: the
// next request wants the same again, and most small PUTs then cost epoll no system call at all.
struct Watched {
  bool connection = false;   // libcurl has other descriptors, which it closes without a word
  std::uint32_t wanted = 0;  // by libcurl; 0: idle in its pool
  std::uint32_t registered = 0;
};

std::uint32_t events_for(int what) {
  switch (what) {
    case CURL_POLL_IN:
      return EPOLLIN;
    case CURL_POLL_OUT:
      return EPOLLOUT;
    case CURL_POLL_INOUT:
      return EPOLLIN | EPOLLOUT;
    default:
      return 0;
  }
}

constexpr Nanoseconds between_checks_of_connecting = std::chrono::milliseconds(250);

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

// Thread-safe on every libcurl that Debian ships; its counterpart is the end of the process.
bool libcurl_ready() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code == CURLE_OK;
}

}  // namespace

struct TransferEngine::Loop::Impl final : HttpTransfer::SocketOwner {
  Impl(Options options, const Clock& clock_to_use)
      : most_connections(static_cast<std::size_t>(std::max(options.max_connections, 1))),
        clock(clock_to_use),
        epoll(::epoll_create1(EPOLL_CLOEXEC)),
        multi(curl_multi_init()) {
    limit(std::move(options.bandwidth));
  }
  ~Impl() = default;

  bool set_up();
  void give(Order order) EXCLUDES(mu);
  void step();

  void carry_out(std::vector<Order> given);
  void cancel(RequestId id);
  void cancel_all(const void* owner);
  void limit(BandwidthSchedule schedule);
  void start_waiting();
  void go_on_with_paused();
  void release_postponed();
  void start(Lane& lane);
  void end(Lane& lane, HttpOutcome outcome);
  void stop(Lane& lane, HttpFailure::Reason reason);
  void harvest();
  void act(curl_socket_t socket, int events);
  void run_timer();
  void check_stalls();
  void check_connecting();
  void wait();
  [[nodiscard]] int patience() const;

  void watch(curl_socket_t socket, int what);
  void unregister(curl_socket_t socket);
  void dispatch(const epoll_event& event);
  Watched& at(curl_socket_t socket);
  void opened(curl_socket_t socket) override;
  void closing(curl_socket_t socket) override;
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
  static int on_timer(CURLM*, long milliseconds, void* self);

  // constant after construction
  const std::size_t most_connections;
  const Clock& clock;
  const UniqueFd epoll;
  const EventFd arrived;

  std::atomic<std::uint64_t> last_id{0};
  Mutex mu;
  std::vector<Order> orders GUARDED_BY(mu);

  // transfer thread only; the lanes go before the multi handle that they were added to
  std::unique_ptr<Bandwidth> bandwidth;  // null: no limit
  std::vector<Watched> sockets;  // before the multi handle, whose end closes the last of them
  const std::unique_ptr<CURLM, FreeMulti> multi;
  std::deque<Task> waiting;
  std::multimap<BootTime, Task> postponed;  // until their exchanges may begin
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<Lane*> idle;
  std::optional<BootTime> timer;
  std::optional<BootTime> stall_check;
  std::optional<BootTime> connecting_check;
};

bool TransferEngine::Loop::Impl::set_up() {
  if (!epoll.valid() || arrived.fd() < 0 || !multi) return false;
  epoll_event event{.events = EPOLLIN, .data = {.fd = arrived.fd()}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, arrived.fd(), &event) != 0) return false;
  void* const self = this;
  return curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &on_socket) == CURLM_OK &&
         curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, self) == CURLM_OK &&
         curl_multi_setopt(multi.get(), CURLMOPT_TIMERFUNCTION, &on_timer) == CURLM_OK &&
         curl_multi_setopt(multi.get(), CURLMOPT_TIMERDATA, self) == CURLM_OK &&
         curl_multi_setopt(multi.get(), CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK &&
         curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS,
                           static_cast<long>(most_connections)) == CURLM_OK;
}

// --- orders from other threads ------------------------------------------------------------------

void TransferEngine::Loop::Impl::give(Order order) {
  bool first = false;
  {
    const MutexLock lock(mu);
    first = orders.empty();
    orders.push_back(std::move(order));
  }
  if (first) arrived.signal();
}

void TransferEngine::Loop::Impl::carry_out(std::vector<Order> given) {
  for (Order& order : given) {
    std::visit(Overloaded{[this](Submit& submit) { waiting.push_back(std::move(submit.task)); },
                          [this](const Cancel& one) { cancel(one.id); },
                          [this](const CancelAll& all) {
                            cancel_all(all.owner);
                            all.gone->count_down();
                          },
                          [this](Limit& to) { limit(std::move(to.bandwidth)); }},
               order);
  }
}

void TransferEngine::Loop::Impl::cancel(RequestId id) {
  const auto queued = std::find_if(waiting.begin(), waiting.end(),
                                   [id](const Task& task) { return task.id == id; });
  if (queued != waiting.end()) {
    const Task task = std::move(*queued);
    waiting.erase(queued);
    task.exchange->finished(HttpFailure{.reason = HttpFailure::Reason::Cancelled});
    return;
  }
  const auto later = std::find_if(postponed.begin(), postponed.end(),
                                  [id](const auto& entry) { return entry.second.id == id; });
  if (later != postponed.end()) {
    const Task task = std::move(later->second);
    postponed.erase(later);
    task.exchange->finished(HttpFailure{.reason = HttpFailure::Reason::Cancelled});
    return;
  }
  for (const auto& lane : lanes) {
    if (lane->task.exchange && lane->task.id == id) {
      return stop(*lane, HttpFailure::Reason::Cancelled);
    }
  }
}

void TransferEngine::Loop::Impl::cancel_all(const void* owner) {
  std::vector<RequestId> ids;
  for (const Task& task : waiting) {
    if (task.owner == owner) ids.push_back(task.id);
  }
  for (const auto& [due, task] : postponed) {
    if (task.owner == owner) ids.push_back(task.id);
  }
  for (const auto& lane : lanes) {
    if (lane->task.exchange && lane->task.owner == owner) ids.push_back(lane->task.id);
  }
  for (const RequestId id : ids) cancel(id);
}

void TransferEngine::Loop::Impl::limit(BandwidthSchedule schedule) {
  auto former = std::exchange(
      bandwidth,
      schedule.unlimited() ? nullptr : std::make_unique<Bandwidth>(std::move(schedule), clock));
  for (const auto& lane : lanes) {
    lane->limit(bandwidth.get());
    if (lane->paused_until()) lane->go_on();
  }
}

// --- requests -----------------------------------------------------------------------------------

void TransferEngine::Loop::Impl::start_waiting() {
  while (!waiting.empty()) {
    const BootTime now = clock.boot();
    BootTime due = waiting.front().exchange->not_before(now);
    if (bandwidth) due = std::max(due, bandwidth->in_debt_until().value_or(due));
    if (due > now) {
      postponed.emplace(due, std::move(waiting.front()));
      waiting.pop_front();
      continue;
    }
    if (idle.empty()) {
      if (lanes.size() >= most_connections) return;
      lanes.push_back(std::make_unique<Lane>(*this, bandwidth.get()));
      idle.push_back(lanes.back().get());
    }
    Lane& lane = *idle.back();
    idle.pop_back();
    lane.task = std::move(waiting.front());
    waiting.pop_front();
    start(lane);
  }
}

// Those that were postponed first go first.
void TransferEngine::Loop::Impl::release_postponed() {
  if (postponed.empty()) return;
  const auto end = postponed.upper_bound(clock.boot());
  std::deque<Task> due;
  for (auto entry = postponed.begin(); entry != end; ++entry) {
    due.push_back(std::move(entry->second));
  }
  postponed.erase(postponed.begin(), end);
  for (auto task = due.rbegin(); task != due.rend(); ++task) waiting.push_front(std::move(*task));
}

// Who has waited longest first: each takes its turn and waits anew.
void TransferEngine::Loop::Impl::go_on_with_paused() {
  if (!bandwidth) return;
  std::vector<std::pair<BootTime, Lane*>> due;
  const BootTime now = clock.boot();
  for (const auto& lane : lanes) {
    const auto until = lane->paused_until();
    if (until && *until <= now) due.emplace_back(*until, lane.get());
  }
  std::ranges::sort(due, {}, &std::pair<BootTime, Lane*>::first);
  for (const auto& [until, lane] : due) lane->go_on();
}

void TransferEngine::Loop::Impl::start(Lane& lane) {
  auto request = lane.task.exchange->prepare();
  if (!request) {
    lane.task = {};
    idle.push_back(&lane);
    return;
  }
  const bool loaded = lane.load(std::move(*request));
  if (!loaded || curl_multi_add_handle(multi.get(), lane.handle()) != CURLM_OK) {
    return end(lane, lane.unload(HttpFailure::Reason::Unusable));
  }
  lane.moved_before = 0;
  lane.moved_at = clock.boot();
  const BootTime check = lane.moved_at + lane.stall_timeout();
  stall_check = stall_check ? std::min(*stall_check, check) : check;
}

void TransferEngine::Loop::Impl::end(Lane& lane, HttpOutcome outcome) {
  if (lane.task.exchange->finished(std::move(outcome)) == HttpExchange::Next::Again) {
    return start(lane);
  }
  lane.task = {};
  idle.push_back(&lane);
}

void TransferEngine::Loop::Impl::stop(Lane& lane, HttpFailure::Reason reason) {
  lane.close_hard();
  curl_multi_remove_handle(multi.get(), lane.handle());
  HttpOutcome outcome = lane.unload(reason);
  if (reason != HttpFailure::Reason::Cancelled) return end(lane, std::move(outcome));
  lane.task.exchange->finished(std::move(outcome));
  lane.task = {};
  idle.push_back(&lane);
}

void TransferEngine::Loop::Impl::harvest() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    auto& lane = static_cast<Lane&>(HttpTransfer::of(message->easy_handle));
    const CURLcode code = message->data.result;  // the message goes with the handle
    curl_multi_remove_handle(multi.get(), lane.handle());
    end(lane, lane.unload(code));
  }
}

// What moves slowly is left alone, what does not move at all is ended (S3.md section 5).
void TransferEngine::Loop::Impl::check_stalls() {
  const BootTime now = clock.boot();
  if (!stall_check || now < *stall_check) return;
  stall_check.reset();
  constexpr int checks_per_timeout = 4;
  for (const auto& lane : lanes) {
    if (!lane->task.exchange) continue;
    const std::uint64_t moved = lane->moved();
    if (moved != lane->moved_before || lane->paused_until()) {
      lane->moved_before = moved;
      lane->moved_at = now;
    } else if (now - lane->moved_at >= lane->stall_timeout()) {
      stop(*lane, HttpFailure::Reason::Stalled);
      if (!lane->task.exchange) continue;
    }
    const BootTime check = now + lane->stall_timeout() / checks_per_timeout;
    stall_check = stall_check ? std::min(*stall_check, check) : check;
  }
}

// libcurl gives each of several addresses a share of the connect timeout, but sets no timer for it:
// it goes on to the next one only when something makes it look (S3.md section 8).
void TransferEngine::Loop::Impl::check_connecting() {
  const BootTime now = clock.boot();
  if (!connecting_check || now < *connecting_check) return;
  connecting_check.reset();
  for (const auto& lane : lanes) {
    if (!lane->task.exchange || lane->begun()) continue;
    lane->nudge();
    connecting_check = now + between_checks_of_connecting;
  }
}

// --- libcurl and epoll --------------------------------------------------------------------------

int TransferEngine::Loop::Impl::on_socket(CURL*, curl_socket_t socket, int what, void* self,
                                          void*) {
  static_cast<Impl*>(self)->watch(socket, what);
  return 0;
}

// libcurl forbids calls into it from here: the due time is only noted. One shot, by run_timer().
int TransferEngine::Loop::Impl::on_timer(CURLM*, long milliseconds, void* self) {
  auto& loop = *static_cast<Impl*>(self);
  if (milliseconds < 0) {
    loop.timer.reset();
  } else {
    loop.timer = loop.clock.boot() + std::chrono::milliseconds(milliseconds);
  }
  return 0;
}

Watched& TransferEngine::Loop::Impl::at(curl_socket_t socket) {
  const auto index = static_cast<std::size_t>(socket);
  if (index >= sockets.size()) sockets.resize(index + 1);
  return sockets[index];
}

void TransferEngine::Loop::Impl::watch(curl_socket_t socket, int what) {
  Watched& watched = at(socket);
  watched.wanted = events_for(what);
  if (watched.wanted == 0 && !watched.connection) return unregister(socket);
  if (watched.wanted == 0 || watched.wanted == watched.registered) return;
  epoll_event event{.events = watched.wanted, .data = {.fd = socket}};
  const int how = watched.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll.get(), how, socket, &event) == 0) watched.registered = watched.wanted;
}

void TransferEngine::Loop::Impl::unregister(curl_socket_t socket) {
  // Closed by what came before in the same batch of events, it may be anybody's by now.
  if (at(socket).registered == 0) return;
  ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, socket, nullptr);
  at(socket).registered = 0;
}

void TransferEngine::Loop::Impl::opened(curl_socket_t socket) {
  at(socket) = {.connection = true};
  if (!connecting_check) connecting_check = clock.boot() + between_checks_of_connecting;
}

// A closed socket leaves epoll by itself, and its number may come back as another's.
void TransferEngine::Loop::Impl::closing(curl_socket_t socket) {
  at(socket) = {};
}

void TransferEngine::Loop::Impl::dispatch(const epoll_event& event) {
  const int fd = event.data.fd;
  if (fd == arrived.fd()) return arrived.clear();
  // An idle connection that the other side closes: libcurl sees that when it next looks at it.
  if (at(fd).wanted == 0) return unregister(fd);
  int events = 0;
  if ((event.events & EPOLLIN) != 0) events |= CURL_CSELECT_IN;
  if ((event.events & EPOLLOUT) != 0) events |= CURL_CSELECT_OUT;
  if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) events |= CURL_CSELECT_ERR;
  act(fd, events);
}

void TransferEngine::Loop::Impl::act(curl_socket_t socket, int events) {
  int running = 0;
  curl_multi_socket_action(multi.get(), socket, events, &running);
}

void TransferEngine::Loop::Impl::run_timer() {
  if (!timer || clock.boot() < *timer) return;
  timer.reset();
  act(CURL_SOCKET_TIMEOUT, 0);
}

int TransferEngine::Loop::Impl::patience() const {
  std::optional<BootTime> due = timer;
  if (stall_check && idle.size() < lanes.size()) {
    due = due ? std::min(*due, *stall_check) : *stall_check;
  }
  if (connecting_check) due = due ? std::min(*due, *connecting_check) : *connecting_check;
  if (!postponed.empty()) {
    const BootTime first = postponed.begin()->first;
    due = due ? std::min(*due, first) : first;
  }
  for (const auto& lane : lanes) {
    if (!bandwidth) break;
    const auto until = lane->paused_until();
    if (until) due = due ? std::min(*due, *until) : *until;
  }
  if (!due) return -1;
  const Nanoseconds left = *due - clock.boot();
  if (left <= Nanoseconds::zero()) return 0;
  constexpr auto longest = std::chrono::milliseconds(std::chrono::hours(1));
  return static_cast<int>(
      std::min(std::chrono::ceil<std::chrono::milliseconds>(left), longest).count());
}

void TransferEngine::Loop::Impl::wait() {
  std::array<epoll_event, 64> events{};
  const int count =
      ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), patience());
  for (int i = 0; i < count; ++i) dispatch(events.at(static_cast<std::size_t>(i)));
}

void TransferEngine::Loop::Impl::step() {
  wait();
  std::vector<Order> given;
  {
    const MutexLock lock(mu);
    given.swap(orders);
  }
  carry_out(std::move(given));
  check_stalls();
  check_connecting();
  harvest();
  release_postponed();
  go_on_with_paused();
  // What is started leaves at once, rather than after another look at epoll; what ends then makes
  // room for more.
  do {
    start_waiting();
    run_timer();
    harvest();
  } while (!waiting.empty() && !(idle.empty() && lanes.size() >= most_connections));
}

// --- Loop ---------------------------------------------------------------------------------------

TransferEngine::Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<TransferEngine::Loop>> TransferEngine::Loop::make(Options options,
                                                                         const Clock& clock) {
  if (!libcurl_ready()) return fail(ErrorCode::Internal, "libcurl cannot be initialised");
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  if (!impl->set_up()) return fail(system_error("set up the transfer loop", errno));
  return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

TransferEngine::Loop::~Loop() {
  std::vector<Order> given;
  {
    const MutexLock lock(impl_->mu);
    given.swap(impl_->orders);
  }
  impl_->carry_out(std::move(given));
  while (!impl_->waiting.empty()) impl_->cancel(impl_->waiting.front().id);
  while (!impl_->postponed.empty()) impl_->cancel(impl_->postponed.begin()->second.id);
  for (const auto& lane : impl_->lanes) {
    if (lane->task.exchange) impl_->stop(*lane, HttpFailure::Reason::Cancelled);
  }
}

RequestId TransferEngine::Loop::submit(std::unique_ptr<HttpExchange> exchange, const void* owner) {
  const auto id = static_cast<RequestId>(impl_->last_id.fetch_add(1) + 1);
  impl_->give(Submit{{id, owner, std::move(exchange)}});
  return id;
}

void TransferEngine::Loop::cancel(RequestId id) {
  impl_->give(Cancel{id});
}

void TransferEngine::Loop::cancel_all(const void* owner) {
  std::latch gone(1);
  impl_->give(CancelAll{owner, &gone});
  gone.wait();
}

void TransferEngine::Loop::limit(BandwidthSchedule bandwidth) {
  impl_->give(Limit{std::move(bandwidth)});
}

void TransferEngine::Loop::step() {
  impl_->step();
}

void TransferEngine::Loop::wake() {
  impl_->arrived.signal();
}

}  // namespace waybill::uploader
