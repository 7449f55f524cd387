#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

// A client of the test S3 server that does exactly as it is told, well-mannered or not.
namespace waybill::s3server::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Call {
  std::string method = "GET";
  std::string path = "/";  // encoded, as it goes on the wire
  std::string query;       // encoded, sorted by name, each with `=`
  std::string body;
  Headers headers;  // all of them are signed
  // What is signed as the hash of the body; empty: the true one.
  std::string payload_hash;
};

struct Keys {
  std::string access_key = "testkey";
  std::string secret_key = "testsecret";
  std::string session_token;
  std::string region = "us-east-1";
};

struct Reply {
  int status = 0;                              // 0: none came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool whole = false;  // as long as it promised to be

  std::string header(const std::string& name) const;
  std::string code() const;                            // of an <Error>
  std::string element(const std::string& name) const;  // the text of the first such element
};

// The head of the call, signed for now + `offset`, Host and Content-Length included.
std::string signed_head(const Call& call, const std::string& host, const Keys& keys = {},
                        std::chrono::seconds offset = {});

// One blocking connection to 127.0.0.1. Calls end after 20 s at the latest: with a failed test.
class Connection {
 public:
  // With `ca_pem` under TLS, trusting that alone.
  explicit Connection(std::uint16_t port, const std::string& ca_pem = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view bytes);
  Reply receive(bool has_body = true);
  Reply call(const Call& call, const Keys& keys = {});
  // What comes within `wait`; empty: nothing, or the end.
  std::string receive_some(std::chrono::milliseconds wait);
  bool at_end();  // blocks until the server closes or sends; false: it sent something
  bool was_reset() const { return reset_; }
  void end_of_output();

 private:
  bool fill();  // false: the end
  int fd_ = -1;
  bool connected_ = false;
  bool reset_ = false;
  std::string host_;
  std::string input_;
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  struct FreeSession {
    void operator()(ssl_st* session) const;
  };
  std::unique_ptr<ssl_ctx_st, FreeContext> tls_;
  std::unique_ptr<ssl_st, FreeSession> session_;
};

// On a connection of its own.
Reply call(std::uint16_t port, const Call& call, const Keys& keys = {});

inline Call put(std::string path, std::string body, Headers headers = {}) {
  return {.method = "PUT",
          .path = std::move(path),
          .body = std::move(body),
          .headers = std::move(headers)};
}
inline Call get(std::string path, Headers headers = {}) {
  return {.method = "GET", .path = std::move(path), .headers = std::move(headers)};
}
inline Call head(std::string path, Headers headers = {}) {
  return {.method = "HEAD", .path = std::move(path), .headers = std::move(headers)};
}
inline Call remove(std::string path, Headers headers = {}) {
  return {.method = "DELETE", .path = std::move(path), .headers = std::move(headers)};
}

}  // namespace waybill::s3server::testing
