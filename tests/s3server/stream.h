#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

// A connected socket that does not block, in clear or under TLS.
namespace waybill::s3server {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset();

 private:
  int release();
  int fd_ = -1;
};

class TlsContext {
 public:
  // Throws std::runtime_error when OpenSSL does not take them.
  TlsContext(const std::string& certificate_pem, const std::string& private_key_pem);
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

enum class Io { Done, WantRead, WantWrite, Closed };

struct IoResult {
  Io io = Io::Done;
  std::size_t bytes = 0;
};

// Writing to a dead peer raises SIGPIPE, which the thread must have blocked.
class Stream {
 public:
  Stream(Descriptor fd, const TlsContext* tls);  // tls null: in clear

  IoResult read(char* to, std::size_t size);
  IoResult write(const char* from, std::size_t size);
  bool holds_bytes() const;  // read() would give some though the socket is drained
  void end_of_output();
  void reset_on_close();         // RST instead of FIN
  void narrow_receive_window();  // so that a peer feels a slow reader soon
  int fd() const { return fd_.get(); }

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  Descriptor fd_;
  std::unique_ptr<ssl_st, Free> ssl_;
};

}  // namespace waybill::s3server
