#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/crc.h"
#include "base/digest.h"

// How well a stored object is proven (PROTOCOL.md rule 4). Pure.
namespace waybill::uploader {

enum class ProofLevel : std::uint8_t {
  None = 0,
  Acknowledged = 1,
  EtagRecomputed = 2,
  StoreChecked = 3
};

struct Proof {
  ProofLevel level = ProofLevel::None;
  std::string detail;  // a sentence for the receipt
};

// What the bytes sent must look like on the other side.
struct Expected {
  std::optional<Sha256> sha256;
  // Hex, `-N` behind it for N parts. Set only where the probe showed MD5 ETags.
  std::optional<std::string> md5_etag;
  std::optional<Crc> crc = std::nullopt;
};

// Holds what `source` ("S3's reply", "HEAD") returned against what is expected; nullopt: the store
// shows other bytes. A checksum or ETag of another form (composite, KMS) is silence, not a lie.
std::optional<Proof> prove(std::string_view source, std::string_view etag,
                           std::string_view checksum_sha256, const Expected& expected,
                           const std::optional<Crc>& crc = std::nullopt);

// An ETag without its quotes.
std::string bare_etag(std::string_view etag);
std::string etag_of(const Md5& body);
// The ETag of a multipart object: the MD5 of its parts' MD5s and their number.
std::string etag_of(std::span<const Md5> parts);

}  // namespace waybill::uploader
