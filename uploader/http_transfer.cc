#include "uploader/http_transfer.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace waybill::uploader {
namespace {

// Up to here the body leaves in one write with the head, which saves a small PUT a system call on
// either side. libcurl's own limit for that (S3.md section 8).
constexpr std::size_t inline_body = 64U << 10U;
// From here on a refusal is worth waiting for before the body is sent.
constexpr std::size_t expect_from = 2U << 20U;
constexpr long small_buffer = 64L << 10;
constexpr long large_buffer = 1L << 20;
constexpr std::size_t most_headers = 64U << 10U;
constexpr std::size_t most_body = 8U << 20U;

// libcurl's defaults but for these. S3 drops idle connections after about five seconds.
constexpr long idle_seconds = 4;
constexpr long ca_cache_seconds = 60;

template <typename Value>
bool set(CURL* easy, CURLoption option, Value value) {
  return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

long milliseconds(Nanoseconds time) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

bool has_body(HttpMethod method) {
  return method == HttpMethod::Put || method == HttpMethod::Post;
}

bool repeatable(HttpMethod method) {
  return method == HttpMethod::Get || method == HttpMethod::Head;
}

HttpFailure::Reason reason_of(CURLcode code) {
  using Reason = HttpFailure::Reason;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Reason::NotResolved;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return Reason::NotConnected;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Reason::NotTrusted;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
      return Reason::BadCaFile;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
      return Reason::TlsFailed;
    case CURLE_OPERATION_TIMEDOUT:  // no limit on the whole is set: it was the connecting
      return Reason::NotConnected;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR:
    case CURLE_HTTP2:
      return Reason::Malformed;
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return Reason::Unusable;
    default:
      return Reason::Lost;
  }
}

}  // namespace

HttpTransfer::HttpTransfer(SocketOwner& sockets, Bandwidth* bandwidth)
    : names_(curl_share_init()), easy_(curl_easy_init()), bandwidth_(bandwidth) {
  if (easy_) set_constant_options(sockets);
}

HttpTransfer::~HttpTransfer() = default;

HttpTransfer& HttpTransfer::of(CURL* handle) {
  void* self = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &self);
  return *static_cast<HttpTransfer*>(self);
}

void HttpTransfer::set_constant_options(SocketOwner& sockets) {
  CURL* const easy = easy_.get();
  curl_easy_getinfo(easy, CURLINFO_CAINFO, &system_ca_);
  set(easy, CURLOPT_PRIVATE, static_cast<void*>(this));
  set(easy, CURLOPT_ERRORBUFFER, words_.data());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_USERAGENT, "waybill/" WAYBILL_VERSION);
  set(easy, CURLOPT_MAXAGE_CONN, idle_seconds);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_CA_CACHE_TIMEOUT, ca_cache_seconds);
  // A name with several addresses: each handle has its own order of them, drawn anew each minute,
  // so that the connections spread, and one address that is dead is not the first of all. libcurl
  // draws when it resolves, and by default one answer serves all handles (S3.md section 8).
  set(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
  if (names_ &&
      curl_share_setopt(names_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK) {
    set(easy, CURLOPT_SHARE, names_.get());
  }
  // A name server that hangs must not hold up every other transfer when its transfer gives up.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
  // With a read callback and no seek callback libcurl cannot resend a body unasked; on_request()
  // sees to the requests whose body leaves with the head (S3.md section 3).
  set(easy, CURLOPT_READFUNCTION, &on_read);
  set(easy, CURLOPT_READDATA, static_cast<void*>(this));
  set(easy, CURLOPT_PREREQFUNCTION, &on_request);
  set(easy, CURLOPT_PREREQDATA, static_cast<void*>(this));
  set(easy, CURLOPT_WRITEFUNCTION, &on_write);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &on_open);
  set(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&sockets));
  set(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
  set(easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&sockets));
}

