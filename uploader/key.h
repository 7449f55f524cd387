#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "uploader/key_template.h"

// From a file to its key (PROTOCOL.md rule 6, S3.md 10). Pure.
namespace waybill::uploader {

// Reversible and injective: valid UTF-8 without control characters goes as it is, any other byte
// becomes %XX, and a literal % before two hex digits becomes %25.
std::string encode_path(std::string_view path);
std::string decode_path(std::string_view encoded);

constexpr std::size_t longest_key = 1024;  // bytes; S3's own limit

// The prefix (`{agent}`, `{folder}`, `{arrived:%Y-%m-%d}`, `{mtime:…}`), then the rest (these, and
// `{path}`, `{name}`, `{ext}` with its dot, `{sha256}`), in UTC; what comes from the file is
// encoded. BadConfig: a template is wrong; NeedsPerson: the key is too long (the sentence says so);
// Internal: a hash is asked for and not known.
Result<std::string> make_key(std::string_view prefix_template, std::string_view key_template,
                             const KeyFacts& facts);
// The part of a prefix before its first placeholder: the store's identity and the control object's
// place.
std::string literal_prefix(std::string_view prefix_template);
// BadConfig with what would be right, or nothing.
Result<void> check_prefix(std::string_view prefix_template);
Result<void> check_key_template(std::string_view key_template);
// Its keys are create-only: other content gets another key (PROTOCOL.md rule 6).
bool is_named_by_content(std::string_view key_template);
// A new incarnation beside an object that stays: `name.<first 12 digits of attempt>.ext`.
std::string with_suffix(std::string_view key, std::string_view attempt_id);
// Whether `key` is with_suffix() of `base`, for some attempt.
bool is_suffixed(std::string_view key, std::string_view base);
// NeedsPerson, with what could be done.
Error key_too_long(std::size_t bytes);

}  // namespace waybill::uploader
