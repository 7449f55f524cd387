#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

// What a person writes for keys: text with `{placeholders}` (PROTOCOL.md rule 6). Pure.
namespace waybill::uploader {

struct KeyFacts {
  std::string_view agent;
  std::string_view folder;
  std::string_view path;  // below the folder
  WallTime arrived;       // frozen at first sight
  WallTime mtime;
  std::optional<Sha256> sha256 = std::nullopt;  // of the content that gets the key
};

enum class Fact : std::uint8_t { Agent, Folder, Path, Name, Extension, Arrived, Mtime, Sha256 };

struct Placeholder {
  Fact fact{};
  std::string_view format;  // of a time
};

using Piece = std::variant<std::string_view, Placeholder>;

// The pieces refer to `text`. `option`: whose value it is, for the sentence. BadConfig: an unknown
// placeholder ("did you mean"), a time without its format, braces that do not pair.
Result<std::vector<Piece>> parse_template(std::string_view option, std::string_view text);

// Filled in, in UTC, and encoded as keys are (encode_path()). A hash that is not known is empty.
std::string expand(const std::vector<Piece>& pieces, const KeyFacts& facts);

// Whether it says any of them.
bool says(const std::vector<Piece>& pieces, std::initializer_list<Fact> facts);

}  // namespace waybill::uploader
