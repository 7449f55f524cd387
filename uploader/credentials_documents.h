#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/credentials.h"

// What the sources of temporary credentials answer (S3.md section 6). Pure. Errors: BadInput, in
// words that never hold a value of the document.
namespace waybill::uploader {

struct FetchedCredentials {
  Credentials credentials;
  std::optional<WallTime> expires;  // nullopt: not before somebody says so
};

// JSON of the instance metadata service and of the container endpoint.
Result<FetchedCredentials> parse_metadata_credentials(std::string_view json);
// JSON that a credential_process prints.
Result<FetchedCredentials> parse_process_credentials(std::string_view json);
// XML of AssumeRole and AssumeRoleWithWebIdentity.
Result<FetchedCredentials> parse_sts_credentials(std::string_view xml);

}  // namespace waybill::uploader
