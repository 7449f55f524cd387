#include "agent/metadata_text.h"

#include <nlohmann/json.hpp>

namespace waybill::agent {

using Json = nlohmann::ordered_json;

std::string metadata_text(const MetadataPairs& metadata) {
  if (metadata.empty()) return {};
  Json json = Json::object();
  for (const auto& [name, value] : metadata) json[name] = value;
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::optional<MetadataPairs> metadata_pairs(std::string_view text) {
  MetadataPairs pairs;
  if (text.empty()) return pairs;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) return std::nullopt;
    pairs.emplace_back(name, value.get<std::string>());
  }
  return pairs;
}

}  // namespace waybill::agent
