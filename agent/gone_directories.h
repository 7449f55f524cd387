#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>

namespace waybill::agent {

// Directories of a folder of which every row below is in doubt. Of more than `most` at a time the
// directory above them all is kept in their place: too much is asked after rather than too little.
// Pure. Coord thread only.
class GoneDirectories {
 public:
  static constexpr std::size_t most = 1024;

  void add(const std::string& directory);  // "" is all of the folder
  // nullopt: there are no more.
  std::optional<std::string> take();
  [[nodiscard]] std::size_t size() const { return directories_.size(); }

 private:
  std::set<std::string> directories_;  // none lies below another
};

}  // namespace waybill::agent
