#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::agent {

// Directories of one folder, and about how many files of each were not taken in. Of more than
// `most`, or of names longer than that together, none is kept by name: every directory of the
// folder may be one of them. Pure. Coord thread only.
class LeftOut {
 public:
  static constexpr std::size_t most = 4096;
  static constexpr std::size_t most_bytes = std::size_t{1} << 20U;

  // `counted`: it is one of those that make up files().
  void left_out(std::string_view directory, bool counted);
  // One of them, as many as are counted, is taken in or is counted elsewhere.
  void met(std::string_view directory);
  // What a listing shows again is not counted twice, and what it does not show no more.
  void listing_begins(std::string_view directory);
  void listing_ends(std::string_view directory, bool complete);
  // Moves directories to `to`, going round from `last`, until they have `files` files; all of them
  // where they have no names.
  void move_some(std::int64_t files, std::string& last, LeftOut& to);
  // Whether this is one of them; it leaves, where it has its name.
  bool take(std::string_view directory);
  // What is below the directory, and it itself.
  void forget_below(std::string_view directory);

  [[nodiscard]] bool empty() const { return !all_ && named_.empty(); }
  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] std::int64_t files() const { return files_; }
  // One of them is at or below `path`, or is what `path` is directly in.
  [[nodiscard]] bool concerns(std::string_view path) const;
  [[nodiscard]] std::vector<std::string> names() const;  // none where all() is true

 private:
  struct Count {
    std::int64_t files = 0;
    std::int64_t to_meet = 0;  // of these, in the listing that runs
  };
  using Named = std::map<std::string, Count, std::less<>>;
  void add(std::string_view directory, Count count);
  Named::iterator drop(Named::iterator at);

  Named named_;
  bool all_ = false;
  std::int64_t files_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace waybill::agent
