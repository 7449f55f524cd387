#include <algorithm>

#include "agent/intake.h"

// The part of Intake about files for which there is no room while so many others settle: only what
// still settles has to be in memory, and what has settled waits in the catalog (WATCHING.md 3).
namespace waybill::agent {
namespace {

// Then a directory that was half listed is listed on, whatever of it has to be left out: other
// folders are not to wait for a long settle.
constexpr Nanoseconds patience = std::chrono::seconds(5);

}  // namespace

// All folders share the room; each has its part of it however many files of others settle.
bool Intake::has_room(FolderId folder, std::size_t parts) const {
  const std::size_t room = session_.world.settling_room / parts;
  return settling_.bytes() < room || settling_.bytes(folder) < room / session_.folders.size();
}

// Where files settle soon they are best seen a little later: what is left out is looked at twice.
// Half of the room is for what is on its way from the scanner.
void Intake::hold_scanner() {
  const std::size_t bytes = settling_.bytes();
  const auto due = settling_.next_due();
  const bool soon = due && *due <= session_.now() + patience;
  if (!holds_scanner_ && soon && bytes >= session_.world.settling_room / 2) {
    holds_scanner_ = true;
    session_.world.scanner.hold_listings(session_.now() + patience);
  } else if (holds_scanner_ && bytes < session_.world.settling_room / 4) {
    holds_scanner_ = false;
    session_.world.scanner.hold_listings(std::nullopt);
  }
}

void Intake::leave_out(const FilePath& file) {
  owed_.left_out(file, session_.now());
  session_.changed();
}

// As for the longer wait without a lease, the wall clock tells how long the file has been
// unchanged; but one that was set can only lengthen the wait, for no more is counted than has
// passed since.
BootTime Intake::still_since(FolderId folder, const Fingerprint& fingerprint) const {
  const BootTime now = session_.now();
  const auto owed = owed_.since(folder);
  if (!owed) return now;
  return now - std::clamp(session_.age_of(fingerprint), Nanoseconds::zero(), now - *owed);
}

// Not for each that leaves: a directory is listed for many at once.
void Intake::ask_for_left_out() {
  const std::size_t usual = watcher::SettleTracker::bytes_of(std::string(64, 'x'));
  owed_.ask_on([&](FolderId folder) {
    const std::size_t room = session_.world.settling_room / 2;
    return has_room(folder, 2) ? static_cast<std::int64_t>(room / usual + 1) : 0;
  });
}

void Intake::add_left_out_reasons(std::vector<Reason>& reasons) const {
  for (const auto& [id, folder] : session_.folders) {
    const auto since = owed_.since(id);
    if (!since) continue;
    reasons.push_back(
        {.code = "settling-full",
         .severity = Severity::Notice,
         .sentence =
             "more files came at once than are watched while they settle: the rest is taken "
             "up by itself, once others have settled",
         .help = "",
         .folder = folder.config.name,
         .files = owed_.files(id),
         .since = session_.wall_now() - (session_.now() - *since).count()});
  }
}

}  // namespace waybill::agent
