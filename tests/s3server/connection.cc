#include "tests/s3server/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "tests/s3server/loop.h"

namespace waybill::s3server {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kLongestHead = 64 * 1024;
// A body that nobody wants is read to its end when it is short, so that the connection lives on.
constexpr std::uint64_t kWorthDraining = 1024 * 1024;
constexpr milliseconds kLinger{5000};
constexpr milliseconds kDripEvery{20};
constexpr int kReadsAnEvent = 16;  // then other connections have their turn

std::string chunk(std::string_view bytes) {
  std::array<char, 20> size{};
  const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  std::string out(size.data(), static_cast<std::size_t>(digits));
  out += bytes;
  out += "\r\n";
  return out;
}

}  // namespace

Connection::Connection(Loop& loop, Service& service, std::uint64_t id, Stream stream)
    : loop_(loop), service_(service), id_(id), stream_(std::move(stream)) {}

Connection::~Connection() {
  die();
}

std::uint32_t Connection::wanted_events() const {
  std::uint32_t events = 0;
  if (reads() || write_wants_read_) events |= EPOLLIN;
  if ((output_at_ < output_.size() && !write_wants_read_) || read_wants_write_) events |= EPOLLOUT;
  if (state_ == State::Silent) events |= EPOLLRDHUP;
  return events;
}

bool Connection::reads() const {
  switch (state_) {
    case State::Head:
    case State::Draining:
    case State::Lingering:
      return true;
    case State::Body:
      return !paused_;
    case State::Waiting:
    case State::Writing:
    case State::Silent:
    case State::Dead:
      return false;
  }
  return false;
}

void Connection::on_event(std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 ||
      (state_ == State::Silent && (events & EPOLLRDHUP) != 0)) {
    die();
    return;
  }
  advance();
}

// Goes on until the socket, a timer or the service has to do something first.
void Connection::advance() {
  for (int turn = 0; state_ != State::Dead; ++turn) {
    if (output_at_ < output_.size() && !flush()) return;
    if (!reads()) return;
    if (pending_at_ < pending_.size()) {
      pending_at_ += consume(std::string_view(pending_).substr(pending_at_));
      continue;
    }
    if (turn >= kReadsAnEvent && !stream_.holds_bytes()) return;
    auto& buffer = loop_.read_buffer();
    const IoResult result = stream_.read(buffer.data(), buffer.size());
    read_wants_write_ = result.io == Io::WantWrite;
    if (result.io == Io::Closed) die();
    if (result.io != Io::Done) return;
    const std::string_view bytes(buffer.data(), result.bytes);
    std::size_t used = 0;
    while (used < bytes.size() && reads()) used += consume(bytes.substr(used));
    pending_.assign(bytes.substr(used));
    pending_at_ = 0;
    // A short read has most likely drained the socket: asking again would cost a system call.
    if (result.bytes < buffer.size() && !stream_.holds_bytes() && pending_.empty() &&
        output_at_ == output_.size()) {
      return;
    }
  }
}

std::size_t Connection::consume(std::string_view bytes) {
  switch (state_) {
    case State::Head:
      return consume_head(bytes);
    case State::Body:
      return consume_body(bytes);
    case State::Draining: {
      const std::size_t used =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), body_left_));
      body_left_ -= used;
      if (body_left_ == 0) state_ = State::Head;
      return used;
    }
    case State::Waiting:
    case State::Writing:
    case State::Silent:
    case State::Lingering:
    case State::Dead:
      return bytes.size();
  }
  return bytes.size();
}

std::size_t Connection::consume_head(std::string_view bytes) {
  const std::size_t before = head_.size();
  head_.append(bytes.substr(0, kLongestHead));
  const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (head_.size() >= kLongestHead) {
      refuse(431);
      return bytes.size();
    }
    return std::min(bytes.size(), kLongestHead);
  }
  head_.resize(end + 4);
  head_done();
  return end + 4 - before;
}

