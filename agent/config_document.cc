#include "agent/config_document.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <sstream>
#include <toml.hpp>
#include <utility>

#include "base/bytes.h"
#include "base/spelling.h"

namespace waybill::agent {
namespace {

// The parser recurses: into nested brackets, and into dotted keys, which cannot span lines. Bounds
// on both bound its stack.
constexpr std::size_t largest_file = 256U << 10U;
constexpr std::size_t longest_line = 8U << 10U;
constexpr int deepest_nesting = 32;

constexpr auto sections = std::to_array<std::string_view>({"s3", "agent", "folder"});

std::uint32_t line_of(std::string_view text, std::size_t offset) {
  return static_cast<std::uint32_t>(1 + std::count(text.begin(), text.begin() + offset, '\n'));
}

// Skips a string or a comment that starts at `at`; returns the offset behind it, or `at`.
std::size_t skip_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  if (quote == '#') return std::min(text.find('\n', at), text.size());
  if (quote != '"' && quote != '\'') return at;
  const std::string triple(3, quote);
  const bool multiline = text.substr(at, 3) == triple;
  std::size_t i = at + (multiline ? 3 : 1);
  for (; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (multiline ? text.substr(i, 3) == triple : text[i] == quote || text[i] == '\n') {
      return i + (multiline ? 3 : 1);
    }
  }
  return text.size();
}

// Where brackets nest deeper than any configuration does.
std::optional<std::size_t> too_deep(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t behind = skip_quoted(text, i); behind != i) {
      i = behind;
      continue;
    }
    if (text[i] == '[' || text[i] == '{') ++depth;
    if ((text[i] == ']' || text[i] == '}') && depth > 0) --depth;
    if (depth > deepest_nesting) return i;
    ++i;
  }
  return std::nullopt;
}

Result<void> check_shape(std::string_view text, const std::string& file) {
  if (text.size() > largest_file) {
    return refuse({file, 0}, "larger than 256 KiB: is this the right file?");
  }
  std::uint32_t line = 0;
  for (std::size_t start = 0; start < text.size();) {
    ++line;
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view content = text.substr(start, end - start);
    if (content.size() > longest_line) return refuse({file, line}, "a line of more than 8 KiB");
    if (!is_valid_utf8(content)) return refuse({file, line}, "not UTF-8, as TOML must be");
    start = end + 1;
  }
  if (const auto at = too_deep(text)) {
    return refuse({file, line_of(text, *at)}, "brackets nest too deeply");
  }
  return {};
}

// The parser's report without its internal names, its drawing and its line breaks:
// "[error] toml::parse_table: invalid line format\n --> …" → "invalid line format".
std::string first_sentence(std::string_view what) {
  what = what.substr(0, what.find('\n'));
  if (what.starts_with("[error] ")) what.remove_prefix(8);
  while (what.starts_with("toml::")) {
    const auto colon = what.find(": ");
    if (colon == std::string_view::npos) break;
    what.remove_prefix(colon + 2);
  }
  std::string sentence = printable(what);
  if (what.find("unknown value") != std::string_view::npos) {
    sentence += "; text stands in quotes, like \"this\"";
  }
  return sentence;
}

ConfigValue to_value(const toml::value& from, const std::string& file) {
  ConfigValue value;
  value.place = {file, from.location().line()};
  switch (from.type()) {
    case toml::value_t::string:
      value.kind = ConfigValue::Kind::String;
      value.string = from.as_string().str;
      value.kind_name = "a string";
      break;
    case toml::value_t::integer:
      value.kind = ConfigValue::Kind::Integer;
      value.integer = from.as_integer();
      value.kind_name = "an integer";
      break;
    case toml::value_t::boolean:
      value.kind = ConfigValue::Kind::Boolean;
      value.boolean = from.as_boolean();
      value.kind_name = "a boolean";
      break;
    case toml::value_t::array: {
      const auto& array = from.as_array();
      const bool strings = std::all_of(array.begin(), array.end(),
                                       [](const toml::value& item) { return item.is_string(); });
      value.kind = strings ? ConfigValue::Kind::Strings : ConfigValue::Kind::Other;
      value.kind_name = "an array";
      if (!strings) break;
      for (const auto& item : array) value.strings.push_back(item.as_string().str);
      break;
    }
    case toml::value_t::floating:
      value.kind_name = "a number with a fraction";
      break;
    case toml::value_t::table:
      value.kind_name = "a table";
      break;
    case toml::value_t::offset_datetime:
    case toml::value_t::local_datetime:
    case toml::value_t::local_date:
    case toml::value_t::local_time:
      value.kind_name = "a date or time";
      break;
    case toml::value_t::empty:
      value.kind_name = "nothing";
      break;
  }
  return value;
}

