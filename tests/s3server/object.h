#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/s3server/blob.h"

namespace waybill::s3server {

struct Checksum {
  std::string algorithm;  // as S3 writes it: CRC32, CRC32C, CRC64NVME, SHA1, SHA256
  std::string value;      // base64; with "-N" behind it for a composite one
  std::string type;       // FULL_OBJECT or COMPOSITE
};

using Metadata = std::map<std::string, std::string>;
using StoredHeaders = std::vector<std::pair<std::string, std::string>>;

// What a PUT or CreateMultipartUpload says about an object beside its bytes.
struct ObjectFacts {
  Metadata metadata;      // without x-amz-meta-
  StoredHeaders headers;  // given back by GET and HEAD: content-type, cache-control …
};

struct ObjectVersion {
  std::string version_id;  // "null": put while the bucket was not versioned
  bool delete_marker = false;
  std::uint64_t size = 0;
  std::string etag;  // without quotes
  std::time_t modified = 0;
  ObjectFacts facts;
  std::optional<Checksum> checksum;
  Blobs body;
  bool has_body = true;  // false in free mode
  std::string sha256;    // hex, of the whole; empty where nobody keeps a history
};
using VersionPtr = std::shared_ptr<const ObjectVersion>;

struct Part {
  int number = 0;
  std::uint64_t size = 0;
  std::string etag;  // without quotes
  std::string md5;   // raw
  std::time_t modified = 0;
  std::optional<Checksum> checksum;
  BlobPtr body;
};

struct Upload {
  std::string key;
  std::string id;
  std::time_t initiated = 0;
  ObjectFacts facts;
  std::string checksum_algorithm;  // empty: none was asked for
  std::string checksum_type;
  std::map<int, Part> parts;
};

// Evaluated in the same breath as the effect.
struct Conditions {
  bool if_absent = false;
  std::optional<std::string> if_match;  // as sent
  bool bare_etags_only = false;         // Behaviour::if_match_needs_bare_etag
  bool absent_is_404 = true;            // Behaviour::if_match_absent_is_404
};

}  // namespace waybill::s3server
