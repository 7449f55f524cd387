#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/gate.h"
#include "agent/left_out.h"
#include "base/clock.h"
#include "base/ids.h"

namespace waybill::agent {

// Files that were seen and not taken in, because so many settle already: they are known by their
// directories alone, and those are listed again once there is room (WATCHING.md 3). One question at
// a time. Coord thread only.
class OwedListings {
 public:
  // No directories: every one of the folder. To be answered by listed(id).
  using Ask = std::function<void(FolderId, std::vector<std::string> directories, std::uint64_t id)>;
  // Ids begin above `first`: the scanner may still answer to whoever asked before.
  explicit OwedListings(Ask ask, std::uint64_t first = 0) : ask_(std::move(ask)), asked_(first) {}

  void left_out(const FilePath& file, BootTime now);
  void taken_in(const FilePath& file);
  void listing_begins(FolderId folder, const std::string& directory);
  void listing_ends(FolderId folder, const std::string& directory, bool complete);
  // `room`: how many files of a folder could be taken in now, 0 where it is to wait.
  void ask_on(const std::function<std::int64_t(FolderId)>& room);
  void listed(std::uint64_t id);
  void forget(FolderId folder);
  // The directory has gone, with all below it.
  void forget_below(FolderId folder, const std::string& directory);

  // Something is owed, or asked for and not answered yet. nullopt: of any folder.
  [[nodiscard]] bool any(std::optional<FolderId> folder) const;
  // The file, or something below that path, may be one that was left out.
  [[nodiscard]] bool concerns(const FilePath& path) const;
  // About how many files that is.
  [[nodiscard]] std::int64_t files(FolderId folder) const;
  // Since when without a break; nullopt: nothing is owed.
  [[nodiscard]] std::optional<BootTime> since(FolderId folder) const;

 private:
  struct Owed {
    LeftOut waiting;
    LeftOut asked;
    std::string last;  // of those asked for
    BootTime since;
  };
  [[nodiscard]] const Owed* find(FolderId folder) const;
  void drop_if_done(FolderId folder);

  const Ask ask_;
  std::map<FolderId, Owed> folders_;
  std::optional<std::uint64_t> open_;  // asked and not answered
  FolderId open_folder_{};             // of the last one asked
  std::uint64_t asked_;
};

}  // namespace waybill::agent
