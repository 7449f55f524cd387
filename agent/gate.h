#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fingerprint.h"
#include "base/ids.h"
#include "base/paths.h"

namespace waybill::agent {

using FilePath = std::pair<FolderId, std::string>;

// Of paths relative to a folder; "" is the folder itself.
inline bool at_or_below(std::string_view path, std::string_view directory) {
  return directory.empty() || path == directory || lies_below(path, directory);
}

// Files that nobody writes to any more, and that their folder's policy does not call complete yet
// (WATCHING.md 2.4). They wait for a sign, not for a time. Pure. Coord thread only.
class Gate {
 public:
  struct Held {
    Fingerprint fingerprint;
    BootTime since;   // seen incomplete for the first time
    std::string why;  // a sentence
    enum class Sign : std::uint8_t { Marker, Rename, Person };
    Sign sign = Sign::Marker;  // what it waits for
  };

  void hold(const FilePath& file, Held held);
  [[nodiscard]] const Held* find(const FilePath& file) const;
  // It goes; nullopt: it was not held.
  std::optional<Held> release(const FilePath& file);
  [[nodiscard]] std::int64_t size(FolderId folder) const;
  // Those below a directory of the folder, or directly in it; "" is the folder itself.
  [[nodiscard]] std::vector<std::string> below(FolderId folder, const std::string& directory,
                                               bool deep) const;
  // The same one by one, from `from` on, until `visit` returns false: then it goes on behind that
  // one. True: there are no more.
  bool each_below(FolderId folder, const std::string& directory, bool deep, std::string& from,
                  const std::function<bool(const std::string&)>& visit) const;
  // In path order.
  void each(const std::function<void(const FilePath&, const Held&)>& visit) const;

 private:
  std::map<FilePath, Held> held_;
  std::map<FolderId, std::int64_t> in_folder_;
};

}  // namespace waybill::agent
