#include "agent/gone_directories.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "agent/gate.h"
#include "base/paths.h"

namespace waybill::agent {
namespace {

// The innermost that has both in it, or is one of them.
std::string above(const std::string& a, const std::string& b) {
  std::string_view directory = a;
  while (!at_or_below(b, directory)) directory = parent_of(directory);
  return std::string(directory);
}

}  // namespace

void GoneDirectories::add(const std::string& directory) {
  for (std::string_view at = directory;; at = parent_of(at)) {
    if (directories_.contains(std::string(at))) return;
    if (at.empty()) break;
  }
  const auto is_below = [&directory](const std::string& other) {
    return at_or_below(other, directory);
  };
  const auto first = directories_.lower_bound(directory.empty() ? "" : directory + '/');
  directories_.erase(first, std::find_if_not(first, directories_.end(), is_below));
  directories_.insert(directory);
  if (directories_.size() <= most) return;
  // What is common to the first and the last is common to all between.
  const std::string common = above(*directories_.begin(), *std::prev(directories_.end()));
  directories_ = {common};
}

std::optional<std::string> GoneDirectories::take() {
  if (directories_.empty()) return std::nullopt;
  return std::move(directories_.extract(directories_.begin()).value());
}

}  // namespace waybill::agent
