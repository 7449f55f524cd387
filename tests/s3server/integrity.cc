#include "tests/s3server/integrity.h"

#include <algorithm>
#include <array>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr std::array<ChecksumKind, 5> kKinds = {{
    {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", Algorithm::Crc32, 4},
    {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", Algorithm::Crc32c, 4},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", Algorithm::Crc64Nvme, 8},
    {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", Algorithm::Sha1, 20},
    {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", Algorithm::Sha256, 32},
}};

S3Error not_implemented(std::string_view header) {
  S3Error error = s3_error("NotImplemented");
  error.details.emplace_back("Header", header);
  return error;
}

}  // namespace

const ChecksumKind* checksum_kind(std::string_view name) {
  const auto* found = std::find_if(kKinds.begin(), kKinds.end(),
                                   [&](const ChecksumKind& kind) { return kind.name == name; });
  return found == kKinds.end() ? nullptr : found;
}

Outcome<const ChecksumKind*> requested_checksum(const Request& request,
                                                const Behaviour& behaviour) {
  const ChecksumKind* none = nullptr;
  const ChecksumKind* found = nullptr;
  for (const ChecksumKind& kind : kKinds) {
    const auto value = request.header(kind.header);
    if (!value) continue;
    if (behaviour.checksums == Support::Rejected) return not_implemented(kind.header);
    if (found != nullptr) {
      return s3_error("InvalidRequest",
                      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                      "allowed.");
    }
    const auto raw = from_base64(*value);
    if (behaviour.checksums == Support::Enforced && (!raw || raw->size() != kind.bytes)) {
      return s3_error("InvalidRequest",
                      "Value for " + std::string(kind.header) + " header is invalid.");
    }
    found = &kind;
  }
  const auto algorithm = request.header("x-amz-sdk-checksum-algorithm");
  if (algorithm && behaviour.checksums == Support::Rejected) {
    return not_implemented("x-amz-sdk-checksum-algorithm");
  }
  if (behaviour.checksums == Support::Ignored) return none;
  if (behaviour.checksums_need_algorithm && !algorithm) return none;
  if (algorithm && (found == nullptr || found->name != *algorithm)) {
    return s3_error("InvalidRequest",
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* "
                    "or x-amz-trailer headers were found.");
  }
  return found;
}

Outcome<Done> check_digests(const Request& request, const BodyReceiver& body,
                            std::string_view payload_hash, const ChecksumKind* checksum) {
  if (!payload_hash.empty() && payload_hash != "UNSIGNED-PAYLOAD") {
    const std::string computed = to_hex(body.digest_of(Algorithm::Sha256));
    if (computed != payload_hash) {
      S3Error error = s3_error("XAmzContentSHA256Mismatch");
      error.details.emplace_back("ClientComputedContentSHA256", payload_hash);
      error.details.emplace_back("S3ComputedContentSHA256", computed);
      return error;
    }
  }
  if (const auto header = request.header("content-md5")) {
    const auto expected = from_base64(*header);
    if (!expected || expected->size() != 16) return s3_error("InvalidDigest");
    if (*expected != body.digest_of(Algorithm::Md5)) {
      S3Error error = s3_error("BadDigest");
      error.details.emplace_back("ExpectedDigest", *header);
      error.details.emplace_back("CalculatedDigest", to_base64(body.digest_of(Algorithm::Md5)));
      return error;
    }
  }
  if (checksum != nullptr) {
    const std::string computed = to_base64(body.digest_of(checksum->algorithm));
    if (computed != request.header(checksum->header).value_or("")) {
      return s3_error("BadDigest", "The " + std::string(checksum->name) +
                                       " you specified did not match the calculated checksum.");
    }
  }
  return Done{};
}

std::string composite_etag(const std::vector<const Part*>& parts) {
  std::string hashes;
  for (const Part* part : parts) hashes += part->md5;
  return to_hex(digest(Algorithm::Md5, hashes)) + "-" + std::to_string(parts.size());
}

std::optional<Checksum> composite_checksum(const ChecksumKind& kind,
                                           const std::vector<const Part*>& parts) {
  std::string hashes;
  for (const Part* part : parts) {
    if (!part->checksum || part->checksum->algorithm != kind.name) return std::nullopt;
    hashes += from_base64(part->checksum->value).value_or("");
  }
  return Checksum{
      .algorithm = std::string(kind.name),
      .value = to_base64(digest(kind.algorithm, hashes)) + "-" + std::to_string(parts.size()),
      .type = "COMPOSITE"};
}

Checksum full_checksum(const ChecksumKind& kind, const Blobs& body) {
  return {.algorithm = std::string(kind.name),
          .value = to_base64(digest_of(kind.algorithm, body)),
          .type = "FULL_OBJECT"};
}

std::string digest_of(Algorithm algorithm, const Blobs& body) {
  Hasher hasher(algorithm);
  const auto source = make_source(body, 0, total_size(body));
  std::string buffer(256 * 1024, '\0');
  while (const std::size_t got = source->read(buffer.data(), buffer.size())) {
    hasher.update(std::string_view(buffer).substr(0, got));
  }
  return hasher.finish();
}

}  // namespace waybill::s3server
