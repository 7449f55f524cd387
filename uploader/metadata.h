#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "uploader/object_store.h"
#include "uploader/upload.h"

// What travels with every object of ours (PROTOCOL.md rule 1): by it a HEAD tells ours from theirs,
// and a lost catalog can be made again. The names are an interface. Pure.
namespace waybill::uploader {

namespace metadata_name {
constexpr std::string_view attempt = "waybill-attempt";
constexpr std::string_view agent = "waybill-agent";
constexpr std::string_view epoch = "waybill-epoch";
constexpr std::string_view generation = "waybill-generation";
constexpr std::string_view sha256 = "waybill-sha256";  // hex; absent where not known in time
constexpr std::string_view path = "waybill-path";
constexpr std::string_view mtime = "mtime";  // rclone's: seconds since 1970 with decimals
}  // namespace metadata_name

Metadata make_metadata(const Attempt& attempt);

// Printable ASCII without spaces, since headers are trimmed and collapsed: any other byte becomes
// %XX, a % before two hex digits %25, so decode_path() is the inverse. Cut at 1400 bytes (S3 keeps
// 2 KB in all), never within a %XX.
std::string metadata_path(std::string_view path);

// The inverse. Names in any case; what is missing or malformed is empty.
struct ObjectIdentity {
  std::string attempt;
  std::string agent;
  std::optional<std::int64_t> epoch;
  std::optional<std::int64_t> generation;
  std::optional<Sha256> sha256;
  std::string path;                   // as in the header: compare it with metadata_path()
  std::optional<std::int64_t> mtime;  // ns since 1970
};
ObjectIdentity parse_metadata(const Metadata& metadata);

}  // namespace waybill::uploader
