#include "uploader/key.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/bytes.h"
#include "uploader/escape.h"

namespace waybill::uploader {
namespace {

constexpr std::size_t suffix_digits = 12;

// --- paths --------------------------------------------------------------------------------------

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

// --- templates ----------------------------------------------------------------------------------

Failure bad(std::string_view option, std::string_view text, const std::string& reason) {
  return fail(ErrorCode::BadConfig,
              std::string(option) + " \"" + printable(text) + "\": " + reason);
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

constexpr auto for_keys_alone = {Fact::Path, Fact::Name, Fact::Extension, Fact::Sha256};
constexpr const char* no_text =
    "it may hold neither control characters, nor invalid UTF-8, nor a % before two hex digits";

// Before the extension of its last part.
std::size_t suffix_place(std::string_view key) {
  const std::size_t name = key.rfind('/') + 1;  // 0 where there is no /
  const std::size_t dot = key.rfind('.');
  // A dot that begins the name begins no extension.
  return dot == std::string_view::npos || dot <= name ? key.size() : dot;
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

Result<std::string> make_key(std::string_view prefix_template, std::string_view key_template,
                             const KeyFacts& facts) {
  const auto prefix = parse_template("prefix", unquoted(prefix_template));
  if (!prefix) return fail(prefix.error());
  const auto rest = parse_template("key", key_template);
  if (!rest) return fail(rest.error());
  if (says(*rest, {Fact::Sha256}) && !facts.sha256) {
    return fail(ErrorCode::Internal, "its key needs the hash of its content, which was not read");
  }
  std::string key = expand(*prefix, facts) + expand(*rest, facts);
  if (key.size() > longest_key) return fail(key_too_long(key.size()));
  return key;
}

std::string literal_prefix(std::string_view prefix_template) {
  const std::string_view prefix = unquoted(prefix_template);
  return std::string(prefix.substr(0, prefix.find('{')));
}

Result<void> check_prefix(std::string_view prefix_template) {
  const auto pieces = parse_template("prefix", unquoted(prefix_template));
  if (!pieces) return fail(pieces.error());
  if (says(*pieces, for_keys_alone)) {
    return bad("prefix", prefix_template,
               "{path}, {name}, {ext} and {sha256} belong into key, which follows the prefix");
  }
  if (encode_path(prefix_template) != prefix_template) {
    return bad("prefix", prefix_template, no_text);
  }
  const std::string text(prefix_template);
  if (is_quoted(text) || text.empty()) return {};
  if (text.front() == '/') {
    return bad("prefix", text,
               "it begins with / and keys do not; write \"" +
                   text.substr(std::min(text.find_first_not_of('/'), text.size())) + "\"");
  }
  if (text.back() != '/') {
    return bad("prefix", text,
               "it does not end with /; write \"" + text + "/\", or \"'" + text +
                   "'\" if file names shall go on where it ends");
  }
  return {};
}

Result<void> check_key_template(std::string_view key_template) {
  const auto pieces = parse_template("key", key_template);
  if (!pieces) return fail(pieces.error());
  if (!says(*pieces, {Fact::Path, Fact::Name, Fact::Sha256})) {
    return bad("key", key_template,
               "nothing in it tells one file from another, so that all would have one key; it "
               "needs {path}, {name} or {sha256}");
  }
  if (encode_path(key_template) != key_template) return bad("key", key_template, no_text);
  if (key_template.front() == '/') {
    return bad("key", key_template,
               "it begins with /, and it follows the prefix, which ends with one");
  }
  if (key_template.back() == '/') {
    return bad("key", key_template, "it ends with /, and such a key is no file's for most tools");
  }
  return {};
}

bool is_named_by_content(std::string_view key_template) {
  const auto pieces = parse_template("key", key_template);
  return pieces && says(*pieces, {Fact::Sha256});
}

Error key_too_long(std::size_t bytes) {
  return {.code = ErrorCode::NeedsPerson,
          .message = "the object's key would have " + std::to_string(bytes) +
                     " bytes, and S3 allows 1024: a shorter file name, folder or prefix is needed, "
                     "or a key = \"…\" without {path}"};
}

bool is_suffixed(std::string_view key, std::string_view base) {
  if (key.size() != base.size() + 1 + suffix_digits) return false;
  const std::size_t at = suffix_place(base);
  const std::string_view id = key.substr(at + 1, suffix_digits);
  return with_suffix(base, id) == key && std::all_of(id.begin(), id.end(), is_hex);
}

std::string with_suffix(std::string_view key, std::string_view attempt_id) {
  const std::size_t at = suffix_place(key);
  std::string result(key.substr(0, at));
  result += '.';
  result += attempt_id.substr(0, suffix_digits);
  result += key.substr(at);
  return result;
}

}  // namespace waybill::uploader
