#include "watcher/ignore_rules.h"

#include <fnmatch.h>

#include <utility>

namespace waybill::watcher {

namespace {

// Most names are told from most patterns by their first or last byte; fnmatch is dear.
bool cannot_match(std::string_view pattern, std::string_view text) {
  constexpr std::string_view special = "*?[]\\";
  if (pattern.empty() || text.empty()) return false;
  if (special.find(pattern.front()) == std::string_view::npos && pattern.front() != text.front()) {
    return true;
  }
  const bool escaped = pattern.size() > 1 && pattern[pattern.size() - 2] == '\\';
  return !escaped && special.find(pattern.back()) == std::string_view::npos &&
         pattern.back() != text.back();
}

bool matches(std::string_view pattern, std::string_view text) {
  if (cannot_match(pattern, text)) return false;
  return ::fnmatch(std::string(pattern).c_str(), std::string(text).c_str(), 0) == 0;
}

struct Pattern {
  explicit Pattern(std::string_view text)
      : directories_only(text.ends_with('/')),
        bare(directories_only ? text.substr(0, text.size() - 1) : text),
        of_a_name(bare.find('/') == std::string_view::npos) {}

  bool directories_only;
  std::string_view bare;
  bool of_a_name;
};

// `end`: where in `path` the name ends that is looked at; `is_directory`: something follows it.
bool matches_at(const Pattern& pattern, std::string_view path, std::size_t begin, std::size_t end,
                bool is_directory) {
  if (pattern.directories_only && !is_directory) return false;
  return matches(pattern.bare,
                 pattern.of_a_name ? path.substr(begin, end - begin) : path.substr(0, end));
}

bool matches_path(const Pattern& pattern, std::string_view path) {
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t slash = path.find('/', begin);
    const bool is_directory = slash != std::string_view::npos;
    const std::size_t end = is_directory ? slash : path.size();
    if (matches_at(pattern, path, begin, end, is_directory)) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

IgnoreRules IgnoreRules::defaults() {
  IgnoreRules rules;
  for (const char* pattern : {
           ".waybill/*",                                                             // our own
           ".*.[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]",  // rsync
           ".~tmp~/", ".rsync-partial/",                                             // rsync
           ".in.*.",                                                                 // proftpd
           "*.filepart", "*.part", "*.partial", "*.crdownload",                      // transfers
           ".nfs*", ".fuse_hidden*", ".syncthing.*", ".goutputstream-*",             // leftovers
           "*~", ".*.sw[a-p]", ".#*", "#*#", "~$*",                                  // editors
       }) {
    rules.add(pattern);
  }
  return rules;
}

void IgnoreRules::add(std::string pattern) {
  patterns_.push_back(std::move(pattern));
}

std::optional<std::string> IgnoreRules::match(std::string_view path) const {
  for (const std::string& pattern : patterns_) {
    if (matches_path(Pattern(pattern), path)) return pattern;
  }
  return std::nullopt;
}

std::optional<std::string> IgnoreRules::match_in(std::string_view directory,
                                                 std::string_view name) const {
  const bool is_directory = name.ends_with('/');
  if (is_directory) name.remove_suffix(1);
  for (const std::string& text : patterns_) {
    const Pattern pattern(text);
    if (pattern.directories_only && !is_directory) continue;
    if (pattern.of_a_name) {
      if (matches(pattern.bare, name)) return text;
      continue;
    }
    std::string path(directory);
    if (!path.empty()) path += '/';
    path += name;
    if (matches(pattern.bare, path)) return text;
  }
  return std::nullopt;
}

}  // namespace waybill::watcher
