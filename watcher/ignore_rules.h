#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::watcher {

// Temporary names that never become objects. Shell patterns (* ? [ ]); one without a slash is
// matched against each name of the path, one with a slash against the whole path below the folder.
class IgnoreRules {
 public:
  // WATCHING.md 2's defaults: temporary names of rsync, vsftpd, browsers, editors, NFS, FUSE …, and
  // everything below `.waybill/`, our own place in a folder.
  static IgnoreRules defaults();
  void add(std::string pattern);
  // The pattern that matches, for a person to read; nullopt: not ignored.
  [[nodiscard]] std::optional<std::string> match(std::string_view path) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace waybill::watcher
