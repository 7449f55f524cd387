#include "agent/config_reader.h"

#include <algorithm>
#include <filesystem>

#include "agent/units.h"
#include "base/bytes.h"
#include "base/spelling.h"

namespace waybill::agent {
namespace {

// "keep", "delete" or "move"
std::string list_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += in_quotes(words[i]);
  }
  return text;
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The largest unit that leaves nothing over.
std::string duration_text(Nanoseconds time) {
  const std::pair<std::string_view, std::int64_t> units[] = {
      {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  for (const auto& [name, length] : units) {
    if (ms >= length && ms % length == 0) return std::to_string(ms / length) + std::string(name);
  }
  return "0s";
}

std::string size_text(std::uint64_t bytes) {
  const std::pair<std::string_view, std::uint64_t> units[] = {
      {"GiB", 1ULL << 30U}, {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U}};
  for (const auto& [name, length] : units) {
    if (bytes >= length && bytes % length == 0) {
      return std::to_string(bytes / length) + std::string(name);
    }
  }
  return std::to_string(bytes) + "B";
}

}  // namespace

void Findings::add(const Place& place, std::string_view what) {
  if (error_ && (place.file != place_.file || place.line >= place_.line)) return;
  error_ = refuse(place, what).value();
  place_ = place;
}

std::string shown(const ConfigValue& value) {
  switch (value.kind) {
    case ConfigValue::Kind::String:
      return in_quotes(value.string);
    case ConfigValue::Kind::Integer:
      return std::to_string(value.integer);
    case ConfigValue::Kind::Boolean:
      return value.boolean ? "true" : "false";
    case ConfigValue::Kind::Strings:
    case ConfigValue::Kind::Other:
      break;
  }
  return value.kind_name;
}

void SectionReader::wrong(const ConfigValue& value, std::string_view what) const {
  findings_.add(value.place, value.name + " = " + shown(value) + ": " + std::string(what));
}

void SectionReader::refuse(const ConfigValue& value, std::string_view what) const {
  findings_.add(value.place, value.name + ": " + std::string(what));
}

const ConfigValue* SectionReader::find(std::string_view key) const {
  const auto found = table_.values.find(std::string(key));
  return found == table_.values.end() ? nullptr : &found->second;
}

const ConfigValue* SectionReader::of_kind(std::string_view key, ConfigValue::Kind kind,
                                          std::string_view wanted) const {
  const ConfigValue* value = find(key);
  if (value == nullptr || value->kind == kind) return value;
  findings_.add(value->place,
                value->name + " is " + value->kind_name + "; it must be " + std::string(wanted));
  return nullptr;
}

std::optional<std::string> SectionReader::string(std::string_view key) const {
  const auto* value = of_kind(key, ConfigValue::Kind::String, "a string in quotes");
  if (value == nullptr) return std::nullopt;
  // A NUL would end the text early for every system call.
  if (value->string.find('\0') != std::string::npos) {
    wrong(*value, "contains a NUL character");
    return std::nullopt;
  }
  return value->string;
}

std::optional<std::string> SectionReader::non_empty(std::string_view key) const {
  auto text = string(key);
  if (text && text->empty()) {
    wrong(*find(key), "must not be empty; leave the line out for the default");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> SectionReader::secret(std::string_view key) const {
  const auto* value = of_kind(key, ConfigValue::Kind::String, "a string in quotes");
  if (value == nullptr) return std::nullopt;
  const bool bad =
      value->string.empty() || std::any_of(value->string.begin(), value->string.end(),
                                           [](unsigned char c) { return c <= ' ' || c >= 0x7F; });
  if (bad) {
    findings_.add(value->place, value->name + (value->string.empty()
                                                   ? " is empty"
                                                   : " contains spaces or control characters: "
                                                     "was something else copied along with it?"));
    return std::nullopt;
  }
  return value->string;
}

std::optional<std::string> SectionReader::path(std::string_view key) const {
  const auto written = non_empty(key);
  if (!written) return std::nullopt;
  const ConfigValue& value = *find(key);
  if (written->front() != '/') {
    wrong(value,
          written->front() == '~'
              ? "~ means nothing here; write the path from / on"
              : "not an absolute path; a daemon has no folder to start from, write it from / on");
    return std::nullopt;
  }
  const std::filesystem::path path(*written);
  for (const auto& part : path) {
    if (part == "..") {
      wrong(value, "contains ..; write the path that is meant, " +
                       in_quotes(path.lexically_normal().string()));
      return std::nullopt;
    }
  }
  std::string clean = path.lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

std::optional<bool> SectionReader::boolean(std::string_view key) const {
  const auto* value = of_kind(key, ConfigValue::Kind::Boolean, "true or false, without quotes");
  if (value == nullptr) return std::nullopt;
  return value->boolean;
}

std::optional<std::int64_t> SectionReader::integer(std::string_view key, std::int64_t least,
                                                   std::int64_t most) const {
  const auto* value = of_kind(key, ConfigValue::Kind::Integer, "a whole number without quotes");
  if (value == nullptr) return std::nullopt;
  if (value->integer < least || value->integer > most) {
    wrong(*value, "must be from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return value->integer;
}

std::optional<Nanoseconds> SectionReader::duration(std::string_view key, Nanoseconds least,
                                                   Nanoseconds most) const {
  const auto* value =
      of_kind(key, ConfigValue::Kind::String,
              "a duration: a string with its unit, like \"500ms\", \"2s\" or \"1h\"");
  if (value == nullptr) return std::nullopt;
  const auto time = parse_duration(value->string);
  if (!time) {
    wrong(*value,
          "not a duration; write a whole number with its unit (ms, s, m, h, d), like "
          "\"500ms\", \"2s\" or \"1h30m\"");
    return std::nullopt;
  }
  if (*time < least || *time > most) {
    wrong(*value, "must be from " + in_quotes(duration_text(least)) + " to " +
                      in_quotes(duration_text(most)));
    return std::nullopt;
  }
  return time;
}

std::optional<std::uint64_t> SectionReader::size(std::string_view key, std::uint64_t least,
                                                 std::uint64_t most) const {
  const auto* value = of_kind(key, ConfigValue::Kind::String,
                              "a size: a string with its unit, like \"64MiB\" or \"1GiB\"");
  if (value == nullptr) return std::nullopt;
  const auto bytes = parse_size(value->string);
  if (!bytes) {
    wrong(*value,
          "not a size; write a whole number with its unit (KiB, MiB, GiB, kB, MB, GB), like "
          "\"64MiB\"");
    return std::nullopt;
  }
  if (*bytes < least || *bytes > most) {
    wrong(*value,
          "must be from " + in_quotes(size_text(least)) + " to " + in_quotes(size_text(most)));
    return std::nullopt;
  }
  return bytes;
}

std::vector<std::string> SectionReader::strings(std::string_view key) const {
  const auto* value =
      of_kind(key, ConfigValue::Kind::Strings, "a list of strings, like [\"*.tmp\", \"cache/*\"]");
  return value == nullptr ? std::vector<std::string>() : value->strings;
}

void SectionReader::refuse_word(std::string_view key,
                                std::span<const std::string_view> words) const {
  const ConfigValue& value = *find(key);
  const auto meant = nearest(value.string, words);
  wrong(value, meant ? "did you mean " + in_quotes(*meant) + "? It is one of " + list_of(words)
                     : "must be " + list_of(words));
}

void SectionReader::only(std::string_view key, std::string_view word,
                         std::span<const std::string_view> later) const {
  const auto written = string(key);
  if (!written || *written == word) return;
  const std::string_view plain = std::string_view(*written).substr(0, written->find(':'));
  wrong(*find(key), contains(later, plain) ? "this version knows " + in_quotes(word) +
                                                 " alone; write that, or leave the line out"
                                           : "must be " + in_quotes(word));
}

void SectionReader::refuse_unknown(std::span<const std::string_view> known,
                                   std::span<const std::string_view> later) const {
  for (const auto& [key, value] : table_.values) {
    if (contains(known, key)) continue;
    if (contains(later, key)) {
      findings_.add(value.place,
                    value.name + ": this version does not know this key yet; leave it out");
      continue;
    }
    const auto meant = nearest(key, known);
    findings_.add(value.place, value.name + ": no such key" +
                                   (meant ? "; did you mean " + std::string(*meant) + "?" : ""));
  }
}

}  // namespace waybill::agent
