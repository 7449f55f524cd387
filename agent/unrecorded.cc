#include <algorithm>
#include <chrono>

#include "agent/intake.h"

// The part of Intake that tells what the catalog has no row for.
namespace waybill::agent {
namespace {

void add(const ListUnrecorded& question, UnrecordedFile file, Unrecorded& list) {
  if (list.files.size() < question.limit) {
    list.files.push_back(std::move(file));
  } else {
    list.complete = false;
  }
}

void add_below(const std::map<std::string, std::string>& reasons, const std::string& state,
               FolderId folder, const ListUnrecorded& question, Unrecorded& list) {
  for (const auto& [path, reason] : reasons) {
    if (!at_or_below(path, question.path)) continue;
    add(question, {.folder = folder, .path = path, .state = state, .reason = reason}, list);
    if (!list.complete) return;
  }
}

}  // namespace

Unrecorded Intake::unrecorded(const ListUnrecorded& question,
                              const std::vector<FilePath>& busy) const {
  Unrecorded list;
  for (const auto& [id, state] : folders_) {
    if (question.folder && *question.folder != id) continue;
    if (question.ignored) {
      ignored_below(id, question, list);
    } else {
      settling_below(id, question, list);
      held_below(id, question, list);
    }
  }
  if (question.ignored) return list;
  under_way_below(question, busy, list);
  // Those that were left out nobody can name.
  for (const auto& [id, state] : folders_) {
    const bool meant = !question.folder || *question.folder == id;
    if (meant && owed_.concerns({id, question.path})) list.complete = false;
  }
  return list;
}

void Intake::ignored_below(FolderId folder, const ListUnrecorded& question,
                           Unrecorded& list) const {
  const FolderState& state = folders_.at(folder);
  add_below(state.ignored.reasons(), "ignored", folder, question, list);
  add_below(state.unreadable, "unreadable", folder, question, list);
  if (!state.ignored.all_named() || state.unreadable.size() >= remembered) {
    list.complete = false;
  }
}

// Those that the catalog knows already are listed by it, in the state of what it knows.
bool Intake::without_row(const FilePath& file) const {
  const auto row = session_.catalog->find_live(file.first, file.second);
  return row && !*row;
}

// Each costs a look-up in the catalog, and coord has more to do: so many and no more.
void Intake::settling_below(FolderId folder, const ListUnrecorded& question,
                            Unrecorded& list) const {
  constexpr std::size_t page = 1000;
  std::size_t look_ups = 10'000;
  const auto tell = [&](const std::string& path) {
    if (!without_row({folder, path})) return;
    const auto waiting = settling_.find(folder, path);
    const std::string sidecar = awaited_sidecar({folder, path});
    const auto due =
        std::chrono::duration_cast<std::chrono::milliseconds>(waiting->due - session_.now());
    add(question,
        {.folder = folder,
         .path = path,
         .state = "settling",
         .reason = waiting->writer    ? "somebody has it open for writing"
                   : !sidecar.empty() ? sidecar
                                      : "it has just changed",
         .size = waiting->fingerprint.size,
         .modified_at = waiting->fingerprint.mtime,
         .due_in_ms = std::max<std::int64_t>(0, due.count())},
        list);
  };
  if (settling_.find(folder, question.path)) tell(question.path);
  const std::string below = question.path.empty() ? "" : question.path + '/';
  for (std::string from = below;;) {
    const std::vector<std::string> paths = settling_.paths(folder, page, from);
    for (const std::string& path : paths) {
      if (!path.starts_with(below)) return;
      if (look_ups-- == 0) list.complete = false;
      if (!list.complete) return;
      from = path + '\0';
      tell(path);
    }
    if (paths.size() < page) return;
  }
}

void Intake::held_below(FolderId folder, const ListUnrecorded& question, Unrecorded& list) const {
  for (const std::string& path : gate_.below(folder, "", true)) {
    if (!at_or_below(path, question.path) || !without_row({folder, path})) continue;
    const Gate::Held& held = *gate_.find({folder, path});
    add(question,
        {.folder = folder,
         .path = path,
         .state = "settling",
         .reason = held.why,
         .size = held.fingerprint.size,
         .modified_at = held.fingerprint.mtime},
        list);
    if (!list.complete) return;
  }
}

// Past settling, and not recorded yet.
void Intake::under_way_below(const ListUnrecorded& question, const std::vector<FilePath>& busy,
                             Unrecorded& list) const {
  const auto tell = [&](const FilePath& file, const char* reason) {
    const auto& [folder, path] = file;
    if (question.folder && *question.folder != folder) return;
    if (!at_or_below(path, question.path) || !without_row(file)) return;
    // Changed again meanwhile, and told as settling.
    if (settling_.find(folder, path) || gate_.find(file) != nullptr) return;
    add(question, {.folder = folder, .path = path, .state = "settling", .reason = reason}, list);
  };
  for (const auto& [file, seen] : ready_) tell(file, "it waits for its turn");
  for (const FilePath& file : busy) tell(file, "it is being read");
  for (const auto& [file, since] : looked_at_) {
    if (!ready_.contains(file) && !hooks_.busy(file)) tell(file, "it is looked at again");
  }
}

}  // namespace waybill::agent
