#include "agent/answers_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "agent/health.h"
#include "agent/metadata_text.h"
#include "agent/times.h"
#include "base/bytes.h"

namespace waybill::agent {
namespace {

using Json = nlohmann::ordered_json;  // fields in the order of JSON.md

// --- how single values stand there ---------------------------------------------------------------

// Sentences may quote what a server sent: what is no UTF-8 becomes U+FFFD, never an exception.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void put_bytes(Json& into, const std::string& name, std::string_view bytes) {
  std::string text = printable(bytes);
  const bool plain = text == bytes;
  into[name] = std::move(text);
  if (!plain) into[name + "_base64"] = to_base64(as_bytes(bytes));
}

std::string take_bytes(const Json& from, const std::string& name) {
  const auto encoded = from.find(name + "_base64");
  if (encoded == from.end()) return from.at(name).get<std::string>();
  const auto bytes = from_base64(encoded->get<std::string>());
  if (!bytes) throw std::invalid_argument(name + "_base64 is no base64");
  return std::string(as_text(*bytes));
}

Json time_json(std::int64_t ns) {
  return ns == 0 ? Json(nullptr) : Json(iso_time(ns));
}

std::int64_t take_time(const Json& from, const char* name) {
  const Json& value = from.at(name);
  if (value.is_null()) return 0;
  const auto time = from_iso_time(value.get<std::string>());
  if (!time) throw std::invalid_argument(std::string(name) + " is no time");
  return *time;
}

// Of daemons before it there is none.
std::optional<std::int64_t> take_count(const Json& from, const char* name) {
  const auto value = from.find(name);
  if (value == from.end() || value->is_null()) return std::nullopt;
  return value->get<std::int64_t>();
}

Json sha256_json(const std::optional<Sha256>& sha256) {
  return sha256 ? Json(to_hex(*sha256)) : Json(nullptr);
}

std::optional<Sha256> take_sha256(const Json& from, const char* name) {
  const Json& value = from.at(name);
  if (value.is_null()) return std::nullopt;
  const auto bytes = from_hex(value.get<std::string>());
  if (!bytes || bytes->size() != Sha256{}.size()) {
    throw std::invalid_argument(std::string(name) + " is no SHA-256");
  }
  Sha256 sha256{};
  std::copy(bytes->begin(), bytes->end(), sha256.begin());
  return sha256;
}

template <typename T, typename Function>
Json array_of(const std::vector<T>& values, Function function) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(function(value));
  return array;
}

template <typename Function>
auto list_of(const Json& array, Function function) {
  std::vector<decltype(function(array))> values;
  for (const Json& value : array) values.push_back(function(value));
  return values;
}

// Runs `read` on the parsed text; whatever it meets becomes one Error.
template <typename Function>
auto parsed(std::string_view text, Function read)
    -> Result<decltype(read(std::declval<const Json&>()))> {
  try {
    return read(Json::parse(text));
  } catch (const std::exception& error) {
    return fail(ErrorCode::BadInput,
                std::string("the answer is not understood: ") + printable(error.what()));
  }
}

// --- status --------------------------------------------------------------------------------------

Json json_of(const Reason& reason) {
  Json json{{"code", reason.code},
            {"severity", to_string(reason.severity)},
            {"sentence", reason.sentence},
            {"help", reason.help},
            {"folder", reason.folder},
            {"files", reason.files},
            {"since", time_json(reason.since)}};
  put_bytes(json, "example", reason.example);
  return json;
}

Reason reason_from(const Json& json) {
  const auto severity = severity_from(json.at("severity").get<std::string>());
  if (!severity) throw std::invalid_argument("severity is none");
  return {.code = json.at("code"),
          .severity = *severity,
          .sentence = json.at("sentence"),
          .help = json.at("help"),
          .folder = json.at("folder"),
          .example = take_bytes(json, "example"),
          .files = json.at("files"),
          .since = take_time(json, "since")};
}

Json json_of(const FolderView& folder) {
  Json json{{"id", value_of(folder.id)}, {"name", folder.name}};
  put_bytes(json, "path", folder.path);
  json["watched"] = folder.watched;
  json["note"] = folder.note;
  json["pending"] = folder.pending;
  json["uploading"] = folder.uploading;
  json["stored"] = folder.stored;
  json["blocked"] = folder.blocked;
  json["retrying"] = folder.retrying;
  json["ignored"] = folder.ignored;
  json["stored_bytes"] = folder.stored_bytes;
  json["oldest_pending_since"] = time_json(folder.oldest_pending_since);
  json["last_stored_at"] = time_json(folder.last_stored_at);
  json["seen_until"] = time_json(folder.seen_until);
  return json;
}

