#include "agent/transfers.h"

#include <algorithm>
#include <utility>

#include "agent/metadata_text.h"
#include "agent/running.h"
#include "base/overloaded.h"
#include "base/test_points.h"
#include "uploader/checksum.h"
#include "uploader/content_type.h"
#include "uploader/metadata.h"

// What Transfers does with an attempt under way: it carries out what the Upload machine asks for.
namespace waybill::agent {
namespace {

using catalog::AttemptKind;
using catalog::AttemptRow;
using catalog::AttemptState;
using catalog::FileEvent;
using catalog::FileRow;
using catalog::FileState;
using uploader::Action;

// A refusal that the endpoint's own probe does not share is the file's after this many in a row.
constexpr int troubles_for_one_file = 5;

// All other codes say that nothing came of it (base/error.h).
bool may_have_happened(const Error& error) {
  return error.code == ErrorCode::Ambiguous || error.code == ErrorCode::Cancelled;
}

// What a retry or a resumed upload sends is what the first request of the attempt sent.
Result<uploader::Metadata> sent_metadata_of(const AttemptRow& attempt) {
  auto pairs = metadata_pairs(attempt.metadata);
  if (!pairs) return fail(ErrorCode::Damaged, "attempt " + attempt.id + " has no metadata to read");
  return std::move(*pairs);
}

}  // namespace

Transfers::Transfers(Session& session, Stores& stores, Intake& intake,
                     std::function<void(const FilePath&)> left)
    : session_(session),
      stores_(stores),
      intake_(intake),
      due_proofs_(session, stores,
                  {.key_in_use = [this](const std::string& key) { return key_in_use(key); },
                   .no_longer_so = [this](const FileRow& row) { no_longer_stored(row); }}),
      leftovers_(
          session, stores, [this](const std::string& key) { return key_in_use(key); },
          [this](StoreId store, const std::string& key) { due_proofs_.landed(store, key); }),
      left_(std::move(left)) {}

// Nothing may come back to a machine that is gone; what was sent is resolved at the next start.
Transfers::~Transfers() {
  for (const auto& [id, running] : running_) {
    for (const uploader::RequestId request : running->requests) {
      stores_.client(running->attempt.store).cancel(request);
    }
  }
}

Load Transfers::load() const {
  Load load;
  const auto held = [&load](const QueueName& queue, std::uint64_t bytes) {
    (queue.lane == catalog::Lane::Small ? load.held_small : load.held_big) += bytes;
  };
  for (const auto& [path, reading] : reading_) load.started(reading.queue, reading.charge);
  for (const auto& [id, running] : running_) {
    held(running->queue, running->charged);
    // What waits for its store takes no slot: the files of another store must not wait with it.
    if (!running->held) ++load.slots[running->queue];
  }
  return load;
}

bool Transfers::busy(const FilePath& file) const {
  return reading_.contains(file) || attempt_of_path_.contains(file);
}

std::optional<Fingerprint> Transfers::being_read(const FilePath& file) const {
  const auto reading = reading_.find(file);
  if (reading == reading_.end()) return std::nullopt;
  return reading->second.fingerprint;
}

std::string Transfers::phase(const FilePath& file) const {
  if (reading_.contains(file)) return "it is being read";
  const auto attempt = attempt_of_path_.find(file);
  if (attempt == attempt_of_path_.end()) return {};
  const Running& running = *running_.at(attempt->second);
  if (running.held && running.failing) {
    const Nanoseconds left = std::max(Nanoseconds{}, running.failing->next - session_.now());
    return "its store fails it (" + running.failing->cause.describe() +
           ") while it takes others: tried again in " +
           std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count()) + " s";
  }
  return running.held ? "its upload waits for the store" : "it is being uploaded";
}

std::int64_t Transfers::reading(FolderId folder) const {
  return std::count_if(reading_.begin(), reading_.end(), [folder](const auto& file) {
    return file.first.first == folder && !file.second.recorded;
  });
}

