#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "agent/config_document.h"
#include "base/result.h"

// Rules that take more than one key. Pure.
namespace waybill::agent {

// What is wrong and what would be right; nullopt: nothing. TLS is the rule: plain HTTP only to this
// machine, or where somebody wrote insecure_http = true.
std::optional<std::string> fault_of_endpoint(std::string_view endpoint, bool insecure_http);
std::optional<std::string> fault_of_socket(std::string_view path);  // sun_path has 108 bytes

// Folders with one name or path, inside one another, or around our own state.
Result<void> check_folders(const ConfigDocument& document, const Config& config);

bool is_inside(std::string_view path, std::string_view folder);  // or the folder itself

}  // namespace waybill::agent
