#include "tests/unit/s3server/client.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"

namespace waybill::s3server::testing {
namespace {

constexpr timeval kPatience{.tv_sec = 20, .tv_usec = 0};

std::string amz_date(std::time_t time) {
  std::string text = iso_date(time);
  text.erase(text.find('.'), 4);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string joined(const std::string& host, const Call& call, const Headers& signed_headers) {
  std::string out = call.method + " " + call.path;
  if (!call.query.empty()) out += "?" + call.query;
  out += " HTTP/1.1\r\nHost: " + host + "\r\n";
  for (const auto& [name, value] : signed_headers) {
    if (name != "host") out += name + ": " + value + "\r\n";
  }
  return out;
}

}  // namespace

std::string Reply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::string Reply::element(const std::string& name) const {
  const std::size_t begin = body.find("<" + name + ">");
  const std::size_t end = body.find("</" + name + ">");
  if (begin == std::string::npos || end == std::string::npos) return {};
  const std::size_t from = begin + name.size() + 2;
  return body.substr(from, end - from);
}

std::string Reply::code() const {
  return element("Code");
}

std::string signed_head(const Call& call, const std::string& host, const Keys& keys,
                        std::chrono::seconds offset) {
  const std::string time = amz_date(std::time(nullptr) + offset.count());
  const std::string hash =
      call.payload_hash.empty() ? to_hex(digest(Algorithm::Sha256, call.body)) : call.payload_hash;
  Headers headers = call.headers;
  headers.emplace_back("host", host);
  headers.emplace_back("x-amz-date", time);
  headers.emplace_back("x-amz-content-sha256", hash);
  if (!keys.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", keys.session_token);
  }
  std::sort(headers.begin(), headers.end());
  std::string canonical = call.method + "\n" + call.path + "\n" + call.query + "\n";
  std::string names;
  for (const auto& [name, value] : headers) {
    canonical += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += "\n" + names + "\n" + hash;
  const std::string scope = time.substr(0, 8) + "/" + keys.region + "/s3/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" +
                              to_hex(digest(Algorithm::Sha256, canonical));
  std::string key = hmac_sha256("AWS4" + keys.secret_key, time.substr(0, 8));
  for (const std::string& part : {keys.region, std::string("s3"), std::string("aws4_request")}) {
    key = hmac_sha256(key, part);
  }
  return joined(host, call, headers) + "Content-Length: " + std::to_string(call.body.size()) +
         "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + keys.access_key + "/" + scope +
         ",SignedHeaders=" + names + ",Signature=" + to_hex(hmac_sha256(key, to_sign)) + "\r\n\r\n";
}

void Connection::FreeContext::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}
void Connection::FreeSession::operator()(ssl_st* session) const {
  SSL_free(session);
}

Connection::Connection(std::uint16_t port, const std::string& ca_pem)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      host_("127.0.0.1:" + std::to_string(port)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!connected_ || ca_pem.empty()) return;
  tls_.reset(SSL_CTX_new(TLS_client_method()));
  BIO* text = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
  X509* ca = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(tls_.get()), ca);
  X509_free(ca);
  BIO_free(text);
  session_.reset(SSL_new(tls_.get()));
  SSL_set_verify(session_.get(), SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_.get()), "127.0.0.1");
  SSL_set_fd(session_.get(), fd_);
  connected_ = SSL_connect(session_.get()) == 1;
}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

bool Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = 0;
    if (session_) {
      sent = SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
    } else {
      sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Connection::fill() {
  std::array<char, 65536> buffer{};
  ssize_t got = 0;
  if (session_) {
    got = SSL_read(session_.get(), buffer.data(), static_cast<int>(buffer.size()));
  } else {
    got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  }
  if (got < 0 && errno == ECONNRESET) reset_ = true;
  if (got <= 0) return false;
  input_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::string Connection::receive_some(std::chrono::milliseconds wait) {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  if (input_.empty() && ::poll(&waiting, 1, static_cast<int>(wait.count())) == 1) fill();
  return std::exchange(input_, {});
}

bool Connection::at_end() {
  return input_.empty() && !fill();
}

void Connection::end_of_output() {
  ::shutdown(fd_, SHUT_WR);
}

namespace {

// False: there is not all of it yet.
bool take_chunks(std::string& input, std::string& body) {
  for (;;) {
    const std::size_t line = input.find("\r\n");
    if (line == std::string::npos) return false;
    const std::size_t size = std::strtoull(input.c_str(), nullptr, 16);
    if (input.size() < line + 2 + size + 2) return false;
    body += input.substr(line + 2, size);
    input.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

}  // namespace

Reply Connection::receive(bool has_body) {
  Reply reply;
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return reply;
  }
  const std::string top = input_.substr(0, end + 2);
  input_.erase(0, end + 4);
  reply.status = std::atoi(top.substr(9, 3).c_str());
  for (std::size_t at = top.find("\r\n") + 2; at < top.size();) {
    const std::size_t stop = top.find("\r\n", at);
    const std::size_t colon = top.find(": ", at);
    reply.headers[lower_case(top.substr(at, colon - at))] = top.substr(colon + 2, stop - colon - 2);
    at = stop + 2;
  }
  if (!has_body || reply.status == 100 || reply.status == 204 || reply.status == 304) {
    reply.whole = true;
    return reply;
  }
  if (reply.header("transfer-encoding") == "chunked") {
    while (!(reply.whole = take_chunks(input_, reply.body))) {
      if (!fill()) break;
    }
    return reply;
  }
  const std::size_t size = std::strtoull(reply.header("content-length").c_str(), nullptr, 10);
  while (input_.size() < size && fill()) {
  }
  reply.body = input_.substr(0, size);
  reply.whole = reply.body.size() == size;
  input_.erase(0, reply.body.size());
  return reply;
}

Reply Connection::call(const Call& call, const Keys& keys) {
  if (!send(signed_head(call, host_, keys) + call.body)) return {};
  return receive(call.method != "HEAD");
}

Reply call(std::uint16_t port, const Call& call, const Keys& keys) {
  Connection connection(port);
  return connection.call(call, keys);
}

}  // namespace waybill::s3server::testing
