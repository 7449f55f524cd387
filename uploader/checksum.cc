#include "uploader/checksum.h"

#include "base/bytes.h"

namespace waybill::uploader {
namespace {

struct Names {
  std::string_view algorithm;
  std::string_view header;
  std::string_view element;
  std::string_view name;
  std::size_t bytes;
};

constexpr Names crc32c_names = {.algorithm = "CRC32C",
                                .header = "x-amz-checksum-crc32c",
                                .element = "ChecksumCRC32C",
                                .name = "crc32c",
                                .bytes = 4};
constexpr Names crc64nvme_names = {.algorithm = "CRC64NVME",
                                   .header = "x-amz-checksum-crc64nvme",
                                   .element = "ChecksumCRC64NVME",
                                   .name = "crc64nvme",
                                   .bytes = 8};

const Names& names_of(CrcKind kind) {
  return kind == CrcKind::Crc32c ? crc32c_names : crc64nvme_names;
}

}  // namespace

std::optional<CrcKind> crc_with_put(ChecksumHeader wanted) {
  switch (wanted) {
    case ChecksumHeader::Crc64Nvme:
      return CrcKind::Crc64Nvme;
    case ChecksumHeader::Crc32c:
      return CrcKind::Crc32c;
    case ChecksumHeader::Auto:
    case ChecksumHeader::Sha256:
    case ChecksumHeader::None:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<CrcKind> crc_with_parts(ChecksumHeader wanted) {
  return wanted == ChecksumHeader::Auto ? CrcKind::Crc64Nvme : crc_with_put(wanted);
}

bool sends_sha256(ChecksumHeader wanted) {
  return wanted == ChecksumHeader::Auto || wanted == ChecksumHeader::Sha256;
}

std::string_view algorithm_of(CrcKind kind) {
  return names_of(kind).algorithm;
}
std::string_view header_of(CrcKind kind) {
  return names_of(kind).header;
}
std::string_view element_of(CrcKind kind) {
  return names_of(kind).element;
}
std::string_view name_of(CrcKind kind) {
  return names_of(kind).name;
}

std::string base64_of(const Crc& crc) {
  Bytes bytes(names_of(crc.kind).bytes);
  std::uint64_t value = crc.value;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8U) {
    *byte = static_cast<std::byte>(value & 0xFFU);
  }
  return to_base64(bytes);
}

std::optional<Crc> parse_crc(CrcKind kind, std::string_view base64) {
  const auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != names_of(kind).bytes) return std::nullopt;
  Crc crc{.kind = kind, .value = 0};
  for (const std::byte byte : *bytes) {
    crc.value = (crc.value << 8U) | std::to_integer<std::uint64_t>(byte);
  }
  return crc;
}

}  // namespace waybill::uploader
