#include "base/digest.h"

#include <openssl/evp.h>

#include <algorithm>

namespace waybill {
namespace {

unsigned char* raw(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// Fetched once: EVP_sha256() would look the algorithm up anew at every initialisation, which costs
// more than hashing a small file.
struct FreeMd {
  void operator()(EVP_MD* md) const { EVP_MD_free(md); }
};
using Md = std::unique_ptr<EVP_MD, FreeMd>;

const EVP_MD* sha256_method() {
  static const Md method(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  return method.get();
}

const EVP_MD* md5_method() {
  static const Md method(EVP_MD_fetch(nullptr, "MD5", nullptr));
  return method.get();
}

template <typename Digest>
Digest digest(const EVP_MD* method, std::span<const std::byte> bytes) {
  thread_local const Context context(EVP_MD_CTX_new());
  Digest result{};
  EVP_DigestInit_ex2(context.get(), method, nullptr);
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  EVP_DigestFinal_ex(context.get(), raw(result.data()), nullptr);
  return result;
}

}  // namespace

Sha256 sha256(std::span<const std::byte> bytes) {
  return digest<Sha256>(sha256_method(), bytes);
}
Md5 md5(std::span<const std::byte> bytes) {
  return digest<Md5>(md5_method(), bytes);
}

Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message) {
  // RFC 2104 on two plain digests; OpenSSL 3's HMAC() fetches its algorithm at each call.
  constexpr std::size_t block = 64;
  std::array<std::byte, block> inner{};
  if (key.size() > block) {
    const Sha256 shortened = sha256(key);
    std::copy(shortened.begin(), shortened.end(), inner.begin());
  } else {
    std::copy(key.begin(), key.end(), inner.begin());
  }
  std::array<std::byte, block> outer = inner;
  for (std::byte& byte : inner) byte ^= std::byte{0x36};
  for (std::byte& byte : outer) byte ^= std::byte{0x5c};
  Sha256Stream first;
  first.update(inner);
  first.update(message);
  const Sha256 inside = first.finish();
  Sha256Stream second;
  second.update(outer);
  second.update(inside);
  return second.finish();
}

struct Sha256Stream::Context {
  waybill::Context evp{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  EVP_DigestInit_ex2(context_->evp.get(), sha256_method(), nullptr);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size());
}

Sha256 Sha256Stream::finish() {
  Sha256 result{};
  EVP_DigestFinal_ex(context_->evp.get(), raw(result.data()), nullptr);
  return result;
}

}  // namespace waybill
