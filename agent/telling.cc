#include <chrono>
#include <utility>

#include "agent/intake.h"
#include "base/bytes.h"
#include "base/paths.h"

// The part of Intake about sidecars: small files that tell of others and are none themselves (S3.md
// section 7). A change of one alters nothing of its file, so it is noticed by itself.
namespace waybill::agent {
namespace {

// Where too many settle for each to be remembered.
constexpr Nanoseconds look_every = std::chrono::seconds(2);

bool passes(const Error& error) {
  return error.code == ErrorCode::RetryLater || error.code == ErrorCode::SourceBusy ||
         error.code == ErrorCode::SourceChanged || error.code == ErrorCode::Cancelled;
}

std::string said_of_sidecar(const std::string& path, const std::string& what) {
  return "its sidecar " + printable(name_of(path)) + " " + what;
}

}  // namespace

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
    if (!passes(found.error())) return !sidecars_.settling(sidecar);
    look_beside_later(
        file, said_of_sidecar(sidecar.second, "cannot be read yet: " + found.error().describe()));
    return false;
  }
  const auto age = *found ? session_.age_of((*found)->fingerprint) : Nanoseconds::zero();
  return sidecars_.may_use(sidecar, *found, policy, folder.config.lease != LeaseUse::Off, age, now);
}

void Intake::look_beside_later(const FilePath& file, const std::string& why) {
  sidecars_.try_later({file.first, sidecar_of(file)}, why,
                      session_.folders.at(file.first).settle_policy(), session_.now());
}

bool Intake::sidecar_settles(const FilePath& file) const {
  const std::string sidecar = sidecar_of(file);
  return !sidecar.empty() && sidecars_.settling({file.first, sidecar});
}

std::string Intake::awaited_sidecar(const FilePath& file) const {
  if (!sidecar_settles(file)) return {};
  const std::string sidecar = sidecar_of(file);
  std::string why = sidecars_.why_later({file.first, sidecar});
  return why.empty() ? said_of_sidecar(sidecar, "has not been still for long enough yet") : why;
}

void Intake::wait_for_sidecar(const ReadyFile& file) {
  const FilePath path(file.folder, file.path);
  if (file.recorded && !has_room(file.folder, 1)) return hold_back(file);
  // Seen again since it was to be read: what was seen then is the newer fact.
  if (!settling_.find(file.folder, file.path)) {
    const BootTime now = session_.now();
    const BootTime due = sidecars_.due({file.folder, sidecar_of(path)}).value_or(now + look_every);
    settling_.observe(file.folder, file.path, file.fingerprint, {.settle = due - now}, now);
  }
  waits_since(path, file.since);
  if (file.recorded) settling_row(path);
  if (const auto stuck = stuck_.find(path); stuck != stuck_.end()) {
    stuck->second = awaited_sidecar(path);
  } else {
    mind(file.folder, file.since.value_or(session_.now()));
  }
  session_.changed();
}

void Intake::take_sidecars() {
  for (const FilePath& sidecar : sidecars_.take_due(session_.now())) {
    if (const auto file = told_of_by(sidecar)) hooks_.said_anew({sidecar.first, *file});
  }
}

}  // namespace waybill::agent
