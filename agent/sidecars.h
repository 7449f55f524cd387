#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/gate.h"
#include "agent/left_out.h"
#include "agent/owed_looks.h"
#include "base/clock.h"
#include "base/fingerprint.h"
#include "watcher/settle_tracker.h"
#include "watcher/sidecar.h"

namespace waybill::agent {

// Sidecars, by their own paths: each change of one is noticed once, and settles as a file does
// before what it says is read or held against what is stored (S3.md section 7). `most` of them are
// known, and as many settle: of what finds no room the folder is owed a look at all of its files,
// whose objects tell what was said. Pure. Coord thread only.
class Sidecars {
 public:
  Sidecars(std::size_t most, OwedLooks& owed) : most_(most), owed_(owed) {}

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
  [[nodiscard]] std::optional<BootTime> next_due() const { return settling_.next_due(); }

  // Of those that are known, the ones directly in a directory.
  [[nodiscard]] std::vector<std::string> in(FolderId folder, const std::string& directory) const;
  // Which of the others have gone from there no listing tells.
  void listing_begins(FolderId folder, const std::string& directory);
  void listing_ends(FolderId folder, const std::string& directory, bool complete, BootTime now);
  // The directory has gone, with all below it.
  void forget_below(FolderId folder, const std::string& directory);

 private:
  struct Unknown {
    LeftOut directories;                // of some that are there
    std::optional<std::string> listed;  // one of them, in the listing that runs
  };
  void change(const FilePath& sidecar, const Fingerprint& into, const watcher::SettlePolicy& policy,
              BootTime now);
  void know(const FilePath& sidecar, const Fingerprint& fingerprint);
  [[nodiscard]] bool may_settle(const FilePath& sidecar) const {
    return settling_.size() < most_ || settling(sidecar);
  }
  // For what finds no room in the folder.
  void owe(FolderId folder, BootTime since, BootTime settled);

  const std::size_t most_;
  OwedLooks& owed_;
  std::map<FilePath, Fingerprint> known_;
  std::map<FolderId, Unknown> unknown_;
  watcher::SettleTracker settling_;
  std::map<FilePath, std::string> why_later_;  // of those that settle
  // Of those that are not known: as they were once they had settled, until they are read.
  std::map<FilePath, Fingerprint> settled_;
};

}  // namespace waybill::agent