std::optional<BootTime> Transfers::oldest_reading(FolderId folder) const {
  std::optional<BootTime> oldest;
  for (const auto& [path, reading] : reading_) {
    if (path.first != folder || reading.recorded || !reading.since) continue;
    oldest = std::min(oldest.value_or(*reading.since), *reading.since);
  }
  return oldest;
}

std::vector<FilePath> Transfers::busy_paths() const {
  std::vector<FilePath> paths;
  for (const auto& [path, reading] : reading_) paths.push_back(path);
  for (const auto& [path, attempt] : attempt_of_path_) paths.push_back(path);
  paths.insert(paths.end(), doubted_.begin(), doubted_.end());
  paths.insert(paths.end(), compared_.begin(), compared_.end());
  return paths;
}

// --- running ------------------------------------------------------------------------------------

std::string Transfers::content_type_of(const std::string& path) const {
  const auto& machine = session_.config.mime_types;
  return machine ? uploader::content_type_of(path, *machine) : uploader::content_type_of(path);
}

void Transfers::begin(AttemptRow attempt, const FileRow& row, Source source, bool resumed) {
  const Folder& folder = session_.folders.at(row.folder);
  auto agent_id = session_.expect(session_.catalog->agent_id());
  auto others = session_.expect(session_.catalog->attempts_of(row.id));
  if (!agent_id || !others) return;
  auto metadata = session_.expect(sent_metadata_of(attempt));
  if (!metadata) return;
  std::vector<std::string> prior;
  for (const AttemptRow& other : *others) {
    if (other.id != attempt.id && other.key == attempt.key) prior.push_back(other.id);
  }
  // An unanswered Create of an earlier attempt on this key, of whatever file, may still make an
  // upload that carries that one's metadata: what is found is then not taken for this one's.
  bool may_adopt = prior.empty();
  if (attempt.part_size != 0) {
    auto open = session_.expect(session_.catalog->open_attempts());
    if (!open) return;
    for (const AttemptRow& other : *open) {
      if (!is_left_upload(other) || other.key != attempt.key) continue;
      if (other.upload_id.empty()) {
        may_adopt = false;
      } else if (other.upload_id == attempt.upload_id) {
        // It goes on with the upload that it was about to leave when it was interrupted.
        if (!session_.expect(session_.catalog->end_attempt(other.id))) return;
      }
    }
  }
  uploader::Attempt what{.id = attempt.id,
                         .agent_id = std::move(*agent_id),
                         .agent_name = session_.config.agent_name,
                         .epoch = stores_.row(attempt.store).epoch,
                         .generation = attempt.generation,
                         .path = row.path,
                         .key = attempt.key,
                         .content_type = folder.config.s3.write.content_type.empty()
                                             ? content_type_of(row.path)
                                             : folder.config.s3.write.content_type,
                         .mtime = attempt.fingerprint.mtime,
                         .size = attempt.fingerprint.size,
                         .sha256 = attempt.sha256,
                         .base_etag = base_etag_of(attempt),
                         .prior_attempts = std::move(prior),
                         .may_adopt = may_adopt,
                         .part_size = attempt.part_size,
                         .upload_id = attempt.upload_id,
                         .crc = attempt.part_size != 0
                                    ? uploader::crc_with_parts(folder.config.s3.checksum)
                                    : uploader::crc_with_put(folder.config.s3.checksum),
                         .own_metadata = std::move(*metadata)};
  for (const auto& [name, value] : folder.config.s3.write.metadata) {
    what.configured_metadata_bytes += uploader::metadata_bytes(name, value);
  }
  if (attempt.kind == AttemptKind::Copy) {
    // What has begun an upload went on from the file.
    if (attempt.state == AttemptState::Open) what.copy = copy_source(row, attempt.key);
    what.copy_sent = resumed && !what.copy;
  }
  if (attempt.part_size != 0 && attempt.sent_at != 0) {
    what.create_sent = WallTime(Nanoseconds(attempt.sent_at));
  }
  uploader::Capabilities store = stores_.capabilities(attempt.store);
  if (WAYBILL_PLANTED(ConditionsAssumed)) {
    store.if_absent_on_put = store.if_absent_on_complete = store.if_match_on_put = true;
  }
  const std::string id = attempt.id;
  const StoreId store_id = attempt.store;
  const FilePath path(folder.row.id, row.path);
  auto running = std::make_unique<Running>(
      Running{.attempt = std::move(attempt),
              .path = path,
              .queue = {row.folder, catalog::lane_of(row.fingerprint.size), row.tries > 0},
              .machine = uploader::Upload(std::move(what), store, uploader::RetryPolicy{},
                                          stores_.quota(store_id), session_.world.random),
              .source = std::move(source)});
  if (running->source.content) {
    charge(*running, running->source.content->bytes->size());
  }
  running->resumed = resumed;
  running->create_unclear = resumed && running->attempt.state == AttemptState::Creating;
  attempt_of_path_[path] = id;
  running_[id] = std::move(running);
  session_.changed();
  if (WAYBILL_PLANTED(RequestBeforeAttempt) ||
      (WAYBILL_PLANTED(CreateBeforeAttempt) && running_.at(id)->attempt.part_size != 0)) {
    return feed(id, uploader::Begin{.may_have_been_sent = resumed});
  }
  // P4: the attempt is durable before S3 hears of it.
  session_.after_commit([this, id, resumed] {
    WAYBILL_REACHED("attempt-durable");
    feed(id, uploader::Begin{.may_have_been_sent = resumed});
  });
}

