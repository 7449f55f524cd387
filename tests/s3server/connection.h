#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/s3server/http.h"
#include "tests/s3server/stream.h"

namespace waybill::s3server {

class Loop;

// One HTTP/1.1 connection, from accept to close. Loop thread only.
//
//   Head ─▶ Body ─▶ [Waiting] ─▶ Writing ─▶ Head …            a request served
//   Head ─▶ Writing ─▶ Draining ─▶ Head                       answered before its body
//   Writing ─▶ Lingering ─▶ Dead                              "Connection: close"
//   Body ─▶ Silent                                            never answered
class Connection {
 public:
  Connection(Loop& loop, Service& service, std::uint64_t id, Stream stream);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_event(std::uint32_t events);
  std::uint32_t wanted_events() const;
  bool dead() const { return state_ == State::Dead; }
  int fd() const { return stream_.fd(); }

 private:
  enum class State { Head, Body, Waiting, Writing, Draining, Silent, Lingering, Dead };

  void advance();
  bool reads() const;
  std::size_t consume(std::string_view bytes);
  std::size_t consume_head(std::string_view bytes);
  std::size_t consume_body(std::string_view bytes);
  void head_done();
  void refuse(int status);
  void body_done();
  void pause_for(std::uint64_t bytes);
  void begin_reply();
  void write_reply();
  void begin_drip();
  void drip();
  bool flush();
  void reply_done();
  void make_late();
  void cut();
  void linger();
  void die();
  std::string date() const;

  Loop& loop_;
  Service& service_;
  const std::uint64_t id_;
  Stream stream_;
  State state_ = State::Head;
  bool paused_ = false;            // a throttled reader waits for its timer
  bool write_wants_read_ = false;  // TLS
  bool read_wants_write_ = false;
  std::string head_;
  std::string pending_;  // read from the socket, not yet consumed
  std::size_t pending_at_ = 0;
  std::shared_ptr<Exchange> exchange_;
  std::uint64_t body_left_ = 0;
  bool continue_sent_ = false;
  bool keep_alive_ = true;
  std::string output_;
  std::size_t output_at_ = 0;
  std::chrono::steady_clock::time_point drip_until_;
  std::size_t drip_sent_ = 0;  // bytes of the response's body that went before the white space
};

}  // namespace waybill::s3server
