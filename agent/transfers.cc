#include "agent/transfers.h"

#include <algorithm>
#include <utility>

#include "agent/running.h"
#include "base/overloaded.h"
#include "uploader/content_type.h"
#include "uploader/key.h"
#include "uploader/metadata.h"

// The second half of Transfers: from content to a stored row.
namespace waybill::agent {
namespace {

using catalog::AttemptRow;
using catalog::AttemptState;
using catalog::FileEvent;
using catalog::FileRow;
using catalog::FileState;
using uploader::Action;

// A request that timed out may still be applied for this long (PROTOCOL.md rule 2).
constexpr Nanoseconds quarantine = std::chrono::minutes(20);
// A refusal that the endpoint's own probe does not share is the file's after this many in a row.
constexpr int troubles_for_one_file = 5;
constexpr Nanoseconds first_block = std::chrono::minutes(1);
constexpr Nanoseconds last_block = std::chrono::hours(1);

catalog::ProofLevel row_proof(uploader::ProofLevel proof) {
  switch (proof) {
    case uploader::ProofLevel::None:
      return catalog::ProofLevel::None;
    case uploader::ProofLevel::Acknowledged:
      return catalog::ProofLevel::Acknowledged;
    case uploader::ProofLevel::EtagRecomputed:
      return catalog::ProofLevel::EtagRecomputed;
    case uploader::ProofLevel::StoreChecked:
      return catalog::ProofLevel::StoreChecked;
  }
  return catalog::ProofLevel::None;
}

std::string describe(const std::optional<std::string>& base_etag) {
  return base_etag ? "match:" + *base_etag : "absent";
}

std::optional<std::string> base_etag_of(const AttemptRow& attempt) {
  constexpr std::string_view match = "match:";
  if (!attempt.condition.starts_with(match)) return std::nullopt;
  return attempt.condition.substr(match.size());
}

WallTime wall(std::int64_t nanoseconds) {
  return WallTime(Nanoseconds(nanoseconds));
}

// The answer to a request that was never made.
Failure not_sent() {
  return fail(ErrorCode::RetryLater, "its content could not be read");
}

std::string foreign_sentence(const std::string& key) {
  return "an object that is not ours has this key: " + key;
}

}  // namespace

Transfers::Transfers(Session& session, Stores& stores, Intake& intake,
                     std::function<void(const FilePath&)> left)
    : session_(session), stores_(stores), intake_(intake), left_(std::move(left)) {}

// Nothing may come back to a machine that is gone; what was sent is resolved at the next start.
Transfers::~Transfers() {
  for (const auto& [id, running] : running_) {
    for (const uploader::RequestId request : running->requests) {
      stores_.client(running->attempt.store).cancel(request);
    }
  }
}

bool Transfers::has_room() const {
  // What waits for its store takes no slot: the files of another store must not wait with it.
  const auto held = static_cast<std::size_t>(std::count_if(
      running_.begin(), running_.end(), [](const auto& entry) { return entry.second->held; }));
  return reading_.size() + running_.size() - held <
             static_cast<std::size_t>(session_.config.uploads) &&
         held_bytes_ < session_.config.memory;
}

bool Transfers::busy(const FilePath& file) const {
  return reading_.contains(file) || attempt_of_path_.contains(file);
}

std::string Transfers::phase(const FilePath& file) const {
  if (reading_.contains(file)) return "it is being read";
  const auto attempt = attempt_of_path_.find(file);
  if (attempt == attempt_of_path_.end()) return {};
  const Running& running = *running_.at(attempt->second);
  return running.held ? "its upload waits for the store" : "it is being uploaded";
}

std::int64_t Transfers::reading(FolderId folder) const {
  return std::count_if(reading_.begin(), reading_.end(),
                       [folder](const auto& file) { return file.first.first == folder; });
}

std::vector<FilePath> Transfers::busy_paths() const {
  std::vector<FilePath> paths;
  for (const auto& [path, charge] : reading_) paths.push_back(path);
  for (const auto& [path, attempt] : attempt_of_path_) paths.push_back(path);
  return paths;
}

std::int64_t Transfers::wall_now() const {
  return session_.world.clock.wall().time_since_epoch().count();
}

// --- claiming -----------------------------------------------------------------------------------

void Transfers::claim(FileRow row, Source source) {
  const std::string attempt_id = session_.world.random.id128();
  auto place = choose_place(row, attempt_id);
  if (!place) return;
  if (session_.catalog->another_file_uploads_to(session_.folders.at(row.folder).store, place->key,
                                                row.id)) {
    // The path's former file went while it was uploaded, and its object may still appear: it would
    // be the only copy of those bytes (rule 5).
    const OnReplace wish = session_.folders.at(row.folder).config.on_replace;
    if (wish == OnReplace::Refuse || wish == OnReplace::Overwrite) {
      intake_.postpone(row.id, session_.now() + std::chrono::minutes(1));
      return;
    }
    place = Place{.key = uploader::with_suffix(place->key, attempt_id)};
  }
  if (row.key != place->key) {
    auto keyed = session_.expect(session_.catalog->set_key(row.id, place->key));
    if (!keyed) return;
    row = std::move(*keyed);
  }
  auto unguarded_wait = must_wait_for_earlier_attempt(row, place->key);
  if (!unguarded_wait) return;
  if (*unguarded_wait) {
    intake_.postpone(row.id, session_.now() + std::chrono::minutes(1));
    return;
  }
  const std::uint64_t part_size = uploader::part_size_for(row.fingerprint.size);
  const catalog::NewAttempt attempt{
      .id = attempt_id,
      .file = row.id,
      .store = session_.folders.at(row.folder).store,
      .key = place->key,
      .kind = part_size == 0 ? catalog::AttemptKind::Single : catalog::AttemptKind::Multipart,
      .condition = describe(place->base_etag),
      .fingerprint = row.fingerprint,
      .sha256 = row.sha256,
      .part_size = part_size,
      .new_version = place->new_version};
  auto claimed = session_.catalog->claim(attempt);
  if (!claimed && claimed.error().code == ErrorCode::PreconditionFailed) {
    block(row, claimed.error().message);
    return;
  }
  auto uploading = session_.expect(std::move(claimed));
  if (!uploading) return;
  auto durable = session_.expect(session_.catalog->attempt(attempt_id));
  if (!durable || !*durable) return;
  begin(std::move(**durable), *uploading, std::move(source), false);
}

std::optional<Transfers::Place> Transfers::choose_place(const FileRow& row,
                                                        const std::string& attempt_id) {
  const Folder& folder = session_.folders.at(row.folder);
  std::string key = row.key;
  if (key.empty()) {
    auto made = uploader::make_key(folder.config.prefix, {.agent = session_.config.agent_name,
                                                          .folder = folder.config.name,
                                                          .path = row.path,
                                                          .arrived = wall(row.arrived),
                                                          .mtime = wall(row.fingerprint.mtime)});
    if (!made) {
      block(row, made.error().message);
      return std::nullopt;
    }
    key = std::move(*made);
  }
  auto found = session_.expect(session_.catalog->live_object_at(folder.store, key));
  if (!found) return std::nullopt;
  if (!*found) return Place{.key = std::move(key)};

  const catalog::ObjectRow& object = **found;
  // Our own last generation: it is replaced, on the condition that it is still that one.
  if (object.owned && !object.sole && row.object == object.id) {
    return Place{.key = std::move(key), .base_etag = object.etag};
  }
  // Somebody else's equal bytes, or the only copy of something: never replaced (rules 3 and 5).
  const std::string beside = uploader::with_suffix(key, attempt_id);
  switch (object.owned ? folder.config.on_replace : OnReplace::Suffix) {
    case OnReplace::Version:
      if (!object.version.empty()) {
        return Place{.key = std::move(key), .base_etag = object.etag, .new_version = true};
      }
      return Place{.key = beside};
    case OnReplace::Suffix:
      return Place{.key = beside};
    case OnReplace::Refuse:
      block(row, "the object " + key +
                     " is the only copy of an earlier file of this name, and "
                     "on_replace = \"refuse\"");
      return std::nullopt;
    case OnReplace::Overwrite:
      return Place{.key = std::move(key), .base_etag = object.etag, .new_version = true};
  }
  return std::nullopt;
}

// An earlier attempt on this key that may still land would win over this one, unless the store
// enforces conditions (PROTOCOL.md rule 2). nullopt: the session has failed.
std::optional<bool> Transfers::must_wait_for_earlier_attempt(const FileRow& row,
                                                             const std::string& key) {
  const auto& store = stores_.capabilities(session_.folders.at(row.folder).store);
  if (store.if_absent_on_put && store.if_match_on_put) return false;
  const auto answered_late = may_land_until_.find(row.id);
  if (answered_late != may_land_until_.end()) {
    if (answered_late->second > session_.now()) return true;
    may_land_until_.erase(answered_late);
  }
  auto others = session_.expect(session_.catalog->attempts_of(row.id));
  if (!others) return std::nullopt;
  return std::any_of(others->begin(), others->end(), [&key](const AttemptRow& other) {
    return other.state == AttemptState::Abandoned && other.key == key;
  });
}

// What blocked it may be fixed without a word to us (a permission, a foreign object deleted): look
// again, ever less often. A person can say so at once: waybill retry.
void Transfers::wait_for_cause(FileId file, const FilePath& path, const std::string& reason) {
  session_.after_commit([this, path, reason] {
    session_.world.log.warning("a file waits for a person",
                               {{"file", path.second}, {"cause", reason}});
  });
  Nanoseconds& wait = blocked_for_[file];
  wait = wait == Nanoseconds::zero() ? first_block : std::min(last_block, 2 * wait);
  session_.timers.at(session_.now() + wait, [this, file] {
    auto row = session_.expect(session_.catalog->file(file));
    if (!row || !*row || !(*row)->live || (*row)->state != FileState::Blocked) return;
    if (!session_.expect(session_.catalog->apply(file, FileEvent::CauseFixed, "tried again")))
      return;
    intake_.look_at_queue();
    session_.changed();
  });
}

std::int64_t Transfers::retry(std::optional<FolderId> folder, const std::string& path) {
  std::int64_t released = 0;
  constexpr std::size_t page = 1000;
  const auto chosen = [&](const FileRow& row) {
    return row.live && session_.folders.contains(row.folder) &&
           (!folder || row.folder == *folder) &&
           (path.empty() || row.path == path || row.path.starts_with(path + "/"));
  };
  for (const FileState state : {FileState::Blocked, FileState::Queued}) {
    FileId after{};
    while (true) {
      auto rows = session_.expect(session_.catalog->in_state(state, after, page));
      if (!rows) return released;
      for (const FileRow& row : *rows) {
        after = row.id;
        if (!chosen(row)) continue;
        if (state == FileState::Blocked) {
          blocked_for_.erase(row.id);
          if (!session_.expect(
                  session_.catalog->apply(row.id, FileEvent::CauseFixed, "a person asked"))) {
            return released;
          }
          ++released;
        } else if (row.tries > 0) {
          ++released;
        }
        intake_.release(row.id);
      }
      if (rows->size() < page) break;
    }
  }
  intake_.look_at_queue();
  session_.changed();
  return released;
}

// --- running ------------------------------------------------------------------------------------

void Transfers::begin(AttemptRow attempt, const FileRow& row, Source source, bool resumed) {
  const Folder& folder = session_.folders.at(row.folder);
  auto agent_id = session_.expect(session_.catalog->agent_id());
  auto others = session_.expect(session_.catalog->attempts_of(row.id));
  if (!agent_id || !others) return;
  std::vector<std::string> prior;
  for (const AttemptRow& other : *others) {
    if (other.id != attempt.id && other.key == attempt.key) prior.push_back(other.id);
  }
  uploader::Attempt what{.id = attempt.id,
                         .agent_id = std::move(*agent_id),
                         .agent_name = session_.config.agent_name,
                         .epoch = stores_.row(attempt.store).epoch,
                         .generation = attempt.generation,
                         .path = row.path,
                         .key = attempt.key,
                         .content_type = uploader::content_type_of(row.path),
                         .mtime = attempt.fingerprint.mtime,
                         .size = attempt.fingerprint.size,
                         .sha256 = attempt.sha256,
                         .base_etag = base_etag_of(attempt),
                         .prior_attempts = std::move(prior),
                         .part_size = attempt.part_size,
                         .upload_id = attempt.upload_id};
  if (attempt.part_size != 0) {
    // Rule 12: what is initiated on this key from here on is ours.
    if (attempt.sent_at == 0) attempt.sent_at = wall_now();
    what.creating_since = wall(attempt.sent_at);
  }
  const std::string id = attempt.id;
  const FilePath path(folder.row.id, row.path);
  auto running = std::make_unique<Running>(
      Running{.attempt = std::move(attempt),
              .path = path,
              .machine = uploader::Upload(std::move(what), stores_.capabilities(attempt.store),
                                          uploader::RetryPolicy{}, session_.world.random),
              .source = std::move(source)});
  if (running->source.content) {
    running->charged = running->source.content->bytes->size();
    held_bytes_ += running->charged;
  }
  attempt_of_path_[path] = id;
  running_[id] = std::move(running);
  session_.changed();
  // P4: the attempt is durable before S3 hears of it.
  session_.after_commit(
      [this, id, resumed] { feed(id, uploader::Begin{.may_have_been_sent = resumed}); });
}

void Transfers::resume_open_attempts() {
  auto attempts = session_.expect(session_.catalog->open_attempts());
  if (!attempts) return;
  for (AttemptRow& attempt : *attempts) {
    if (attempt.state == AttemptState::Abandoned) {
      resolve_abandoned(attempt);
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
    resolve_abandoned(attempt);
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
      if (!session_.folders.contains(row.folder)) continue;
      if (!session_.expect(session_.catalog->apply(row.id, FileEvent::CauseFixed,
                                                   "tried again after a start"))) {
        return;
      }
    }
    if (rows->size() < page) return;
  }
}

void Transfers::store_opened(StoreId store) {
  for (const std::string& id : std::exchange(to_resume_[store], {})) {
    // While it waited its file may have changed or gone, and the attempt been given up with it.
    auto attempt = session_.expect(session_.catalog->attempt(id));
    if (!attempt) return;
    if (!*attempt) continue;
    if ((*attempt)->state == AttemptState::Abandoned) {
      resolve_abandoned(**attempt);
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
    running->second->held = false;
    feed(id, uploader::Resumed{});
  }
}

void Transfers::feed(const std::string& attempt_id, uploader::Input input) {
  const auto found = running_.find(attempt_id);
  if (found == running_.end() || session_.failure()) return;
  for (Action& action : found->second->machine.step(std::move(input))) {
    perform(*found->second, std::move(action));
    if (session_.failure()) return;
    if (!running_.contains(attempt_id)) return;  // that was its outcome
  }
}

template <typename Reply, typename MakeInput>
uploader::Done<Reply> Transfers::replies_to(Running& running, MakeInput make_input) {
  // The request's id is known only after the call that takes this: it finds its way in through
  // here.
  auto request = std::make_shared<std::optional<uploader::RequestId>>();
  last_request_ = request;
  return [this, post = session_.poster(), id = running.attempt.id, request,
          make_input](Result<Reply> reply) {
    post([this, id, request, make_input, reply = std::move(reply)] {
      const auto found = running_.find(id);
      if (found == running_.end()) return;
      if (*request) found->second->requests.erase(**request);
      if (reply) found->second->troubles = 0;
      feed(id, make_input(reply));
    });
  };
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
          [&](SendCreate& create) {
            AttemptRow row = running.attempt;
            row.state = AttemptState::Creating;
            if (!session_.expect(session_.catalog->save_attempt(row))) return;
            // Durable first: an upload of ours that nobody knows of could never be cleaned up (P6).
            session_.after_commit([this, id, create = std::move(create)] {
              const auto found = running_.find(id);
              if (found == running_.end()) return;
              Running& now = *found->second;
              CreateRequest request{now.attempt.key, create.metadata,
                                    now.machine.attempt().content_type};
              sent(now, stores_.client(now.attempt.store)
                            .create_upload(std::move(request),
                                           replies_to<std::string>(now, [](auto reply) -> Input {
                                             return CreateDone{std::move(reply)};
                                           })));
            });
          },
          [&](PersistUploadId& persist) {
            AttemptRow row = running.attempt;
            row.state = AttemptState::Uploading;
            row.upload_id = persist.upload_id;
            if (!session_.expect(session_.catalog->save_attempt(row))) return;
            running.attempt = std::move(row);
            session_.after_commit([this, id] { feed(id, Persisted{}); });
          },
          [&](SendPart& part) {
            running.parts_to_read.push_back(part);
            read_parts(running);
          },
          [&](PersistContent& content) { persist_content(running, content.sha256); },
          [&](SendComplete& complete) {
            CompleteRequest request{key, running.attempt.upload_id, std::move(complete.parts),
                                    std::move(complete.condition)};
            sent(running,
                 store.complete_upload(std::move(request),
                                       replies_to<PutReply>(running, [](auto reply) -> Input {
                                         return CompleteDone{std::move(reply)};
                                       })));
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
            sent(running, store.list_uploads(key, replies_to<std::vector<ListedUpload>>(
                                                      running, [](auto reply) -> Input {
                                                        return UploadsListed{std::move(reply)};
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
    intake_.look_again(running.path);
    return source_lost(running);
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
  session_.after_commit([this, id = running.attempt.id] { feed(id, uploader::Persisted{}); });
}

void Transfers::endpoint_trouble(Running& running, const Error& cause) {
  running.held = true;
  ++running.pauses;
  // An outage may be long: the content is read again after it. Parts are given back as they are
  // answered.
  if (running.attempt.part_size == 0) release_content(running);
  // The store's own probe works and still this file is refused: then it is about the file.
  if (++running.troubles > troubles_for_one_file && cause.code == ErrorCode::NeedsPerson) {
    running.given_up = cause;
    running.held = false;
    source_lost(running);
    return;
  }
  stores_.trouble(running.attempt.store, cause);
  session_.changed();
}

void Transfers::release_content(Running& running) {
  held_bytes_ -= std::exchange(running.charged, 0);
  running.source.content.reset();
  running.put.body.reset();
}

void Transfers::send_put(Running& running) {
  if (running.source.content) return put_content(running);
  // The content was given back while the attempt waited: read it again; other bytes than the
  // attempt's own may not go under its name (P2).
  const std::string id = running.attempt.id;
  const ReadyFile file{running.path.first, running.path.second, running.attempt.fingerprint};
  running.charged = file.fingerprint.size;
  held_bytes_ += running.charged;
  session_.world.read([this, id, file, root = session_.folders.at(file.folder).config.path,
                       lease = lease_mode(file.folder), &files = session_.world.files,
                       post = session_.poster()] {
    auto content = watcher::read_small(files, root, file.path, file.fingerprint, lease);
    post([this, id, content = std::move(content)] {
      const auto found = running_.find(id);
      if (found == running_.end()) return;
      Running& now = *found->second;
      if (!content || content->sha256 != now.attempt.sha256) {
        release_content(now);
        intake_.look_again(now.path);
        source_lost(now);
        return feed(id, uploader::PutDone{not_sent()});
      }
      now.source.content = std::make_shared<const watcher::Content>(*content);
      put_content(now);
    });
  });
}

void Transfers::put_content(Running& running) {
  const watcher::Content& content = *running.source.content;
  uploader::PutRequest request = running.put;
  request.key = running.attempt.key;
  request.body = content.bytes;
  request.sha256 = content.sha256;
  request.md5 = content.md5;
  request.content_type = running.machine.attempt().content_type;
  sent(running, stores_.client(running.attempt.store)
                    .put(std::move(request),
                         replies_to<uploader::PutReply>(
                             running, [md5 = content.md5](auto reply) -> uploader::Input {
                               return uploader::PutDone{std::move(reply), md5};
                             })));
}

// One read at a time a file, in ascending order for its SHA-256, as far as the memory goes; a file
// that holds none may always take one part, so nobody starves.
void Transfers::read_parts(Running& running) {
  if (running.reading || running.parts_to_read.empty()) return;
  const uploader::SendPart part = running.parts_to_read.front();
  if (running.parts_held > 0 && held_bytes_ + part.length > session_.config.memory) return;
  running.parts_to_read.pop_front();
  running.reading = true;
  ++running.parts_held;
  running.charged += part.length;
  held_bytes_ += part.length;
  const ReadyFile file{running.path.first, running.path.second, running.attempt.fingerprint};
  session_.world.read([this, id = running.attempt.id, part, file, reader = running.source.parts,
                       root = session_.folders.at(file.folder).config.path,
                       lease = lease_mode(file.folder), &files = session_.world.files,
                       post = session_.poster()]() mutable {
    Result<watcher::PartReader::PartContent> content = fail(ErrorCode::SourceChanged, "");
    std::optional<Result<Sha256>> whole;
    if (!reader) {
      auto opened = watcher::PartReader::open(files, root, file.path, file.fingerprint, lease);
      if (opened) {
        reader = std::move(*opened);
      } else {
        content = fail(opened.error());
      }
    }
    if (reader) {
      content = reader->read(part.offset, part.length);
      if (content && part.offset + part.length == file.fingerprint.size) whole = reader->finish();
    }
    post([this, id, part, reader = std::move(reader), content = std::move(content),
          whole = std::move(whole)] { on_part(id, part, reader, content, whole); });
  });
}

void Transfers::on_part(const std::string& attempt_id, const uploader::SendPart& part,
                        const std::shared_ptr<watcher::PartReader>& reader,
                        const Result<watcher::PartReader::PartContent>& content,
                        const std::optional<Result<Sha256>>& whole) {
  const auto found = running_.find(attempt_id);
  if (found == running_.end()) return;
  Running& running = *found->second;
  running.reading = false;
  running.source.parts = reader;
  const bool unusable = !content || (whole && !*whole);
  if (unusable) intake_.look_again(running.path);
  if (unusable || running.lost) {
    part_answered(running, part.length);
    source_lost(running);
    return feed(attempt_id, uploader::PartDone{part.number, not_sent(), {}});
  }
  uploader::PartRequest request{.key = running.attempt.key,
                                .upload_id = running.attempt.upload_id,
                                .number = part.number,
                                .body = content->bytes,
                                .sha256 = content->sha256,
                                .md5 = content->md5};
  sent(running, stores_.client(running.attempt.store)
                    .put_part(std::move(request),
                              replies_to<uploader::Part>(
                                  running,
                                  [this, attempt_id, part,
                                   md5 = content->md5](auto reply) -> uploader::Input {
                                    part_answered(*running_.at(attempt_id), part.length);
                                    return uploader::PartDone{part.number, std::move(reply), md5};
                                  })));
  if (whole && !running.read_whole) {
    running.read_whole = true;
    feed(attempt_id, uploader::ContentRead{**whole});
    if (!running_.contains(attempt_id)) return;
  }
  read_parts(running);
}

void Transfers::part_answered(Running& running, std::uint64_t length) {
  --running.parts_held;
  running.charged -= length;
  held_bytes_ -= length;
  read_parts(running);
}

void Transfers::cancel(FileId file) {
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
    feed(id, uploader::PartDone{part.number, not_sent(), {}});
  }
}

// --- outcomes -----------------------------------------------------------------------------------

void Transfers::finish(Running& running, const uploader::Outcome& outcome) {
  const std::string id = running.attempt.id;
  const FileId file = running.attempt.file;
  const auto ended = [&] { return session_.expect(session_.catalog->end_attempt(id)); };
  const auto needs_person = [&](FileEvent event, const std::string& reason) {
    if (!ended()) return;
    if (!running.wanted) return;
    if (!session_.expect(session_.catalog->apply(file, event, reason))) return;
    wait_for_cause(file, running.path, reason);
  };
  std::visit(Overloaded{
                 [&](const uploader::Stored& stored_object) { stored(running, stored_object); },
                 [&](const uploader::StoredByOther& other) {
                   const catalog::StoredObject object{
                       .version = other.object.version,
                       .etag = other.object.etag,
                       .size = other.object.size,
                       .sha256 = running.attempt.sha256.value_or(Sha256{}),
                       .checksum = other.object.checksum_sha256.empty()
                                       ? ""
                                       : "sha256:" + other.object.checksum_sha256,
                       .proof = row_proof(other.proof),
                       .proof_detail = "the same bytes were there already, put by somebody else: " +
                                       other.proof_detail};
                   session_.expect(session_.catalog->acknowledge(id, object, false));
                 },
                 [&](const uploader::ForeignObject&) {
                   needs_person(FileEvent::Foreign, foreign_sentence(running.attempt.key));
                 },
                 [&](const uploader::CannotTell& unclear) {
                   needs_person(
                       FileEvent::NeedsPerson,
                       "whether the upload arrived cannot be told: " + unclear.cause.describe());
                 },
                 [&](const uploader::Refused& refused) {
                   needs_person(FileEvent::NeedsPerson, refused.cause.describe());
                 },
                 [&](const uploader::Dropped& drop) { dropped(running, drop); },
             },
             outcome);
  remove(id);
}

void Transfers::stored(Running& running, const uploader::Stored& outcome) {
  const catalog::StoredObject object{.version = outcome.reply.version,
                                     .etag = outcome.reply.etag,
                                     .size = outcome.size,
                                     .sha256 = outcome.sha256,
                                     .checksum = outcome.checksum,
                                     .proof = row_proof(outcome.proof),
                                     .proof_detail = outcome.proof_detail};
  auto row = session_.expect(session_.catalog->acknowledge(running.attempt.id, object, true));
  if (!row) return;
  blocked_for_.erase(row->id);
  if (outcome.may_land_again) may_land_until_[row->id] = session_.now() + quarantine;
  session_.after_commit([this, path = running.path, key = running.attempt.key,
                         attempt = running.attempt.id, request = outcome.reply.request_id] {
    session_.world.log.debug(
        "stored",
        {{"file", path.second}, {"key", key}, {"attempt", attempt}, {"request_id", request}});
  });
}

void Transfers::dropped(Running& running, const uploader::Dropped& outcome) {
  AttemptRow attempt = running.attempt;
  if (outcome.may_still_land || !running.machine.left_behind().empty()) {
    attempt.state = AttemptState::Abandoned;
    if (!session_.expect(session_.catalog->save_attempt(attempt))) return;
    resolve_abandoned(attempt);
  } else if (!session_.expect(session_.catalog->end_attempt(attempt.id))) {
    return;
  }
  if (!running.wanted) return;
  // Nobody else has moved the row on: the file goes back to the queue, or waits for a person.
  if (running.given_up) {
    session_.expect(session_.catalog->apply(attempt.file, FileEvent::NeedsPerson,
                                            running.given_up->describe()));
    wait_for_cause(attempt.file, running.path, running.given_up->describe());
  } else {
    session_.expect(session_.catalog->apply(attempt.file, FileEvent::Transient,
                                            "the file changed while it was uploaded"));
    // The look at the file that was asked for decides; do not read the old fingerprint meanwhile.
    intake_.postpone(attempt.file, session_.now() + std::chrono::seconds(2));
  }
}

void Transfers::remove(const std::string& attempt_id) {
  const auto found = running_.find(attempt_id);
  if (found == running_.end()) return;
  const FilePath path = found->second->path;
  held_bytes_ -= found->second->charged;
  attempt_of_path_.erase(path);
  running_.erase(found);
  intake_.look_at_queue();
  session_.changed();
  left_(path);
}

// An attempt that nobody wants may still land. After its quarantine one HEAD says whether it did;
// if so its object is recorded, so that no effect of ours stays unknown (P6).
void Transfers::resolve_abandoned(const AttemptRow& attempt) {
  session_.timers.at(session_.now() + quarantine, [this, attempt] {
    if (!stores_.known(attempt.store) || !stores_.open(attempt.store))
      return resolve_abandoned(attempt);
    auto& store = stores_.client(attempt.store);
    if (!attempt.upload_id.empty()) {
      store.abort_upload(attempt.key, attempt.upload_id, [](const Result<uploader::Nothing>&) {});
    }
    store.head(attempt.key, [this, attempt,
                             post = session_.poster()](Result<uploader::HeadReply> head) {
      post([this, attempt, head = std::move(head)] {
        if (!head && head.error().code != ErrorCode::NotFound) return resolve_abandoned(attempt);
        if (head && uploader::parse_metadata(head->metadata).attempt == attempt.id &&
            attempt.sha256) {
          const catalog::StoredObject object{.version = head->version,
                                             .etag = head->etag,
                                             .size = head->size,
                                             .sha256 = *attempt.sha256,
                                             .proof = catalog::ProofLevel::Acknowledged,
                                             .proof_detail = "landed after it had been given up"};
          session_.expect(session_.catalog->acknowledge(attempt.id, object, true));
        } else {
          session_.expect(session_.catalog->end_attempt(attempt.id));
        }
      });
    });
  });
}

}  // namespace waybill::agent