void Transfers::resume_open_attempts() {
  due_proofs_.take_up();
  auto attempts = session_.expect(session_.catalog->open_attempts());
  if (!attempts) return;
  for (AttemptRow& attempt : *attempts) {
    if (attempt.state == AttemptState::Abandoned) {
      if (WAYBILL_PLANTED(QuarantineEndedByRestart) || WAYBILL_PLANTED(AttemptOverwritten)) {
        session_.expect(session_.catalog->end_attempt(attempt.id));
      } else {
        leftovers_.resolve_later(attempt);
      }
      continue;
    }
    auto row = session_.expect(session_.catalog->file(attempt.file));
    if (!row) return;
    // A folder that is not configured any more keeps its rows as they are, for when it comes back.
    if (!*row || !session_.folders.contains((*row)->folder)) continue;
    if (session_.folders.at((*row)->folder).store == attempt.store) {
      to_resume_[attempt.store].push_back(std::move(attempt.id));
      continue;
    }
    // The folder goes to another store now, so nobody will ever ask this one: the file starts anew.
    attempt.state = AttemptState::Abandoned;
    if (!session_.expect(session_.catalog->save_attempt(attempt))) return;
    leftovers_.resolve_later(attempt);
    if ((*row)->state == FileState::Uploading &&
        !session_.expect(session_.catalog->apply(attempt.file, FileEvent::Transient,
                                                 "its folder goes to another store now"))) {
      return;
    }
  }
}

void Transfers::release_blocked() {
  constexpr std::size_t page = 1000;
  FileId after{};
  while (true) {
    auto rows = session_.expect(session_.catalog->in_state(FileState::Blocked, after, page));
    if (!rows) return;
    for (const FileRow& row : *rows) {
      after = row.id;
      if (!session_.folders.contains(row.folder) || is_lost(row)) continue;
      if (!session_.expect(session_.catalog->apply(row.id, FileEvent::CauseFixed,
                                                   "tried again after a start"))) {
        return;
      }
    }
    if (rows->size() < page) return;
  }
}