void Connection::head_done() {
  auto exchange = service_.make_exchange();
  exchange->connection = id_;
  exchange->request.head = std::exchange(head_, {});
  if (const auto status = parse_head(exchange->request)) {
    refuse(*status);
    return;
  }
  exchange_ = std::move(exchange);
  const Request& request = exchange_->request;
  body_left_ = request.content_length;
  keep_alive_ = request.keep_alive;
  continue_sent_ = false;
  paused_ = false;

  service_.head(*exchange_);
  const Plan& plan = exchange_->plan;
  if (plan.cut == Cut::BeforeBody) return cut();
  if (plan.reply_now) {
    // Refused, though a cut was planned at a point that now never comes: then it comes here.
    const bool replies =
        plan.cut == Cut::None || plan.cut == Cut::InReply || plan.cut == Cut::AfterReply;
    return replies ? begin_reply() : cut();
  }
  if (plan.read_rate > 0) stream_.narrow_receive_window();
  if (body_left_ == 0) return body_done();
  state_ = State::Body;
  if (plan.cut == Cut::InBody && plan.cut_after_bytes == 0) return cut();
  if (request.expects_continue && !plan.no_continue) {
    continue_sent_ = true;
    output_ = "HTTP/1.1 100 Continue\r\n\r\n";
    output_at_ = 0;
    flush();
  }
}

// The head cannot be understood, so neither can what follows it.
void Connection::refuse(int status) {
  Response response;
  response.status = status;
  output_ = serialize_head(response, loop_.date(0), false, false);
  output_at_ = 0;
  keep_alive_ = false;
  state_ = State::Writing;
  flush();
}

std::size_t Connection::consume_body(std::string_view bytes) {
  const Plan& plan = exchange_->plan;
  std::uint64_t take = std::min<std::uint64_t>(bytes.size(), body_left_);
  if (plan.read_rate > 0) {
    take = std::min(take, std::max<std::uint64_t>(1, plan.read_rate / 20));
  }
  if (plan.cut == Cut::InBody) {
    take = std::min(take, plan.cut_after_bytes - exchange_->body_received);
  }
  const auto used = static_cast<std::size_t>(take);
  exchange_->body_received += take;
  body_left_ -= take;
  service_.body(*exchange_, bytes.substr(0, used));
  if (plan.cut == Cut::InBody && exchange_->body_received >= plan.cut_after_bytes) {
    cut();
  } else if (body_left_ == 0) {
    body_done();
  } else if (plan.read_rate > 0) {
    pause_for(take);
  }
  return used;
}

void Connection::pause_for(std::uint64_t bytes) {
  paused_ = true;
  const milliseconds pause(std::max<std::uint64_t>(1, bytes * 1000 / exchange_->plan.read_rate));
  loop_.after(pause, [&loop = loop_, id = id_] {
    loop.with_connection(id, [](Connection& self) {
      self.paused_ = false;
      self.advance();
    });
  });
}

void Connection::body_done() {
  const Plan& plan = exchange_->plan;
  const bool late = plan.late_effect.has_value() || plan.late_on_demand;
  // A cut in a body that was shorter than expected: cut it nevertheless, before any effect.
  if (plan.cut == Cut::BeforeCommit || plan.cut == Cut::InBody) {
    if (late) make_late();
    return cut();
  }
  if (plan.never_answer) {
    if (late) make_late();
    state_ = State::Silent;
    return;
  }
  if (late) {
    make_late();
    return cut();
  }
  service_.end(*exchange_);
  if (plan.cut == Cut::AfterCommit) return cut();
  begin_reply();
}

// The exchange outlives this connection's interest in it: whoever holds it applies it later.
void Connection::make_late() {
  if (exchange_->plan.late_on_demand) {
    service_.hold(exchange_);
    return;
  }
  loop_.after(*exchange_->plan.late_effect,
              [&service = service_, exchange = exchange_] { service.late(*exchange); });
}

void Connection::begin_reply() {
  if (exchange_->plan.delay.count() == 0) return write_reply();
  state_ = State::Waiting;
  loop_.after(exchange_->plan.delay, [&loop = loop_, id = id_] {
    loop.with_connection(id, [](Connection& self) {
      self.write_reply();
      self.advance();
    });
  });
}

