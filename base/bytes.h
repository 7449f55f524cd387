#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace waybill {

using Bytes = std::vector<std::byte>;
// Content that several threads read and nobody changes.
using SharedBytes = std::shared_ptr<const Bytes>;

std::span<const std::byte> as_bytes(std::string_view text);
std::string_view as_text(std::span<const std::byte> bytes);

std::string to_hex(std::span<const std::byte> bytes);  // lower case
std::optional<Bytes> from_hex(std::string_view hex);
std::string to_base64(std::span<const std::byte> bytes);
std::optional<Bytes> from_base64(std::string_view text);

bool is_valid_utf8(std::string_view text);
// Without the blanks, tabs and line ends around it.
std::string_view trimmed(std::string_view text);

// A path for a terminal, a log or JSON. Paths are bytes: control characters, backslashes and
// invalid UTF-8 become \xNN (a backslash becomes \\), so the text is one line, harmless, and
// reversible.
std::string printable(std::string_view path);
// The inverse; nullopt where the text is no output of printable().
std::optional<std::string> from_printable(std::string_view text);

}  // namespace waybill
