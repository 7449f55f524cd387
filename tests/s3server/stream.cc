#include "tests/s3server/stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <utility>

namespace waybill::s3server {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio read_only(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int clamped(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void Descriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int Descriptor::release() {
  return std::exchange(fd_, -1);
}

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

TlsContext::TlsContext(const std::string& certificate_pem, const std::string& private_key_pem)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (!context_) throw std::runtime_error("OpenSSL gives no TLS context");
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

  const Bio chain = read_only(certificate_pem);
  const std::unique_ptr<X509, FreeCertificate> leaf(
      PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context_.get(), leaf.get()) != 1) {
    throw std::runtime_error("the server's certificate is not readable as PEM");
  }
  while (X509* link = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_add_extra_chain_cert(context_.get(), link);  // takes it over
  }
  ERR_clear_error();  // the end of the chain was an error, too
  const Bio key_text = read_only(private_key_pem);
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1) {
    throw std::runtime_error("the server's private key is not readable, or not that certificate's");
  }
}

void Stream::Free::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

Stream::Stream(Descriptor fd, const TlsContext* tls) : fd_(std::move(fd)) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls->get()));
  if (!ssl_) return;
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_accept_state(ssl_.get());
}

namespace {

IoResult after_ssl(SSL* ssl, int result) {
  if (result > 0) return {Io::Done, static_cast<std::size_t>(result)};
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
      return {Io::WantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Io::WantWrite, 0};
    default:
      return {Io::Closed, 0};
  }
}

IoResult after_socket(ssize_t result, Io when_blocked) {
  if (result > 0) return {Io::Done, static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return {when_blocked, 0};
  return {Io::Closed, 0};
}

}  // namespace

IoResult Stream::read(char* to, std::size_t size) {
  if (!ssl_) return after_socket(::recv(fd_.get(), to, size, 0), Io::WantRead);
  ERR_clear_error();
  return after_ssl(ssl_.get(), SSL_read(ssl_.get(), to, clamped(size)));
}

IoResult Stream::write(const char* from, std::size_t size) {
  if (!ssl_) {
    return after_socket(::send(fd_.get(), from, size, MSG_NOSIGNAL), Io::WantWrite);
  }
  ERR_clear_error();
  return after_ssl(ssl_.get(), SSL_write(ssl_.get(), from, clamped(size)));
}

bool Stream::holds_bytes() const {
  return ssl_ && SSL_pending(ssl_.get()) > 0;
}

void Stream::end_of_output() {
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(fd_.get(), SHUT_WR);
}

void Stream::reset_on_close() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Stream::narrow_receive_window() {
  // Two segments of the loopback device: with less, a peer sends only when its persist timer fires,
  // and the connection crawls long after the throttled request.
  const int bytes = 128 * 1024;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

}  // namespace waybill::s3server