void Transfers::store_opened(StoreId store) {
  due_proofs_.store_opened(store);
  for (const std::string& id : std::exchange(to_resume_[store], {})) {
    // While it waited its file may have changed or gone, and the attempt been given up with it.
    auto attempt = session_.expect(session_.catalog->attempt(id));
    if (!attempt) return;
    if (!*attempt) continue;
    if ((*attempt)->state == AttemptState::Abandoned) {
      leftovers_.resolve_later(**attempt);
      continue;
    }
    auto row = session_.expect(session_.catalog->file((*attempt)->file));
    if (!row || !*row) return;
    begin(std::move(**attempt), **row, {}, true);
  }
  std::vector<std::string> held;
  for (const auto& [id, running] : running_) {
    if (running->held && running->attempt.store == store) held.push_back(id);
  }
  for (const std::string& id : held) {
    const auto running = running_.find(id);
    if (running == running_.end()) continue;
    go_on(*running->second);
  }
}

void Transfers::go_on(Running& running) {
  running.held = false;
  ++running.pauses;
  feed(running.attempt.id, uploader::Resumed{});
}

void Transfers::feed(const std::string& attempt_id, uploader::Input input) {
  const auto found = running_.find(attempt_id);
  if (found == running_.end() || session_.failure()) return;
  std::vector<Action> actions = found->second->machine.step(std::move(input));
  leave_uploads(*found->second);
  for (Action& action : actions) {
    perform(*found->second, std::move(action));
    if (session_.failure()) return;
    if (!running_.contains(attempt_id)) return;  // that was its outcome
  }
}

// Durable beside the attempt, before anything else of it is: nothing waits for their end, and
// nothing forgets them (P6).
void Transfers::leave_uploads(Running& running) {
  const std::vector<std::string>& left = running.machine.left_behind();
  for (; running.left_uploads < left.size(); ++running.left_uploads) {
    if (!leftovers_.leave_upload(running.attempt, left[running.left_uploads])) return;
  }
}

void Transfers::sent(Running& running, uploader::RequestId request) {
  *last_request_ = request;
  running.requests.insert(request);
}