bool HttpTransfer::load(HttpRequest request) {
  request_ = std::move(request);
  CURL* const easy = easy_.get();
  if (!easy || !set(easy, CURLOPT_URL, request_.url.c_str())) return false;
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout));
  const char* const named = request_.proxy_url.empty() ? nullptr : request_.proxy_url.c_str();
  set(easy, CURLOPT_PROXY, request_.proxy ? named : "");
  if (request_.ca_file != ca_file_) {
    ca_file_ = request_.ca_file;
    set(easy, CURLOPT_CAINFO, ca_file_.empty() ? system_ca_ : ca_file_.c_str());
    // The system's is large and rarely changes; in one of a person's own, what was put right counts
    // at the next connection.
    set(easy, CURLOPT_CA_CACHE_TIMEOUT, ca_file_.empty() ? ca_cache_seconds : 0L);
  }
  load_headers();
  return load_body();
}

void HttpTransfer::load_headers() {
  lines_.clear();
  for (const HttpHeader& header : request_.headers) {
    // libcurl drops a header that ends in its colon; a semicolon says that it is meant.
    add_line(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  // libcurl would ask for 100 Continue on its own and wait a second for it (S3.md section 8).
  if (!asks_to_continue()) add_line("Expect:");
  add_line("Accept:");
  nodes_.resize(lines_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].data = lines_[i].data();
    nodes_[i].next = i + 1 < nodes_.size() ? &nodes_[i + 1] : nullptr;
  }
  set(easy_.get(), CURLOPT_HTTPHEADER, nodes_.data());
}

void HttpTransfer::add_line(std::string line) {
  lines_.push_back(std::move(line));
}

bool HttpTransfer::asks_to_continue() const {
  return request_.may_ask_to_continue && request_.body && request_.body->size() >= expect_from;
}

bool HttpTransfer::streams() const {
  return request_.body && request_.body->size() > inline_body;
}

bool HttpTransfer::load_body() {
  CURL* const easy = easy_.get();
  const std::size_t size = request_.body ? request_.body->size() : 0;
  set(easy, CURLOPT_HTTPGET, 1L);  // undoes what the request before it had set
  const bool large = size >= expect_from;
  if (large != large_buffer_) {
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, large ? large_buffer : small_buffer);
    large_buffer_ = large;
  }
  if (!has_body(request_.method)) {
    if (request_.method == HttpMethod::Head) set(easy, CURLOPT_NOBODY, 1L);
    return set(easy, CURLOPT_CUSTOMREQUEST,
               request_.method == HttpMethod::Delete ? "DELETE" : nullptr);
  }
  const char* const method = request_.method == HttpMethod::Put ? "PUT" : "POST";
  if (streams()) {
    // Left over from the request before, it would make libcurl believe that it can rewind.
    set(easy, CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  } else {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    set(easy, CURLOPT_POSTFIELDS,
        size == 0 ? "" : reinterpret_cast<const char*>(request_.body->data()));
  }
  return set(easy, CURLOPT_CUSTOMREQUEST, method);
}

std::size_t HttpTransfer::on_read(char* buffer, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const Bytes& body = *transfer.request_.body;
  std::size_t taken = std::min(size * count, body.size() - transfer.handed_over_);
  if (transfer.bandwidth_ != nullptr && taken > 0) {
    taken = transfer.bandwidth_->take(taken);
    if (taken == 0) {
      transfer.paused_until_ = transfer.bandwidth_->ready();
      return CURL_READFUNC_PAUSE;
    }
  }
  std::memcpy(buffer, body.data() + transfer.handed_over_, taken);
  transfer.handed_over_ += taken;
  return taken;
}

std::size_t HttpTransfer::on_write(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const std::size_t length = size * count;
  if (transfer.reply_.body.size() + length > most_body) {
    transfer.too_large_ = true;
    return 0;
  }
  transfer.reply_.body.append(data, length);
  return length;
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const std::size_t length = size * count;
  if (transfer.reply_.headers.size() + length > most_headers) {
    transfer.too_large_ = true;
    return 0;
  }
  const std::string_view line(data, length);
  if (line.starts_with("HTTP/1.1 100")) transfer.continued_ = true;
  transfer.head_complete_ = line == "\r\n" || line == "\n";
  transfer.reply_.headers.add_line(line);
  return length;
}

// libcurl calls this each time it is about to write a head. When a reused connection dies without
// an answer it resends by itself, up to five times: what may have had an effect must not be.
int HttpTransfer::on_request(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const bool body_begun = !transfer.streams() || transfer.handed_over_ > 0;
  if (transfer.sends_ > 0 && body_begun && !repeatable(transfer.request_.method)) {
    return CURL_PREREQFUNC_ABORT;
  }
  ++transfer.sends_;
  if (transfer.bandwidth_ != nullptr && transfer.request_.body && !transfer.streams()) {
    transfer.bandwidth_->take_whole(transfer.request_.body->size());
  }
  return CURL_PREREQFUNC_OK;
}

curl_socket_t HttpTransfer::on_open(void* sockets, curlsocktype, curl_sockaddr* address) {
  const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket < 0) return CURL_SOCKET_BAD;
  static_cast<SocketOwner*>(sockets)->opened(socket);
  return socket;
}

