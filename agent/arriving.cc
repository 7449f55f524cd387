#include "agent/arrival.h"
#include "agent/intake.h"

// The part of Intake about folders where only what arrived by rename counts as complete
// (WATCHING.md 2.4). That it did is durable until there is a row for the file: no later look at the
// disk could find it out again.
namespace waybill::agent {
namespace {

constexpr std::size_t page = 1000;

}  // namespace

bool Intake::by_rename(FolderId folder) const {
  return session_.folders.at(folder).config.complete == CompleteBy::Rename;
}

void Intake::note_arrival(const FilePath& file, const Fingerprint& fingerprint,
                          watcher::Arrival how) {
  const auto& [folder, path] = file;
  const auto made = made_.find(file);
  const bool made_this = made != made_.end() && same_life(made->second, fingerprint);
  switch (how) {
    case watcher::Arrival::InPlace:
      made_.insert_or_assign(file, fingerprint);
      session_.expect(session_.catalog->forget_arrival(folder, path));
      return;
    case watcher::Arrival::WithDirectory:
      // Made in it since, and seen being made.
      if (made_this) return;
      break;
    case watcher::Arrival::ByRename:
      break;
    case watcher::Arrival::Unseen:
      return;
  }
  if (made != made_.end()) made_.erase(made);
  session_.expect(session_.catalog->note_arrival(folder, arrival_of(path, fingerprint)));
}

void Intake::forget_arrival(const FilePath& file) {
  if (!by_rename(file.first)) return;
  made_.erase(file);
  session_.expect(session_.catalog->forget_arrival(file.first, file.second));
}

// Nothing is to be remembered where nobody asks for it.
void Intake::forget_arrivals(FolderId folder) {
  while (!session_.failure()) {
    const auto known = session_.expect(session_.catalog->arrivals(folder, "", page));
    if (!known || known->empty()) return;
    for (const catalog::ArrivalRow& row : *known) {
      if (!session_.expect(session_.catalog->forget_arrival(folder, row.path))) return;
    }
  }
}

Verdict Intake::verdict_on(const FilePath& file, const Fingerprint& fingerprint) {
  const auto& [folder, path] = file;
  Traces traces;
  const auto arrived = session_.expect(session_.catalog->arrival(folder, path));
  const auto row = session_.expect(session_.catalog->find_live(folder, path));
  if (!arrived || !row) return Verdict::Unseen;
  traces.arrived = *arrived;
  traces.row = *row;
  if (const auto made = made_.find(file); made != made_.end()) traces.made = made->second;
  return judge(fingerprint, traces, session_.folders.at(folder).config.arrived_unseen);
}

bool Intake::hold_unless_arrived(const FilePath& file, const Fingerprint& fingerprint,
                                 BootTime since) {
  if (!by_rename(file.first)) return false;
  const Verdict verdict = verdict_on(file, fingerprint);
  if (verdict == Verdict::Take) return false;
  const auto& health = session_.folders.at(file.first).health;
  const bool polled = health && health->health == watcher::FolderHealth::Polling;
  using Sign = Gate::Held::Sign;
  gate_.hold(file, {.fingerprint = fingerprint,
                    .since = since,
                    .why = why(verdict, polled),
                    .sign = verdict == Verdict::Unseen ? Sign::Person : Sign::Rename});
  if (!stuck_.contains(file)) mind(file.first, since);
  session_.changed();
  hooks_.left(file);
  return true;
}

std::int64_t Intake::vouch(std::optional<FolderId> folder, const std::string& path) {
  std::vector<FilePath> chosen;
  gate_.each([&](const FilePath& file, const Gate::Held&) {
    if (!by_rename(file.first) || (folder && *folder != file.first)) return;
    if (at_or_below(file.second, path)) {
      chosen.push_back(file);
    }
  });
  for (const FilePath& file : chosen) {
    const auto arrival = arrival_of(file.second, gate_.find(file)->fingerprint);
    if (!session_.expect(session_.catalog->note_arrival(file.first, arrival))) break;
    made_.erase(file);
    open_gate(file);
  }
  return static_cast<std::int64_t>(chosen.size());
}

void Intake::add_unseen_reasons(std::vector<Reason>& reasons) const {
  std::map<FolderId, Reason> causes;
  gate_.each([&](const FilePath& file, const Gate::Held& held) {
    if (held.sign != Gate::Held::Sign::Person) return;
    Reason& reason = causes[file.first];
    if (++reason.files > 1) return;
    reason.code = "arrival-unseen";
    reason.severity = Severity::Blocked;
    reason.sentence = held.why;
    reason.help =
        "waybill retry PATH says that it is whole (a directory: all in it); on a machine without "
        "anybody to say so: arrived_unseen = \"take\"";
    reason.folder = session_.folders.at(file.first).config.name;
    reason.example = file.second;
  });
  for (auto& [folder, reason] : causes) reasons.push_back(std::move(reason));
  for (const auto& [id, folder] : session_.folders) {
    if (!by_rename(id) || !folder.health ||
        folder.health->health != watcher::FolderHealth::Polling) {
      continue;
    }
    const bool waits = folder.config.arrived_unseen == ArrivedUnseen::Wait;
    reasons.push_back(
        {.code = "renames-unseen",
         .severity = waits ? Severity::Degraded : Severity::Notice,
         .sentence = "complete = \"rename\", but the folder is polled, and only events tell how a "
                     "file came",
         .help = waits ? "each file waits for waybill retry; complete = \"marker\" works here"
                       : "files are taken as with complete = \"close\"",
         .folder = folder.config.name});
  }
}

}  // namespace waybill::agent
