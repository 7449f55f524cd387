#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/status.h"

// What a severity means for the outside. The only place that maps it: exit code, metric and the one
// line of STATUS= all come from here (P8).
namespace waybill::agent {

enum class ExitCode : int {
  Fine = 0,
  Failed = 1,
  Usage = 2,
  Degraded = 3,  // or some files failed
  Unreachable = 4,
  BadConfiguration = 5,
};

ExitCode exit_code(Severity severity);
// Of the worst reason.
ExitCode exit_code(const std::vector<Reason>& reasons);

std::string_view to_string(Severity severity);  // "notice", "degraded", "blocked"
std::optional<Severity> severity_from(std::string_view name);

// One line for a person in a hurry: the worst reason, or that all is well.
std::string headline(const Status& status);

}  // namespace waybill::agent
