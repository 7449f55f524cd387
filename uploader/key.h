#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

// From a file to its key (PROTOCOL.md rule 6, S3.md 10). Pure.
namespace waybill::uploader {

// Reversible and injective: valid UTF-8 without control characters goes as it is, any other byte
// becomes %XX, and a literal % before two hex digits becomes %25.
std::string encode_path(std::string_view path);
std::string decode_path(std::string_view encoded);

struct KeyFacts {
  std::string_view agent;
  std::string_view folder;
  std::string_view path;  // below the folder
  WallTime arrived;       // frozen at first sight
  WallTime mtime;
};

// `{agent}`, `{folder}`, `{arrived:%Y-%m-%d}`, `{mtime:…}` (UTC) in a prefix; then the encoded
// path. BadConfig: unknown placeholder; NeedsPerson: the key exceeds 1024 bytes (the sentence says
// so).
Result<std::string> make_key(std::string_view prefix_template, const KeyFacts& facts);
// The part of a prefix before its first placeholder: the store's identity and the control object's
// place.
std::string literal_prefix(std::string_view prefix_template);
// BadConfig with what would be right, or nothing.
Result<void> check_prefix(std::string_view prefix_template);
// A new incarnation beside a sole object: `name.<first 12 digits of attempt>.ext`.
std::string with_suffix(std::string_view key, std::string_view attempt_id);

}  // namespace waybill::uploader
