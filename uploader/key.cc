#include "uploader/key.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace waybill::uploader {
namespace {

constexpr std::size_t key_limit = 1024;

// --- paths --------------------------------------------------------------------------------------

bool is_hex(char digit) {
  return std::isxdigit(static_cast<unsigned char>(digit)) != 0;
}

bool starts_escape(std::string_view rest) {
  return rest.size() >= 3 && rest[0] == '%' && is_hex(rest[1]) && is_hex(rest[2]);
}

bool is_control(unsigned char byte) {
  return byte < 0x20 || byte == 0x7f;
}

// Bytes of the valid UTF-8 character that `rest` begins with; 0: there is none.
std::size_t character_length(std::string_view rest) {
  for (std::size_t length = 1; length <= 4 && length <= rest.size(); ++length) {
    if (is_valid_utf8(rest.substr(0, length))) return length;
  }
  return 0;
}

// U+0080 to U+009F: control characters in two bytes.
bool is_c1_control(std::string_view character) {
  return character.size() == 2 && character[0] == '\xc2' &&
         static_cast<unsigned char>(character[1]) < 0xa0;
}

void append_escaped(std::string& text, unsigned char byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  text += {'%', digits[byte >> 4U], digits[byte & 0xfU]};
}

// --- prefixes -----------------------------------------------------------------------------------

enum class Fact : std::uint8_t { Agent, Folder, Arrived, Mtime };

struct Placeholder {
  Fact fact{};
  std::string_view format;  // of a time
};

using Piece = std::variant<std::string_view, Placeholder>;

constexpr std::string_view formats_known = "%Y %m %d %H %M %S %j";

Failure bad(std::string_view prefix_template, const std::string& reason) {
  return fail(ErrorCode::BadConfig, "prefix \"" + printable(prefix_template) + "\": " + reason);
}

// 'like this': the prefix is meant as it stands.
bool is_quoted(std::string_view prefix_template) {
  return prefix_template.size() >= 2 && prefix_template.front() == '\'' &&
         prefix_template.back() == '\'';
}

std::string_view unquoted(std::string_view prefix_template) {
  return is_quoted(prefix_template) ? prefix_template.substr(1, prefix_template.size() - 2)
                                    : prefix_template;
}

bool is_time_format(std::string_view format) {
  constexpr std::string_view letters = "YmdHMSj";
  bool any = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i == format.size() || letters.find(format[i]) == std::string_view::npos) return false;
    any = true;
  }
  return any;
}

Result<Placeholder> parse_placeholder(std::string_view prefix_template, std::string_view inside) {
  const std::size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  const bool has_format = colon != std::string_view::npos;
  const std::string_view format = has_format ? inside.substr(colon + 1) : std::string_view{};
  const std::string shown = "{" + printable(inside) + "}";
  if (name == "agent" || name == "folder") {
    if (has_format) return bad(prefix_template, shown + " takes no format");
    return Placeholder{name == "agent" ? Fact::Agent : Fact::Folder, {}};
  }
  if (name == "arrived" || name == "mtime") {
    if (!is_time_format(format)) {
      return bad(prefix_template, shown + " needs a format of " + std::string(formats_known) +
                                      ", for instance {" + std::string(name) + ":%Y-%m-%d}");
    }
    return Placeholder{name == "arrived" ? Fact::Arrived : Fact::Mtime, format};
  }
  return bad(prefix_template, shown +
                                  " is unknown; there are {agent}, {folder}, {arrived:%Y-%m-%d} "
                                  "and {mtime:%Y-%m-%d}");
}

Result<std::vector<Piece>> parse_prefix(std::string_view prefix_template) {
  std::vector<Piece> pieces;
  std::string_view rest = unquoted(prefix_template);
  while (!rest.empty()) {
    const std::size_t brace = rest.find_first_of("{}");
    if (brace != 0) pieces.emplace_back(rest.substr(0, brace));
    if (brace == std::string_view::npos) break;
    const std::size_t end = rest.find('}', brace);
    if (rest[brace] == '}' || end == std::string_view::npos) {
      return bad(prefix_template, "its { and } do not pair");
    }
    auto placeholder = parse_placeholder(prefix_template, rest.substr(brace + 1, end - brace - 1));
    if (!placeholder) return fail(std::move(placeholder.error()));
    pieces.emplace_back(*placeholder);
    rest.remove_prefix(end + 1);
  }
  return pieces;
}

