#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill::watcher {

// Names whose look-up gave no conclusion, until they are looked up again: the wait doubles from one
// second to an hour. Pure. Scan thread only.
class LaterLooks {
 public:
  static constexpr std::size_t room = 4096;

  struct Item {
    FolderId folder{};
    std::string path;
    unsigned tries = 0;  // so far
  };
  // Of two of one name the sooner counts. False: there is no room for it.
  bool add(Item item, BootTime now);
  // Those whose time has come; they are not kept any more.
  std::vector<Item> take(BootTime now);
  [[nodiscard]] std::optional<BootTime> next_due() const;
  void forget(FolderId folder);

 private:
  using Name = std::pair<FolderId, std::string>;
  struct Wait {
    BootTime due;
    unsigned tries = 0;
  };
  std::map<Name, Wait> waits_;
  std::set<std::tuple<BootTime, FolderId, std::string>> schedule_;
};

}  // namespace waybill::watcher
