#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "agent/number_set.h"

namespace waybill::agent {

// What of a folder is never taken, and why. The first `named` by their names, the others by their
// directory and a hash of each name, so that all are counted though they be a million (two that
// share a hash count as one). Pure. Coord thread only.
class IgnoredFiles {
 public:
  static constexpr std::size_t named = 10'000;
  using Reasons = std::map<std::string, std::string>;

  // What these return: something that is told of them has changed.
  bool add(const std::string& path, const std::string& why);
  bool remove(const std::string& path);
  bool remove_below(const std::string& directory);  // and what has its name
  void listing_begins(const std::string& directory);
  // Complete: what of its directory was not added since it began is not there.
  bool listing_ends(bool complete);

  [[nodiscard]] std::size_t size() const { return reasons_.size() + beyond_size_; }
  [[nodiscard]] const Reasons& reasons() const { return reasons_; }
  [[nodiscard]] bool all_named() const { return beyond_size_ == 0; }

 private:
  struct Listing {
    std::string directory;
    NumberSet shown;
  };
  using Beyond = std::map<std::string, NumberSet>;  // by directory

  bool remove_beyond(const std::string& path);
  Beyond::iterator drop(Beyond::iterator directory);

  Reasons reasons_;
  Beyond beyond_;
  std::size_t beyond_size_ = 0;
  std::optional<Listing> listing_;
};

}  // namespace waybill::agent
