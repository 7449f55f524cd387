#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/s3server/body_receiver.h"
#include "tests/s3server/digest.h"
#include "tests/s3server/errors.h"
#include "tests/s3server/http.h"
#include "tests/s3server/object.h"
#include "tests/s3server/options.h"

// Digests that a client sends with a body, and those that S3 gives back. Pure.
namespace waybill::s3server {

struct ChecksumKind {
  std::string_view name;     // SHA256
  std::string_view header;   // x-amz-checksum-sha256
  std::string_view element;  // ChecksumSHA256
  Algorithm algorithm;
  std::size_t bytes;
};
const ChecksumKind* checksum_kind(std::string_view name);  // null: there is none

// The checksum header of this request that counts under this behaviour; null: none does.
Outcome<const ChecksumKind*> requested_checksum(const Request& request, const Behaviour& behaviour);

// Content-MD5 and the checksum header against what arrived. `payload_hash` as signed; empty:
// nobody signed one.
Outcome<Done> check_digests(const Request& request, const BodyReceiver& body,
                            std::string_view payload_hash, const ChecksumKind* checksum);

// Of parts in their order: a hash of their hashes with "-N" behind it.
std::string composite_etag(const std::vector<const Part*>& parts);
// nullopt: a part lacks that checksum, or the body cannot be read.
std::optional<Checksum> composite_checksum(const ChecksumKind& kind,
                                           const std::vector<const Part*>& parts);
Checksum full_checksum(const ChecksumKind& kind, const Blobs& body);
std::string digest_of(Algorithm algorithm, const Blobs& body);  // raw

}  // namespace waybill::s3server
