#include "uploader/key_template.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/bytes.h"
#include "base/spelling.h"
#include "uploader/key.h"

namespace waybill::uploader {
namespace {

constexpr std::string_view formats_known = "%Y %m %d %H %M %S %j";

constexpr auto names = std::to_array<std::pair<std::string_view, Fact>>({
    {"agent", Fact::Agent},
    {"folder", Fact::Folder},
    {"path", Fact::Path},
    {"name", Fact::Name},
    {"ext", Fact::Extension},
    {"arrived", Fact::Arrived},
    {"mtime", Fact::Mtime},
    {"sha256", Fact::Sha256},
});

bool is_time(Fact fact) {
  return fact == Fact::Arrived || fact == Fact::Mtime;
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

// `inside`: what stands between the braces. An error's message is the sentence's end.
Result<Placeholder> parse_placeholder(std::string_view inside) {
  const std::size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  const bool has_format = colon != std::string_view::npos;
  const std::string_view format = has_format ? inside.substr(colon + 1) : std::string_view{};
  const std::string shown = "{" + printable(inside) + "}";
  const auto* known =
      std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.first == name; });
  if (known == names.end()) {
    std::array<std::string_view, names.size()> words;
    std::transform(names.begin(), names.end(), words.begin(),
                   [](const auto& one) { return one.first; });
    const auto meant = nearest(name, words);
    const bool time = meant == "arrived" || meant == "mtime";
    return fail(
        ErrorCode::BadConfig,
        shown + " is unknown; " +
            (meant ? "did you mean {" + std::string(*meant) + (time ? ":%Y-%m-%d" : "") + "}?"
                   : "there are {agent}, {folder}, {path}, {name}, {ext}, {sha256}, "
                     "{arrived:%Y-%m-%d} and {mtime:%Y-%m-%d}"));
  }
  if (is_time(known->second) && !is_time_format(format)) {
    return fail(ErrorCode::BadConfig, shown + " needs a format of " + std::string(formats_known) +
                                          ", for instance {" + std::string(name) + ":%Y-%m-%d}");
  }
  if (!is_time(known->second) && has_format) {
    return fail(ErrorCode::BadConfig, shown + " takes no format");
  }
  return Placeholder{known->second, format};
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
  const hh_mm_ss clock(floor<std::chrono::seconds>(time - day));
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

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // 0 where there is no /
}

// With its dot; a dot that begins the name begins no extension.
std::string_view extension_of(std::string_view path) {
  const std::string_view name = name_of(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot);
}

std::string expand(const Placeholder& placeholder, const KeyFacts& facts) {
  switch (placeholder.fact) {
    case Fact::Agent:
      return encode_path(facts.agent);
    case Fact::Folder:
      return encode_path(facts.folder);
    case Fact::Path:
      return encode_path(facts.path);
    case Fact::Name:
      return encode_path(name_of(facts.path));
    case Fact::Extension:
      return encode_path(extension_of(facts.path));
    case Fact::Arrived:
      return format_time(placeholder.format, facts.arrived);
    case Fact::Mtime:
      return format_time(placeholder.format, facts.mtime);
    case Fact::Sha256:
      return facts.sha256 ? to_hex(*facts.sha256) : std::string();
  }
  return {};
}

}  // namespace

Result<std::vector<Piece>> parse_template(std::string_view option, std::string_view text) {
  const std::string shown = std::string(option) + " \"" + printable(text) + "\": ";
  std::vector<Piece> pieces;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t brace = rest.find_first_of("{}");
    if (brace != 0) pieces.emplace_back(rest.substr(0, brace));
    if (brace == std::string_view::npos) break;
    const std::size_t end = rest.find('}', brace);
    if (rest[brace] == '}' || end == std::string_view::npos) {
      return fail(ErrorCode::BadConfig, shown + "its { and } do not pair");
    }
    auto placeholder = parse_placeholder(rest.substr(brace + 1, end - brace - 1));
    if (!placeholder) return fail(ErrorCode::BadConfig, shown + placeholder.error().message);
    pieces.emplace_back(*placeholder);
    rest.remove_prefix(end + 1);
  }
  return pieces;
}

std::string expand(const std::vector<Piece>& pieces, const KeyFacts& facts) {
  std::string text;
  for (const Piece& piece : pieces) {
    if (const auto* placeholder = std::get_if<Placeholder>(&piece)) {
      text += expand(*placeholder, facts);
    } else {
      text += std::get<std::string_view>(piece);
    }
  }
  return text;
}

bool says(const std::vector<Piece>& pieces, std::initializer_list<Fact> facts) {
  return std::any_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
    const auto* placeholder = std::get_if<Placeholder>(&piece);
    return placeholder != nullptr &&
           std::find(facts.begin(), facts.end(), placeholder->fact) != facts.end();
  });
}

}  // namespace waybill::uploader
