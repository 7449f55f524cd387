#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "watcher/file_system.h"

namespace waybill::watcher {

// What lies beside a file, named after it as the pattern says, and is never a file itself: the
// marker that says of it that it is complete (WATCHING.md 2.4), and the sidecar with its metadata
// (sidecar.h).
class MarkerRule {
 public:
  // Pattern: a name with `{name}` in it once, and something else: "{name}.done".
  static constexpr std::string_view usual = "{name}.done";
  // What is wrong with a pattern, for a person; nullopt: nothing. `what` it is for, and what it
  // might look like.
  static std::optional<std::string> fault_of(std::string_view pattern,
                                             std::string_view what = "marker",
                                             std::string_view like = usual);

  // `pattern` has no fault.
  explicit MarkerRule(std::string_view pattern);
  // The path of the marker of the file at `path`; both below the folder.
  [[nodiscard]] std::string marker_of(std::string_view path) const;
  // The path of the file whose marker has this path; nullopt: it is no marker.
  [[nodiscard]] std::optional<std::string> marked_by(std::string_view path) const;

 private:
  std::string before_;
  std::string after_;
};

// Whether there is a regular file at that path now. Any thread. An error: nobody can tell.
Result<bool> marker_is_there(FileSystem& files, const Root& root, const std::string& marker);

}  // namespace waybill::watcher
