#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config_document.h"
#include "base/clock.h"
#include "base/result.h"

namespace waybill::agent {

// What is wrong with a document; keeps the one that stands first, which is the one to name.
class Findings {
 public:
  void add(const Place& place, std::string_view what);
  [[nodiscard]] const std::optional<Error>& first() const { return error_; }

 private:
  std::optional<Error> error_;
  Place place_;
};

// Typed access to one section. What cannot be used becomes a finding, and the default stays.
class SectionReader {
 public:
  // Both outlive the reader.
  SectionReader(const ConfigTable& table, Findings& findings)
      : table_(table), findings_(findings) {}

  [[nodiscard]] const ConfigValue* find(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  std::optional<std::string> non_empty(std::string_view key) const;
  // Absolute and without `.`, `..` or a trailing slash.
  std::optional<std::string> path(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least,
                                      std::int64_t most) const;
  std::optional<Nanoseconds> duration(std::string_view key, Nanoseconds least,
                                      Nanoseconds most) const;
  std::optional<std::uint64_t> size(std::string_view key, std::uint64_t least,
                                    std::uint64_t most) const;
  std::vector<std::string> strings(std::string_view key) const;
  // Never shows the value.
  std::optional<std::string> secret(std::string_view key) const;
  // One of some words.
  template <typename Enum, std::size_t n>
  std::optional<Enum> choice(std::string_view key,
                             const std::pair<std::string_view, Enum> (&words)[n]) const {
    const auto written = string(key);
    if (!written) return std::nullopt;
    std::vector<std::string_view> names;
    for (const auto& [word, value] : words) {
      if (*written == word) return value;
      names.push_back(word);
    }
    refuse_word(key, names);
    return std::nullopt;
  }
  // Words of DESIGN that a later version will know.
  void only(std::string_view key, std::string_view word,
            std::span<const std::string_view> later) const;
  // A key that is not in `known`; `later` are known but not to this version.
  void refuse_unknown(std::span<const std::string_view> known,
                      std::span<const std::string_view> later) const;

  void wrong(const ConfigValue& value, std::string_view what) const;   // shows the value
  void refuse(const ConfigValue& value, std::string_view what) const;  // does not

 private:
  void refuse_word(std::string_view key, std::span<const std::string_view> words) const;
  const ConfigValue* of_kind(std::string_view key, ConfigValue::Kind kind,
                             std::string_view wanted) const;

  const ConfigTable& table_;
  Findings& findings_;
};

// "\"text\"", "5", "true": a value as it was written.
std::string shown(const ConfigValue& value);

// What is not said leaves what is there.
template <typename T>
void take(std::optional<T>&& value, T& into) {
  if (value) into = std::move(*value);
}

}  // namespace waybill::agent
