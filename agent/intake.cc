#include "agent/intake.h"

#include <algorithm>

#include "agent/root_identity.h"
#include "base/bytes.h"
#include "base/overloaded.h"
#include "base/paths.h"
#include "base/siphash.h"
#include "base/test_points.h"

namespace waybill::agent {
namespace {

using catalog::FileRow;
using catalog::FileState;

using Reasons = std::map<std::string, std::string>;

// All below the directory, and it itself.
void forget_below(Reasons& reasons, const std::string& directory) {
  reasons.erase(directory);
  const std::string below = directory + '/';
  const auto first = reasons.lower_bound(below);
  auto last = first;
  while (last != reasons.end() && last->first.starts_with(below)) ++last;
  reasons.erase(first, last);
}

}  // namespace

Intake::Intake(Session& session, Hooks hooks)
    : session_(session),
      hooks_(std::move(hooks)),
      doubts_([this](Doubt& doubt, auto& names) { return names_in_doubt(doubt, names); },
              [this](FolderId folder, std::vector<std::string> names, std::uint64_t id) {
                session_.world.scanner.look(folder, std::move(names), id);
              },
              static_cast<std::uint64_t>(session.now().time_since_epoch().count())),
      owed_(
          [this](FolderId folder, std::vector<std::string> directories, std::uint64_t id) {
            session_.world.scanner.list(folder, std::move(directories), id);
          },
          static_cast<std::uint64_t>(session.now().time_since_epoch().count())),
      sidecars_(session.world.most_sidecars, looks_beside_) {
  for (const auto& [id, folder] : session_.folders) {
    FolderState& state = folders_[id];
    if (folder.config.complete == CompleteBy::Marker) state.marker.emplace(folder.config.marker);
    if (!folder.config.sidecar.empty()) state.sidecar.emplace(folder.config.sidecar);
    if (!by_rename(id)) forget_arrivals(id);
    know_covered(id);
  }
}

void Intake::observe(const watcher::Observation& observation) {
  const auto known = [this](FolderId folder) { return folders_.contains(folder); };
  std::visit(Overloaded{
                 [&](const watcher::Seen& batch) {
                   if (!known(batch.folder)) return;
                   for (const auto& file : batch.files) {
                     seen(batch.folder, file);
                     if (session_.failure()) return;
                   }
                   hold_scanner();
                 },
                 [&](const watcher::ListingBegins& listing) {
                   if (!known(listing.folder)) return;
                   FolderState& state = folders_.at(listing.folder);
                   // It can be listed, so it is neither unreadable nor covered by a mount.
                   const bool was_ignored = state.ignored.remove(listing.directory);
                   if (state.unreadable.erase(listing.directory) > 0 || was_ignored)
                     session_.changed();
                   state.ignored.listing_begins(listing.directory);
                   owed_.listing_begins(listing.folder, listing.directory);
                   sidecars_.listing_begins(listing.folder, listing.directory);
                   listing_begins(state, listing.directory);
                 },
                 [&](const watcher::ListingEnds& listing) {
                   if (known(listing.folder)) listing_ended(listing);
                 },
                 [&](const watcher::DirectoryGone& gone) {
                   if (!known(gone.folder)) return;
                   FolderState& state = folders_.at(gone.folder);
                   if (!gone.there) {
                     if (state.ignored.remove_below(gone.directory)) session_.changed();
                     forget_below(state.unreadable, gone.directory);
                     sidecars_.forget_below(gone.folder, gone.directory);
                     owed_.forget_below(gone.folder, gone.directory);
                   }
                   // What the whole scan has seen below it, it would not doubt by itself.
                   if (state.scanning) return state.gone.add(gone.directory);
                   doubts_.gone(gone.folder, gone.directory);
                 },
                 [&](const watcher::MountEntered& mount) {
                   if (known(mount.folder)) mount_entered(mount);
                 },
                 [&](const watcher::FolderStatus& status) {
                   if (known(status.folder)) folder_status(status);
                 },
                 [&](const watcher::ScanComplete& scan) {
                   if (known(scan.folder)) scan_complete(scan.folder);
                 },
                 [&](const watcher::EventsLost& lost) { events_lost(lost); },
                 [&](const watcher::Watermark& watermark) {
                   if (!known(watermark.folder)) return;
                   folders_.at(watermark.folder).watermark = watermark.until;
                   tell_watermarks();
                 },
                 [&](const watcher::Looked& looked) {
                   doubts_.looked(looked.id);
                   tell_watermarks();
                 },
                 [&](const watcher::Listed& listed) {
                   owed_.listed(listed.id);
                   tell_watermarks();
                   session_.changed();
                 },
                 [&](const watcher::Barrier& barrier) { hooks_.barrier(barrier.id); },
             },
             observation);
}

// What has gone is known once it was asked after, and what was left out once it was listed again.
void Intake::tell_watermarks() {
  for (auto& [id, state] : folders_) {
    if (!state.watermark || doubts_.any(id) || owed_.any(id)) continue;
    const Nanoseconds ago = session_.now() - *std::exchange(state.watermark, std::nullopt);
    session_.folders.at(id).seen_until =
        (session_.world.clock.wall().time_since_epoch() - ago).count();
    session_.changed();
  }
}

void Intake::seen(FolderId folder, const watcher::FileObservation& file) {
  FolderState& state = folders_.at(folder);
  const FilePath path(folder, file.path);
  const auto asked = looked_at_.extract(path);
  if (state.listing && parent_of(file.path) == state.listing->directory) {
    state.listing->seen.insert(file.path);
  }
  sidecar_seen(path, file);
  const auto no_longer_ignored = [&] {
    const bool was_ignored = state.ignored.remove(file.path);
    if (state.unreadable.erase(file.path) > 0 || was_ignored) session_.changed();
  };
  std::visit(
      Overloaded{
          [&](const watcher::Present& present_file) {
            if (const auto marked =
                    state.marker ? state.marker->marked_by(file.path) : std::nullopt) {
              return marker_seen(path, *marked);
            }
            if (const auto told_of = told_of_by(path)) {
              return not_a_file(path,
                                "tells of " + printable(name_of(*told_of)) + ", as its sidecar");
            }
            no_longer_ignored();
            present(path, present_file, !asked.empty());
            if (asked) waits_since(path, asked.mapped());
          },
          [&](const watcher::Absent&) {
            no_longer_ignored();
            absent(path);
          },
          [&](const watcher::Ignored& ignored_file) { not_a_file(path, ignored_file.reason); },
          [&](const watcher::Unreadable& unreadable) {
            if (state.unreadable.size() < remembered) {
              state.unreadable[file.path] = unreadable.cause.describe();
            }
            session_.changed();
            hooks_.left(path);
          },
          [&](const watcher::Suspended&) { suspended(path); },
      },
      file.what);
}

// `awaited`: it was taken in before.
void Intake::present(const FilePath& file, const watcher::Present& seen, bool awaited) {
  const auto& [folder, path] = file;
  const Fingerprint& fingerprint = seen.fingerprint;
  if (by_rename(folder)) note_arrival(file, fingerprint, seen.arrival);
  auto found = session_.expect(session_.catalog->find_live(folder, path));
  if (!found) return;
  FolderState& state = folders_.at(folder);
  if (*found) uncover(state, (*found)->id);
  if (*found) row_seen(state, **found);
  follow_moves(file, fingerprint, *found);
  if (session_.failure()) return;
  if (const Gate::Held* const held = gate_.find(file)) {
    const BootTime since = held->since;
    if (held->fingerprint == fingerprint) {
      // How it came may be known by now.
      if (!by_rename(folder) || seen.arrival == watcher::Arrival::Unseen) return;
      if (hold_unless_arrived(file, fingerprint, since)) return;
    }
    gate_.release(file);
    settling_.observe(folder, path, fingerprint, session_.folders.at(folder).settle_policy(),
                      session_.now());
    settling_.waits_since(folder, path, since);
    mind(folder, since);
    return session_.changed();
  }
  const bool unchanged = *found && (*found)->fingerprint == fingerprint &&
                         at_its_path((*found)->state) && !is_lost(**found);
  const auto waiting = settling_.find(folder, path);
  const bool settles = waiting.has_value();
  if (unchanged && (!settles || (*found)->state != FileState::Queued)) {
    forget(file);
    if ((*found)->racy) hooks_.doubtful({folder, path, fingerprint});
    hooks_.left(file);
    return;
  }
  if (!settles && !awaited && !has_room(folder, 1)) return leave_out(file);
  // While it still settles nobody has taken what it was.
  if (*found && !settles) hot_.changed(folder, path, fingerprint, session_.now());
  watcher::SettlePolicy policy = session_.folders.at(folder).settle_policy();
  policy.settle = hot_.settle(folder, path, policy.settle, session_.now());
  if (waiting && !(waiting->fingerprint == fingerprint)) {
    if (const auto stuck = stuck_.find(file); stuck != stuck_.end()) stuck->second.clear();
  }
  const BootTime since = settles ? session_.now() : still_since(folder, fingerprint);
  settling_.observe(folder, path, fingerprint, policy, since);
  if (!settles) owed_.taken_in(file);
  if (*found && (*found)->state == FileState::Queued) settling_row(file);
  mind(folder, session_.now());
  session_.changed();
}

void Intake::settling_row(const FilePath& file) {
  if (settling_rows_.insert(file).second) ++settling_rows_in_folder_[file.first];
}

bool Intake::no_settling_row(const FilePath& file) {
  if (settling_rows_.erase(file) == 0) return false;
  --settling_rows_in_folder_[file.first];
  return true;
}

void Intake::forget(const FilePath& file) {
  settling_.forget(file.first, file.second);
  stuck_.erase(file);
  no_settling_row(file);
  forget_arrival(file);
}

void Intake::taken(const FilePath& file) {
  stuck_.erase(file);
  no_longer_moving(file);
  // From here on its row tells that it has come.
  forget_arrival(file);
}

void Intake::absent(const FilePath& file) {
  const auto& [folder, path] = file;
  auto found = session_.expect(session_.catalog->find_live(folder, path));
  if (!found) return;
  const auto pending = pending_as(file, *found);
  forget(file);
  leave_line(file);
  if (hooks_.busy(file)) missed_.insert(file);
  moved_.decided(file);
  if (gate_.release(file)) session_.changed();
  if (*found && folders_.at(folder).covered.contains((*found)->id)) return suspended(file);
  if (*found && at_its_path((*found)->state)) {
    auto row = session_.expect(session_.catalog->vanished((*found)->id));
    if (!row) return;
    postponed_.erase(row->id);
    hooks_.vanished(*row);
    session_.changed();
  }
  if (pending) depart(file, *pending);
  hooks_.left(file);
}

// A symbolic link, a FIFO, a temporary name, a marker, a sidecar: whatever had this name before is
// gone from it.
void Intake::not_a_file(const FilePath& file, const std::string& why) {
  FolderState& state = folders_.at(file.first);
  if (state.unreadable.erase(file.second) > 0) session_.changed();
  if (state.ignored.add(file.second, why)) session_.changed();
  absent(file);
}

// During the first whole scan `rows_seen` tells what is missing, for all at once; but not what has
// gone from where something was seen before.
void Intake::listing_begins(FolderState& state, const std::string& directory) {
  state.listed = directory;
  state.listing.reset();
  if (state.scanning && state.shown.insert(siphash(0, 0, directory))) return;
  state.listing = Listing{directory, SeenNames(++listings_)};
}

void Intake::row_seen(FolderState& state, const FileRow& row) {
  if (!state.scanning) return;
  state.rows_seen.insert(row.id);
  const std::string_view directory = parent_of(row.path);
  if (directory != state.listed) state.shown.insert(siphash(0, 0, directory));
}

void Intake::listing_ended(const watcher::ListingEnds& ended) {
  FolderState& state = folders_.at(ended.folder);
  if (state.ignored.listing_ends(ended.complete)) session_.changed();
  owed_.listing_ends(ended.folder, ended.directory, ended.complete);
  sidecars_.listing_ends(ended.folder, ended.directory, ended.complete, session_.now());
  state.listed.reset();
  std::optional<Listing> listing = std::exchange(state.listing, std::nullopt);
  if (!listing || !ended.complete || listing->directory != ended.directory) return;
  for (const std::string& path : sidecars_.in(ended.folder, ended.directory)) {
    if (!listing->seen.contains(path)) session_.world.scanner.look(ended.folder, path);
  }
  doubts_.add({.folder = ended.folder,
               .directory = ended.directory,
               .deep = false,
               .seen = std::move(listing->seen)});
}

void Intake::scan_complete(FolderId folder) {
  FolderState& state = folders_.at(folder);
  session_.folders.at(folder).scanned = true;
  session_.changed();
  if (!state.scanning) return;
  state.scanning = false;
  // What came, changed or went beside a file while nobody watched changed nothing of the file.
  if (state.sidecar) looks_beside_.owe(folder, session_.now(), session_.now());
  state.shown = {};
  doubts_.add({.folder = folder,
               .directory = "",
               .deep = true,
               .seen = std::exchange(state.rows_seen, {})});
  while (const auto directory = state.gone.take()) doubts_.gone(folder, *directory);
}

void Intake::events_lost(const watcher::EventsLost& lost) {
  ++overflows_.count;
  overflows_.last_at = session_.wall_now();
  overflows_.advice = lost.advice;
  session_.changed();
}

void Intake::folder_status(const watcher::FolderStatus& status) {
  Folder& folder = session_.folders.at(status.folder);
  // What waits below a mount that is back has its turn again.
  const bool was_suspended = folder.suspended();
  if (folder.health && folder.health->missing != status.missing) look_at_queue();
  folder.health = status;
  session_.changed();
  const bool there = !folder.suspended();
  if (there && was_suspended) {
    look_at_queue();
    // Looks are answered only where there is a folder: who waits for one waited until now.
    for (const auto& [file, since] : looked_at_) {
      if (file.first == status.folder) session_.world.scanner.look(file.first, file.second);
    }
  }
  if (!there) {
    doubts_.forget(status.folder);
    owed_.forget(status.folder);
    // What it has seen so far may go while nobody looks.
    FolderState& state = folders_.at(status.folder);
    state.watermark.reset();
    state.rows_seen = {};
    state.shown = {};
    state.gone = {};
    state.listed.reset();
    state.listing.reset();
  }
  // Back after a suspension all of it is seen again; what went meanwhile only the whole scan tells.
  if (there && folder.row.state == "suspended") folders_.at(status.folder).scanning = true;
  catalog::FolderRow row = folder.row;
  row.state = there ? "active" : "suspended";
  row.reason = status.reason;
  if (there && status.ino != 0) note_root(row, status);
  if (session_.expect(session_.catalog->save_folder(row))) folder.row = std::move(row);
}

void Intake::writer_found(const ReadyFile& file) {
  settling_.writer_found(file.folder, file.path, file.fingerprint,
                         session_.folders.at(file.folder).settle_policy(), session_.now());
  waits_since({file.folder, file.path}, file.since);
  if (file.recorded) settling_row({file.folder, file.path});
  if (const auto stuck = stuck_.find({file.folder, file.path}); stuck != stuck_.end()) {
    stuck->second.clear();
  }
  session_.changed();
}

bool Intake::no_lease_wait_is_over(const ReadyFile& file) {
  // How long the file has been unchanged by the wall clock; a clock that was set can only lengthen
  // the wait to its full time, counted from now.
  const auto policy = session_.folders.at(file.folder).settle_policy();
  const Nanoseconds age = session_.age_of(file.fingerprint);
  if (age >= policy.settle_nolease) return true;
  const Nanoseconds counted = std::max(age, Nanoseconds::zero());
  settling_.no_lease(file.folder, file.path, file.fingerprint, policy, session_.now() - counted);
  waits_since({file.folder, file.path}, file.since);
  if (file.recorded) settling_row({file.folder, file.path});
  session_.changed();
  return false;
}

void Intake::look_again(const FilePath& file, BootTime due, std::optional<BootTime> since) {
  looked_at_.emplace(file, since);
  session_.changed();
  if (session_.folders.at(file.first).suspended()) return;  // asked once it is back
  if (due <= session_.now()) {
    session_.world.scanner.look(file.first, file.second);
  } else {
    session_.timers.at(due, [this, file] { session_.world.scanner.look(file.first, file.second); });
  }
}

bool Intake::waiting(const FilePath& file) const {
  return ready_.contains(file) || looked_at_.contains(file) || gate_.find(file) != nullptr ||
         settling_.find(file.first, file.second).has_value();
}

std::optional<watcher::SettleTracker::Waiting> Intake::settling(const FilePath& file) const {
  return settling_.find(file.first, file.second);
}

std::vector<FilePath> Intake::waiting_paths() const {
  std::vector<FilePath> paths;
  for (const auto& [file, seen] : ready_) paths.push_back(file);
  for (const auto& [file, since] : looked_at_) paths.push_back(file);
  for (const FilePath& sidecar : sidecars_.all_settling()) {
    if (auto file = told_of_by(sidecar)) paths.emplace_back(sidecar.first, std::move(*file));
  }
  gate_.each([&paths](const FilePath& file, const Gate::Held&) { paths.push_back(file); });
  for (const auto& [folder, state] : folders_) {
    for (auto& path : settling_.paths(folder, settling_.size(folder))) {
      paths.emplace_back(folder, std::move(path));
    }
  }
  return paths;
}

std::int64_t Intake::ignored(FolderId folder) const {
  return static_cast<std::int64_t>(folders_.at(folder).ignored.size());
}

void Intake::add_reasons(std::vector<Reason>& reasons) const {
  constexpr Nanoseconds news_for = std::chrono::hours(1);
  const Nanoseconds since =
      session_.world.clock.wall().time_since_epoch() - Nanoseconds(overflows_.last_at);
  if (overflows_.count > 0 && since < news_for) {
    reasons.push_back({.code = "events-overflowed",
                       .severity = Severity::Notice,
                       .sentence = "more happened at a time than the kernel's queue of events "
                                   "holds; everything was looked at again, nothing is missed",
                       .help = overflows_.advice.empty()
                                   ? ""
                                   : "a longer queue spares that: " + overflows_.advice,
                       .since = overflows_.last_at});
  }
  add_stuck_reasons(reasons);
  add_mount_reasons(reasons);
  add_left_out_reasons(reasons);
  add_unseen_reasons(reasons);
  for (const auto& [id, state] : folders_) {
    const Folder& folder = session_.folders.at(id);
    if (!state.unreadable.empty()) {
      const auto& [path, why] = *state.unreadable.begin();
      reasons.push_back(
          {.code = "unreadable",
           .severity = Severity::Blocked,
           .sentence = why,
           .help = "let the user that runs waybilld read it; it is then taken up by itself",
           .folder = folder.config.name,
           .example = path,
           .files = static_cast<std::int64_t>(state.unreadable.size())});
    }
    if (!folder.health) continue;
    if (!folder.health->unmarked.empty()) {
      reasons.push_back(
          {.code = "root-unmarked",
           .severity = Severity::Notice,
           .sentence = "only its device and inode numbers tell its disk from another one: its file "
                       "system keeps no birth times, and no mark could be left in it: " +
                       folder.health->unmarked,
           .help = "",
           .folder = folder.config.name});
    }
    switch (folder.health->health) {
      case watcher::FolderHealth::Watching:
        break;
      case watcher::FolderHealth::Polling:
        reasons.push_back(
            {.code = "folder-polled",
             .severity = folder.health->lacking ? Severity::Degraded : Severity::Notice,
             .sentence = folder.health->reason,
             .help = folder.health->lacking ? "what is not watched is looked at from time to time "
                                              "instead; it is watched by itself once it can be"
                                            : "",
             .folder = folder.config.name});
        break;
      case watcher::FolderHealth::Missing:
      case watcher::FolderHealth::Replaced:
      case watcher::FolderHealth::Unreadable: {
        const bool replaced = folder.health->health == watcher::FolderHealth::Replaced;
        reasons.push_back(
            {.code = "folder-suspended",
             .severity = Severity::Blocked,
             .sentence = folder.health->reason,
             .help = "nothing is concluded from its absence and nothing is deleted; it is "
                     "taken up again by itself once the folder is back" +
                     (replaced ? "; if what lies there now is what belongs there: waybill accept " +
                                     printable(folder.config.path)
                               : std::string()),
             .folder = folder.config.name});
        break;
      }
    }
  }
}

}  // namespace waybill::agent