FolderView folder_from(const Json& json) {
  return {.id = FolderId{json.at("id").get<std::int64_t>()},
          .name = json.at("name"),
          .path = take_bytes(json, "path"),
          .watched = json.at("watched"),
          .note = json.at("note"),
          .pending = json.at("pending"),
          .uploading = json.at("uploading"),
          .stored = json.at("stored"),
          .blocked = json.at("blocked"),
          .retrying = json.at("retrying"),
          .ignored = json.at("ignored"),
          .stored_bytes = json.at("stored_bytes"),
          .oldest_pending_since = take_time(json, "oldest_pending_since"),
          .last_stored_at = take_time(json, "last_stored_at"),
          .seen_until = take_time(json, "seen_until")};
}

Json json_of(const StoreView& store) {
  Json json{{"endpoint", store.endpoint}, {"bucket", store.bucket},   {"prefix", store.prefix},
            {"state", store.state},       {"guarded", store.guarded}, {"notes", store.notes}};
  json["unknown_uploads"] = store.unknown_uploads ? Json(*store.unknown_uploads) : Json();
  return json;
}

StoreView store_from(const Json& json) {
  return {.endpoint = json.at("endpoint"),
          .bucket = json.at("bucket"),
          .prefix = json.at("prefix"),
          .state = json.at("state"),
          .guarded = json.at("guarded"),
          .notes = json.at("notes").get<std::vector<std::string>>(),
          .unknown_uploads = take_count(json, "unknown_uploads")};
}

// As it stands in rows; an object here.
Json metadata_json(const std::string& text) {
  Json json = Json::object();
  for (auto& [name, value] : metadata_pairs(text).value_or(MetadataPairs{})) json[name] = value;
  return json;
}

// What answers before it existed is a daemon that sends none.
std::string take_metadata(const Json& from) {
  const auto metadata = from.find("metadata");
  if (metadata == from.end() || metadata->empty()) return {};
  MetadataPairs pairs;
  for (const auto& [name, value] : metadata->items()) pairs.emplace_back(name, value);
  return metadata_text(pairs);
}

// --- files ---------------------------------------------------------------------------------------

Json json_of(const RenamedAnswer& renamed) {
  Json json{{"at", time_json(renamed.at)}};
  put_bytes(json, "path", renamed.path);
  return json;
}

Json json_of(const FileAnswer& file) {
  Json json{{"id", file.id}, {"folder", file.folder}};
  put_bytes(json, "folder_path", file.folder_path);
  put_bytes(json, "path", file.path);
  json["state"] = catalog::to_string(file.state);
  json["generation"] = file.generation;
  json["size"] = file.size;
  json["modified_at"] = time_json(file.modified_at);
  json["arrived_at"] = time_json(file.arrived_at);
  json["sha256"] = sha256_json(file.sha256);
  json["tries"] = file.tries;
  json["reason"] = file.reason;
  put_bytes(json, "key", file.key);
  return json;
}

FileAnswer file_from(const Json& json) {
  const auto state = catalog::file_state_from(json.at("state").get<std::string>());
  if (!state) throw std::invalid_argument("state is none");
  return {.id = json.at("id"),
          .folder = json.at("folder"),
          .folder_path = take_bytes(json, "folder_path"),
          .path = take_bytes(json, "path"),
          .state = *state,
          .generation = json.at("generation"),
          .size = json.at("size"),
          .modified_at = take_time(json, "modified_at"),
          .arrived_at = take_time(json, "arrived_at"),
          .sha256 = take_sha256(json, "sha256"),
          .tries = json.at("tries"),
          .reason = json.at("reason"),
          .key = take_bytes(json, "key")};
}

Json json_of(const UnrecordedAnswer& answer) {
  Json json{{"folder", answer.folder}};
  put_bytes(json, "folder_path", answer.folder_path);
  put_bytes(json, "path", answer.file.path);
  json["state"] = answer.file.state;
  json["reason"] = answer.file.reason;
  json["size"] = answer.file.size;
  json["modified_at"] = time_json(answer.file.modified_at);
  json["due_in_ms"] = answer.file.due_in_ms;
  return json;
}

UnrecordedAnswer unrecorded_from(const Json& json) {
  return {.folder = json.at("folder"),
          .folder_path = take_bytes(json, "folder_path"),
          .file = {.path = take_bytes(json, "path"),
                   .state = json.at("state"),
                   .reason = json.at("reason"),
                   .size = json.at("size"),
                   .modified_at = take_time(json, "modified_at"),
                   .due_in_ms = json.at("due_in_ms")}};
}

