#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "uploader/credentials.h"

namespace waybill::uploader {

// One profile of a file in AWS's INI format: keys, or a way to them.
struct Profile {
  Credentials credentials;  // both keys or neither
  std::string role_arn;
  std::string source_profile;     // whose credentials assume the role
  std::string credential_source;  // or where they come from
  std::string web_identity_token_file;
  std::string role_session_name;
  std::string external_id;
  std::string credential_process;
  bool has_sso = false;

  // Keys, or a way that we can go.
  [[nodiscard]] bool leads_somewhere() const;
};

// `[default]`, also `[profile name]`. Pure. Errors: NeedsPerson, in words that follow "the
// credentials file … " and never hold a value of the file.
Result<Profile> find_profile(std::string_view text, std::string_view profile);

// What `first` does not say, `second` may: the two files of AWS's tools.
Profile merged(Profile first, Profile second);

// The sentence for a profile that leads nowhere.
Failure useless_profile(const Profile& found, std::string_view profile);

}  // namespace waybill::uploader