void Transfers::perform(Running& running, Action action) {
  using namespace uploader;  // the machine's own words
  ObjectStore& store = stores_.client(running.attempt.store);
  const std::string& key = running.attempt.key;
  const std::string& id = running.attempt.id;
  std::visit(
      Overloaded{
          [&](SendPut& put) {
            running.put.condition = std::move(put.condition);
            running.put.metadata = std::move(put.metadata);
            if (put.reread) release_content(running);
            send_put(running);
          },
          [&](SendHead&) {
            sent(running, store.head(key, replies_to<HeadReply>(running, [](auto reply) -> Input {
                                       return HeadDone{std::move(reply)};
                                     })));
          },
          [&](SendCopy& copy) { send_copy(running, copy); },
          [&](NotCopied& told) { go_on_from_file(running, told); },
          [&](SendCreate& create) {
            // Rule 12: what is initiated on this key around now is ours.
            running.attempt.sent_at = session_.wall_now() + store.ahead().count();
            AttemptRow row = running.attempt;
            row.state = AttemptState::Creating;
            if (!session_.expect(session_.catalog->save_attempt(row))) return;
            // Durable first: an upload of ours that nobody knows of could never be cleaned up (P6).
            Task send = [this, id, create = std::move(create)] {
              const auto found = running_.find(id);
              if (found == running_.end()) return;
              Running& now = *found->second;
              CreateRequest request{now.attempt.key, create.metadata,
                                    now.machine.attempt().content_type, now.machine.attempt().crc};
              sent(now,
                   stores_.client(now.attempt.store)
                       .create_upload(std::move(request),
                                      replies_to<std::string>(now, [this, id](auto reply) -> Input {
                                        if (!reply && may_have_happened(reply.error())) {
                                          running_.at(id)->create_unclear = true;
                                        }
                                        const WallTime sent{
                                            Nanoseconds(running_.at(id)->attempt.sent_at)};
                                        return CreateDone{std::move(reply), sent};
                                      })));
              WAYBILL_REACHED("create-sent");
            };
            if (WAYBILL_PLANTED(CreateBeforeAttempt)) return send();
            session_.after_commit(std::move(send));
          },
          [&](PersistUploadId& persist) {
            AttemptRow row = running.attempt;
            row.state = AttemptState::Uploading;
            row.upload_id = persist.upload_id;
            WAYBILL_REACHED("create-answered");
            if (!session_.expect(session_.catalog->save_attempt(row))) return;
            running.attempt = std::move(row);
            session_.after_commit([this, id] {
              WAYBILL_REACHED("upload-id-durable");
              const auto found = running_.find(id);
              if (found != running_.end()) stores_.upload_begun(found->second->attempt.store);
              feed(id, Persisted{});
            });
          },
          [&](SendPart& part) {
            running.parts_to_read.push_back(part);
            read_parts(running);
          },
          [&](PersistContent& content) { persist_content(running, content.sha256); },
          [&](SendComplete& complete) {
            CompleteRequest request{key,
                                    running.attempt.upload_id,
                                    std::move(complete.parts),
                                    std::move(complete.condition),
                                    complete.crc,
                                    running.attempt.fingerprint.size};
            sent(running,
                 store.complete_upload(std::move(request),
                                       replies_to<PutReply>(running, [](auto reply) -> Input {
                                         return CompleteDone{std::move(reply)};
                                       })));
            WAYBILL_REACHED("complete-sent");
          },
          [&](SendAbort& abort) {
            sent(running,
                 store.abort_upload(key, abort.upload_id,
                                    replies_to<uploader::Nothing>(running, [](auto reply) -> Input {
                                      return AbortDone{std::move(reply)};
                                    })));
          },
          [&](SendListParts& list) {
            sent(running,
                 store.list_parts(key, list.upload_id,
                                  replies_to<std::vector<Part>>(running, [](auto reply) -> Input {
                                    return PartsListed{std::move(reply)};
                                  })));
          },
          [&](SendListUploads&) {
            sent(running,
                 store.list_uploads(key, replies_to<std::vector<ListedUpload>>(
                                             running, [this, id](auto reply) -> Input {
                                               if (!reply) return UploadsListed{std::move(reply)};
                                               return UploadsListed{leftovers_.without_others(
                                                   running_.at(id)->attempt, std::move(*reply))};
                                             })));
          },
          [&](Wait& wait) {
            session_.timers.at(session_.now() + wait.time, [this, id, pause = ++running.pauses] {
              const auto found = running_.find(id);
              if (found != running_.end() && found->second->pauses == pause) feed(id, Resumed{});
            });
          },
          [&](EndpointTrouble& trouble) { endpoint_trouble(running, trouble.cause); },
          [&](Outcome& outcome) { finish(running, outcome); },
      },
      action);
}

void Transfers::persist_content(Running& running, const Sha256& sha256) {
  auto row = session_.expect(session_.catalog->file(running.attempt.file));
  if (!row) return;
  const bool current = *row && (*row)->state == FileState::Uploading &&
                       (*row)->generation == running.attempt.generation;
  if (current && (*row)->sha256 && (*row)->sha256 != sha256) {
    // The row speaks of other bytes under the same fingerprint: it must be settled anew (P2).
    intake_.look_again(running.path, session_.now());
    return source_lost(running);
  }
  if (WAYBILL_PLANTED(CompleteBeforeContent)) {
    return feed(running.attempt.id, uploader::Persisted{});
  }
  AttemptRow attempt = running.attempt;
  attempt.state = AttemptState::Completing;
  attempt.sha256 = sha256;
  if (!session_.expect(session_.catalog->save_attempt(attempt))) return;
  running.attempt = std::move(attempt);
  if (current && !session_.expect(session_.catalog->set_content(
                     running.attempt.file, running.attempt.fingerprint, sha256))) {
    return;
  }
  session_.after_commit([this, id = running.attempt.id] {
    WAYBILL_REACHED("content-durable");
    feed(id, uploader::Persisted{});
  });
}

