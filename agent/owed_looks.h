#pragma once

#include <map>
#include <optional>
#include <set>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill::agent {

// Looks at all files of a folder, owed because of what is not remembered one by one, and since when
// each is: who waits for all that is there now waits for no look that later changes ask for. Pure.
// Coord thread only.
class OwedLooks {
 public:
  // Because of what has lain there since `since` and will have settled at `settled`.
  void owe(FolderId folder, BootTime since, BootTime settled);
  // The folders of which all is to be looked at now; that is under way until end(), before which
  // no other begins.
  std::set<FolderId> begin(BootTime now);
  void end() { under_way_.clear(); }

  // A look at the folder, or at any, that is owed since then or longer is not over.
  [[nodiscard]] bool any(std::optional<FolderId> folder, BootTime then) const;
  // When the next one can begin.
  [[nodiscard]] std::optional<BootTime> next_due() const;

 private:
  struct Look {
    BootTime due;
    BootTime since;  // of the first of those who ask for it
  };
  // It is not put off by what comes meanwhile: for that there is another one.
  struct Owed {
    Look next;
    std::optional<Look> after;
  };

  std::map<FolderId, Owed> owed_;
  std::map<FolderId, BootTime> under_way_;  // since when, of the first who asked
};

}  // namespace waybill::agent
