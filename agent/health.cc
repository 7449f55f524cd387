#include "agent/health.h"

#include <algorithm>

namespace waybill::agent {

ExitCode exit_code(Severity severity) {
  switch (severity) {
    case Severity::Notice:
      return ExitCode::Fine;
    case Severity::Degraded:
    case Severity::Blocked:
      return ExitCode::Degraded;
  }
  return ExitCode::Failed;
}

ExitCode exit_code(const std::vector<Reason>& reasons) {
  const auto worst =
      std::max_element(reasons.begin(), reasons.end(),
                       [](const Reason& a, const Reason& b) { return a.severity < b.severity; });
  return worst == reasons.end() ? ExitCode::Fine : exit_code(worst->severity);
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::Notice:
      return "notice";
    case Severity::Degraded:
      return "degraded";
    case Severity::Blocked:
      return "blocked";
  }
  return "blocked";
}

std::optional<Severity> severity_from(std::string_view name) {
  for (const Severity severity : {Severity::Notice, Severity::Degraded, Severity::Blocked}) {
    if (to_string(severity) == name) return severity;
  }
  return std::nullopt;
}

std::string headline(const Status& status) {
  for (const Reason& reason : status.reasons) {
    if (exit_code(reason.severity) != ExitCode::Fine) return reason.sentence;
  }
  if (status.folders.empty()) return "no folder is configured";
  std::int64_t stored = 0;
  std::int64_t pending = 0;
  for (const FolderView& folder : status.folders) {
    stored += folder.stored;
    pending += folder.pending + folder.uploading;
  }
  return std::to_string(stored) + " stored, " + std::to_string(pending) + " pending";
}

}  // namespace waybill::agent
