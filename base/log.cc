#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/bytes.h"
#include "base/environment.h"

namespace waybill {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view journal_priority(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "<7>";
    case LogLevel::Info:
      return "<6>";
    case LogLevel::Warning:
      return "<4>";
    case LogLevel::Error:
      return "<3>";
  }
  return "<3>";
}

}  // namespace

struct StderrLog::Sink {
  std::shared_ptr<spdlog::logger> logger;
};

StderrLog::StderrLog(LogLevel least)
    : journal_(environment("JOURNAL_STREAM").has_value()),
      sink_(std::make_unique<Sink>(Sink{std::make_shared<spdlog::logger>(
          "waybill", std::make_shared<spdlog::sinks::stderr_sink_mt>())})) {
  sink_->logger->set_level(spdlog_level(least));
  sink_->logger->set_pattern(journal_ ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %-7l %v");
  sink_->logger->flush_on(spdlog::level::debug);
}

StderrLog::~StderrLog() = default;

void StderrLog::write(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  if (!sink_->logger->should_log(spdlog_level(level))) return;
  std::string line(journal_ ? journal_priority(level) : std::string_view());
  line += printable(message);
  for (const LogField& field : fields) {
    const bool quoted = field.value.empty() || field.value.find(' ') != std::string::npos;
    line.append(" ").append(field.name).append(quoted ? "=\"" : "=");
    line.append(printable(field.value));
    if (quoted) line += '"';
  }
  sink_->logger->log(spdlog_level(level), "{}", line);
}

}  // namespace waybill