Json json_of(const ObjectAnswer& object) {
  const catalog::ObjectRow& row = object.row;
  Json json{{"endpoint", object.endpoint}, {"bucket", object.bucket}};
  put_bytes(json, "key", row.key);
  json["version"] = row.version;
  json["etag"] = row.etag;
  json["size"] = row.size;
  json["sha256"] = to_hex(row.sha256);
  json["checksum"] = row.checksum;
  json["proof_level"] = static_cast<int>(row.proof);
  json["proof"] = row.proof_detail;
  json["proven_at"] = time_json(row.proven_at);
  json["proof_due"] = time_json(row.proof_due);
  json["owned"] = row.owned;
  json["sole"] = row.sole;
  json["generation"] = row.generation;
  json["attempt"] = row.attempt;
  json["metadata"] = metadata_json(row.metadata);
  return json;
}

ObjectAnswer object_from(const Json& json) {
  const int proof = json.at("proof_level");
  if (proof < 0 || proof > 3) throw std::invalid_argument("proof_level is none");
  return {.endpoint = json.at("endpoint"),
          .bucket = json.at("bucket"),
          .row = {.key = take_bytes(json, "key"),
                  .version = json.at("version"),
                  .etag = json.at("etag"),
                  .size = json.at("size"),
                  .sha256 = take_sha256(json, "sha256").value_or(Sha256{}),
                  .checksum = json.at("checksum"),
                  .proof = static_cast<catalog::ProofLevel>(proof),
                  .proof_detail = json.at("proof"),
                  .owned = json.at("owned"),
                  .sole = json.at("sole"),
                  .generation = json.at("generation"),
                  .attempt = json.at("attempt"),
                  .proven_at = take_time(json, "proven_at"),
                  .proof_due = json.contains("proof_due") ? take_time(json, "proof_due") : 0,
                  .metadata = take_metadata(json)}};
}

Json json_of(const catalog::AttemptRow& attempt) {
  Json json{{"id", attempt.id}, {"generation", attempt.generation}};
  put_bytes(json, "key", attempt.key);
  json["multipart"] = attempt.kind == catalog::AttemptKind::Multipart;
  json["upload_id"] = attempt.upload_id;
  json["sent_at"] = time_json(attempt.sent_at);
  json["metadata"] = metadata_json(attempt.metadata);
  return json;
}

catalog::AttemptRow attempt_from(const Json& json) {
  return {.id = json.at("id"),
          .generation = json.at("generation"),
          .key = take_bytes(json, "key"),
          .kind = json.at("multipart").get<bool>() ? catalog::AttemptKind::Multipart
                                                   : catalog::AttemptKind::Single,
          .sent_at = take_time(json, "sent_at"),
          .upload_id = json.at("upload_id"),
          .metadata = take_metadata(json)};
}

Json json_of(const catalog::EventRow& event) {
  return {{"seq", event.seq},
          {"at", time_json(event.at)},
          {"generation", event.generation},
          {"event", catalog::to_string(event.event)},
          {"reason", event.reason},
          {"attempt", event.attempt}};
}

catalog::EventRow event_from(const Json& json) {
  const auto event = catalog::file_event_from(json.at("event").get<std::string>());
  if (!event) throw std::invalid_argument("event is none");
  return {.seq = json.at("seq"),
          .at = take_time(json, "at"),
          .generation = json.at("generation"),
          .event = *event,
          .reason = json.at("reason"),
          .attempt = json.at("attempt")};
}

constexpr auto as_json = [](const auto& value) { return json_of(value); };

}  // namespace

std::string to_json(const Status& status, bool daemon) {
  return text_of({{"version", status.version},
                  {"daemon", daemon},
                  {"at", time_json(status.at)},
                  {"started_at", time_json(status.started_at)},
                  {"pid", status.pid},
                  {"agent", {{"name", status.agent_name}, {"id", status.agent_id}}},
                  {"config_files", array_of(status.config_files, printable)},
                  {"state_dir", printable(status.state_dir)},
                  {"catalog_bytes", status.catalog_bytes},
                  {"folders", array_of(status.folders, as_json)},
                  {"stores", array_of(status.stores, as_json)},
                  {"reasons", array_of(status.reasons, as_json)}});
}

Result<Status> status_from_json(std::string_view text) {
  return parsed(text, [](const Json& json) {
    return Status{.version = json.at("version"),
                  .agent_name = json.at("agent").at("name"),
                  .agent_id = json.at("agent").at("id"),
                  .pid = json.at("pid"),
                  .started_at = take_time(json, "started_at"),
                  .at = take_time(json, "at"),
                  .config_files = json.at("config_files").get<std::vector<std::string>>(),
                  .state_dir = json.at("state_dir"),
                  .catalog_bytes = json.at("catalog_bytes"),
                  .folders = list_of(json.at("folders"), folder_from),
                  .stores = list_of(json.at("stores"), store_from),
                  .reasons = list_of(json.at("reasons"), reason_from)};
  });
}

