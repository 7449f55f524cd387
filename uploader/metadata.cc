#include "uploader/metadata.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include "base/bytes.h"
#include "uploader/escape.h"

namespace waybill::uploader {
namespace {

constexpr std::size_t most_bytes = 2048;  // S3's limit
constexpr std::uint64_t nanoseconds_a_second = 1'000'000'000;
constexpr std::size_t decimals = 9;

std::string mtime_text(std::int64_t mtime) {
  // Through unsigned: the least int64 has no positive twin.
  const auto magnitude =
      mtime < 0 ? 0 - static_cast<std::uint64_t>(mtime) : static_cast<std::uint64_t>(mtime);
  std::string fraction = std::to_string(magnitude % nanoseconds_a_second);
  fraction.insert(0, decimals - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  std::string text = mtime < 0 ? "-" : "";
  text += std::to_string(magnitude / nanoseconds_a_second);
  if (!fraction.empty()) text += "." + fraction;
  return text;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> parse_mtime(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  if (dot != std::string_view::npos && fraction.empty()) return std::nullopt;
  fraction.resize(decimals, '0');
  const auto seconds = parse_number<std::uint64_t>(text.substr(0, dot));
  const auto rest = parse_number<std::uint64_t>(fraction);
  if (!seconds || !rest) return std::nullopt;
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (*seconds >= most / nanoseconds_a_second) return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(*seconds * nanoseconds_a_second + *rest);
  return negative ? -magnitude : magnitude;
}

std::optional<Sha256> parse_sha256(std::string_view hex) {
  const auto bytes = from_hex(hex);
  Sha256 digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

std::string_view value_of(const Metadata& metadata, std::string_view name) {
  const auto same = [name](std::string_view other) {
    return std::equal(name.begin(), name.end(), other.begin(), other.end(),
                      [](unsigned char a, unsigned char b) { return a == std::tolower(b); });
  };
  for (const auto& [key, value] : metadata) {
    if (same(key)) return value;
  }
  return {};
}

}  // namespace

std::string metadata_path(std::string_view path, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto byte = static_cast<unsigned char>(path[i]);
    const bool plain = byte > ' ' && byte < 0x7f && !starts_escape(path.substr(i));
    if (text.size() + (plain ? 1 : 3) > limit) break;
    if (plain) {
      text += path[i];
    } else {
      append_escaped(text, byte);
    }
  }
  return text;
}

// AWS speaks of the bytes of "each key and value", and not of the header's prefix; MinIO counts
// that too. So it is counted where the path alone gives way, and not in what is refused: the file's
// own and the configuration's.
std::size_t metadata_bytes(std::string_view name, std::string_view value) {
  constexpr std::string_view prefix = "x-amz-meta-";
  return prefix.size() + name.size() + value.size();
}

Metadata make_metadata(const Attempt& attempt) {
  Metadata metadata;
  const auto add = [&metadata](std::string_view name, std::string value) {
    metadata.emplace_back(std::string(name), std::move(value));
  };
  add(metadata_name::attempt, attempt.id);
  add(metadata_name::agent, attempt.agent_id);
  add(metadata_name::epoch, std::to_string(attempt.epoch));
  add(metadata_name::generation, std::to_string(attempt.generation));
  if (attempt.sha256) add(metadata_name::sha256, to_hex(*attempt.sha256));
  add(metadata_name::mtime, mtime_text(attempt.mtime));
  metadata.insert(metadata.end(), attempt.own_metadata.begin(), attempt.own_metadata.end());
  std::size_t left = most_bytes - metadata_bytes(metadata_name::path, "");
  left -= std::min(left, attempt.configured_metadata_bytes);
  for (const auto& [name, value] : metadata) left -= std::min(left, metadata_bytes(name, value));
  left = std::clamp(left, shortest_cut_path, longest_metadata_path);
  add(metadata_name::path, metadata_path(attempt.path, left));
  return metadata;
}

bool is_metadata_path(std::string_view text, std::string_view path) {
  const std::string whole = metadata_path(path);
  // A cut may come two bytes early, rather than within a %XX.
  return text == whole ||
         (text.size() + 2 >= shortest_cut_path && std::string_view(whole).starts_with(text));
}

ObjectIdentity parse_metadata(const Metadata& metadata) {
  ObjectIdentity identity;
  identity.attempt = value_of(metadata, metadata_name::attempt);
  identity.agent = value_of(metadata, metadata_name::agent);
  identity.epoch = parse_number<std::int64_t>(value_of(metadata, metadata_name::epoch));
  identity.generation = parse_number<std::int64_t>(value_of(metadata, metadata_name::generation));
  identity.sha256 = parse_sha256(value_of(metadata, metadata_name::sha256));
  identity.path = value_of(metadata, metadata_name::path);
  identity.mtime = parse_mtime(value_of(metadata, metadata_name::mtime));
  return identity;
}

}  // namespace waybill::uploader
