#include "uploader/credentials_file.h"

#include <algorithm>
#include <array>

namespace waybill::uploader {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr const char* blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string_view section_name(std::string_view line) {
  constexpr std::string_view prefix = "profile ";
  line = line.substr(0, line.find(']'));
  std::string_view name = trimmed(line.substr(1));
  if (name.starts_with(prefix)) name = trimmed(name.substr(prefix.size()));
  return name;
}

// Ways to credentials that need requests of their own.
bool is_indirect(std::string_view name) {
  constexpr std::array<std::string_view, 5> names{"role_arn", "credential_process", "sso_session",
                                                  "sso_start_url", "web_identity_token_file"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<Credentials> parse_credentials_file(std::string_view text, std::string_view profile) {
  Credentials credentials;
  std::string indirect;
  bool inside = false;
  bool seen = false;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = section_name(line) == profile;
      seen = seen || inside;
      continue;
    }
    const auto equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    const std::string_view name = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (name == "aws_access_key_id") credentials.access_key_id = value;
    if (name == "aws_secret_access_key") credentials.secret_access_key = Secret(value);
    if (name == "aws_session_token") credentials.session_token = Secret(value);
    if (is_indirect(name)) indirect = name;
  }
  const std::string shown = "profile \"" + std::string(profile) + "\"";
  if (!seen) return fail(ErrorCode::NeedsPerson, "has no " + shown);
  if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty()) {
    return credentials;
  }
  if (!indirect.empty()) {
    return fail(ErrorCode::NeedsPerson, "has in its " + shown + " only " + indirect +
                                            ", which is not supported: it needs "
                                            "aws_access_key_id and aws_secret_access_key");
  }
  return fail(ErrorCode::NeedsPerson,
              "lacks aws_access_key_id or aws_secret_access_key in its " + shown);
}

}  // namespace waybill::uploader
