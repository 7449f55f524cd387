#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Times as machines exchange them. Nanoseconds since 1970, UTC. Pure.
namespace waybill::agent {

std::string iso_time(std::int64_t ns);  // "2026-07-01T09:14:03.114000000Z"
std::optional<std::int64_t> from_iso_time(std::string_view text);  // of that form alone

// The civil parts, for whoever writes another form.
struct CivilTime {
  int year = 1970;
  unsigned month = 1;
  unsigned day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int nanosecond = 0;
};
CivilTime civil_time(std::int64_t ns);

}  // namespace waybill::agent