std::string to_json(const UnrecordedAnswer& answer) {
  return text_of(json_of(answer));
}
std::string to_json(const UnrecordedList& list) {
  return text_of({{"files", array_of(list.files, as_json)}, {"complete", list.complete}});
}
Result<UnrecordedList> unrecorded_list_from_json(std::string_view text) {
  return parsed(text, [](const Json& json) {
    return UnrecordedList{.files = list_of(json.at("files"), unrecorded_from),
                          .complete = json.at("complete")};
  });
}
std::string to_json(const FileAnswer& file) {
  return text_of(json_of(file));
}

std::string to_json(const FileList& list) {
  return text_of({{"files", array_of(list.files, as_json)},
                  {"next", list.next == 0 ? Json(nullptr) : Json(list.next)}});
}

Result<FileList> file_list_from_json(std::string_view text) {
  return parsed(text, [](const Json& json) {
    const Json& next = json.at("next");
    return FileList{.files = list_of(json.at("files"), file_from),
                    .next = next.is_null() ? 0 : next.get<std::int64_t>()};
  });
}

std::string to_json(const FileStory& story) {
  Json json{{"daemon", story.daemon}, {"folder", story.folder}};
  put_bytes(json, "folder_path", story.folder_path);
  put_bytes(json, "path", story.path);
  json["file"] = story.file ? json_of(*story.file) : Json(nullptr);
  json["object"] = story.object ? json_of(*story.object) : Json(nullptr);
  json["attempts"] = array_of(story.attempts, as_json);
  json["events"] = array_of(story.events, as_json);
  json["renamed"] = story.renamed ? json_of(*story.renamed) : Json(nullptr);
  json["now"] = {
      {"phase", story.now.phase},
      {"explanation", story.now.explanation},
      {"due_in_ms", story.now.due_in_ms < 0 ? Json(nullptr) : Json(story.now.due_in_ms)}};
  json["reasons"] = array_of(story.reasons, as_json);
  return text_of(json);
}

Result<FileStory> file_story_from_json(std::string_view text) {
  return parsed(text, [](const Json& json) {
    FileStory story{.folder = json.at("folder"),
                    .folder_path = take_bytes(json, "folder_path"),
                    .path = take_bytes(json, "path")};
    if (const Json& file = json.at("file"); !file.is_null()) story.file = file_from(file);
    if (const Json& object = json.at("object"); !object.is_null()) {
      story.object = object_from(object);
    }
    story.attempts = list_of(json.at("attempts"), attempt_from);
    story.events = list_of(json.at("events"), event_from);
    if (const auto renamed = json.find("renamed"); renamed != json.end() && !renamed->is_null()) {
      story.renamed =
          RenamedAnswer{.path = take_bytes(*renamed, "path"), .at = take_time(*renamed, "at")};
    }
    const Json& now = json.at("now");
    const Json& due = now.at("due_in_ms");
    story.now = {.phase = now.at("phase"),
                 .explanation = now.at("explanation"),
                 .due_in_ms = due.is_null() ? -1 : due.get<std::int64_t>()};
    story.daemon = json.at("daemon");
    story.reasons = list_of(json.at("reasons"), reason_from);
    return story;
  });
}

std::string to_json(const WaitAnswer& wait) {
  return text_of({{"id", wait.id},
                  {"started", wait.progress.started},
                  {"done", wait.progress.done()},
                  {"remaining", wait.progress.remaining},
                  {"stored", wait.progress.stored},
                  {"blocked", wait.progress.blocked}});
}

Result<WaitAnswer> wait_from_json(std::string_view text) {
  return parsed(text, [](const Json& json) {
    return WaitAnswer{.id = json.at("id"),
                      .progress = {.started = json.at("started"),
                                   .remaining = json.at("remaining"),
                                   .blocked = json.at("blocked"),
                                   .stored = json.at("stored")}};
  });
}

std::string to_json(const AcceptAnswer& accept) {
  return text_of({{"accepted", accept.accepted}});
}

Result<AcceptAnswer> accept_from_json(std::string_view text) {
  return parsed(text,
                [](const Json& json) { return AcceptAnswer{.accepted = json.at("accepted")}; });
}

std::string to_json(const RetryAnswer& retry) {
  return text_of({{"files", retry.files}});
}

Result<RetryAnswer> retry_from_json(std::string_view text) {
  return parsed(text, [](const Json& json) { return RetryAnswer{.files = json.at("files")}; });
}

std::string to_json(const Error& error) {
  return text_of({{"error", {{"code", to_string(error.code)}, {"sentence", error.describe()}}}});
}

std::string error_sentence_from_json(std::string_view text) {
  return parsed(text,
                [](const Json& json) { return json.at("error").at("sentence").get<std::string>(); })
      .value_or("");
}

std::string to_json(std::initializer_list<std::pair<std::string_view, std::string_view>> texts) {
  Json json = Json::object();
  for (const auto& [name, text] : texts) json[std::string(name)] = text;
  return text_of(json);
}

}  // namespace waybill::agent
