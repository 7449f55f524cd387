#include "agent/health.h"

#include <gtest/gtest.h>

#include "agent/metrics.h"

namespace waybill::agent {
namespace {

Reason reason(Severity severity) {
  return {.code = "c",
          .severity = severity,
          .sentence = std::string("because ") + std::string(to_string(severity))};
}

TEST(Health, TheWorstReasonDecidesTheExitCode) {
  EXPECT_EQ(exit_code(std::vector<Reason>{}), ExitCode::Fine);
  EXPECT_EQ(exit_code({reason(Severity::Notice)}), ExitCode::Fine);
  EXPECT_EQ(exit_code({reason(Severity::Notice), reason(Severity::Degraded)}), ExitCode::Degraded);
  EXPECT_EQ(exit_code({reason(Severity::Blocked), reason(Severity::Notice)}), ExitCode::Degraded);
}

TEST(Health, TheMetricSaysWhatTheExitCodeSays) {
  for (const Severity severity : {Severity::Notice, Severity::Degraded, Severity::Blocked}) {
    const Status status{.reasons = {reason(severity)}};
    const bool healthy = metrics_text(status).find("\nwaybill_healthy 1\n") != std::string::npos;
    EXPECT_EQ(healthy, exit_code(status.reasons) == ExitCode::Fine) << to_string(severity);
  }
}

TEST(Health, TheHeadlineIsTheFirstReasonThatMatters) {
  Status status{.reasons = {reason(Severity::Notice), reason(Severity::Degraded)}};
  EXPECT_EQ(headline(status), "because degraded");
  status.reasons = {reason(Severity::Notice)};
  EXPECT_EQ(headline(status), "no folder is configured");
  status.folders = {{.name = "a", .pending = 2, .uploading = 1, .stored = 40}};
  EXPECT_EQ(headline(status), "40 stored, 3 pending");
}

TEST(Health, SeveritiesReadBack) {
  for (const Severity severity : {Severity::Notice, Severity::Degraded, Severity::Blocked}) {
    EXPECT_EQ(severity_from(to_string(severity)), severity);
  }
  EXPECT_EQ(severity_from("fine"), std::nullopt);
}

}  // namespace
}  // namespace waybill::agent
