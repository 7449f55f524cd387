#include <utility>

#include "agent/intake.h"

// The part of Intake about sidecars: small files that tell of others and are none themselves (S3.md
// section 7). A change of one alters nothing of its file, so it is noticed by itself.
namespace waybill::agent {

std::string Intake::sidecar_of(const FilePath& file) const {
  const FolderState& state = folders_.at(file.first);
  return state.sidecar ? state.sidecar->marker_of(file.second) : "";
}

// A marker is a marker, whatever else it looks like.
std::optional<std::string> Intake::told_of_by(const FilePath& path) const {
  const FolderState& state = folders_.at(path.first);
  if (!state.sidecar || (state.marker && state.marker->marked_by(path.second))) return std::nullopt;
  return state.sidecar->marked_by(path.second);
}

void Intake::sidecar_seen(const FilePath& sidecar, const watcher::FileObservation& as) {
  if (!told_of_by(sidecar)) return;
  const auto policy = session_.folders.at(sidecar.first).settle_policy();
  const bool scanning = folders_.at(sidecar.first).scanning;
  if (const auto* const present = std::get_if<watcher::Present>(&as.what)) {
    sidecars_.present(sidecar, present->fingerprint, policy, session_.now(), scanning);
  } else if (std::holds_alternative<watcher::Ignored>(as.what)) {
    // A link, a FIFO: who reads it says what is wrong with it.
    sidecars_.present(sidecar, {}, policy, session_.now(), scanning);
  } else if (std::holds_alternative<watcher::Absent>(as.what)) {
    sidecars_.absent(sidecar, policy, session_.now());
  }
}

bool Intake::may_use_sidecar(const FilePath& file,
                             const Result<std::optional<watcher::Sidecar>>& found) {
  const FilePath sidecar(file.first, sidecar_of(file));
  if (sidecar.second.empty()) return true;
  const Folder& folder = session_.folders.at(file.first);
  const auto policy = folder.settle_policy();
  const BootTime now = session_.now();
  if (!found) {
    if (found.error().code == ErrorCode::NeedsPerson) return !sidecars_.settling(sidecar);
    look_beside_later(file);
    return false;
  }
  const auto age = *found ? session_.world.clock.wall().time_since_epoch() -
                                Nanoseconds((*found)->fingerprint.ctime)
                          : Nanoseconds::zero();
  return sidecars_.may_use(sidecar, *found, policy, folder.config.lease != LeaseUse::Off, age, now);
}

void Intake::look_beside_later(const FilePath& file) {
  sidecars_.try_later({file.first, sidecar_of(file)},
                      session_.folders.at(file.first).settle_policy(), session_.now());
}

bool Intake::sidecar_settles(const FilePath& file) const {
  const std::string sidecar = sidecar_of(file);
  return !sidecar.empty() && sidecars_.settling({file.first, sidecar});
}

void Intake::take_sidecars() {
  for (const FilePath& sidecar : sidecars_.take_due(session_.now())) {
    if (const auto file = told_of_by(sidecar)) hooks_.said_anew({sidecar.first, *file});
  }
  for (const FolderId folder : sidecars_.take_overflowed()) hooks_.all_said_anew(folder);
}

}  // namespace waybill::agent