void Connection::write_reply() {
  Response& response = exchange_->response;
  const bool body_unasked = exchange_->request.expects_continue && !continue_sent_;
  if (response.close || (body_left_ > 0 && (body_unasked || body_left_ > kWorthDraining))) {
    keep_alive_ = false;
  }
  if (exchange_->plan.drip.count() > 0 && !response.bodyless_size) return begin_drip();

  state_ = State::Writing;
  output_ = serialize_head(response, date(), false, keep_alive_);
  output_at_ = 0;
  if (!response.bodyless_size && !response.source) output_ += response.body;
  if (exchange_->plan.cut == Cut::InReply) {
    // Of a reply that is still to be fetched, the head must do, with half of what it announces.
    if (response.source) {
      std::string half(static_cast<std::size_t>(response.source_size / 2), '\0');
      half.resize(response.source->read(half.data(), half.size()));
      output_ += half;
    } else {
      output_.resize(output_.size() - std::max<std::size_t>(1, response.body.size() / 2));
    }
    response.source.reset();
  }
  flush();
}

void Connection::begin_drip() {
  const Response& response = exchange_->response;
  output_ = serialize_head(response, date(), true, keep_alive_);
  output_at_ = 0;
  // White space may not stand before an XML declaration.
  const std::size_t declaration =
      response.body.starts_with("<?xml") ? response.body.find("?>") : std::string::npos;
  drip_sent_ = declaration == std::string::npos ? 0 : declaration + 2;
  if (drip_sent_ > 0) output_ += chunk(std::string_view(response.body).substr(0, drip_sent_));
  drip_until_ = Loop::Clock::now() + exchange_->plan.drip;
  state_ = State::Waiting;
  drip();
}

void Connection::drip() {
  const auto now = Loop::Clock::now();
  if (now < drip_until_) {
    output_ += chunk(" ");
    flush();
    const auto left = std::chrono::ceil<milliseconds>(drip_until_ - now);
    loop_.after(std::min(left, kDripEvery), [&loop = loop_, id = id_] {
      loop.with_connection(id, [](Connection& self) {
        self.drip();
        self.advance();
      });
    });
    return;
  }
  const std::string_view rest = std::string_view(exchange_->response.body).substr(drip_sent_);
  if (exchange_->plan.cut == Cut::InReply) {
    output_ += chunk(rest.substr(0, rest.size() / 2));
  } else {
    if (!rest.empty()) output_ += chunk(rest);
    output_ += "0\r\n\r\n";
  }
  state_ = State::Writing;
  flush();
}

// True when all that is to be written now was taken by the kernel.
bool Connection::flush() {
  for (;;) {
    while (output_at_ < output_.size()) {
      const IoResult result =
          stream_.write(output_.data() + output_at_, output_.size() - output_at_);
      write_wants_read_ = result.io == Io::WantRead;
      if (result.io == Io::Closed) die();
      if (result.io != Io::Done) return false;
      output_at_ += result.bytes;
    }
    output_.clear();
    output_at_ = 0;
    if (state_ != State::Writing) return true;
    if (!exchange_ || !exchange_->response.source || exchange_->response.bodyless_size) break;
    auto& buffer = loop_.write_buffer();
    const std::size_t size = exchange_->response.source->read(buffer.data(), buffer.size());
    if (size == 0) break;
    output_.assign(buffer.data(), size);
  }
  reply_done();
  return true;
}

void Connection::reply_done() {
  const Cut planned = exchange_ ? exchange_->plan.cut : Cut::None;
  if (planned == Cut::InReply || planned == Cut::AfterReply) {
    service_.ended(*exchange_);
    if (exchange_->plan.reset) stream_.reset_on_close();
    exchange_.reset();
    return die();
  }
  if (exchange_) service_.ended(*exchange_);
  exchange_.reset();
  if (!keep_alive_) return linger();
  state_ = body_left_ > 0 ? State::Draining : State::Head;
}

void Connection::cut() {
  if (exchange_->plan.reset) stream_.reset_on_close();
  die();
}

// Closing while bytes still arrive would send RST, and with it take back the reply.
void Connection::linger() {
  stream_.end_of_output();
  state_ = State::Lingering;
  loop_.after(kLinger, [&loop = loop_, id = id_] {
    loop.with_connection(id, [](Connection& self) { self.die(); });
  });
}

void Connection::die() {
  state_ = State::Dead;
  if (exchange_) {
    service_.ended(*exchange_);
    exchange_.reset();
  }
}

std::string Connection::date() const {
  return loop_.date(service_.clock_offset(*exchange_));
}

}  // namespace waybill::s3server