void Transfers::endpoint_trouble(Running& running, const Error& cause) {
  running.held = true;
  ++running.pauses;
  // An outage may be long: the content is read again after it. Parts are given back as they are
  // answered.
  if (running.attempt.part_size == 0) release_content(running);
  // Others got through since it failed before: a trouble of its own, which must not hold them.
  const std::uint64_t stored = stores_.got_through_so_far(running.attempt.store);
  const bool of_its_own = running.stored_at_trouble && *running.stored_at_trouble < stored;
  running.stored_at_trouble = stored;
  // Refused, though the store takes others or, time and again, its own probe: it is about the file.
  // An attempt that is lost already ends by itself once its store answers it.
  const bool refused_alone = of_its_own || ++running.troubles > troubles_for_one_file;
  if (refused_alone && cause.code == ErrorCode::NeedsPerson && !running.lost) {
    running.given_up = cause;
    running.held = false;
    source_lost(running);
    return;
  }
  if (of_its_own) {
    hold_alone(running, cause);
  } else {
    stores_.trouble(running.attempt.store, cause);
  }
  session_.changed();
}

void Transfers::hold_alone(Running& running, const Error& cause) {
  if (!running.failing) {
    running.failing = Running::Failing{.since = session_.wall_now()};
    session_.world.log.warning("the store fails this file while it takes others",
                               {{"file", running.path.second}, {"cause", cause.describe()}});
  }
  Running::Failing& failing = *running.failing;
  failing.cause = cause;
  failing.next =
      session_.now() + uploader::RetryPolicy{}.slow_delay(++failing.times, session_.world.random);
  session_.timers.at(failing.next, [this, id = running.attempt.id, pause = running.pauses] {
    const auto found = running_.find(id);
    if (found != running_.end() && found->second->pauses == pause) go_on(*found->second);
  });
}

std::int64_t Transfers::retry_failing(std::optional<FolderId> folder, const std::string& path) {
  std::vector<std::string> chosen;
  for (const auto& [id, running] : running_) {
    if (running->held && running->failing && (!folder || running->path.first == *folder) &&
        at_or_below(running->path.second, path)) {
      chosen.push_back(id);
    }
  }
  for (const std::string& id : chosen) {
    const auto running = running_.find(id);
    if (running != running_.end()) go_on(*running->second);
  }
  return static_cast<std::int64_t>(chosen.size());
}

void Transfers::add_reasons(std::vector<Reason>& reasons) const {
  std::map<std::pair<FolderId, std::string>, Reason> causes;
  for (const auto& [id, running] : running_) {
    if (!running->failing) continue;
    const Running::Failing& failing = *running->failing;
    Error cause = failing.cause;
    cause.request_id.clear();  // each answer has its own
    Reason& reason = causes[{running->path.first, cause.describe()}];
    ++reason.files;
    if (reason.files > 1 && reason.since <= failing.since) continue;
    reason = {.code = "file-failing",
              .severity = Severity::Degraded,
              .sentence = "the store fails it while it takes others: " + cause.describe(),
              .help =
                  "it is tried again, later each time, at most an hour apart; at once: waybill "
                  "retry",
              .folder = session_.folders.at(running->path.first).config.name,
              .example = running->path.second,
              .files = reason.files,
              .since = failing.since};
  }
  for (auto& [key, reason] : causes) reasons.push_back(std::move(reason));
  leftovers_.add_reasons(reasons);
  due_proofs_.add_reasons(reasons);
}

void Transfers::cancel(FileId file) {
  let_go_on(file);
  for (const auto& [id, running] : running_) {
    if (running->attempt.file == file && running->wanted) {
      running->wanted = false;
      return source_lost(*running);
    }
  }
}

void Transfers::source_lost(Running& running) {
  if (std::exchange(running.lost, true)) return;
  const std::string id = running.attempt.id;
  const auto unread = std::exchange(running.parts_to_read, {});
  running.held = false;
  ++running.pauses;
  for (const uploader::RequestId request : running.requests) {
    stores_.client(running.attempt.store).cancel(request);
  }
  feed(id, uploader::SourceLost{});
  for (const uploader::SendPart& part : unread) {
    feed(id, uploader::PartDone{part.number, not_sent()});
  }
}

}  // namespace waybill::agent
