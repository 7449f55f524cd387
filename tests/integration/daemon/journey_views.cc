#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/bytes.h"
#include "tests/integration/daemon/journey.h"

// What `waybill … --json` says, read as any script would: by the names that are promised.
namespace waybill::test {
namespace {

using Json = nlohmann::json;

Json parse(const Answer& answer) {
  const Json json = Json::parse(answer.output, nullptr, false);
  if (json.is_discarded()) {
    throw std::runtime_error("no JSON: " + answer.output + answer.error);
  }
  return json;
}

// Bytes that are no plain text stand in NAME_base64.
std::string bytes_of(const Json& json, const std::string& name) {
  if (!json.contains(name + "_base64")) return json.at(name);
  return std::string(as_text(*from_base64(json.at(name + "_base64").get<std::string>())));
}

}  // namespace

Shown Journey::show(const std::string& path) {
  const Answer answer = waybill({"show", "--json", "--", local(path)});
  Shown shown{.code = answer.code};
  if (answer.output.empty()) {
    shown.reason = answer.error;
    return shown;
  }
  const Json json = parse(answer);
  if (!json.contains("file")) {
    shown.reason = answer.output;
    return shown;
  }
  if (const Json& file = json.at("file"); !file.is_null()) {
    shown.known = true;
    shown.state = file.at("state");
    shown.reason = file.at("reason");
    shown.generation = file.at("generation");
    shown.size = file.at("size");
    if (!file.at("sha256").is_null()) shown.sha256 = file.at("sha256");
  }
  shown.renamed = !json.at("renamed").is_null();
  if (const Json& object = json.at("object"); !object.is_null()) {
    shown.key = bytes_of(object, "key");
    shown.etag = object.at("etag");
    shown.version = object.at("version");
    shown.object_sha256 = object.at("sha256");
    shown.object_size = object.at("size");
    shown.proof = object.at("proof_level");
  }
  return shown;
}

StatusSeen Journey::status() {
  const Answer answer = waybill({"status", "--json"});
  const Json json = parse(answer);
  StatusSeen seen{.code = answer.code};
  for (const Json& entry : json.at("folders")) {
    seen.folders[entry.at("name")] = {.watched = entry.at("watched"),
                                      .pending = entry.at("pending"),
                                      .uploading = entry.at("uploading"),
                                      .stored = entry.at("stored"),
                                      .blocked = entry.at("blocked")};
  }
  for (const Json& reason : json.at("reasons")) {
    seen.reasons.push_back({.code = reason.at("code"), .sentence = reason.at("sentence")});
  }
  if (!json.at("stores").empty()) {
    seen.store_state = json.at("stores").front().at("state");
    seen.guarded = json.at("stores").front().at("guarded");
  }
  return seen;
}

const StatusSeen::Reason* StatusSeen::reason(std::string_view wanted) const {
  const auto found = std::find_if(reasons.begin(), reasons.end(),
                                  [wanted](const Reason& reason) { return reason.code == wanted; });
  return found == reasons.end() ? nullptr : &*found;
}

}  // namespace waybill::test
