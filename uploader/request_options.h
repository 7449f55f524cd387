#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "uploader/s3_requests.h"
#include "uploader/write_options.h"

namespace waybill::uploader {

// Adds to `headers` what `options` ask for in a request of this kind: how an object is to be kept
// where one is made, the customer's key wherever its bytes or its head are touched, and who pays
// and owns everywhere. Metadata of a name that `headers` have already is theirs. `now`: by the
// store's clock. Pure.
void add_options(const S3Request& request, const WriteOptions& options, WallTime now,
                 std::vector<HttpHeader>& headers);

// The customer's key of SSE-C from its file: 32 bytes, or their base64 on a line. Errors:
// NeedsPerson, without a byte of it.
Result<Secret> read_customer_key(const std::string& path);

}  // namespace waybill::uploader
