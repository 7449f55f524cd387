#pragma once

#include <cstddef>
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

// What it takes of S3's 2 KB.
std::size_t metadata_bytes(std::string_view name, std::string_view value);

// S3 keeps 2 KB in all, of which the path takes what the others leave it, and at most this. What it
// is left at the least tells it from other paths still.
constexpr std::size_t longest_metadata_path = 1400;
constexpr std::size_t shortest_cut_path = 128;

// Printable ASCII without spaces, since headers are trimmed and collapsed: any other byte becomes
// %XX, a % before two hex digits %25, so decode_path() is the inverse. Cut at `limit` bytes, never
// within a %XX.
std::string metadata_path(std::string_view path, std::size_t limit = longest_metadata_path);
// Whether `text`, of a header, is metadata_path() of `path`, wherever it was cut.
bool is_metadata_path(std::string_view text, std::string_view path);

// The inverse. Names in any case; what is missing or malformed is empty.
struct ObjectIdentity {
  std::string attempt;
  std::string agent;
  std::optional<std::int64_t> epoch;
  std::optional<std::int64_t> generation;
  std::optional<Sha256> sha256;
  std::string path;                   // as in the header: ask is_metadata_path()
  std::optional<std::int64_t> mtime;  // ns since 1970
};
ObjectIdentity parse_metadata(const Metadata& metadata);

}  // namespace waybill::uploader