std::string digits(std::int64_t number, int width) {
  std::array<char, 24> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%0*lld", width, static_cast<long long>(number));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string format_time(std::string_view format, WallTime time) {
  using namespace std::chrono;
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    switch (format[++i]) {
      case 'Y':
        text += digits(static_cast<int>(date.year()), 4);
        break;
      case 'm':
        text += digits(static_cast<unsigned>(date.month()), 2);
        break;
      case 'd':
        text += digits(static_cast<unsigned>(date.day()), 2);
        break;
      case 'H':
        text += digits(clock.hours().count(), 2);
        break;
      case 'M':
        text += digits(clock.minutes().count(), 2);
        break;
      case 'S':
        text += digits(clock.seconds().count(), 2);
        break;
      case 'j':
        text += digits((day - sys_days(date.year() / 1 / 1)).count() + 1, 3);
        break;
      default:  // parse_prefix() lets no other letter through
        break;
    }
  }
  return text;
}

std::string expand(const Placeholder& placeholder, const KeyFacts& facts) {
  switch (placeholder.fact) {
    case Fact::Agent:
      return encode_path(facts.agent);
    case Fact::Folder:
      return encode_path(facts.folder);
    case Fact::Arrived:
      return format_time(placeholder.format, facts.arrived);
    case Fact::Mtime:
      return format_time(placeholder.format, facts.mtime);
  }
  return {};
}

}  // namespace

std::string encode_path(std::string_view path) {
  std::string text;
  text.reserve(path.size());
  while (!path.empty()) {
    const std::size_t length = character_length(path);
    const std::string_view character = path.substr(0, length);
    const auto first = static_cast<unsigned char>(path[0]);
    if (length == 0 || is_control(first) || starts_escape(path)) {
      append_escaped(text, first);
      path.remove_prefix(1);
      continue;
    }
    if (is_c1_control(character)) {
      for (const char byte : character) append_escaped(text, static_cast<unsigned char>(byte));
    } else {
      text += character;
    }
    path.remove_prefix(length);
  }
  return text;
}

std::string decode_path(std::string_view encoded) {
  std::string path;
  path.reserve(encoded.size());
  while (!encoded.empty()) {
    if (starts_escape(encoded)) {
      path += as_text(*from_hex(encoded.substr(1, 2)));
      encoded.remove_prefix(3);
    } else {
      path += encoded[0];
      encoded.remove_prefix(1);
    }
  }
  return path;
}

Result<std::string> make_key(std::string_view prefix_template, const KeyFacts& facts) {
  const auto pieces = parse_prefix(prefix_template);
  if (!pieces) return fail(pieces.error());
  std::string key;
  for (const Piece& piece : *pieces) {
    if (const auto* placeholder = std::get_if<Placeholder>(&piece)) {
      key += expand(*placeholder, facts);
    } else {
      key += std::get<std::string_view>(piece);
    }
  }
  key += encode_path(facts.path);
  if (key.size() > key_limit) {
    return fail(ErrorCode::NeedsPerson,
                "the object's key would have " + std::to_string(key.size()) +
                    " bytes, and S3 allows 1024: a shorter file name, folder or prefix is needed");
  }
  return key;
}

std::string literal_prefix(std::string_view prefix_template) {
  const std::string_view prefix = unquoted(prefix_template);
  return std::string(prefix.substr(0, prefix.find('{')));
}

Result<void> check_prefix(std::string_view prefix_template) {
  const auto pieces = parse_prefix(prefix_template);
  if (!pieces) return fail(pieces.error());
  if (encode_path(prefix_template) != prefix_template) {
    return bad(prefix_template,
               "it may hold neither control characters, nor invalid UTF-8, nor a % before two hex "
               "digits");
  }
  const std::string text(prefix_template);
  if (is_quoted(text) || text.empty()) return {};
  if (text.front() == '/') {
    return bad(text, "it begins with / and keys do not; write \"" +
                         text.substr(std::min(text.find_first_not_of('/'), text.size())) + "\"");
  }
  if (text.back() != '/') {
    return bad(text, "it does not end with /; write \"" + text + "/\", or \"'" + text +
                         "'\" if file names shall go on where it ends");
  }
  return {};
}

std::string with_suffix(std::string_view key, std::string_view attempt_id) {
  constexpr std::size_t suffix_digits = 12;
  const std::size_t name = key.rfind('/') + 1;  // 0 where there is no /
  std::size_t dot = key.rfind('.');
  // A dot that begins the name begins no extension.
  if (dot == std::string_view::npos || dot <= name) dot = key.size();
  std::string result(key.substr(0, dot));
  result += '.';
  result += attempt_id.substr(0, suffix_digits);
  result += key.substr(dot);
  return result;
}

}  // namespace waybill::uploader
