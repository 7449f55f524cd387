#include "tests/s3server/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>
#include <stdexcept>

namespace waybill::s3server {
namespace {

// Eight tables, so that eight bytes are taken at a time: table[k][b] is the CRC of b followed by k
// zero bytes.
using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr Tables make_tables(std::uint64_t reflected_polynomial) {
  Tables tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ reflected_polynomial : crc >> 1;
    }
    tables[0][byte] = crc;
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    for (std::size_t k = 1; k < 8; ++k) {
      const std::uint64_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kCrc32 = make_tables(0xedb88320);
constexpr Tables kCrc32c = make_tables(0x82f63b78);
constexpr Tables kCrc64Nvme = make_tables(0x9a6c9329ac4bc9b5);

std::uint64_t crc_update(const Tables& tables, std::uint64_t crc, std::string_view bytes) {
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = crc;
    for (std::size_t k = 0; k < 8; ++k) {
      word ^= std::uint64_t{static_cast<unsigned char>(bytes[at + k])} << (8 * k);
    }
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= tables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; at < bytes.size(); ++at) {
    crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(bytes[at])) & 0xff];
  }
  return crc;
}

const Tables& tables_of(Algorithm algorithm) {
  if (algorithm == Algorithm::Crc32) return kCrc32;
  return algorithm == Algorithm::Crc32c ? kCrc32c : kCrc64Nvme;
}

std::size_t crc_bytes(Algorithm algorithm) {
  return algorithm == Algorithm::Crc64Nvme ? 8 : 4;
}

std::uint64_t all_ones(Algorithm algorithm) {
  return algorithm == Algorithm::Crc64Nvme ? ~std::uint64_t{0} : 0xffffffff;
}

// Fetched once: OpenSSL 3 otherwise searches its providers at every start of a digest.
const EVP_MD* method_of(Algorithm algorithm) {
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  switch (algorithm) {
    case Algorithm::Md5:
      return md5;
    case Algorithm::Sha1:
      return sha1;
    case Algorithm::Sha256:
      return sha256;
    case Algorithm::Crc32:
    case Algorithm::Crc32c:
    case Algorithm::Crc64Nvme:
      break;
  }
  return nullptr;
}

}  // namespace

void Hasher::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Hasher::Hasher(Algorithm algorithm) : algorithm_(algorithm) {
  if (const EVP_MD* method = method_of(algorithm)) {
    context_.reset(EVP_MD_CTX_new());
    if (!context_ || EVP_DigestInit_ex2(context_.get(), method, nullptr) != 1) {
      throw std::runtime_error("OpenSSL cannot start a digest");
    }
  } else {
    crc_ = all_ones(algorithm);
  }
}

void Hasher::update(std::string_view bytes) {
  if (context_) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  } else {
    crc_ = crc_update(tables_of(algorithm_), crc_, bytes);
  }
}

std::string Hasher::finish() {
  if (context_) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), out.data(), &size);
    return {reinterpret_cast<const char*>(out.data()), size};
  }
  const std::uint64_t value = crc_ ^ all_ones(algorithm_);
  std::string out;
  for (std::size_t k = crc_bytes(algorithm_); k-- > 0;) {
    out.push_back(static_cast<char>((value >> (8 * k)) & 0xff));
  }
  return out;
}

std::string digest(Algorithm algorithm, std::string_view bytes) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

}  // namespace waybill::s3server
