#include "agent/metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

namespace waybill::agent {
namespace {

Status sample() {
  return {
      .version = "1.0.0",
      .agent_name = "intake-1",
      .agent_id = "abc",
      .started_at = 1'700'000'000'250'000'000,
      .catalog_bytes = 4096,
      .folders = {{.name = "invoices",
                   .path = "/srv/invoices",
                   .pending = 12,
                   .uploading = 4,
                   .stored = 1204530,
                   .blocked = 1,
                   .stored_bytes = 99,
                   .last_stored_at = 1'700'000'001'000'000'000}},
      .stores =
          {{.endpoint = "https://s3.test",
            .bucket = "b",
            .prefix = "p/",
            .state = "ok",
            .guarded = true,
            .unknown_uploads = 2},
           {.endpoint = "https://s3.test", .bucket = "c", .prefix = "", .state = "unreachable"}},
      .reasons = {
          {.code = "file-blocked", .severity = Severity::Blocked, .folder = "invoices", .files = 2},
          {.code = "file-blocked",
           .severity = Severity::Blocked,
           .folder = "invoices",
           .files = 3}}};
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, CarryTheStatus) {
  const std::string text = metrics_text(sample());
  for (const char* line :
       {"waybill_info{version=\"1.0.0\",agent=\"intake-1\",agent_id=\"abc\"} 1",
        "waybill_start_timestamp_seconds 1700000000.250", "waybill_healthy 0",
        "waybill_catalog_bytes 4096",
        "waybill_folder_files{folder=\"invoices\",state=\"stored\"} 1204530",
        "waybill_folder_files{folder=\"invoices\",state=\"blocked\"} 1",
        "waybill_folder_last_stored_timestamp_seconds{folder=\"invoices\"} 1700000001.000",
        "waybill_store_up{endpoint=\"https://s3.test\",bucket=\"b\",prefix=\"p/\"} 1",
        "waybill_store_up{endpoint=\"https://s3.test\",bucket=\"c\",prefix=\"\"} 0",
        "waybill_store_unknown_uploads{endpoint=\"https://s3.test\",bucket=\"b\",prefix=\"p/\"} 2",
        "waybill_store_guarded{endpoint=\"https://s3.test\",bucket=\"b\",prefix=\"p/\"} 1"}) {
    EXPECT_TRUE(has_line(text, line)) << line << "\nin\n" << text;
  }
}

TEST(Metrics, ReasonsOfOneKindAreOneSample) {
  const std::string text = metrics_text(sample());
  EXPECT_TRUE(has_line(
      text, R"(waybill_reasons{code="file-blocked",severity="blocked",folder="invoices"} 2)"));
  EXPECT_TRUE(has_line(
      text, R"(waybill_reason_files{code="file-blocked",severity="blocked",folder="invoices"} 5)"));
}

TEST(Metrics, NoSeriesComesTwiceAndEachHasItsType) {
  std::istringstream lines(metrics_text(sample()));
  std::set<std::string> series;
  std::set<std::string> families;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
    EXPECT_TRUE(families.contains(line.substr(0, line.find_first_of("{ ")))) << line;
  }
  EXPECT_FALSE(series.empty());
}

TEST(Metrics, HostileNamesStayInsideTheirQuotes) {
  Status status;
  status.folders = {{.name = "a\"b\\c\nd\xff"}};
  EXPECT_NE(metrics_text(status).find(R"(folder="a\"b\\\\c\\x0ad\\xff")"), std::string::npos)
      << metrics_text(status);
}

}  // namespace
}  // namespace waybill::agent
