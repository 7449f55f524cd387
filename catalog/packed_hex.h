#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace waybill::catalog {

// What is 32 hex digits to everybody (an attempt id, an MD5) and 16 bytes in the database.
using Packed = std::array<char, 16>;
std::optional<Packed> packed_hex(std::string_view digits);  // nullopt: not 32 lower-case ones
std::string unpacked_hex(std::string_view bytes);           // "" for ""

}  // namespace waybill::catalog
