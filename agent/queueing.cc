#include <algorithm>
#include <utility>

#include "agent/intake.h"
#include "base/test_points.h"

// The second part of Intake: from settled files, and from queued rows, to lines in which they wait
// for their turn (turns.h).
namespace waybill::agent {
namespace {

using catalog::FileRow;
using catalog::FileState;
using catalog::Lane;

// Rows read at a time, and looked at in one go: the rest in the next step.
constexpr std::size_t page_of(Lane lane) {
  return lane == Lane::Small ? 256 : 32;
}
constexpr int pages_at_once = 8;
// Fewer settled files make no page of an index.
constexpr std::size_t worth_sorting = 1000;

}  // namespace

void Intake::step(bool may_record) {
  const BootTime now = session_.now();
  take_sidecars();
  tell_watermarks();
  while (fresh_ < 2 * ready_in_memory) {
    auto settled = settling_.take_due(now, ready_in_memory);
    if (settled.empty()) break;
    // What came due at once has no order of its own, and indexes that grow from their end are half
    // empty: a file system may list the newest name first.
    if (settled.size() >= worth_sorting) std::ranges::sort(settled, {}, &watcher::Settled::path);
    for (auto& file : settled) {
      const FilePath path(file.folder, file.path);
      const bool recorded = no_settling_row(path);
      if (hold_unless_arrived(path, file.fingerprint, file.since)) {
        if (recorded) settling_row(path);
        continue;
      }
      if (!ready_.emplace(path, file.fingerprint).second) continue;
      ReadyFile ready{.folder = file.folder,
                      .path = std::move(file.path),
                      .fingerprint = file.fingerprint,
                      .since = file.since,
                      .recorded = recorded};
      if (!recorded) ++unrecorded_in_folder_[file.folder];
      ++fresh_;
      const QueueName name = queue_of(ready);
      lines_[name].fresh.push_back({std::move(ready), now});
    }
    session_.changed();
  }
  may_record_ = may_record;
  if (may_record) write_backlog();
  hold_scanner();
  ask_for_left_out();
}

void Intake::no_longer_ready(const ReadyFile& file) {
  ready_.erase({file.folder, file.path});
  if (!file.recorded) --unrecorded_in_folder_[file.folder];
}

void Intake::leave_line(const FilePath& file) {
  const auto ready = ready_.find(file);
  if (ready == ready_.end()) return;
  const auto line = lines_.find(
      {.folder = file.first, .lane = catalog::lane_of(ready->second.size), .again = false});
  if (line == lines_.end()) return;
  std::deque<Waiting>& fresh = line->second.fresh;
  const auto waiting = std::ranges::find_if(
      fresh, [&file](const Waiting& other) { return other.file.path == file.second; });
  if (waiting == fresh.end()) return;
  no_longer_ready(waiting->file);
  fresh.erase(waiting);
  --fresh_;
}

// Files that get no slot soon are recorded as queued, so that memory stays bounded and everybody
// can list them; whoever does get one at once is spared this extra commit.
void Intake::write_backlog() {
  for (auto& [name, line] : lines_) {
    if (session_.failure()) return;
    if (!line.fresh.empty()) write_backlog(name, line);
  }
}

void Intake::write_backlog(const QueueName& name, Line& line) {
  const BootTime long_ago = session_.now() - ready_in_memory_for;
  std::deque<Waiting> kept;
  bool wrote = false;
  while (!line.fresh.empty() && !session_.failure()) {
    Waiting& waiting = line.fresh.front();
    if (waiting.since > long_ago && fresh_ <= ready_in_memory) break;
    const FilePath path(waiting.file.folder, waiting.file.path);
    // What is under way keeps its row until that has ended; then its newer content has its turn.
    if (cannot_be_recorded(path)) {
      kept.push_back(std::move(waiting));
    } else {
      session_.expect(session_.catalog->complete({.folder = waiting.file.folder,
                                                  .path = waiting.file.path,
                                                  .fingerprint = waiting.file.fingerprint}));
      forget_arrival(path);
      moved_.settled(path);
      session_.after_commit([] { WAYBILL_REACHED("queued-durable"); });
      no_longer_ready(waiting.file);
      --fresh_;
      wrote = true;
    }
    line.fresh.pop_front();
  }
  line.fresh.insert(line.fresh.begin(), std::make_move_iterator(kept.begin()),
                    std::make_move_iterator(kept.end()));
  if (!wrote) return;
  look_for_work_ = true;
  line.exhausted = false;
  line.changed = true;
  if (session_.folders.at(name.folder).config.order == Order::Newest) {
    // They are newer than the page that was read.
    for (const ReadyFile& file : std::exchange(line.rows, {})) no_longer_ready(file);
    line.read_up_to.reset();
  }
}

void Intake::look_at_queue() {
  look_for_work_ = true;
  for (auto& [name, line] : lines_) {
    line.exhausted = false;
    line.changed = line.read_up_to.has_value();
  }
}

void Intake::look_for_work(const std::function<bool(const Folder&)>& usable) {
  if (!std::exchange(look_for_work_, false)) return;
  for (const auto& [id, folder] : session_.folders) {
    // Counted already: where nothing is queued nothing is asked.
    const auto counts = session_.catalog->counts(id);
    if (counts.by_state[static_cast<std::size_t>(FileState::Queued)] == 0) continue;
    if (!usable(folder)) continue;
    for (const Lane lane : {Lane::Small, Lane::Medium, Lane::Large}) {
      for (const bool again : {false, true}) {
        const QueueName name{id, lane, again};
        Line& line = lines_[name];
        if (line.rows.empty() && !line.exhausted) read_on(name, line);
        if (session_.failure()) return;
      }
    }
  }
}

void Intake::read_on(const QueueName& name, Line& line) {
  const std::size_t page = page_of(name.lane);
  const catalog::Queue queue{
      .folder = name.folder,
      .lane = name.lane,
      .again = name.again,
      .newest_first = session_.folders.at(name.folder).config.order == Order::Newest};
  for (int i = 0; i < pages_at_once; ++i) {
    auto rows = session_.expect(session_.catalog->queued(queue, line.read_up_to, page));
    if (!rows) return;
    const bool end = rows->size() < page;
    for (FileRow& row : *rows) {
      line.read_up_to = place_of(row);
      line_up(line, std::move(row));
    }
    if (end) {
      // What came to be before the place that was read meanwhile wants another round.
      line.exhausted = !std::exchange(line.changed, false);
      look_for_work_ = look_for_work_ || !line.exhausted;
      line.read_up_to.reset();
    }
    if (end || !line.rows.empty()) return;
  }
  // Many that cannot be served now: the next step reads on.
  look_for_work_ = true;
}

bool Intake::line_up(Line& line, FileRow&& row) {
  const FilePath path(row.folder, row.path);
  if (session_.folders.at(row.folder).suspended() || is_on_missing_mount(path)) return false;
  const auto due = postponed_.find(row.id);
  if (due != postponed_.end() && due->second > session_.now()) return false;
  if (ready_.contains(path) || gate_.find(path) != nullptr ||
      settling_.find(path.first, path.second)) {
    return false;
  }
  if (hooks_.busy(path)) {
    passed_over_.insert(path);
    return false;
  }
  if (due != postponed_.end()) postponed_.erase(due);
  ready_.emplace(path, row.fingerprint);
  line.rows.push_back({.folder = row.folder,
                       .path = std::move(row.path),
                       .fingerprint = row.fingerprint,
                       .recorded = true,
                       .again = row.tries > 0});
  return true;
}

// Read and passed over before: it need not wait until its queue is read from its head again.
void Intake::line_up_again(FileId file) {
  auto row = session_.expect(session_.catalog->file(file));
  if (!row || !*row || !(*row)->live || (*row)->state != FileState::Queued) return;
  if (!session_.folders.contains((*row)->folder)) return;
  const QueueName name{(*row)->folder, catalog::lane_of((*row)->fingerprint.size),
                       (*row)->tries > 0};
  Line& line = lines_[name];
  if (!line_up(line, std::move(**row))) return;
  ReadyFile first = std::move(line.rows.back());
  line.rows.pop_back();
  line.rows.push_front(std::move(first));
}

void Intake::ended(const FilePath& file) {
  // What was read of it may have been recorded after it had been missed.
  if (missed_.erase(file) > 0) session_.world.scanner.look(file.first, file.second);
  if (passed_over_.erase(file) == 0) return;
  auto row = session_.expect(session_.catalog->find_live(file.first, file.second));
  if (row && *row) line_up_again((*row)->id);
}

void Intake::postpone(FileId file, BootTime due) {
  postponed_[file] = due;
  session_.timers.at(due, [this, file] {
    const auto postponed = postponed_.find(file);
    if (postponed == postponed_.end() || postponed->second > session_.now()) return;
    line_up_again(file);
    postponed_.erase(file);
    session_.changed();
  });
}

std::vector<QueueName> Intake::queues(const std::function<bool(const Folder&)>& usable) const {
  std::vector<QueueName> names;
  for (const auto& [name, line] : lines_) {
    if (line.fresh.empty() && line.rows.empty()) continue;
    if (usable(session_.folders.at(name.folder))) names.push_back(name);
  }
  return names;
}

std::optional<ReadyFile> Intake::take(const QueueName& queue) {
  Line& line = lines_.at(queue);
  const auto free = [this](const ReadyFile& file) {
    return !hooks_.busy({file.folder, file.path});
  };
  const auto take_row = [&]() -> std::optional<ReadyFile> {
    while (!line.rows.empty()) {
      ReadyFile file = std::move(line.rows.front());
      line.rows.pop_front();
      no_longer_ready(file);
      if (line.rows.empty() && !line.exhausted) read_on(queue, line);
      if (free(file)) return file;
      passed_over_.insert({file.folder, file.path});
    }
    return std::nullopt;
  };
  const bool newest = session_.folders.at(queue.folder).config.order == Order::Newest;
  const auto take_fresh = [&]() -> std::optional<ReadyFile> {
    for (std::size_t i = 0; i < line.fresh.size(); ++i) {
      const std::size_t at = newest ? line.fresh.size() - 1 - i : i;
      if (cannot_be_recorded({line.fresh[at].file.folder, line.fresh[at].file.path})) continue;
      ReadyFile file = std::move(line.fresh[at].file);
      line.fresh.erase(line.fresh.begin() + static_cast<std::ptrdiff_t>(at));
      --fresh_;
      no_longer_ready(file);
      return file;
    }
    return std::nullopt;
  };
  // What is in the catalog has waited for longer than what has not got there yet.
  auto file = newest ? take_fresh() : take_row();
  if (!file) file = newest ? take_row() : take_fresh();
  return file;
}

std::int64_t Intake::waiting(FolderId folder) const {
  const auto in = [folder](const std::map<FolderId, std::int64_t>& counts) {
    const auto found = counts.find(folder);
    return found == counts.end() ? 0 : found->second;
  };
  return static_cast<std::int64_t>(settling_.size(folder)) + gate_.size(folder) -
         in(settling_rows_in_folder_) + in(unrecorded_in_folder_) + owed_.files(folder);
}

std::optional<BootTime> Intake::oldest(FolderId folder) const {
  std::optional<BootTime> oldest = settling_.oldest(folder);
  const auto older = [&oldest](BootTime since) {
    oldest = std::min(oldest.value_or(since), since);
  };
  if (const auto owed = owed_.since(folder)) older(*owed);
  gate_.each([&](const FilePath& file, const Gate::Held& held) {
    if (file.first == folder) older(held.since);
  });
  for (const auto& [name, line] : lines_) {
    if (name.folder != folder) continue;
    for (const Waiting& waiting : line.fresh) older(waiting.file.since.value_or(waiting.since));
  }
  return oldest;
}

int Intake::heat(const FilePath& file) const {
  return hot_.heat(file.first, file.second, session_.now());
}

std::optional<BootTime> Intake::next_due() const {
  std::optional<BootTime> due;
  if (fresh_ < 2 * ready_in_memory) due = settling_.next_due();
  if (const auto sidecar = sidecars_.next_due()) due = std::min(due.value_or(*sidecar), *sidecar);
  if (look_for_work_) due = session_.now();
  if (!may_record_) return due;
  // The oldest that write_backlog() could do something about: what is busy has no due time, or we
  // would spin until its upload ends.
  for (const auto& [name, line] : lines_) {
    const auto oldest =
        std::find_if(line.fresh.begin(), line.fresh.end(), [this](const Waiting& waiting) {
          return !cannot_be_recorded({waiting.file.folder, waiting.file.path});
        });
    if (oldest == line.fresh.end()) continue;
    const BootTime backlog = oldest->since + ready_in_memory_for;
    due = due ? std::min(*due, backlog) : backlog;
  }
  return due;
}

}  // namespace waybill::agent
