#include "uploader/credentials_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"

namespace waybill::uploader {
namespace {

std::string_view section_name(std::string_view line) {
  constexpr std::string_view prefix = "profile ";
  line = line.substr(0, line.find(']'));
  std::string_view name = trimmed(line.substr(1));
  if (name.starts_with(prefix)) name = trimmed(name.substr(prefix.size()));
  return name;
}

void take(Profile& profile, std::string_view name, std::string_view value) {
  using Field = std::pair<std::string_view, std::string Profile::*>;
  constexpr std::array<Field, 7> fields{
      Field{"role_arn", &Profile::role_arn},
      Field{"source_profile", &Profile::source_profile},
      Field{"credential_source", &Profile::credential_source},
      Field{"web_identity_token_file", &Profile::web_identity_token_file},
      Field{"role_session_name", &Profile::role_session_name},
      Field{"external_id", &Profile::external_id},
      Field{"credential_process", &Profile::credential_process}};
  if (name == "aws_access_key_id") profile.credentials.access_key_id = value;
  if (name == "aws_secret_access_key") profile.credentials.secret_access_key = Secret(value);
  if (name == "aws_session_token") profile.credentials.session_token = Secret(value);
  if (name == "sso_session" || name == "sso_start_url") profile.has_sso = true;
  for (const auto& [field, member] : fields) {
    if (name == field) profile.*member = value;
  }
}

std::string shown(std::string_view profile) {
  return "profile \"" + printable(profile) + "\"";
}

}  // namespace

bool Profile::leads_somewhere() const {
  const bool assumes =
      !role_arn.empty() &&
      (!source_profile.empty() || !credential_source.empty() || !web_identity_token_file.empty());
  return !credentials.access_key_id.empty() || assumes || !credential_process.empty();
}

Result<Profile> find_profile(std::string_view text, std::string_view profile) {
  Profile found;
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
    take(found, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
  if (!seen) return fail(ErrorCode::NeedsPerson, "has no " + shown(profile));
  if (found.credentials.access_key_id.empty() != found.credentials.secret_access_key.empty()) {
    return fail(ErrorCode::NeedsPerson,
                "lacks aws_access_key_id or aws_secret_access_key in its " + shown(profile));
  }
  return found;
}

Profile merged(Profile first, Profile second) {
  if (first.credentials.access_key_id.empty()) first.credentials = std::move(second.credentials);
  for (std::string Profile::*const member :
       {&Profile::role_arn, &Profile::source_profile, &Profile::credential_source,
        &Profile::web_identity_token_file, &Profile::role_session_name, &Profile::external_id,
        &Profile::credential_process}) {
    if ((first.*member).empty()) first.*member = std::move(second.*member);
  }
  first.has_sso = first.has_sso || second.has_sso;
  return first;
}

Failure useless_profile(const Profile& found, std::string_view profile) {
  if (found.has_sso) {
    return fail(ErrorCode::NeedsPerson,
                "has in its " + shown(profile) +
                    " only a login by browser (sso), which a daemon cannot make: use a role, a "
                    "credential_process or keys");
  }
  if (!found.role_arn.empty()) {
    return fail(ErrorCode::NeedsPerson,
                "has in its " + shown(profile) +
                    " a role_arn, but no source_profile, credential_source or "
                    "web_identity_token_file to assume it with");
  }
  return fail(ErrorCode::NeedsPerson,
              "lacks aws_access_key_id or aws_secret_access_key in its " + shown(profile));
}

}  // namespace waybill::uploader
