#include <algorithm>

#include "agent/arrival.h"
#include "agent/intake.h"

// The part of Intake about files that went to another name while another file came to theirs: a
// log that is rotated. Facts alone decide: what lies at the new name is the row's file, what lies
// at the old one is not (PROTOCOL.md section 4).
namespace waybill::agent {
namespace {

using catalog::FileRow;
using catalog::FileState;

// As for a file whose reading failed: it is looked at, and then it has its turn again.
constexpr Nanoseconds look_every = std::chrono::seconds(2);

}  // namespace

void Intake::follow_moves(const FilePath& file, const Fingerprint& fingerprint,
                          std::optional<FileRow>& row) {
  if (row && same_life(row->fingerprint, fingerprint)) {
    return no_longer_moving(file);
  }
  note_move(file, fingerprint);
  if (!row || !at_its_path(row->state) || moved_.empty()) return;
  const MovedFiles::Place* const now_at = moved_.now_at(file);
  if (now_at == nullptr || moved_.in_a_circle(file)) return;
  const FilePath there = now_at->name;
  auto gone = session_.expect(session_.catalog->vanished(row->id));
  if (!gone) return;
  row = std::move(*gone);
  postponed_.erase(row->id);
  no_settling_row(file);
  hooks_.vanished(*row);
  hooks_.moved(file, there);
  session_.changed();
}

// Whose file it may be, by its inode: asked once for each that comes to a name.
void Intake::note_move(const FilePath& file, const Fingerprint& fingerprint) {
  const auto& [folder, path] = file;
  if (const auto settling = settling_.find(folder, path);
      settling && same_life(settling->fingerprint, fingerprint)) {
    if (!(settling->fingerprint == fingerprint)) moved_.changed(file);
    return;
  }
  moved_.decided(file);
  came_.came(fingerprint, file, session_.now());
  if (const auto from = departed_.turned_up(fingerprint, file)) hooks_.moved(*from, file);
  const auto rows =
      session_.expect(session_.catalog->same_inode_elsewhere(folder, path, fingerprint));
  if (!rows) return;
  for (const FileRow& row : *rows) {
    if (row.state == FileState::Removed) continue;
    moved_.moved({row.folder, row.path}, {file, unchanged(row, fingerprint)});
    // What lies at its own name says whether it has gone from there.
    if (at_its_path(row.state)) doubts_.name(row.folder, row.path);
  }
}

// The file as which it waits for its turn or is sent; nullopt: it does neither.
std::optional<Fingerprint> Intake::pending_as(const FilePath& file,
                                              const std::optional<FileRow>& row) const {
  if (const auto settling = settling_.find(file.first, file.second)) return settling->fingerprint;
  if (const Gate::Held* const held = gate_.find(file)) return held->fingerprint;
  if (row && row->state < FileState::Stored) return row->fingerprint;
  if (const auto ready = ready_.find(file); ready != ready_.end()) return ready->second;
  return hooks_.reading(file);
}

// Whoever waits for it waits for it under its new name, which may be seen a little later.
void Intake::depart(const FilePath& file, const Fingerprint& fingerprint) {
  if (const FilePath* const to = came_.of(fingerprint); to != nullptr && *to != file) {
    return hooks_.moved(file, *to);
  }
  if (!departed_.departed(file, fingerprint, session_.now())) return;
  session_.timers.at(session_.now() + DepartedFiles::kept_for, [this, file] {
    if (departed_.has_not_turned_up(file, session_.now())) hooks_.left(file);
  });
}

void Intake::no_longer_moving(const FilePath& file) {
  moved_.decided(file);
  moved_.settled(file);
}

// As long as that one is on its way, and as its row knows it: what is still written, or is held for
// a writer, a marker or a person, may take for ever.
bool Intake::waits_for_former_holder(const FilePath& file) const {
  if (moved_.empty()) return false;
  const MovedFiles::Place* const there = moved_.now_at(file);
  if (there == nullptr || !there->unchanged || moved_.in_a_circle(file)) return false;
  const FilePath& name = there->name;
  if (gate_.find(name) != nullptr) return false;
  if (const auto settling = settling_.find(name.first, name.second)) return !settling->writer;
  if (waiting(name) || may_be_left_out(name) || hooks_.busy(name)) return true;
  const auto row = session_.expect(session_.catalog->find_live(name.first, name.second));
  return row && *row && (*row)->state == FileState::Queued;
}

void Intake::hold_back(const ReadyFile& file) {
  auto row = session_.expect(session_.catalog->find_live(file.folder, file.path));
  if (!row) return;
  if (*row && (*row)->state == FileState::Queued) {
    return postpone((*row)->id, session_.now() + look_every);
  }
  look_again({file.folder, file.path}, session_.now() + look_every, file.since);
}

}  // namespace waybill::agent
