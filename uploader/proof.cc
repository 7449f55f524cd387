#include "uploader/proof.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/bytes.h"
#include "uploader/checksum.h"

namespace waybill::uploader {
namespace {

constexpr std::size_t md5_digits = 32;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char digit) { return std::isxdigit(digit) != 0; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return result;
}

// What follows the digits of an MD5 ETag ("", "-3"); nullopt: this is no MD5.
std::optional<std::string_view> md5_suffix(std::string_view etag) {
  if (etag.size() < md5_digits || !is_hex(etag.substr(0, md5_digits))) return std::nullopt;
  const std::string_view suffix = etag.substr(md5_digits);
  if (!suffix.empty() && suffix.front() != '-') return std::nullopt;
  return suffix;
}

// nullopt: the two cannot be compared.
std::optional<bool> same_etag(std::string_view shown, const std::optional<std::string>& expected) {
  if (!expected) return std::nullopt;
  const std::string bare = lower(bare_etag(shown));
  const auto suffix = md5_suffix(bare);
  // Another number of parts means another way to send the same bytes, not other bytes.
  if (!suffix || suffix != md5_suffix(*expected)) return std::nullopt;
  return bare == *expected;
}

std::optional<bool> same_checksum(std::string_view shown, const std::optional<Sha256>& expected) {
  if (!expected || shown.empty()) return std::nullopt;
  const auto bytes = from_base64(shown);
  if (!bytes || bytes->size() != expected->size()) return std::nullopt;
  return std::equal(bytes->begin(), bytes->end(), expected->begin());
}

}  // namespace

std::optional<Proof> prove(std::string_view source, std::string_view etag,
                           std::string_view checksum_sha256, const Expected& expected,
                           const std::optional<Crc>& crc) {
  const auto checksum = same_checksum(checksum_sha256, expected.sha256);
  const auto tag = same_etag(etag, expected.md5_etag);
  // Of another kind, it is silence: S3 makes one of its own choice where it is sent none.
  const bool comparable = crc && expected.crc && crc->kind == expected.crc->kind;
  if (checksum == false || tag == false || (comparable && *crc != *expected.crc)) {
    return std::nullopt;
  }
  const std::string who(source);
  if (checksum == true) {
    return Proof{ProofLevel::StoreChecked, who + " returned the SHA-256 of the bytes sent"};
  }
  if (comparable) {
    return Proof{ProofLevel::StoreChecked, who + " returned the " +
                                               std::string(algorithm_of(crc->kind)) +
                                               " of the bytes sent, of the whole object"};
  }
  if (tag == true) {
    return Proof{ProofLevel::EtagRecomputed,
                 who + " returned the ETag that the MD5 of the bytes sent makes"};
  }
  return Proof{ProofLevel::Acknowledged,
               "S3 accepted the upload, whose signature covers its SHA-256; " + who +
                   " returned nothing to hold it against"};
}

std::string bare_etag(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string etag_of(const Md5& body) {
  return to_hex(body);
}

std::string etag_of(std::span<const Md5> parts) {
  std::vector<std::byte> all;
  all.reserve(parts.size() * sizeof(Md5));
  for (const Md5& part : parts) all.insert(all.end(), part.begin(), part.end());
  return to_hex(md5(all)) + "-" + std::to_string(parts.size());
}

}  // namespace waybill::uploader
