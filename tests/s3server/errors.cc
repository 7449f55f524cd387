#include "tests/s3server/errors.h"

namespace waybill::s3server {
namespace {

struct Known {
  std::string_view code;
  int status;
  std::string_view message;
};

constexpr Known kKnown[] = {
    {"AccessDenied", 403, "Access Denied"},
    {"AuthorizationHeaderMalformed", 400, "The authorization header is malformed."},
    {"BadDigest", 400,
     "The Content-MD5 or checksum value you specified did not match what we received."},
    {"BucketAlreadyOwnedByYou", 409, "The bucket exists already, and you own it."},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty."},
    {"ConditionalRequestConflict", 409, "A conflicting conditional operation is under way."},
    {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size."},
    {"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size."},
    {"ExpiredToken", 400, "The provided token has expired."},
    {"IncompleteBody", 400, "The body ended before Content-Length said so."},
    {"InternalError", 500, "We encountered an internal error. Please try again."},
    {"InvalidAccessKeyId", 403, "The access key id you provided does not exist in our records."},
    {"InvalidArgument", 400, "Invalid argument."},
    {"InvalidBucketName", 400, "The specified bucket is not valid."},
    {"InvalidDigest", 400, "The Content-MD5 you specified is not valid."},
    {"InvalidPart", 400, "One or more of the parts could not be found, or its ETag did not match."},
    {"InvalidPartOrder", 400, "The list of parts was not in ascending order."},
    {"InvalidRange", 416, "The requested range is not satisfiable."},
    {"InvalidRequest", 400, "Invalid request."},
    {"InvalidToken", 400, "The provided token is malformed or otherwise not valid."},
    {"InvalidURI", 400, "The URI cannot be parsed."},
    {"KeyTooLongError", 400, "Your key is too long."},
    {"MalformedXML", 400, "The XML you provided was not well-formed or did not validate."},
    {"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed size."},
    {"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    {"NoSuchBucket", 404, "The specified bucket does not exist."},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchUpload", 404, "The specified multipart upload does not exist."},
    {"NoSuchVersion", 404, "The specified version does not exist."},
    {"NotImplemented", 501,
     "A header or query you provided implies functionality that is not implemented."},
    {"PermanentRedirect", 301,
     "The bucket you are attempting to access must be addressed elsewhere."},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold."},
    {"RequestTimeout", 400, "Your socket connection was not read from or written to in time."},
    {"RequestTimeTooSkewed", 403,
     "The difference between the request time and the server's time is too large."},
    {"ServiceUnavailable", 503, "Service is unable to handle the request."},
    {"SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the one you provided."},
    {"SlowDown", 503, "Please reduce your request rate."},
    {"TooManyRequests", 429, "Please reduce your request rate."},
    {"XAmzContentSHA256Mismatch", 400,
     "The provided x-amz-content-sha256 header does not match what was computed."},
};

}  // namespace

S3Error s3_error(std::string_view code) {
  for (const Known& known : kKnown) {
    if (known.code == code) {
      return {
          .code = std::string(code), .status = known.status, .message = std::string(known.message)};
    }
  }
  return {.code = std::string(code), .status = 400, .message = std::string(code)};
}

S3Error s3_error(std::string_view code, std::string message) {
  S3Error error = s3_error(code);
  error.message = std::move(message);
  return error;
}

}  // namespace waybill::s3server
