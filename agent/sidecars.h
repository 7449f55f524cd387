#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/gate.h"
#include "base/clock.h"
#include "base/fingerprint.h"
#include "watcher/settle_tracker.h"
#include "watcher/sidecar.h"

namespace waybill::agent {

// Sidecars, by their own paths: each change of one is noticed once, and settles as a file does
// before what it says is read or held against what is stored (S3.md section 7). Bounded: where more
// of them change than are remembered, all files of the folder are to be looked at instead. Pure.
// Coord thread only.
class Sidecars {
 public:
  static constexpr std::size_t most = 10'000;

  // As it lies there now. `known`: whoever begins to look at a folder takes what is there for
  // settled, since all of it is looked at anyway.
  void present(const FilePath& sidecar, const Fingerprint& fingerprint,
               const watcher::SettlePolicy& policy, BootTime now, bool known);
  // Nothing is there that could be one.
  void absent(const FilePath& sidecar, const watcher::SettlePolicy& policy, BootTime now);
  // Whether what was read there may be used; else it settles from now on, or still does.
  // `nothing`: none is there. `wall_age`: since its ctime.
  bool may_use(const FilePath& sidecar, const std::optional<watcher::Sidecar>& read,
               const watcher::SettlePolicy& policy, bool lease_wanted, Nanoseconds wall_age,
               BootTime now);
  // Somebody is at it, or it could not be read for the moment. `why`: a sentence for people.
  void try_later(const FilePath& sidecar, const std::string& why,
                 const watcher::SettlePolicy& policy, BootTime now);

  [[nodiscard]] bool settling(const FilePath& sidecar) const {
    return settling_.find(sidecar.first, sidecar.second).has_value();
  }
  // Empty: it settles as anything that changes does, or not at all.
  [[nodiscard]] std::string why_later(const FilePath& sidecar) const;
  // When it will have settled; nullopt: it does not settle.
  [[nodiscard]] std::optional<BootTime> due(const FilePath& sidecar) const;
  [[nodiscard]] std::vector<FilePath> all_settling() const;
  // Those that have settled; they leave.
  std::vector<FilePath> take_due(BootTime now);
  // Folders of which all is to be looked at, once what changes in them has settled.
  std::set<FolderId> take_overflowed();
  [[nodiscard]] std::optional<BootTime> next_due() const { return settling_.next_due(); }

  // Of those remembered, the ones directly in a directory.
  [[nodiscard]] std::vector<std::string> in(FolderId folder, const std::string& directory) const;
  // The directory has gone, with all below it.
  void forget_below(FolderId folder, const std::string& directory);

 private:
  void change(const FilePath& sidecar, const Fingerprint& into, const watcher::SettlePolicy& policy,
              BootTime now);

  std::map<FilePath, Fingerprint> known_;
  watcher::SettleTracker settling_;
  std::map<FilePath, std::string> why_later_;  // of those that settle
  std::set<FolderId> overflowed_;
};

}  // namespace waybill::agent
