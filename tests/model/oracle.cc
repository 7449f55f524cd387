#include "tests/model/oracle.h"

#include <algorithm>
#include <utility>

#include "agent/metadata_text.h"
#include "base/bytes.h"
#include "catalog/sqlite.h"
#include "tests/model/sidecars.h"

namespace waybill::model {

using catalog::FileRow;
using catalog::FileState;

namespace {

bool is_control(const std::string& key) {
  return key.find("_waybill/") != std::string::npos;
}

// Of an object's metadata what is said of its file, as rows have it.
std::string said_by(const uploader::Metadata& metadata) {
  agent::MetadataPairs said;
  for (const auto& pair : metadata) {
    if (!pair.first.starts_with("waybill-") && pair.first != "mtime") said.push_back(pair);
  }
  return agent::metadata_text(said);
}

}  // namespace

Oracle::Oracle(World& world, const Sidecars& sidecars,
               std::function<void(const std::string&)> complain)
    : world_(world), sidecars_(sidecars), complain_(std::move(complain)) {}

void Oracle::written(const std::string& path, const std::string& content) {
  if (!disk_.contains(path)) {
    file_at_[path] = names_.size();
    names_.push_back({path});
  }
  disk_[path] = content;
  touched_[path] = ++touches_;
  whole_contents_.insert(sha256(as_bytes(content)));
}

void Oracle::gone(const std::string& path) {
  disk_.erase(path);
  touched_[path] = ++touches_;
}

void Oracle::moved(const std::string& from, const std::string& to) {
  const std::size_t file = file_at_.at(from);
  const std::string content = disk_.at(from);
  names_[file].insert(to);
  written(to, content);
  file_at_[to] = file;
  gone(from);
}

void Oracle::wait_began(std::shared_ptr<agent::WaitTicket> ticket) {
  waits_.push_back({.ticket = std::move(ticket), .files = disk_, .began = touches_});
}

void Oracle::at_every_step() {
  const bool bucket_changed = seen_ != world_.bucket.history().size();
  check_bucket();
  check_waits();
  // What a row says can only become wrong when it or the bucket changes.
  const bool rows_changed =
      std::exchange(rows_as_of_, world_.disk.writes()) != world_.disk.writes();
  if (rows_changed || bucket_changed) check_rows();
}

// --- the bucket ---------------------------------------------------------------------------------

void Oracle::check_bucket() {
  const auto& history = world_.bucket.history();
  for (; seen_ < history.size(); ++seen_) {
    const auto& object = history[seen_];
    if (is_control(object.key)) continue;
    if (object.body && !object.attempt.empty()) {
      // A copy has what lay in its source's place: what is stored must not rest on it.
      const bool whole = object.copied || whole_contents_.contains(object.sha256);
      if (!whole) complain_("P2: torn: " + object.key);
      check_replacement(object, seen_);
    }
    now_[object.key] = {seen_, object.body ? object.attempt : "nothing"};
  }
}

// P7: what may ours have replaced?
void Oracle::check_replacement(const fakes::FakeStore::Object& ours, std::size_t) {
  const auto before = now_.find(ours.key);
  if (before == now_.end() || before->second.second == "nothing") return;
  const auto& [index, attempt] = before->second;
  const auto request = world_.witness.sent().find(ours.attempt);
  if (request == world_.witness.sent().end()) return;  // of an upload whose Create nobody heard of
  const auto& sent = request->second;
  if (attempt.empty()) {
    // Somebody else's: where no condition is enforced, only if it came after our look.
    const auto& how = world_.bucket.behaviour;
    const auto if_absent = ours.copied      ? how.if_absent_on_copy
                           : ours.multipart ? how.if_absent_on_complete
                                            : how.if_absent_on_put;
    const bool guarded = if_absent == fakes::StoreBehaviour::OnCondition::Enforces &&
                         (!ours.copied || how.if_absent_on_put == if_absent) &&
                         how.if_match == fakes::StoreBehaviour::OnCondition::Enforces;
    // If-Match is blind to equal content: somebody put back the very bytes that were ours.
    const auto& history = world_.bucket.history();
    for (std::size_t i = 0; i < index; ++i) {
      if (history[i].key == ours.key && !history[i].attempt.empty() &&
          history[i].sha256 == history[index].sha256) {
        return;
      }
    }
    const bool unseen = sent.looked >= 0 && static_cast<std::int64_t>(index) >= sent.looked;
    if (guarded || !unseen) complain_("P7: an object that is not ours was replaced: " + ours.key);
    return;
  }
  const auto sole = sole_since_.find(attempt);
  if (sole != sole_since_.end() && sent.first_sent > sole->second &&
      world_.bucket.history()[index].version.empty()) {
    complain_("P7: the only copy was replaced: " + ours.key + story_of(attempt) +
              story_of(ours.attempt));
  }
}

// --- the catalog --------------------------------------------------------------------------------

catalog::Reader* Oracle::reader() {
  if (!reader_) {
    auto opened = catalog::Reader::open(world_.state_dir());
    if (opened) reader_ = std::move(*opened);
  }
  return reader_.get();
}

std::optional<FileRow> Oracle::row(const std::string& path) {
  if (reader() == nullptr) return std::nullopt;
  auto found = reader()->find_live(FolderId{1}, path);
  return found ? *found : std::nullopt;
}

std::optional<catalog::ObjectRow> Oracle::object_of(const FileRow& file) {
  if (!file.object || reader() == nullptr) return std::nullopt;
  auto found = reader()->object(*file.object);
  return found ? *found : std::nullopt;
}

void Oracle::check_rows() {
  for (const char* path : paths) {
    const auto file = row(path);
    if (!file) continue;
    const auto object = object_of(*file);
    note_name(*file, object);
    if (object && file->state == FileState::Gone && object->owned) {
      sole_since_.try_emplace(object->attempt, world_.bucket.history().size());
    }
    // A row that was Gone goes on only with its very bytes, found again: under the name that its
    // object has they are at its path, and what is written there is its next generation.
    const bool under_its_name = object && stored_as_.contains(object->attempt) &&
                                stored_as_.at(object->attempt) == file->path;
    if (under_its_name && file->state != FileState::Gone) sole_since_.erase(object->attempt);
    if (file->state != FileState::Stored) continue;
    // P3: what a row calls stored has been there, with those bytes.
    if (!object) {
      complain_(std::string("P3: stored without an object: ") + path);
      continue;
    }
    sole_since_.erase(object->attempt);
    stored_as_[object->attempt] = file->path;
    bool was_there = false;
    for (const auto& version : world_.bucket.history()) {
      was_there = was_there ||
                  (version.key == object->key && version.body && version.sha256 == object->sha256 &&
                   (!object->owned || (version.attempt == object->attempt &&
                                       said_by(version.metadata) == object->metadata)));
    }
    if (!was_there) complain_(std::string("P3: called stored, and its object never was: ") + path);
    // Nor may anything else of ours come over it (rule 2), but for a copy: that is found later.
    if (const auto there = now_.find(object->key); there != now_.end()) {
      const auto& now = world_.bucket.history()[there->second.first];
      const bool ours = now.body && !now.attempt.empty() && !now.copied;
      if (ours && now.sha256 != object->sha256) {
        complain_(std::string("P3: called stored, and its key shows other bytes of ours: ") + path);
      }
    }
    if (file->sha256 && file->sha256 != object->sha256) {
      complain_(std::string("P3: row and object are of two contents: ") + path);
    }
    if (object->owned) check_sidecar(path, *object);
    // An incarnation keeps its key (rule 6), unless what lies there may not be replaced.
    const auto [known, first] = key_of_.try_emplace(file->id, object->key);
    if (!first && known->second != object->key) {
      const auto at_old = now_.find(known->second);
      const bool ours_and_plain = at_old != now_.end() && !at_old->second.second.empty() &&
                                  at_old->second.second != "nothing" &&
                                  !sole_since_.contains(at_old->second.second);
      if (ours_and_plain && object->key.find('~') == std::string::npos &&
          object->key.size() == known->second.size()) {
        complain_("rule 6: the key was evaluated again: " + known->second + ", " + object->key);
      }
      known->second = object->key;
    }
  }
}

// Under another name it is another incarnation; what is stored of it under the former one is the
// only object with its bytes, until there is a new one.
void Oracle::note_name(const FileRow& file, const std::optional<catalog::ObjectRow>& object) {
  const auto [known, first] = name_of_.try_emplace(file.id, file.path);
  if (first || known->second == file.path) return;
  known->second = file.path;
  key_of_.erase(file.id);
  if (object && object->owned && file.state != FileState::Stored) {
    sole_since_.try_emplace(object->attempt, world_.bucket.history().size());
  }
}

// A row goes on under another name only if one file has had both.
void Oracle::check_renames() {
  const auto told =
      ids("SELECT e.reason || ' ' || coalesce((SELECT n.reason FROM events n WHERE n.event = 18 AND"
          " n.file_id = e.file_id AND n.seq > e.seq ORDER BY n.seq LIMIT 1), CAST(f.path AS TEXT))"
          " FROM events e JOIN files f ON f.id = e.file_id WHERE e.event = 18");
  for (const std::string& rename : told) {
    const std::string from = rename.substr(0, rename.find(' '));
    const std::string to = rename.substr(from.size() + 1);
    const bool true_of_one = std::ranges::any_of(
        names_, [&](const auto& names) { return names.contains(from) && names.contains(to); });
    if (!true_of_one) complain_("no file was renamed from " + from + " to " + to);
  }
}

std::size_t Oracle::copies() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      world_.bucket.history(), [](const auto& object) { return object.copied; }));
}

