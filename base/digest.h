#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace waybill {

using Sha256 = std::array<std::byte, 32>;
using Md5 = std::array<std::byte, 16>;

Sha256 sha256(std::span<const std::byte> bytes);
Md5 md5(std::span<const std::byte> bytes);
Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message);

// A digest over bytes that come piece by piece. One thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(std::span<const std::byte> bytes);
  // Ends the stream: call once, last.
  Sha256 finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace waybill
