#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Metadata as rows keep it: a JSON object of strings, as people with a SQL prompt expect it. Empty
// text: there is none. Pure.
namespace waybill::agent {

using MetadataPairs = std::vector<std::pair<std::string, std::string>>;

// The names and values are ASCII, as they are sent.
std::string metadata_text(const MetadataPairs& metadata);
// nullopt: it is no such text.
std::optional<MetadataPairs> metadata_pairs(std::string_view text);

}  // namespace waybill::agent
