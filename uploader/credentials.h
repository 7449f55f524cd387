#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace waybill::uploader {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // empty: none
};

// Thread-safe. Errors: NeedsPerson (none found, unreadable: the sentence says where it looked).
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  virtual Result<Credentials> get() = 0;
};

struct CredentialsOptions {
  std::string access_key_id;  // from the configuration; empty: look elsewhere
  Secret secret_access_key;
  Secret session_token;
  std::string credentials_file;  // AWS's INI format; re-read when it changes
  std::string profile = "default";
  std::string
      systemd_directory;  // $CREDENTIALS_DIRECTORY: files aws-access-key-id, aws-secret-access-key
};

// In the order of S3.md section 6: configuration, systemd credential, environment, credentials
// file.
std::shared_ptr<CredentialsSource> make_credentials(CredentialsOptions options);

}  // namespace waybill::uploader
