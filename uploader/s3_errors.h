#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "uploader/http.h"
#include "uploader/s3_documents.h"
#include "uploader/s3_requests.h"

// From what S3 or the network did to what the caller does about it: the table above ObjectStore.
// Pure. No sentence holds a secret.
namespace waybill::uploader {

// The first status that is no success.
inline constexpr int first_redirect = 300;

// Who an error speaks of.
struct S3Place {
  std::string endpoint;  // host and port
  std::string bucket;
  std::string region;
  std::string ca_file;
};

// A reply that is no success: a status from 300 on, or a 200 whose body is an <Error>.
Error refusal_error(const S3Place& place, Operation operation, const HttpReply& reply,
                    const S3ErrorDocument& document);
Error failure_error(const S3Place& place, Operation operation, const HttpFailure& failure);
// A success that does not say what S3 says then: a proxy's page, a document that breaks off.
Error unreadable_error(const S3Place& place, Operation operation, const HttpReply& reply,
                       std::string_view what);

}  // namespace waybill::uploader
