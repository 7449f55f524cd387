#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::watcher {

// Temporary names that never become objects. Shell patterns (* ? [ ]); one without a slash is
// matched against each name of the path, one with a slash against the whole path below the folder.
// A slash at the end of a pattern restricts it to directories; so does one at the end of a path say
// that it is a directory.
class IgnoreRules {
 public:
  // WATCHING.md 2's defaults: temporary names of rsync, vsftpd, browsers, editors, NFS, FUSE …, and
  // everything below `.waybill/`, our own place in a folder.
  static IgnoreRules defaults();
  void add(std::string pattern);
  // The pattern that matches, for a person to read; nullopt: not ignored.
  [[nodiscard]] std::optional<std::string> match(std::string_view path) const;
  // The same for `name` in a directory that is known not to match: cheaper by the directory's
  // names.
  [[nodiscard]] std::optional<std::string> match_in(std::string_view directory,
                                                    std::string_view name) const;
  friend bool operator==(const IgnoreRules&, const IgnoreRules&) = default;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace waybill::watcher
