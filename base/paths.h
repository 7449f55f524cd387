#pragma once

#include <string_view>

// Words about paths with slashes between their names and none at either end. Views of what was
// given. Pure.
namespace waybill {

inline std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // 0 where there is no slash
}

// "" for a single name.
inline std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Not the directory itself.
inline bool lies_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

}  // namespace waybill
