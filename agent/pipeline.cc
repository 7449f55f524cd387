#include "agent/pipeline_parts.h"
#include "agent/root_identity.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/overloaded.h"
#include "base/test_points.h"
#include "catalog/ballast.h"

namespace waybill::agent {
namespace {

using catalog::FileRow;
using catalog::FileState;

constexpr Nanoseconds reopen_after = std::chrono::seconds(5);
constexpr Nanoseconds publish_every = std::chrono::milliseconds(100);
constexpr Nanoseconds look_at_waits_every = std::chrono::seconds(1);
constexpr Nanoseconds look_again_every = std::chrono::milliseconds(100);
constexpr Nanoseconds look_for_room_every = std::chrono::seconds(1);
constexpr std::uint64_t least_room = 2ULL << 20U;
constexpr std::uint64_t room_to_go_on = 4ULL << 20U;
constexpr Nanoseconds prune_every = std::chrono::hours(1);
constexpr Nanoseconds prune_on_after = std::chrono::milliseconds(100);

watcher::IgnoreRules rules_of(const FolderConfig& folder) {
  watcher::IgnoreRules rules = watcher::IgnoreRules::defaults();
  for (const std::string& pattern : folder.ignore) rules.add(pattern);
  return rules;
}

watcher::PollPolicy poll_of(PollUse use) {
  switch (use) {
    case PollUse::Auto:
      return watcher::PollPolicy::WhereBlind;
    case PollUse::On:
      return watcher::PollPolicy::Always;
    case PollUse::Off:
      return watcher::PollPolicy::Never;
  }
  return watcher::PollPolicy::WhereBlind;
}

}  // namespace

Pipeline::Pipeline(World world, Config config)
    : world_(std::move(world)),
      config_(std::move(config)),
      waits_([this](const FilePath& file) { return standing(file); }),
      started_at_(world_.clock.wall().time_since_epoch().count()) {}

Pipeline::~Pipeline() = default;

// --- sessions -----------------------------------------------------------------------------------

void Pipeline::open_session() {
  auto catalog = world_.open_catalog(config_);
  if (!catalog) return close_session(catalog.error());
  parts_ = std::make_unique<Parts>(*this, std::move(*catalog));
  Parts& parts = *parts_;
  parts.stores.emplace(parts.session, [this](StoreId store) {
    parts_->transfers->store_opened(store);
    parts_->intake->look_at_queue();
  });
  std::vector<watcher::FolderSpec> folders = join_folders(parts);
  parts.intake.emplace(
      parts.session,
      Intake::Hooks{
          .vanished = [this](const FileRow& row) { parts_->transfers->cancel(row.id); },
          .moved = [this](const FilePath& from, const FilePath& to) { waits_.moved(from, to); },
          .busy = [this](const FilePath& file) { return parts_->transfers->busy(file); },
          .reading = [this](const FilePath& file) { return parts_->transfers->being_read(file); },
          .left = [this](const FilePath& file) { waits_.look_at(file); },
          .barrier = [this](std::uint64_t id) { barrier_reached(id); },
          .doubtful = [this](const ReadyFile& file) { parts_->transfers->check_again(file); },
          .said_anew = [this](const FilePath& file) { parts_->transfers->compare(file); }});
  parts.transfers.emplace(parts.session, *parts.stores, *parts.intake,
                          [this](const FilePath& file) { waits_.look_at(file); });
  parts.transfers->resume_open_attempts();
  parts.transfers->release_blocked();
  if (parts.session.failure()) return close_session(*parts.session.failure());

  if (catalog_trouble_) world_.log.info("the catalog is usable again");
  catalog_trouble_.reset();
  // Start-up, overflow and doubt are one path (DESIGN.md 4.8): everything is looked at afresh.
  world_.scanner.set_folders(std::move(folders));
  for (const auto& [id, folder] : parts.session.folders) world_.scanner.rescan(id);
  for (const std::uint64_t id : waits_.hold()) world_.scanner.barrier(id);
  keep_looking_at_waits();
  prune_history();
  if (short_of_room_since_) {
    wait_for_room();
  } else {
    hold_room();
  }
}

// The disk of the state directory has room for more. Asked now and then, and only while somebody
// waits to be begun.
bool Pipeline::look_for_room() {
  if (short_of_room_since_) return false;
  const BootTime now = world_.clock.boot();
  if (now < room_looked_at_ + look_for_room_every) return true;
  room_looked_at_ = now;
  if (world_.room.free() >= least_room) return true;
  short_of_room_since_ = world_.clock.wall().time_since_epoch().count();
  world_.log.error("the disk of the state directory is nearly full: nothing new is begun");
  parts_->session.changed();
  wait_for_room();
  return false;
}

// Only where enough is left beside it: a small disk is better used than held.
void Pipeline::hold_room() {
  if (world_.room.free() >= catalog::Ballast::size + room_to_go_on) world_.room.hold();
}

void Pipeline::wait_for_room() {
  Session& session = parts_->session;
  session.timers.at(session.now() + look_for_room_every, [this] {
    if (!short_of_room_since_) return;
    if (world_.room.free() < room_to_go_on) return wait_for_room();
    hold_room();
    short_of_room_since_.reset();
    world_.log.info("the disk of the state directory has room again");
    parts_->session.changed();
  });
}

// By the setting alone, and never silently. A few events a step: nobody waits for it.
void Pipeline::prune_history() {
  Session& session = parts_->session;
  if (!config_.keep_history || session.failure()) return;
  const Nanoseconds before = world_.clock.wall().time_since_epoch() - *config_.keep_history;
  const auto pruned = session.expect(session.catalog->prune_events(before.count()));
  if (!pruned) return;
  pruned_events_ += pruned->events;
  if (!pruned->more && pruned_events_ > 0) {
    session.after_commit([this, events = std::exchange(pruned_events_, 0)] {
      world_.log.info("history older than keep_history has been deleted",
                      {{"events", std::to_string(events)}});
    });
  }
  session.timers.at(session.now() + (pruned->more ? prune_on_after : prune_every),
                    [this] { prune_history(); });
}

std::vector<watcher::FolderSpec> Pipeline::join_folders(Parts& parts) {
  std::vector<watcher::FolderSpec> specs;
  for (const FolderConfig& config : config_.folders) {
    const auto store = parts.stores->use(config);
    if (!store) break;
    auto row = parts.session.expect(
        parts.session.catalog->ensure_folder(config.name, config.path, *store));
    if (!row) break;
    const auto mounts = parts.session.expect(parts.session.catalog->mounts(row->id));
    if (!mounts) break;
    std::vector<watcher::KnownMount> known;
    for (const catalog::MountRow& mount : *mounts) {
      known.push_back({mount.path, mount.dev, mount.ino, mount.btime});
    }
    watcher::FolderSpec spec{.id = row->id,
                             .path = config.path,
                             .ignore = rules_of(config),
                             .rescan = config.rescan,
                             .poll = poll_of(config.poll),
                             .prove = config.prove_events,
                             .arrivals = config.complete == CompleteBy::Rename,
                             .cross_mounts = !config.one_filesystem,
                             .mounts = std::move(known)};
    know_root(spec, *row);
    specs.push_back(std::move(spec));
    const FolderId id = row->id;
    parts.session.folders.emplace(
        id, Folder{.config = config, .row = std::move(*row), .store = *store});
  }
  return specs;
}

void Pipeline::close_session(const Error& cause) {
  if (parts_ && cause.code == ErrorCode::Damaged) parts_->session.catalog->distrust();
  parts_.reset();
  if (!catalog_trouble_ || catalog_trouble_->message != cause.message) {
    world_.log.error("the catalog cannot be used", {{"cause", cause.describe()}});
    catalog_trouble_since_ = world_.clock.wall().time_since_epoch().count();
  }
  catalog_trouble_ = cause;
  reopen_at_ = world_.clock.boot() + reopen_after;
  publish_at_ = {};
  if (cause.code != ErrorCode::DiskFull) return;
  // What S3 has acknowledged finds its place by that at the next opening; nothing new does.
  if (!short_of_room_since_) reopen_at_ = world_.clock.boot();
  short_of_room_since_ = short_of_room_since_.value_or(catalog_trouble_since_);
  world_.room.release();
}

void Pipeline::reconfigure(Config config) {
  // Drops what is under way; the fresh session resolves it by HEAD, as after a restart.
  parts_.reset();
  config_ = std::move(config);
  config_refusal_.clear();
  reopen_at_ = {};
  publish_at_ = {};
}

void Pipeline::config_refused(std::string sentence) {
  config_refusal_ = std::move(sentence);
  publish_at_ = {};
}

// --- the loop -----------------------------------------------------------------------------------

void Pipeline::observe(const watcher::Observation& observation) {
  if (parts_ && !parts_->session.failure()) parts_->intake->observe(observation);
}

std::optional<BootTime> Pipeline::step() {
  const BootTime now = world_.clock.boot();
  if (!parts_ && now >= reopen_at_) open_session();
  if (!parts_) {
    publish();
    return reopen_at_;
  }
  Session& session = parts_->session;
  // Bounded by the clock's value at the start: a task that is due again at once waits for its turn.
  while (auto task = session.timers.take(now)) (*task)();
  if (!session.failure()) parts_->intake->step(!short_of_room_since_);
  if (!session.failure()) parts_->transfers->look_beside();
  if (!session.failure()) start_ready();
  if (auto done = session.commit(); !done) {
    close_session(done.error());
    publish();
    return reopen_at_;
  }
  if (session.take_changed()) publish_at_ = std::min(publish_at_, published_at_ + publish_every);
  if (now >= publish_at_ || !to_tell_.empty()) publish();
  session.catalog->release_snapshot();

  std::optional<BootTime> due = session.timers.next_due();
  for (const auto& other :
       {parts_->intake->next_due(), parts_->transfers->next_look_beside(),
        publish_at_ == BootTime::max() ? std::nullopt : std::optional(publish_at_)}) {
    if (other) due = due ? std::min(*due, *other) : *other;
  }
  return due;
}

void Pipeline::start_ready() {
  Parts& parts = *parts_;
  const auto usable = [&parts](const Folder& folder) {
    return !folder.suspended() && parts.stores->open(folder.store);
  };
  parts.intake->look_for_work(usable);
  if (!claiming_ || parts.intake->queues(usable).empty() || !look_for_room()) return;
  Load load = parts.transfers->load();
  std::set<QueueName> under_way;  // queues of which all that wait are
  while (!parts.session.failure()) {
    std::vector<QueueName> waiting = parts.intake->queues(usable);
    std::erase_if(waiting, [&](const QueueName& queue) { return under_way.contains(queue); });
    const auto queue = parts.turns.next(waiting, load);
    if (!queue) return;
    const auto file = parts.intake->take(*queue);
    if (!file) {
      under_way.insert(*queue);
      continue;
    }
    parts.transfers->start(*file);
    load.started(queue_of(*file), held_to_read(*file));
  }
}

bool Pipeline::idle() const {
  return !parts_ || parts_->transfers->idle();
}

// --- commands -----------------------------------------------------------------------------------

void Pipeline::command(Command command) {
  std::visit(
      Overloaded{
          [&](StartWait& wait) { start_wait(std::move(wait)); },
          [&](Retry& retry) {
            retry.reply.set_value(parts_ ? parts_->intake->vouch(retry.folder, retry.path) +
                                               parts_->transfers->retry(retry.folder, retry.path)
                                         : 0);
          },
          [&](AcceptMount& accept) {
            if (!parts_ || !parts_->intake->accept_mount(accept.folder, accept.path)) {
              return accept.reply.set_value(false);
            }
            auto reply = std::make_shared<std::promise<bool>>(std::move(accept.reply));
            parts_->session.after_commit([reply] { reply->set_value(true); });
          },
          [&](Explain& file) {
            file.reply.set_value(explain({file.folder, file.path}));
          },
          [&](ListUnrecorded& question) { list_unrecorded(std::move(question)); },
      },
      command);
}

// Whoever asks for the rows next is to find those that this list leaves out: they are durable
// first.
void Pipeline::list_unrecorded(ListUnrecorded question) {
  if (!parts_) return question.reply.set_value({});
  Unrecorded list = parts_->intake->unrecorded(question, parts_->transfers->busy_paths());
  if (!parts_->session.catalog->dirty()) return question.reply.set_value(std::move(list));
  auto asked = std::make_shared<ListUnrecorded>(std::move(question));
  parts_->session.after_commit([asked, list = std::move(list)] { asked->reply.set_value(list); });
}

void Pipeline::start_wait(StartWait wait) {
  const bool first = !waits_.any();
  const std::uint64_t id = waits_.start(std::move(wait));
  world_.scanner.barrier(id);
  if (first && parts_) keep_looking_at_waits();
}

// What was seen and could not be taken in is pending too; and so is what had changed beside files
// by the time that all was taken in, once it is known.
void Pipeline::barrier_reached(std::uint64_t id) {
  const StartWait* const wait = waits_.find(id);
  auto& awaited = parts_->looks_awaited;
  if (wait == nullptr) {
    awaited.erase(id);
    return;
  }
  Session& session = parts_->session;
  bool all_known = !parts_->intake->owes_listings(wait->folder);
  if (all_known) {
    const BootTime then = awaited.try_emplace(id, session.now()).first->second;
    all_known = !parts_->intake->looks_beside().any(wait->folder, then);
  }
  if (all_known) {
    awaited.erase(id);
    return waits_.reached(id, pending_paths());
  }
  session.timers.at(session.now() + look_again_every, [this, id] { world_.scanner.barrier(id); });
}

void Pipeline::keep_looking_at_waits() {
  if (!parts_ || !waits_.any() || std::exchange(parts_->looking_at_waits, true)) return;
  Session& session = parts_->session;
  session.timers.at(session.now() + look_at_waits_every, [this] {
    parts_->looking_at_waits = false;
    waits_.look_at_some();
    keep_looking_at_waits();
  });
}

Waits::Standing Pipeline::standing(const FilePath& file) {
  if (!parts_ || parts_->session.failure()) return Waits::Standing::Pending;
  if (!parts_->session.folders.contains(file.first)) return Waits::Standing::Elsewhere;
  if (parts_->intake->given_up(file)) return Waits::Standing::Blocked;
  if (parts_->intake->waiting(file) || parts_->intake->departed(file) ||
      parts_->intake->sidecar_settles(file) || parts_->transfers->busy(file) ||
      parts_->transfers->doubted(file)) {
    return Waits::Standing::Pending;
  }
  // What is not durable yet counts for nothing: the caller may go and delete the file.
  if (parts_->session.catalog->dirty() && !WAYBILL_PLANTED(WaitBeforeAcknowledgement)) {
    parts_->session.after_commit([this, file] { waits_.look_at(file); });
    return Waits::Standing::Pending;
  }
  auto row = parts_->session.expect(parts_->session.catalog->find_live(file.first, file.second));
  if (!row) return Waits::Standing::Pending;
  // Renamed meanwhile, also over another one, it may be among those that could not be taken in.
  if (parts_->intake->may_be_left_out(file)) return Waits::Standing::Pending;
  if (!*row) return Waits::Standing::Elsewhere;
  switch ((*row)->state) {
    case FileState::Queued:
    case FileState::Uploading:
      return Waits::Standing::Pending;
    case FileState::Blocked:
      return Waits::Standing::Blocked;
    case FileState::Stored:
    case FileState::Removing:
    case FileState::Removed:
      return Waits::Standing::Stored;
    case FileState::Gone:
      return Waits::Standing::Elsewhere;
  }
  return Waits::Standing::Elsewhere;
}

std::vector<FilePath> Pipeline::pending_paths() {
  std::vector<FilePath> paths = parts_->intake->waiting_paths();
  for (FilePath& path : parts_->transfers->busy_paths()) paths.push_back(std::move(path));
  constexpr std::size_t page = 1000;
  for (const FileState state : {FileState::Queued, FileState::Uploading, FileState::Blocked}) {
    FileId after{};
    while (true) {
      auto rows = parts_->session.expect(parts_->session.catalog->in_state(state, after, page));
      if (!rows) return paths;
      for (const FileRow& row : *rows) {
        after = row.id;
        if (row.live) paths.emplace_back(row.folder, row.path);
      }
      if (rows->size() < page) break;
    }
  }
  return paths;
}

FileView Pipeline::explain(const FilePath& file) {
  if (!parts_) {
    return {
        .phase = "catalog-unusable",
        .explanation = catalog_trouble_ ? catalog_trouble_->describe() : "the catalog is not open"};
  }
  if (const auto settling = parts_->intake->settling(file)) {
    const auto due =
        std::chrono::duration_cast<std::chrono::milliseconds>(settling->due - world_.clock.boot());
    const std::string sidecar = parts_->intake->awaited_sidecar(file);
    return {.phase = "settling",
            .explanation =
                settling->writer
                    ? "somebody has it open for writing; it is taken once they close it"
                : !sidecar.empty() ? sidecar
                : parts_->intake->heat(file) > 0
                    ? "it changes again and again; it is taken once it has been still for longer "
                      "than other files"
                    : "it has just changed; it is taken once it has been still for long enough",
            .due_in_ms = std::max<std::int64_t>(0, due.count())};
  }
  if (const Gate::Held* const held = parts_->intake->held(file)) {
    switch (held->sign) {
      case Gate::Held::Sign::Marker:
        return {.phase = "waiting-for-marker", .explanation = held->why};
      case Gate::Held::Sign::Rename:
        return {.phase = "waiting-for-rename", .explanation = held->why};
      case Gate::Held::Sign::Person:
        return {.phase = "waiting-for-person",
                .explanation = held->why + "; if it is whole: waybill retry PATH"};
    }
  }
  if (const std::string doing = parts_->transfers->phase(file); !doing.empty()) {
    return {.phase = "uploading", .explanation = doing};
  }
  const auto folder = parts_->session.folders.find(file.first);
  if (folder == parts_->session.folders.end()) return {};
  if (folder->second.suspended()) {
    return {.phase = "waiting-for-folder",
            .explanation = "its folder is suspended: waybill status says why"};
  }
  if (!parts_->stores->open(folder->second.store)) {
    return {.phase = "waiting-for-store",
            .explanation = "its store cannot be used now: waybill status says why"};
  }
  if (parts_->intake->waits_for_former_holder(file)) {
    return {
        .phase = "waiting-for-renamed-file",
        .explanation = "the file that had this name has another one now, and is recorded first"};
  }
  if (const std::string sidecar = parts_->intake->awaited_sidecar(file); !sidecar.empty()) {
    return {.phase = "settling", .explanation = sidecar};
  }
  if (parts_->intake->looked_at(file)) {
    return {.phase = "settling",
            .explanation = "it changed while it was read: it is looked at again"};
  }
  if (parts_->intake->may_wait_unseen(file)) {
    return {.phase = "settling",
            .explanation =
                "if it is there, it is taken up later: more files came at once than are "
                "watched while they settle"};
  }
  if (parts_->intake->waiting(file)) {
    return {.phase = "waiting-for-slot", .explanation = "it waits for its turn"};
  }
  if (parts_->transfers->awaits_renamed_file(file)) {
    return {.phase = "waiting-for-renamed-file",
            .explanation =
                "the object at its key is that of a file that has another name now, until that is "
                "stored under its new key"};
  }
  if (parts_->transfers->awaits_earlier_attempt(file)) {
    return {.phase = "waiting-for-earlier-attempt",
            .explanation =
                "an earlier upload to its key was never answered and may still arrive: "
                "that takes up to 20 minutes"};
  }
  return {};
}

}  // namespace waybill::agent
