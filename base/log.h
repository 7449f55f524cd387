#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace waybill {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

// One `name=value` of a log line. Values are made printable: a file name cannot forge a line.
struct LogField {
  std::string_view name;
  std::string value;
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(text) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(text) {}
  template <typename Number>
  requires std::is_arithmetic_v<Number> LogField(std::string_view field, Number number)
      : name(field), value(std::to_string(number)) {}
};

// Where a process's log lines go. Thread-safe. Passed to whoever decides; who returns an error does
// not log it.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) = 0;

  void debug(std::string_view m, std::initializer_list<LogField> f = {}) {
    write(LogLevel::Debug, m, f);
  }
  void info(std::string_view m, std::initializer_list<LogField> f = {}) {
    write(LogLevel::Info, m, f);
  }
  void warning(std::string_view m, std::initializer_list<LogField> f = {}) {
    write(LogLevel::Warning, m, f);
  }
  void error(std::string_view m, std::initializer_list<LogField> f = {}) {
    write(LogLevel::Error, m, f);
  }
};

// Lines to stderr: with time and level for a terminal or a file; with the journal's <N> priority
// prefix instead where stderr is the journal (JOURNAL_STREAM, sd-daemon(3)).
class StderrLog final : public Log {
 public:
  explicit StderrLog(LogLevel least);
  ~StderrLog() override;
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) override;

 private:
  struct Sink;
  const bool journal_;
  const std::unique_ptr<Sink> sink_;
};

// Drops every line: for tests and for programs that speak by exit code alone.
class NullLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace waybill
