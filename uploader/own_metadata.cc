#include "uploader/own_metadata.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "uploader/escape.h"

namespace waybill::uploader {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

bool goes_as_it_is(std::string_view value, std::size_t at) {
  const char byte = value[at];
  const std::string_view rest = value.substr(at + 1);
  if (byte == ' ') return at > 0 && !rest.empty() && value[at - 1] != ' ';
  if (byte == '%') return !starts_escape(value.substr(at));
  if (byte == '=') return !rest.starts_with('?');
  return byte > ' ' && byte < 0x7f;
}

Failure unfit(std::string_view name, std::string_view why) {
  return fail(ErrorCode::NeedsPerson,
              "its metadata cannot be stored: \"" + printable(name) + "\" " + std::string(why));
}

}  // namespace

bool is_reserved_name(std::string_view name) {
  return name.starts_with("waybill-") || name == "mtime";
}

std::string encode_value(std::string_view value) {
  std::string text;
  text.reserve(value.size());
  for (std::size_t at = 0; at < value.size(); ++at) {
    const auto byte = static_cast<unsigned char>(value[at]);
    if (goes_as_it_is(value, at)) {
      text += value[at];
    } else {
      append_escaped(text, byte);
    }
  }
  return text;
}

Result<Metadata> own_metadata(const std::map<std::string, std::string>& said,
                              const std::set<std::string>& taken) {
  std::map<std::string, std::string> in_order;
  std::size_t bytes = 0;
  for (const auto& [given, value] : said) {
    std::string name = given;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!is_name(name)) {
      return unfit(given, "is no name for it: letters, digits, hyphens, dots and underscores are");
    }
    if (is_reserved_name(name)) return unfit(given, "is written by waybilld itself");
    if (taken.contains(name)) return unfit(given, "is given by the folder's configuration");
    std::string encoded = encode_value(value);
    bytes += name.size() + encoded.size();
    if (!in_order.emplace(std::move(name), std::move(encoded)).second) {
      return unfit(given, "is there twice, since S3 knows no capital letters in names");
    }
  }
  if (bytes > most_own_metadata) {
    return fail(ErrorCode::NeedsPerson, "its metadata cannot be stored: as it is sent it has " +
                                            std::to_string(bytes) + " bytes, and at most " +
                                            std::to_string(most_own_metadata) + " find room");
  }
  return Metadata(in_order.begin(), in_order.end());
}

Metadata posix_metadata(std::uint32_t mode, std::uint32_t uid, std::uint32_t gid) {
  std::array<char, 16> octal{};
  const auto end =
      std::to_chars(octal.data(), octal.data() + octal.size(), S_IFREG | (mode & 07777U), 8).ptr;
  return {{"mode", std::string(octal.data(), end)},
          {"uid", std::to_string(uid)},
          {"gid", std::to_string(gid)}};
}

}  // namespace waybill::uploader
