#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/s3server/fault.h"

// Requests and replies, and what passes between the connections and the service behind them.
// Nothing in here knows S3.
namespace waybill::s3server {

struct Header {
  std::string_view name;   // in lower case
  std::string_view value;  // trimmed
};

// The views point into `head`: it is neither copied nor moved once it was parsed.
struct Request {
  std::string head;
  std::string_view method;
  std::string_view target;  // as sent
  std::string_view path;    // as sent, up to the first `?`
  std::string_view query;   // as sent, behind it
  std::vector<Header> headers;
  std::uint64_t content_length = 0;
  bool has_content_length = false;
  bool chunked = false;
  bool expects_continue = false;
  bool keep_alive = true;

  // The first of that name (lower case), or nothing.
  std::optional<std::string_view> header(std::string_view name) const;
};

// Bytes of a reply that are fetched while it is sent.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // 0: the end, or the bytes can no longer be read.
  virtual std::size_t read(char* to, std::size_t size) = 0;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // beside Date, Content-Length …
  std::string body;
  std::unique_ptr<BodySource> source;  // instead of `body`
  std::uint64_t source_size = 0;
  // The reply to a HEAD: this Content-Length, and no body.
  std::optional<std::uint64_t> bodyless_size;
  bool close = false;

  void set_header(std::string_view name, std::string value);
  const std::string* header(std::string_view name) const;
};

// What a connection shall do to one request, beside serving it.
struct Plan {
  bool reply_now = false;  // the response is ready before the body, which is not wanted
  bool no_continue = false;
  bool never_answer = false;
  Cut cut = Cut::None;
  std::uint64_t cut_after_bytes = 0;
  bool reset = false;
  std::optional<std::chrono::milliseconds> late_effect;  // in place of the effect
  bool late_on_demand = false;
  std::uint64_t read_rate = 0;  // bytes a second; 0: unlimited
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds drip{0};
};

// One request on its way. The service derives its own.
struct Exchange {
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  std::uint64_t connection = 0;
  Request request;
  std::uint64_t body_received = 0;
  Plan plan;
  Response response;
};

// Called by the loops' threads, for one exchange by one thread at a time, in this order:
// head, body*, then end or nothing, then ended. `late` comes after `ended`, in place of `end`.
class Service {
 public:
  virtual ~Service() = default;
  virtual std::shared_ptr<Exchange> make_exchange() = 0;
  // The head is there: fill `plan`, and `response` with reply_now.
  virtual void head(Exchange& exchange) = 0;
  virtual void body(Exchange& exchange, std::string_view bytes) = 0;
  // The body is there: apply the request and fill `response`.
  virtual void end(Exchange& exchange) = 0;
  // The reply was handed to the kernel, or the connection is gone.
  virtual void ended(Exchange& exchange) = 0;
  virtual void late(Exchange& exchange) = 0;
  // To be given to `late` when somebody asks for it.
  virtual void hold(std::shared_ptr<Exchange> exchange) = 0;
  // Seconds to add to the clock for the Date of this reply.
  virtual std::int64_t clock_offset(const Exchange& exchange) const = 0;
};

// Parses `request.head`, which ends with an empty line. Errors: a status to refuse it with.
std::optional<int> parse_head(Request& request);

// Status line and headers up to the empty line. With `chunked` there is no Content-Length.
std::string serialize_head(const Response& response, std::string_view date, bool chunked,
                           bool keep_alive);
std::string_view reason_phrase(int status);

}  // namespace waybill::s3server