int HttpTransfer::on_close(void* sockets, curl_socket_t socket) {
  static_cast<SocketOwner*>(sockets)->closing(socket);
  return ::close(socket);
}

// Counted as sent a little early rather than late: a body that leaves with its head from the first
// write on, any other once libcurl has all of it, since libcurl forgets what it wrote when it
// fails.
bool HttpTransfer::request_sent() const {
  return sends_ > 0 && (!streams() || handed_over_ >= request_.body->size());
}

HttpOutcome HttpTransfer::unload(CURLcode code) {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  constexpr long first_refusal = 400;
  HttpOutcome outcome;
  // A refusal whose explanation was cut off is a refusal. A success that libcurl takes for whole
  // though the connection ended within its head is none.
  const bool answered = code == CURLE_OK && (head_complete_ || status >= first_refusal);
  if (answered || (code != CURLE_OK && status >= first_refusal && !too_large_)) {
    reply_.status = static_cast<int>(status);
    reply_.request_sent = request_sent();
    reply_.left_to_continue = asks_to_continue() && !continued_ && reply_.status < first_refusal;
    outcome = std::move(reply_);
  } else {
    outcome = failure(code == CURLE_OK ? HttpFailure::Reason::Lost : reason_of(code));
  }
  clear();
  return outcome;
}

HttpOutcome HttpTransfer::unload(HttpFailure::Reason reason) {
  HttpOutcome outcome = failure(reason);
  clear();
  return outcome;
}

HttpOutcome HttpTransfer::failure(HttpFailure::Reason reason) const {
  HttpFailure failure{.reason = reason, .request_sent = request_sent(), .detail = words_.data()};
  long os_errno = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_errno);
  failure.os_errno = static_cast<int>(os_errno);
  if (too_large_) failure.detail = "the reply is larger than any reply of S3";
  return failure;
}

void HttpTransfer::clear() {
  request_ = {};
  reply_ = {};
  words_[0] = '\0';
  paused_until_.reset();
  handed_over_ = 0;
  sends_ = 0;
  head_complete_ = false;
  continued_ = false;
  too_large_ = false;
}

void HttpTransfer::go_on() {
  paused_until_.reset();
  curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

// The end of a pause is the one thing from outside that libcurl takes for a reason.
void HttpTransfer::nudge() {
  curl_easy_pause(easy_.get(), CURLPAUSE_ALL);
  curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

std::uint64_t HttpTransfer::moved() const {
  curl_off_t sent = 0;
  curl_off_t received = 0;
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
  curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_DOWNLOAD_T, &received);
  curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket);
  // What lies in the kernel's buffer has not moved: a slow reader drains megabytes of it in bursts
  // far apart.
  int waiting = 0;
  if (socket != CURL_SOCKET_BAD && ::ioctl(socket, SIOCOUTQ, &waiting) != 0) waiting = 0;
  return static_cast<std::uint64_t>(sent + received - waiting) + reply_.headers.size() +
         static_cast<std::uint64_t>(sends_);
}

void HttpTransfer::close_hard() const {
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket);
  if (socket == CURL_SOCKET_BAD) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace waybill::uploader
