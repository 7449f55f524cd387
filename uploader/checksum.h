#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crc.h"

// What an object carries for the store to check, to keep and to give back, beside the signed
// SHA-256 of each request (S3.md section 2). Pure.
namespace waybill::uploader {

// Auto, as AWS is spoken to: the SHA-256 with a single PUT, CRC64NVME with a multipart upload, for
// which S3 keeps no SHA-256 of the whole. A store that refuses a header gets none from then on.
enum class ChecksumHeader : std::uint8_t { Auto, Sha256, Crc64Nvme, Crc32c, None };

// nullopt: no CRC goes along.
std::optional<CrcKind> crc_with_put(ChecksumHeader wanted);
std::optional<CrcKind> crc_with_parts(ChecksumHeader wanted);
bool sends_sha256(ChecksumHeader wanted);

std::string_view algorithm_of(CrcKind kind);  // "CRC64NVME"
std::string_view header_of(CrcKind kind);     // "x-amz-checksum-crc64nvme"
std::string_view element_of(CrcKind kind);    // "ChecksumCRC64NVME", in a document
std::string_view name_of(CrcKind kind);       // "crc64nvme", for people

std::string base64_of(const Crc& crc);  // as S3 has it: the highest byte first
// nullopt: it is none of this kind, or one of parts' checksums (`…-3`).
std::optional<Crc> parse_crc(CrcKind kind, std::string_view base64);

}  // namespace waybill::uploader
