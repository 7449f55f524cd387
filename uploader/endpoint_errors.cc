#include "uploader/endpoint_errors.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace waybill::uploader {
namespace {

// AccessDenied is among them: permissions are given by bucket or prefix, and a prefix is a folder
// here, so what one key is denied the next one will be too.
constexpr std::array<std::string_view, 27> codes{
    "AccessDenied",
    "AccessDeniedException",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "ExpiredTokenException",
    "IllegalLocationConstraintException",
    "InsufficientStorage",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "MethodNotAllowed",
    "NoSuchBucket",
    "NotSignedUp",
    "PermanentRedirect",
    "QuotaExceeded",
    "Redirect",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TemporaryRedirect",
    "TokenRefreshRequired",
    "UnauthorizedAccess",
    "XMinioStorageFull",
};

}  // namespace

bool concerns_endpoint(const Error& error) {
  // No response at all: a certificate, a name that does not resolve.
  if (error.http_status == 0) return true;
  if (std::find(codes.begin(), codes.end(), error.s3_code) != codes.end()) return true;
  if (error.s3_code.starts_with("KMS.")) return true;
  return error.s3_code.empty() && (error.http_status == 301 || error.http_status == 307 ||
                                   error.http_status == 401 || error.http_status == 403);
}

bool is_not_implemented(const Error& error) {
  return error.http_status == 501 || error.s3_code == "NotImplemented";
}

}  // namespace waybill::uploader
