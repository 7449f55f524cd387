#include "watcher/mount_table.h"

#include <fcntl.h>

#include <fstream>
#include <iterator>

#include "base/paths.h"

namespace waybill::watcher {

namespace {

constexpr const char* table_path = "/proc/self/mountinfo";

// Space, tab, newline and backslash are written as \ooo.
std::string unescaped(std::string_view field) {
  const auto digit = [](char c) { return c >= '0' && c <= '7'; };
  std::string text;
  for (std::size_t at = 0; at < field.size(); ++at) {
    if (field[at] == '\\' && at + 3 < field.size() && digit(field[at + 1]) &&
        digit(field[at + 2]) && digit(field[at + 3])) {
      const int byte =
          ((field[at + 1] - '0') * 8 + (field[at + 2] - '0')) * 8 + (field[at + 3] - '0');
      text += static_cast<char>(byte);
      at += 3;
    } else {
      text += field[at];
    }
  }
  return text;
}

bool at_or_below(std::string_view path, std::string_view directory) {
  return directory == "/" || path == directory || lies_below(path, directory);
}

std::string_view take_field(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

}  // namespace

UniqueFd open_mount_table() {
  return UniqueFd(::open(table_path, O_RDONLY | O_CLOEXEC));
}

std::string read_mount_table() {
  std::ifstream file(table_path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string mounts_concerning(std::string_view table, std::string_view path) {
  std::string concerning;
  while (!table.empty()) {
    const std::size_t end = table.find('\n');
    const std::string_view whole = table.substr(0, end);
    table.remove_prefix(end == std::string_view::npos ? table.size() : end + 1);
    std::string_view line = whole;
    // Mount id, parent id, major:minor, root within the file system; then the mount point.
    for (int field = 0; field < 4; ++field) take_field(line);
    const std::string point = unescaped(take_field(line));
    if (point.empty() || !(at_or_below(path, point) || at_or_below(point, path))) continue;
    // What follows may change without concerning anybody (options, propagation).
    concerning += whole.substr(0, whole.size() - line.size());
    concerning += '\n';
  }
  return concerning;
}

}  // namespace waybill::watcher
