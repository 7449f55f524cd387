#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// TOML as plain values that know where they stand, before anybody asks what they mean.
namespace waybill::agent {

struct Place {
  std::string file;
  std::uint32_t line = 0;
  [[nodiscard]] std::string text() const;  // "FILE:LINE", or "FILE" where the line is not known
};

struct ConfigValue {
  enum class Kind : std::uint8_t { String, Integer, Boolean, Strings, Other };
  Kind kind = Kind::Other;
  Place place;
  std::string name;                  // "[s3] bucket", for a sentence
  std::string string;                // String
  std::int64_t integer = 0;          // Integer
  bool boolean = false;              // Boolean
  std::vector<std::string> strings;  // Strings; an empty array is one too
  std::string kind_name;             // for a sentence: "an integer", "a date"
};

struct ConfigTable {
  Place place;
  std::map<std::string, ConfigValue> values;
};

struct ConfigDocument {
  ConfigTable s3;
  ConfigTable agent;
  std::vector<ConfigTable> folders;
};

// Pure; no input makes it throw. BadConfig: no TOML, not UTF-8, too large, or a section that does
// not exist.
Result<ConfigDocument> parse_document(std::string_view text, const std::string& file);

// Folders append; a key of [s3] or [agent] that both have is BadConfig naming both places.
Result<void> merge(ConfigDocument& into, ConfigDocument&& from);

std::string in_quotes(std::string_view text);               // and printable
Failure refuse(const Place& place, std::string_view what);  // BadConfig: "FILE:LINE: what"

}  // namespace waybill::agent
