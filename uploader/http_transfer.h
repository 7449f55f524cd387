#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "uploader/bandwidth.h"
#include "uploader/http.h"

namespace waybill::uploader {

// One libcurl handle and the request it carries, used for one request after another. The transfer
// thread only; pinned in memory, since libcurl keeps its address.
class HttpTransfer {
 public:
  // Is told of each connection's socket when it was opened, and before it is closed.
  struct SocketOwner {
    virtual void opened(curl_socket_t socket) = 0;
    virtual void closing(curl_socket_t socket) = 0;

   protected:
    ~SocketOwner() = default;
  };

  // The limit may be null; it is replaced by limit() before it goes.
  HttpTransfer(SocketOwner& sockets, Bandwidth* bandwidth);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  static HttpTransfer& of(CURL* handle);

  // Loads a request; false: libcurl does not take it.
  bool load(HttpRequest request);
  // After libcurl has let go of it.
  HttpOutcome unload(CURLcode code);
  HttpOutcome unload(HttpFailure::Reason reason);

  void limit(Bandwidth* bandwidth) { bandwidth_ = bandwidth; }
  // It waits for the bandwidth, and is to be told to go_on() then.
  [[nodiscard]] const std::optional<BootTime>& paused_until() const { return paused_until_; }
  void go_on();
  // Of its request, something has left us; else it is still connecting.
  [[nodiscard]] bool begun() const { return sends_ > 0; }
  // Makes libcurl look at it, though no socket and no timer of it says so.
  void nudge();

  // Bytes that the other side has acknowledged or sent: what grows is alive.
  [[nodiscard]] std::uint64_t moved() const;
  [[nodiscard]] Nanoseconds stall_timeout() const { return request_.stall_timeout; }
  // Its socket will be closed by a reset, so that nothing still queued is delivered.
  void close_hard() const;

 private:
  static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static int on_request(void* self, char*, char*, int, int);
  static curl_socket_t on_open(void* sockets, curlsocktype purpose, curl_sockaddr* address);
  static int on_close(void* sockets, curl_socket_t socket);

  void set_constant_options(SocketOwner& sockets);
  bool load_body();
  void load_headers();
  void add_line(std::string line);
  [[nodiscard]] bool asks_to_continue() const;
  [[nodiscard]] bool streams() const;
  [[nodiscard]] bool request_sent() const;
  [[nodiscard]] HttpOutcome failure(HttpFailure::Reason reason) const;
  void clear();

  struct Free {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct FreeShare {
    void operator()(CURLSH* share) const { curl_share_cleanup(share); }
  };

  const std::unique_ptr<CURLSH, FreeShare> names_;  // what it has resolved; goes after the handle
  const std::unique_ptr<CURL, Free> easy_;
  std::array<char, CURL_ERROR_SIZE> words_{};
  const char* system_ca_ = nullptr;  // libcurl's default, to go back to
  std::string ca_file_;
  bool large_buffer_ = false;

  Bandwidth* bandwidth_;
  std::optional<BootTime> paused_until_;

  HttpRequest request_;
  std::vector<std::string> lines_;  // of the request's head, with the nodes that point at them
  std::vector<curl_slist> nodes_;
  std::size_t handed_over_ = 0;  // of the body
  int sends_ = 0;                // how often the head was written
  bool head_complete_ = false;   // of the reply, or its trailers
  bool continued_ = false;       // 100 Continue came
  bool too_large_ = false;
  HttpReply reply_;
};

}  // namespace waybill::uploader
