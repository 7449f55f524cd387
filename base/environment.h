#pragma once

#include <optional>
#include <string>

namespace waybill {

// A variable of the process's environment; nullopt: it is not set. Any thread.
std::optional<std::string> environment(const char* name);

}  // namespace waybill
