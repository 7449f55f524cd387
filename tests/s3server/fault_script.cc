#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "tests/s3server/encoding.h"
#include "tests/s3server/fault.h"

// The format that README.md describes: name=value, blanks between, quotes around what has blanks.
namespace waybill::s3server {
namespace {

using Setter = std::function<bool(Fault&, const std::string&)>;

// nullopt: quotes that nobody closes.
std::optional<std::vector<std::string>> words(std::string_view line) {
  std::vector<std::string> out;
  std::string word;
  bool in_word = false;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '\\' && i + 1 < line.size()) {
      const char next = line[++i];
      word.push_back(next == 'n' ? '\n' : next == 'r' ? '\r' : next);
    } else if (c == '"') {
      quoted = !quoted;
      in_word = true;
    } else if (!quoted && c == '#') {
      break;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\r')) {
      if (in_word) out.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word.push_back(c);
      in_word = true;
    }
  }
  if (quoted) return std::nullopt;
  if (in_word) out.push_back(std::move(word));
  return out;
}

// 250ms, 30s; milliseconds where no unit is given.
std::optional<std::chrono::milliseconds> duration(std::string_view text) {
  std::uint64_t unit = 1;
  if (text.ends_with("ms")) {
    text.remove_suffix(2);
  } else if (text.ends_with("s")) {
    text.remove_suffix(1);
    unit = 1000;
  }
  const auto value = to_number(text);
  if (!value || *value > 1'000'000'000) return std::nullopt;
  return std::chrono::milliseconds(*value * unit);
}

Setter text(std::string Fault::*member) {
  return [member](Fault& fault, const std::string& value) {
    fault.*member = value;
    return true;
  };
}

template <typename Number>
Setter number(Number Fault::*member) {
  return [member](Fault& fault, const std::string& value) {
    const auto parsed = to_number(value);
    if (!parsed || *parsed > static_cast<std::uint64_t>(std::numeric_limits<Number>::max())) {
      return false;
    }
    fault.*member = static_cast<Number>(*parsed);
    return true;
  };
}

Setter flag(bool Fault::*member) {
  return [member](Fault& fault, const std::string& value) {
    fault.*member = value != "no";
    return value.empty() || value == "yes" || value == "no";
  };
}

Setter time(std::chrono::milliseconds Fault::*member) {
  return [member](Fault& fault, const std::string& value) {
    const auto parsed = duration(value);
    if (parsed) fault.*member = *parsed;
    return parsed.has_value();
  };
}

bool set_header(Fault& fault, const std::string& value) {
  const std::size_t colon = value.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  fault.headers.emplace_back(value.substr(0, colon),
                             std::string(trim(std::string_view(value).substr(colon + 1))));
  return true;
}

// after-commit; in-body:4096 names the bytes that still arrive.
bool set_cut(Fault& fault, const std::string& value) {
  static const std::map<std::string, Cut, std::less<>> kCuts = {
      {"before-body", Cut::BeforeBody},     {"in-body", Cut::InBody},
      {"before-commit", Cut::BeforeCommit}, {"after-commit", Cut::AfterCommit},
      {"in-reply", Cut::InReply},           {"after-reply", Cut::AfterReply}};
  const std::size_t colon = std::min(value.find(':'), value.size());
  const auto found = kCuts.find(std::string_view(value).substr(0, colon));
  if (found == kCuts.end()) return false;
  fault.cut = found->second;
  if (colon == value.size()) return true;
  const auto bytes = to_number(std::string_view(value).substr(colon + 1));
  fault.cut_after_bytes = bytes.value_or(0);
  return bytes && fault.cut == Cut::InBody;
}

bool set_late(Fault& fault, const std::string& value) {
  if (value == "on-demand") {
    fault.late_on_demand = true;
    return true;
  }
  fault.late_effect = duration(value);
  return fault.late_effect.has_value();
}

bool set_skew(Fault& fault, const std::string& value) {
  const bool negative = value.starts_with('-');
  const auto seconds = to_number(std::string_view(value).substr(negative ? 1 : 0));
  if (!seconds || *seconds > 1'000'000'000) return false;
  fault.clock_offset_seconds = static_cast<std::int64_t>(*seconds) * (negative ? -1 : 1);
  return true;
}

bool set_status(Fault& fault, const std::string& value) {
  const auto status = to_number(value);
  if (!status || *status < 200 || *status > 599) return false;
  fault.status = static_cast<int>(*status);
  return true;
}

bool set_percent(Fault& fault, const std::string& value) {
  const auto percent = to_number(value);
  if (!percent || *percent > 100) return false;
  fault.percent = static_cast<unsigned>(*percent);
  return true;
}

const std::map<std::string, Setter, std::less<>>& setters() {
  static const std::map<std::string, Setter, std::less<>> kSetters = {
      {"operation", text(&Fault::operation)},
      {"method", text(&Fault::method)},
      {"bucket", text(&Fault::bucket)},
      {"key", text(&Fault::key)},
      {"first", number(&Fault::first)},
      {"every", number(&Fault::every)},
      {"count", number(&Fault::count)},
      {"nth",
       [](Fault& fault, const std::string& value) {
         fault.count = 1;
         return number(&Fault::first)(fault, value);
       }},
      {"percent", set_percent},
      {"status", set_status},
      {"code", text(&Fault::code)},
      {"message", text(&Fault::message)},
      {"header", set_header},
      {"body",
       [](Fault& fault, const std::string& value) {
         fault.body = value;
         return true;
       }},
      {"after-effect", flag(&Fault::after_effect)},
      {"early", flag(&Fault::early)},
      {"cut", set_cut},
      {"reset", flag(&Fault::reset)},
      {"late", set_late},
      {"delay", time(&Fault::delay)},
      {"drip", time(&Fault::drip)},
      {"read-rate", number(&Fault::read_rate)},
      {"never-answer", flag(&Fault::never_answer)},
      {"no-continue", flag(&Fault::no_continue)},
      {"refuse-expect", flag(&Fault::refuse_expect)},
      {"skew", set_skew},
      {"wrong-checksum", flag(&Fault::wrong_checksum)},
      {"truncate-body",
       [](Fault& fault, const std::string& value) {
         fault.truncate_body = to_number(value);
         return fault.truncate_body.has_value();
       }},
  };
  return kSetters;
}

// Empty: the fault was read.
std::string read_fault(const std::vector<std::string>& fields, Fault& fault) {
  for (const std::string& field : fields) {
    const std::size_t equals = std::min(field.find('='), field.size());
    const std::string_view name = std::string_view(field).substr(0, equals);
    const auto setter = setters().find(name);
    if (setter == setters().end()) return "there is no '" + std::string(name) + "'";
    const std::string value = field.substr(std::min(equals + 1, field.size()));
    if (!setter->second(fault, value)) {
      return "'" + std::string(name) + "' cannot be '" + value + "'";
    }
  }
  return {};
}

}  // namespace

std::optional<std::vector<Fault>> parse_faults(const std::string& script, std::string& error) {
  std::vector<Fault> faults;
  std::size_t number_of_line = 0;
  for (std::size_t at = 0; at < script.size();) {
    const std::size_t end = std::min(script.find('\n', at), script.size());
    ++number_of_line;
    const auto fields = words(std::string_view(script).substr(at, end - at));
    at = end + 1;
    std::string wrong;
    Fault fault;
    if (!fields) {
      wrong = "a quote is not closed";
    } else if (fields->empty()) {
      continue;
    } else {
      wrong = read_fault(*fields, fault);
    }
    if (!wrong.empty()) {
      error = "line " + std::to_string(number_of_line) + ": " + wrong;
      return std::nullopt;
    }
    faults.push_back(std::move(fault));
  }
  return faults;
}

}  // namespace waybill::s3server