ConfigTable to_table(const toml::value& from, const std::string& file, const std::string& section) {
  ConfigTable table{.place = {file, from.location().line()}, .values = {}};
  for (const auto& [key, value] : from.as_table()) {
    ConfigValue& to = table.values[key] = to_value(value, file);
    to.name = section + " " + printable(key);
  }
  return table;
}

Failure unknown_section(const std::string& key, const toml::value& value, const std::string& file) {
  const Place place{file, value.location().line()};
  const bool table = value.is_table() || value.is_array();
  std::string what = (table ? "[" + printable(key) + "]: no such section"
                            : printable(key) + " stands outside of every section");
  if (const auto meant = nearest(key, sections); table && meant) {
    what += "; did you mean " +
            std::string(*meant == "folder" ? "[[folder]]"
                        : *meant == "s3"   ? "[s3]"
                                           : "[agent]") +
            "?";
  } else {
    what += "; there are [s3], [agent] and [[folder]]";
  }
  return refuse(place, what);
}

Result<void> add_section(ConfigDocument& document, const std::string& key, const toml::value& value,
                         const std::string& file) {
  const Place place{file, value.location().line()};
  if (key == "s3" || key == "agent") {
    if (!value.is_table()) {
      return refuse(
          place, key + " is a section of its own: write [" + key + "] on a line, its keys below");
    }
    (key == "s3" ? document.s3 : document.agent) = to_table(value, file, "[" + key + "]");
    return {};
  }
  if (key != "folder") return unknown_section(key, value, file);
  const bool tables =
      value.is_array() && std::all_of(value.as_array().begin(), value.as_array().end(),
                                      [](const toml::value& item) { return item.is_table(); });
  if (!tables) {
    return refuse(
        place,
        "a folder is written [[folder]], with two brackets on each side, for there may be several");
  }
  for (const auto& folder : value.as_array()) {
    document.folders.push_back(to_table(folder, file, "[[folder]]"));
  }
  return {};
}

Result<ConfigDocument> to_document(const toml::value& root, const std::string& file) {
  // The first line that is wrong is the one to name: the parser's own order is a hash table's.
  std::vector<std::pair<std::string, const toml::value*>> entries;
  for (const auto& [key, value] : root.as_table()) entries.emplace_back(key, &value);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->location().line(), a.first) <
           std::pair(b.second->location().line(), b.first);
  });
  ConfigDocument document{.s3 = {.place = {file, 0}}, .agent = {.place = {file, 0}}};
  for (const auto& [key, value] : entries) {
    if (auto added = add_section(document, key, *value, file); !added) {
      return fail(std::move(added.error()));
    }
  }
  return document;
}

Result<void> merge(ConfigTable& into, ConfigTable&& from) {
  for (auto& [key, value] : from.values) {
    const auto there = into.values.find(key);
    if (there != into.values.end()) {
      return refuse(value.place, value.name + " is already set at " + there->second.place.text() +
                                     ": keep one of the two");
    }
    into.values.emplace(key, std::move(value));
  }
  return {};
}

}  // namespace

std::string Place::text() const {
  return line == 0 ? printable(file) : printable(file) + ":" + std::to_string(line);
}

std::string in_quotes(std::string_view text) {
  return "\"" + printable(text) + "\"";
}

Failure refuse(const Place& place, std::string_view what) {
  return fail(ErrorCode::BadConfig, place.text() + ": " + std::string(what));
}

Result<ConfigDocument> parse_document(std::string_view text, const std::string& file) {
  if (auto fits = check_shape(text, file); !fits) return fail(std::move(fits.error()));
  // The parser wants a last line that ends.
  std::istringstream stream(std::string(text) + "\n");
  try {
    return to_document(toml::parse(stream, file), file);
  } catch (const toml::exception& error) {
    return refuse({file, error.location().line()},
                  "not valid TOML: " + first_sentence(error.what()));
  } catch (const std::exception& error) {
    return refuse({file, 0}, "not valid TOML: " + first_sentence(error.what()));
  }
}

Result<void> merge(ConfigDocument& into, ConfigDocument&& from) {
  if (auto merged = merge(into.s3, std::move(from.s3)); !merged) return merged;
  if (auto merged = merge(into.agent, std::move(from.agent)); !merged) return merged;
  std::move(from.folders.begin(), from.folders.end(), std::back_inserter(into.folders));
  return {};
}

}  // namespace waybill::agent
