#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace waybill::catalog {

// An attempt id is 32 hex digits to everybody and 16 bytes in the database.
std::optional<std::string> packed_attempt(
    std::string_view id);                              // nullopt: not 32 lower-case digits
std::string unpacked_attempt(std::string_view bytes);  // "" for ""

}  // namespace waybill::catalog
