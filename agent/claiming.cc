#include <algorithm>
#include <utility>

#include "agent/running.h"
#include "base/bytes.h"
#include "base/test_points.h"
#include "uploader/key.h"
#include "uploader/proof.h"

// What Transfers does between content and an attempt: where it goes, whether it may go now, and
// what waits for a person.
namespace waybill::agent {
namespace {

using catalog::AttemptRow;
using catalog::AttemptState;
using catalog::FileEvent;
using catalog::FileRow;
using catalog::FileState;

constexpr Nanoseconds first_block = std::chrono::minutes(1);
constexpr Nanoseconds last_block = std::chrono::hours(1);

std::string describe(const std::optional<std::string>& base_etag) {
  return base_etag ? "match:" + *base_etag : "absent";
}

}  // namespace

std::optional<std::string> base_etag_of(const AttemptRow& attempt) {
  constexpr std::string_view match = "match:";
  if (!attempt.condition.starts_with(match)) return std::nullopt;
  return attempt.condition.substr(match.size());
}

void Transfers::claim(const FileRow& row, Source source) {
  const std::string attempt_id = session_.world.random.id128();
  held_up_.erase(row.id);
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
  if (place->key.size() > uploader::longest_key) {  // by its suffix
    return block(row, uploader::key_too_long(place->key.size()).message);
  }
  const auto wait = must_wait_for_earlier_attempt(row, place->key, source);
  if (!wait) return;
  if (*wait) {
    if (!keep_key(row, place->key)) return;
    intake_.postpone(row.id, session_.now() + std::chrono::minutes(1));
    return;
  }
  if (place->base_etag && !place->new_version) {
    // Renamed under a key that does not tell the name, or back to where its object is.
    if (!keep_key(row, place->key)) return;
    auto taken = session_.expect(session_.catalog->take_object(row.id, source.metadata));
    if (!taken) return;
    if (taken->state == FileState::Stored) {
      let_go_on(row.id);
      session_.changed();
      return left_({row.folder, row.path});
    }
  }
  const std::uint64_t part_size = uploader::part_size_for(
      row.fingerprint.size, session_.folders.at(row.folder).config.s3.part_size);
  using catalog::AttemptKind;
  AttemptKind kind = part_size == 0 ? AttemptKind::Single : AttemptKind::Multipart;
  if (!place->base_etag && copy_source(row, place->key)) kind = AttemptKind::Copy;
  const catalog::NewAttempt attempt{.id = attempt_id,
                                    .file = row.id,
                                    .store = session_.folders.at(row.folder).store,
                                    .key = place->key,
                                    .kind = kind,
                                    .condition = describe(place->base_etag),
                                    .fingerprint = row.fingerprint,
                                    .sha256 = row.sha256,
                                    .part_size = part_size,
                                    .new_version = place->new_version,
                                    .metadata = source.metadata.value_or("")};
  auto claimed = session_.catalog->claim(attempt);
  if (!claimed && claimed.error().code == ErrorCode::PreconditionFailed) {
    if (!keep_key(row, place->key)) return;
    block(row, claimed.error().message);
    return;
  }
  auto uploading = session_.expect(std::move(claimed));
  if (!uploading) return;
  auto recorded = session_.expect(session_.catalog->attempt(attempt_id));
  if (!recorded || !*recorded) return;
  WAYBILL_REACHED("attempt-recorded");
  begin(std::move(**recorded), *uploading, std::move(source), false);
}

// A claim keeps it with its attempt; who does not come to that keeps it in the row (rule 6).
bool Transfers::keep_key(const FileRow& row, const std::string& key) {
  return row.key == key || session_.expect(session_.catalog->set_key(row.id, key)).has_value();
}

std::optional<Transfers::Place> Transfers::choose_place(const FileRow& row,
                                                        const std::string& attempt_id) {
  const Folder& folder = session_.folders.at(row.folder);
  std::string key = row.key;
  // A key that names its content goes with that content alone (rule 6).
  const bool by_content = uploader::is_named_by_content(folder.config.key);
  if (key.empty() || by_content || WAYBILL_PLANTED(KeyEvaluatedAgain)) {
    auto made = uploader::make_key(folder.config.prefix, folder.config.key,
                                   {.agent = session_.config.agent_name,
                                    .folder = folder.config.name,
                                    .path = row.path,
                                    .arrived = WallTime(Nanoseconds(row.arrived)),
                                    .mtime = WallTime(Nanoseconds(row.fingerprint.mtime)),
                                    .sha256 = row.sha256});
    if (!made) {
      block(row, made.error().message);
      return std::nullopt;
    }
    // What an earlier try of this content was given stays.
    if (!by_content || !uploader::is_suffixed(key, *made)) key = std::move(*made);
    // So does, under another name, what its object was given beside that of another file.
    if (row.key.empty() && row.object) {
      auto own = session_.expect(session_.catalog->object(*row.object));
      if (!own) return std::nullopt;
      if (*own && (*own)->live && (*own)->store == folder.store &&
          uploader::is_suffixed((*own)->key, key)) {
        key = (*own)->key;
      }
    }
  }
  auto found = session_.expect(session_.catalog->live_object_at(folder.store, key));
  if (!found) return std::nullopt;
  if (!*found) return Place{.key = std::move(key)};

  const catalog::ObjectRow& object = **found;
  // Our own last generation: it is replaced, on the condition that it is still that one.
  const bool replaceable = (object.owned || WAYBILL_PLANTED(AdoptedObjectReplaced)) &&
                           !object.sole && row.object == object.id;
  if (replaceable || (WAYBILL_PLANTED(SoleObjectReplaced) && object.sole)) {
    return Place{.key = std::move(key), .base_etag = object.etag};
  }
  // Somebody else's equal bytes, or the only copy of something: never replaced (rules 3 and 5).
  const std::string beside = uploader::with_suffix(key, attempt_id);
  if (object.owned && !object.sole && object.file != row.id) {
    return beside_another_file(row, object, beside);
  }
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

// Two files for which the templates make one key: the other's object is never replaced.
std::optional<Transfers::Place> Transfers::beside_another_file(const FileRow& row,
                                                               const catalog::ObjectRow& object,
                                                               const std::string& beside) {
  auto other = session_.expect(session_.catalog->file(object.file));
  if (!other) return std::nullopt;
  // Held for a file that was renamed and is on its way to its new key: what becomes of the old one
  // is decided once it has arrived there.
  if (*other && (*other)->object == object.id && (*other)->key != object.key &&
      ((*other)->state == FileState::Queued || (*other)->state == FileState::Uploading) &&
      !waits_for(object.file, row.id)) {
    held_up_[row.id] = object.file;
    intake_.postpone(row.id, session_.now() + std::chrono::minutes(1));
    return std::nullopt;
  }
  const OnReplace wish = session_.folders.at(row.folder).config.on_replace;
  switch (wish) {
    case OnReplace::Version:
    case OnReplace::Suffix:
      return Place{.key = beside};
    case OnReplace::Refuse:
    case OnReplace::Overwrite:
      break;
  }
  block(row, "its key " + printable(object.key) + " is that of " +
                 (*other ? printable((*other)->path) : std::string("another file")) + ", and " +
                 (wish == OnReplace::Refuse
                      ? "on_replace = \"refuse\""
                      : "on_replace = \"overwrite\" does not replace a file that is still there"));
  return std::nullopt;
}

// An earlier attempt on this key that may still land would win over this one, unless the store
// enforces conditions and can tell the two apart (PROTOCOL.md rule 2). nullopt: the session has
// failed.
std::optional<bool> Transfers::must_wait_for_earlier_attempt(const FileRow& row,
                                                             const std::string& key,
                                                             const Source& source) {
  const auto& store = stores_.capabilities(session_.folders.at(row.folder).store);
  const bool guarded = store.if_absent_on_put && store.if_match_on_put;
  auto others = session_.expect(session_.catalog->attempts_of(row.id));
  if (!others) return std::nullopt;
  return std::any_of(others->begin(), others->end(), [&](const AttemptRow& other) {
    if (other.state != AttemptState::Abandoned || other.key != key) return false;
    // Its content is durable before its Complete is sent.
    if (other.kind == catalog::AttemptKind::Multipart && !other.sha256) return false;
    // Nobody knows of a store that it guards copies.
    if (!guarded || other.kind == catalog::AttemptKind::Copy) return true;
    // Its If-Match would hold again if the object's former content came back: equal content has an
    // equal ETag wherever that is an MD5. A large one's is not known before it is read.
    const auto base = base_etag_of(other);
    if (!base || !store.md5_etags) return false;
    const std::string before = uploader::bare_etag(*base);
    return source.content ? before == uploader::etag_of(source.content->md5)
                          : before.find('-') != std::string::npos;
  });
}

// Two that exchanged their names, for whose former keys each would wait.
bool Transfers::waits_for(FileId file, FileId other) const {
  for (std::size_t steps = 0; steps <= held_up_.size(); ++steps) {
    const auto waiting = held_up_.find(file);
    if (waiting == held_up_.end()) return false;
    file = waiting->second;
    if (file == other) return true;
  }
  return false;
}

// Its key is no longer held for that file.
void Transfers::let_go_on(FileId renamed) {
  std::erase_if(held_up_, [this, renamed](const auto& waiting) {
    if (waiting.second != renamed) return false;
    intake_.postpone(waiting.first, session_.now());
    return true;
  });
}

bool Transfers::awaits_renamed_file(const FilePath& file) const {
  if (held_up_.empty()) return false;
  auto row = session_.expect(session_.catalog->find_live(file.first, file.second));
  return row && *row && (*row)->state == FileState::Queued && intake_.postponed((*row)->id) &&
         held_up_.contains((*row)->id);
}

bool Transfers::awaits_earlier_attempt(const FilePath& file) const {
  auto row = session_.expect(session_.catalog->find_live(file.first, file.second));
  if (!row || !*row || (*row)->state != FileState::Queued || !intake_.postponed((*row)->id)) {
    return false;
  }
  auto attempts = session_.expect(session_.catalog->attempts_of((*row)->id));
  return attempts && std::any_of(attempts->begin(), attempts->end(), [&row](const AttemptRow& at) {
           return at.state == AttemptState::Abandoned && at.key == (*row)->key;
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
    if (is_lost(**row)) return;  // a person is to take note of it
    if (!session_.expect(session_.catalog->apply(file, FileEvent::CauseFixed, "tried again")))
      return;
    intake_.look_at_queue();
    session_.changed();
  });
}

std::int64_t Transfers::retry(std::optional<FolderId> folder, const std::string& path) {
  std::int64_t released = retry_failing(folder, path);
  if (!folder && path.empty()) due_proofs_.note_lost();
  constexpr std::size_t page = 1000;
  const auto chosen = [&](const FileRow& row) {
    return row.live && session_.folders.contains(row.folder) &&
           (!folder || row.folder == *folder) && at_or_below(row.path, path);
  };
  // Blocked ones last: they are queued then.
  for (const FileState state : {FileState::Queued, FileState::Blocked}) {
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

}  // namespace waybill::agent
