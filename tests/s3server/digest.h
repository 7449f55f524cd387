#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace waybill::s3server {

enum class Algorithm { Md5, Sha1, Sha256, Crc32, Crc32c, Crc64Nvme };

// One pass over bytes that come in pieces. Not thread-safe.
class Hasher {
 public:
  explicit Hasher(Algorithm algorithm);
  Hasher(Hasher&&) noexcept = default;
  Hasher& operator=(Hasher&&) noexcept = default;

  void update(std::string_view bytes);
  std::string finish();  // raw bytes, CRCs with the highest byte first; call once
  Algorithm algorithm() const { return algorithm_; }

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  Algorithm algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;  // null for a CRC
  std::uint64_t crc_ = 0;
};

std::string digest(Algorithm algorithm, std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace waybill::s3server
