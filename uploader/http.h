#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "uploader/object_store.h"
#include "uploader/transfer_engine.h"

// HTTP/1.1 as the S3 client needs it: what is sent is exactly what was signed, nothing is sent
// twice unasked, and a failure says whether the whole request had left us.
namespace waybill::uploader {

struct HttpHeader {
  std::string name;  // lower case
  std::string value;
};

enum class HttpMethod : std::uint8_t { Get, Head, Put, Post, Delete };
std::string_view to_string(HttpMethod method);

struct HttpRequest {
  HttpMethod method = HttpMethod::Get;
  std::string url;  // goes as it stands: dots and double slashes in it are data
  std::vector<HttpHeader> headers;
  SharedBytes body;       // null or empty: Content-Length 0 where the method has a body
  std::string ca_file;    // empty: the system's
  bool proxy = true;      // by the environment (https_proxy, no_proxy …)
  std::string proxy_url;  // instead of the environment's
  // A large body waits for 100 Continue, up to a second, so that a refusal comes before it.
  bool may_ask_to_continue = true;
  Nanoseconds connect_timeout{};
  Nanoseconds stall_timeout{};  // without a byte moving either way
};

// The header block of a reply, kept as it came: most replies are asked for two names of a dozen.
class HttpHeaders {
 public:
  // One line without its end; a status line starts anew (100 Continue comes before the reply).
  void add_line(std::string_view line);
  void clear() { text_.clear(); }
  [[nodiscard]] std::size_t size() const { return text_.size(); }

  // The first of that name (lower case), trimmed; empty: none.
  [[nodiscard]] std::string_view find(std::string_view name) const;
  // Names that begin so (lower case), in their order, without the prefix.
  [[nodiscard]] std::vector<HttpHeader> with_prefix(std::string_view prefix) const;

 private:
  std::string text_;
};

struct HttpReply {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  // The last byte of the request had been handed over before the reply came.
  bool request_sent = false;
  // It took the body without the 100 Continue that it was asked for: waiting for that is in vain.
  bool left_to_continue = false;
};

struct HttpFailure {
  enum class Reason : std::uint8_t {
    NotResolved,
    NotConnected,
    NotTrusted,  // the certificate
    BadCaFile,
    TlsFailed,  // a handshake that failed otherwise
    Lost,       // the connection ended without a whole reply
    Stalled,
    Malformed,  // not HTTP, or beyond our bounds
    Cancelled,
    Unusable,  // the request itself: a URL that cannot be, no memory
  };
  Reason reason = Reason::Lost;
  bool request_sent = false;  // as in HttpReply
  int os_errno = 0;
  std::string detail;  // libcurl's words; empty: none
};

using HttpOutcome = std::variant<HttpReply, HttpFailure>;

// One task for the loop: a request, perhaps a corrected one after it. Runs on the transfer thread
// alone and must not block.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  enum class Next : std::uint8_t { Again, Done };

  // Called when a connection is free, so that the signature is fresh however long the queue was.
  // nullopt: it has already ended with an error.
  virtual std::optional<HttpRequest> prepare() = 0;
  // When prepare() may be called; asked each time it could be. What has to wait takes no
  // connection.
  virtual BootTime not_before(BootTime now) { return now; }
  // Again: prepare() is called once more, at once.
  virtual Next finished(HttpOutcome outcome) = 0;
};

// curl_multi on epoll, with a queue of its own in front: libcurl's limit on connections scans all
// its handles and burns the connect timeout of those that wait (S3.md section 8).
class TransferEngine::Loop {
 public:
  static Result<std::unique_ptr<Loop>> make(Options options, const Clock& clock);
  ~Loop();  // what is under way ends as Cancelled, in here
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Any thread. `owner` is a name for cancel_all() only.
  RequestId submit(std::unique_ptr<HttpExchange> exchange, const void* owner);
  // Any thread. Its exchange ends as Cancelled, unless it has ended already.
  void cancel(RequestId id);
  // Any thread but the transfer thread. Returns when no exchange of this owner is left.
  void cancel_all(const void* owner);

  // Any thread. Counts from the next byte on.
  void limit(BandwidthSchedule bandwidth);

  // The transfer thread: waits for something to do, and does it.
  void step();
  // Any thread: ends the wait of a step().
  void wake();

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::uploader
