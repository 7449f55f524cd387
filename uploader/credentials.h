#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace waybill::uploader {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // empty: none
};

// Thread-safe; never waits for the network. Errors: NeedsPerson (none found, unreadable: the
// sentence says where it looked), RetryLater (they are being fetched).
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  virtual Result<Credentials> get() = 0;
  // S3 does not accept these any more: temporary ones are fetched anew.
  virtual void refused(const Credentials& /*credentials*/) {}
};

struct CredentialsOptions {
  std::string access_key_id;  // from the configuration; empty: look elsewhere
  Secret secret_access_key;
  Secret session_token;
  std::string credentials_file;  // AWS's INI format; re-read when it changes
  std::string profile = "default";
  std::string
      systemd_directory;  // $CREDENTIALS_DIRECTORY: files aws-access-key-id, aws-secret-access-key
  std::string region = "us-east-1";  // of STS
  std::string instance_metadata;     // "http://169.254.169.254"; empty: not asked
};

// In the order of S3.md section 6: configuration, systemd credential, environment (keys, then a web
// identity), profile (keys, assumed role, web identity, credential_process), container endpoint,
// instance metadata. The clock outlives it.
std::shared_ptr<CredentialsSource> make_credentials(const CredentialsOptions& options,
                                                    const Clock& clock);

// Where the instance metadata service is to be asked: what the environment says, else its usual
// address if this machine is one of Amazon's; empty: nowhere.
std::string instance_metadata_of_this_machine();

}  // namespace waybill::uploader
