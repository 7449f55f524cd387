#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "tests/s3server/errors.h"
#include "tests/s3server/http.h"
#include "tests/s3server/options.h"

// AWS Signature Version 4, the verifying side, written from its specification alone. Pure.
namespace waybill::s3server {

struct Identity {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: none is expected
  std::string region;
};

struct Verified {
  // What x-amz-content-sha256 promised: lower-case hex, or UNSIGNED-PAYLOAD.
  std::string payload_hash;
};

// In the Authorization header or, presigned, in the query. `is_head_bucket`: S3 tells the region
// in a header there, its reply having no body.
Outcome<Verified> verify_signature(const Request& request, const Identity& identity,
                                   std::time_t now, bool wrong_region_redirects,
                                   bool is_head_bucket);

}  // namespace waybill::s3server