std::size_t Oracle::renames() {
  return ids("SELECT seq FROM events WHERE event = 18").size();
}

void Oracle::check_waits() {
  for (std::size_t i = 0; i < waits_.size();) {
    if (!waits_[i].ticket->wait(Nanoseconds::zero()).done()) {
      ++i;
      continue;
    }
    // What was blocked then may have moved on since.
    const auto blocked = waits_[i].ticket->wait(Nanoseconds::zero()).blocked;
    for (const auto& [path, content] : waits_[i].files) {
      if (touched_[path] > waits_[i].began) continue;
      const auto file = row(path);
      if (!file) {
        complain_("P3: `wait` returned, and there is no row: " + path);
      } else if (file->state == FileState::Stored) {
        promised_[path] = {sha256(as_bytes(content)), touches_};
        const auto object = object_of(*file);
        if (!object || object->sha256 != sha256(as_bytes(content))) {
          complain_("P3: `wait` returned, and another content is stored: " + path);
        } else if (object->owned && object->metadata != said_of(path)) {
          complain_("P3: `wait` returned, and something else is said of " + path);
        }
      } else if (file->state != FileState::Blocked && blocked == 0) {
        complain_("P3: `wait` returned, and it is " + std::string(to_string(file->state)) + ": " +
                  path);
      }
    }
    waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::set<std::string> Oracle::ids(const char* sql) {
  std::set<std::string> found;
  auto connection =
      catalog::Connection::open(world_.catalog_path(), catalog::Connection::Mode::ReadOnly);
  if (!connection) return found;
  auto statement = connection->prepare(sql);
  if (!statement) return found;
  auto rows = statement->query({});
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    found.insert(rows->string(0));
  }
  return found;
}

void Oracle::after_death() {
  reader_.reset();
  rows_as_of_.reset();
  waits_.clear();
  // Rule 1: whatever S3 heard of was durable before.
  const auto known = ids("SELECT lower(hex(attempt)) FROM events WHERE attempt IS NOT NULL");
  for (const std::string& attempt : world_.witness.intended()) {
    if (!known.contains(attempt)) complain_("rule 1: sent before it was durable: " + attempt);
  }
  for (const auto& [path, promise] : promised_) {
    if (touched_[path] > promise.at) continue;
    const auto file = row(path);
    const auto object = file ? object_of(*file) : std::nullopt;
    if (!object || file->state != FileState::Stored || object->sha256 != promise.sha256) {
      complain_("P3: what `wait` had called stored is forgotten: " + path);
    }
  }
  reader_.reset();
}

void Oracle::when_healed() {
  reader_.reset();
  for (const char* path : paths) check_converged(path);
  check_renames();
  for (const std::string& key : ids("SELECT CAST(key AS TEXT) FROM objects WHERE live = 1 AND"
                                    " proof_due IS NOT NULL")) {
    complain_("P3: nobody has looked whether it is still there: " + key);
  }
  // P6: no effect of ours is unknown.
  const auto known = ids("SELECT lower(hex(attempt)) FROM objects WHERE attempt IS NOT NULL");
  for (const auto& [key, there] : now_) {
    const auto& [index, attempt] = there;
    if (attempt.empty() || attempt == "nothing" || known.contains(attempt)) continue;
    complain_("P6: an object of ours that the catalog does not know: " + key + story_of(attempt));
  }
  for (const auto& upload : world_.bucket.uploads_under_way()) {
    if (world_.witness.is_foreign_upload(upload.upload_id)) continue;
    complain_("P6: an upload of ours was left: " + upload.key);
  }
}

// What the catalog tells of the attempt's file, for people.
std::string Oracle::story_of(const std::string& attempt) {
  const std::string sql =
      "SELECT printf('%06d generation %d %s %s %s', e.seq, e.gen, n.name, coalesce(e.reason, ''),"
      " coalesce(lower(hex(e.attempt)), '')) FROM events e JOIN event_names n USING (event)"
      " WHERE e.file_id IN (SELECT file_id FROM events WHERE lower(hex(attempt)) = '" +
      attempt + "')";
  std::string story = ", attempt " + attempt;
  for (const std::string& event : ids(sql.c_str())) story += "\n    " + event;
  for (const std::string& open :
       ids("SELECT lower(hex(id)) || ' in state ' || state FROM attempts")) {
    story += "\n    open: " + open;
  }
  return story;
}

// P1: all that lies on disk is stored as it is; what is not there is not said to be.
void Oracle::check_converged(const std::string& path) {
  const auto file = row(path);
  const auto content = disk_.find(path);
  if (content == disk_.end()) {
    const bool told_lost =
        file && file->state == FileState::Blocked && file->reason == catalog::lost_reason;
    if (file && file->state != FileState::Gone && !told_lost) {
      complain_("P1: it is gone, and its row says no");
    }
    if (told_lost) check_lost(*file);
    return;
  }
  const auto said = said_of(path);
  if (!said) {
    // Nothing of what is said is on an object of somebody else's making.
    const auto stored = file ? object_of(*file) : std::nullopt;
    if (file && file->state == FileState::Stored && stored && !stored->owned) return;
    const bool told = file && file->state == FileState::Blocked &&
                      file->reason.starts_with("its sidecar ") && world_.has_reason("file-blocked");
    if (!told) {
      complain_("P8: its sidecar cannot be used, and nobody is told: " + path + " " +
                (file ? std::string(to_string(file->state)) + " " + file->reason : "no row"));
    }
    return;
  }
  if (!file || file->state != FileState::Stored) {
    return complain_("P1: not stored: " + path + " " +
                     (file ? std::string(to_string(file->state)) + " " + file->reason : "no row"));
  }
  const auto object = object_of(*file);
  if (!object) return complain_("P1: no object: " + path);
  const Sha256 expected = sha256(as_bytes(content->second));
  if (object->sha256 != expected) return complain_("P1: another content is stored: " + path);
  if (object->owned && object->metadata != *said) {
    return complain_("P1: said of " + path + " is " + *said + ", stored " + object->metadata);
  }
  const auto there = now_.find(object->key);
  if (there == now_.end()) return complain_("P3: nothing was ever at " + object->key);
  // What others did to it since, nobody has promised to notice.
  const auto& version = world_.bucket.history()[there->second.first];
  if (version.attempt.empty()) return;
  if (version.sha256 != expected)
    complain_("P3: the key shows another content: " + object->key + story_of(version.attempt));
  if (object->owned && said_by(version.metadata) != *said) {
    complain_("P3: the key shows other metadata: " + object->key + story_of(version.attempt));
  }
}

// P8: what is told as lost lies at no key where the catalog knows it to be.
void Oracle::check_lost(const catalog::FileRow& file) {
  const std::string keys =
      "SELECT CAST(key AS TEXT) FROM objects WHERE live = 1 AND owned = 1 AND file_id = " +
      std::to_string(value_of(file.id));
  for (const std::string& key : ids(keys.c_str())) {
    const auto* there = world_.bucket.find(key);
    if (there != nullptr && file.sha256 && there->sha256 == *file.sha256) {
      complain_("P8: told as lost, and it is there: " + printable(file.path) + " at " + key);
    }
  }
}

// Nothing goes along that no sidecar of this name has ever said as a whole.
void Oracle::check_sidecar(const std::string& path, const catalog::ObjectRow& object) {
  const auto said = agent::metadata_pairs(object.metadata);
  if (!said) return;
  for (const auto& [name, value] : *said) {
    if (name == Sidecars::beside && !sidecars_.ever_said(path, value)) {
      complain_("P3: no sidecar of " + path + " has ever said " + value);
    }
  }
}

// P8: what waits for its sidecar is told. (Not so a change that left the same times, for which the
// file is read again: that look waits for the sidecar too.)
void Oracle::when_sidecars_linger() {
  for (const auto& [path, content] : disk_) {
    if (!sidecars_.written(path)) continue;
    const auto file = row(path);
    const auto object = file ? object_of(*file) : std::nullopt;
    const bool stored = file && file->state == FileState::Stored && object &&
                        object->sha256 == sha256(as_bytes(content));
    const bool blocked = file && file->state == FileState::Blocked;
    const bool doubted = file && file->state == FileState::Stored && file->racy;
    if (!stored && !blocked && !doubted && !world_.has_reason("file-stuck")) {
      complain_("P8: it waits for its sidecar, and nobody is told: " + path + " " +
                (file ? std::string(to_string(file->state)) + " " + file->reason : "no row"));
    }
  }
}

std::optional<std::string> Oracle::said_of(const std::string& path) {
  const auto file = world_.files.open_file(World::folder, path);
  if (!file) return "nothing, since it cannot be opened";
  const auto by_attributes = (*file)->extended_attributes("user.waybill.", 1000);
  if (!by_attributes) return "too much";
  auto said = sidecars_.said(path);
  if (!said) return std::nullopt;
  said->insert(by_attributes->begin(), by_attributes->end());
  return agent::metadata_text({said->begin(), said->end()});
}

}  // namespace waybill::model
