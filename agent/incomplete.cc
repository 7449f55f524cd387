#include <algorithm>
#include <chrono>
#include <map>

#include "agent/intake.h"
#include "base/bytes.h"
#include "base/paths.h"

// The part of Intake about files that nobody writes to and that are not complete all the same:
// those whose sign is missing (WATCHING.md 2.4), and those that stay incomplete for too long.
namespace waybill::agent {

std::string Intake::marker_of(const FilePath& file) const {
  const FolderState& state = folders_.at(file.first);
  return state.marker ? state.marker->marker_of(file.second) : "";
}

void Intake::not_marked(const ReadyFile& file) {
  const FilePath path(file.folder, file.path);
  // Seen again since it was to be read: what was seen then is the newer fact.
  if (settling_.find(file.folder, file.path)) return;
  const std::string marker = marker_of(path);
  const BootTime since = file.since.value_or(session_.now());
  gate_.hold(path, {.fingerprint = file.fingerprint,
                    .since = since,
                    .why = "it waits for its marker " + printable(name_of(marker))});
  if (file.recorded) settling_row(path);
  // Either may have come or gone between that look and this moment.
  session_.world.scanner.look(file.folder, file.path);
  session_.world.scanner.look(file.folder, marker);
  if (!stuck_.contains(path)) mind(file.folder, since);
  session_.changed();
}

// Not a file itself; that it is there is looked up again when its file is read.
void Intake::marker_seen(const FilePath& marker, const std::string& marked) {
  not_a_file(marker, "marks " + printable(name_of(marked)) + " as complete");
  open_gate({marker.first, marked});
}

void Intake::open_gate(const FilePath& file) {
  const auto held = gate_.release(file);
  if (!held) return;
  stuck_.erase(file);
  no_settling_row(file);
  look_again(file, session_.now(), held->since);
  // Where it has a row already, that one was passed over.
  look_at_queue();
}

// --- incomplete for too long ---------------------------------------------------------------------

// Its wait began before it was looked into.
void Intake::waits_since(const FilePath& file, std::optional<BootTime> since) {
  if (!since || !settling_.find(file.first, file.second)) return;
  settling_.waits_since(file.first, file.second, *since);
  if (!stuck_.contains(file)) mind(file.first, *since);
}

void Intake::mind(FolderId folder, BootTime since) {
  ring_at(std::max(since + session_.folders.at(folder).config.stuck_after, session_.now()));
}

// One bell for all: files that come later are stuck later.
void Intake::ring_at(BootTime due) {
  if (alarm_due_ && *alarm_due_ <= due) return;
  alarm_due_ = due;
  session_.timers.at(due, [this] {
    if (alarm_due_ && *alarm_due_ <= session_.now()) look_for_stuck();
  });
}

void Intake::look_for_stuck() {
  constexpr Nanoseconds at_most_every = std::chrono::seconds(1);
  alarm_due_.reset();
  const BootTime now = session_.now();
  std::optional<BootTime> next;
  const auto judge = [&](FolderId folder, const std::string& path, BootTime since) {
    const BootTime due = since + session_.folders.at(folder).config.stuck_after;
    if (due > now) {
      next = next ? std::min(*next, due) : due;
    } else if (const FilePath file(folder, path);
               stuck_.size() < remembered && !stuck_.contains(file)) {
      stuck_.emplace(file, awaited_sidecar(file));
      session_.changed();
    }
  };
  settling_.each(
      [&](FolderId folder, const std::string& path,
          const watcher::SettleTracker::Waiting& waiting) { judge(folder, path, waiting.since); });
  gate_.each([&](const FilePath& file, const Gate::Held& held) {
    // For those status asks a person at once.
    if (held.sign == Gate::Held::Sign::Person) return;
    judge(file.first, file.second, held.since);
  });
  if (next) ring_at(std::max(*next, now + at_most_every));
}

// An alarm, and nothing else: what is not complete is not forced (WATCHING.md 2).
void Intake::add_stuck_reasons(std::vector<Reason>& reasons) const {
  enum class Cause : std::uint8_t { NoMarker, NoRename, Writer, Sidecar, Changes };
  std::map<std::pair<FolderId, Cause>, Reason> causes;
  for (const auto& [file, sidecar] : stuck_) {
    const auto waiting = settling_.find(file.first, file.second);
    const Gate::Held* const held = gate_.find(file);
    const Cause cause = held != nullptr
                            ? (by_rename(file.first) ? Cause::NoRename : Cause::NoMarker)
                        : !sidecar.empty()            ? Cause::Sidecar
                        : !waiting || waiting->writer ? Cause::Writer
                                                      : Cause::Changes;
    Reason& reason = causes[{file.first, cause}];
    if (++reason.files > 1) continue;
    reason.code = "file-stuck";
    reason.severity = Severity::Degraded;
    reason.folder = session_.folders.at(file.first).config.name;
    reason.example = file.second;
    reason.help =
        "whoever writes it has to finish it or to take it away; it is never taken "
        "incomplete";
    switch (cause) {
      case Cause::NoMarker:
        reason.sentence = "not complete for longer than stuck_after: its marker does not come";
        break;
      case Cause::NoRename:
        reason.sentence = "not complete for longer than stuck_after: " + held->why;
        reason.help =
            "rename it into place; or, if it is whole as it is, say so: waybill retry PATH";
        break;
      case Cause::Writer:
        reason.sentence = "not complete for longer than stuck_after: somebody has it open";
        break;
      case Cause::Sidecar:
        reason.sentence = "not complete for longer than stuck_after: " + sidecar;
        reason.help =
            "its sidecar has to be finished or to be taken away; the file is never taken without "
            "what it says";
        break;
      case Cause::Changes:
        reason.sentence = "not complete for longer than stuck_after: it keeps changing";
        break;
    }
  }
  for (auto& [key, reason] : causes) reasons.push_back(std::move(reason));
}

}  // namespace waybill::agent
