#include "uploader/s3_errors.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"

namespace waybill::uploader {
namespace {

// What stands behind a code of S3's, wherever it arrives: a refusal may come inside a 200.
struct Known {
  std::string_view code;
  int status;
  ErrorCode means;
};

constexpr std::array known_codes{
    Known{"SlowDown", 503, ErrorCode::Throttled},
    Known{"Throttling", 400, ErrorCode::Throttled},
    Known{"ThrottlingException", 400, ErrorCode::Throttled},
    Known{"ThrottledException", 400, ErrorCode::Throttled},
    Known{"RequestThrottled", 400, ErrorCode::Throttled},
    Known{"RequestThrottledException", 400, ErrorCode::Throttled},
    Known{"RequestLimitExceeded", 503, ErrorCode::Throttled},
    Known{"BandwidthLimitExceeded", 509, ErrorCode::Throttled},
    Known{"TooManyRequests", 429, ErrorCode::Throttled},
    Known{"TooManyRequestsException", 429, ErrorCode::Throttled},
    Known{"RequestTimeout", 400, ErrorCode::RetryLater},
    Known{"RequestTimeoutException", 400, ErrorCode::RetryLater},
    Known{"IncompleteBody", 400, ErrorCode::RetryLater},
    Known{"ServiceUnavailable", 503, ErrorCode::RetryLater},
    Known{"ConditionalRequestConflict", 409, ErrorCode::RetryLater},
    Known{"OperationAborted", 409, ErrorCode::RetryLater},
    Known{"TemporaryRedirect", 307, ErrorCode::RetryLater},
    Known{"PreconditionFailed", 412, ErrorCode::PreconditionFailed},
    Known{"BadDigest", 400, ErrorCode::Damaged},
    Known{"XAmzContentSHA256Mismatch", 400, ErrorCode::Damaged},
    Known{"XAmzContentChecksumMismatch", 400, ErrorCode::Damaged},
    Known{"NoSuchKey", 404, ErrorCode::NotFound},
    Known{"NoSuchVersion", 404, ErrorCode::NotFound},
    Known{"NoSuchUpload", 404, ErrorCode::NotFound},
    Known{"NoSuchBucket", 404, ErrorCode::NeedsPerson},
    Known{"AccessDenied", 403, ErrorCode::NeedsPerson},
    Known{"InvalidAccessKeyId", 403, ErrorCode::NeedsPerson},
    Known{"SignatureDoesNotMatch", 403, ErrorCode::NeedsPerson},
    Known{"RequestTimeTooSkewed", 403, ErrorCode::NeedsPerson},
    Known{"ExpiredToken", 400, ErrorCode::NeedsPerson},
    Known{"InvalidToken", 400, ErrorCode::NeedsPerson},
    Known{"InvalidPart", 400, ErrorCode::NeedsPerson},
    Known{"InvalidPartOrder", 400, ErrorCode::NeedsPerson},
    Known{"EntityTooSmall", 400, ErrorCode::NeedsPerson},
    Known{"EntityTooLarge", 400, ErrorCode::NeedsPerson},
    Known{"NotImplemented", 501, ErrorCode::NeedsPerson},
};

const Known* find_known(std::string_view code) {
  const auto* const found = std::find_if(known_codes.begin(), known_codes.end(),
                                         [code](const Known& known) { return known.code == code; });
  return found == known_codes.end() ? nullptr : found;
}

constexpr int first_server_error = 500;

// An effect is in doubt only where there can be one, and only once S3 had all it needed for it.
ErrorCode unless_in_doubt(Operation operation, bool request_sent) {
  return request_sent && !is_read(operation) ? ErrorCode::Ambiguous : ErrorCode::RetryLater;
}

ErrorCode code_for_status(int status, Operation operation, bool coded, bool request_sent) {
  switch (status) {
    case 307:
    case 408:
    case 425:
    case 503:
      return ErrorCode::RetryLater;
    case 429:
      return ErrorCode::Throttled;
    case 404: {
      // A reply without a body says it with authority only where S3's would have none either.
      const bool bodyless = operation == Operation::HeadObject ||
                            operation == Operation::DeleteObject ||
                            operation == Operation::AbortMultipartUpload;
      return bodyless && !coded ? ErrorCode::NotFound : ErrorCode::NeedsPerson;
    }
    case 409:
    case 417:
      return coded ? ErrorCode::NeedsPerson : ErrorCode::RetryLater;
    case 412:
      return ErrorCode::PreconditionFailed;
    case 499:
      return unless_in_doubt(operation, request_sent);
    case 501:
    case 505:
    case 507:
      return ErrorCode::NeedsPerson;
    default:
      return status >= first_server_error ? unless_in_doubt(operation, request_sent)
                                          : ErrorCode::NeedsPerson;
  }
}

// For a code of the 5xx kind that arrives inside a 200.
constexpr int status_of_unknown = 500;

std::string quoted(std::string_view text) {
  return "\"" + printable(text) + "\"";
}

std::string sentence_for_person(const S3Place& place, Operation operation,
                                const S3ErrorDocument& document, int status) {
  const std::string bucket = "the bucket " + quoted(place.bucket);
  const std::string& code = document.code;
  if (code == "NoSuchBucket") {
    return place.endpoint + " has no bucket " + quoted(place.bucket) +
           ": create it, or correct its name";
  }
  if (code == "InvalidAccessKeyId" || code == "InvalidClientTokenId") {
    return place.endpoint + " does not know the access key: check the credentials";
  }
  if (code == "SignatureDoesNotMatch") {
    return place.endpoint + " rejects the signature: check the secret access key";
  }
  if (code.starts_with("ExpiredToken") || code == "InvalidToken" ||
      code == "TokenRefreshRequired") {
    return place.endpoint +
           " rejects the session token as expired or invalid: renew the credentials";
  }
  if (status == 507 || code == "QuotaExceeded" || code == "XMinioStorageFull") {
    return place.endpoint + " has no room left for " + bucket;
  }
  if (code == "AccessDenied" || status == 403 || status == 401) {
    return place.endpoint + " does not allow these credentials to " +
           std::string(purpose(operation)) + " in " + bucket;
  }
  if (status >= first_redirect && status < 400) {
    return place.endpoint + " redirects requests for " + bucket +
           " elsewhere: check endpoint and region";
  }
  if (status == 501) {
    return place.endpoint + " does not know how to " + std::string(purpose(operation)) +
           " in the way that was asked for";
  }
  if (status == 404 && code.empty()) {
    return place.endpoint + " does not answer as S3 does: check endpoint and path_style";
  }
  constexpr std::size_t longest = 200;
  const std::string said = printable(document.message).substr(0, longest);
  return place.endpoint + " refuses to " + std::string(purpose(operation)) + " in " + bucket +
         (said.empty() ? "" : ": " + said);
}

std::string sentence(const S3Place& place, Operation operation, ErrorCode code,
                     const S3ErrorDocument& document, int status) {
  switch (code) {
    case ErrorCode::Throttled:
      return place.endpoint + " asks for fewer requests";
    case ErrorCode::RetryLater:
      return place.endpoint + " cannot " + std::string(purpose(operation)) + " just now";
    case ErrorCode::Ambiguous:
      return place.endpoint + " failed to " + std::string(purpose(operation)) +
             "; it may have happened all the same";
    case ErrorCode::PreconditionFailed:
      return "the object at this key is not the one that was expected";
    case ErrorCode::NotFound:
      return document.code == "NoSuchUpload" ? "there is no such multipart upload"
                                             : "there is no object at this key";
    case ErrorCode::Damaged:
      return place.endpoint + " received other bytes than were sent";
    default:
      return sentence_for_person(place, operation, document, status);
  }
}

bool needs_other_region(const S3ErrorDocument& document) {
  return document.code == "AuthorizationHeaderMalformed" || document.code == "PermanentRedirect" ||
         document.code == "IllegalLocationConstraintException";
}

std::string in_brackets(const std::string& detail) {
  return detail.empty() ? "" : " (" + printable(detail) + ")";
}

std::string sentence(const S3Place& place, Operation operation, const HttpFailure& failure) {
  using Reason = HttpFailure::Reason;
  const std::string detail = in_brackets(failure.detail);
  switch (failure.reason) {
    case Reason::NotResolved:
      return "the name of the endpoint " + place.endpoint +
             " does not resolve: check the endpoint, or this machine's name service";
    case Reason::NotConnected:
      return "the endpoint " + place.endpoint + " cannot be reached" + detail;
    case Reason::NotTrusted:
      return "the certificate of " + place.endpoint + " is not trusted" + detail +
             ": where an own CA signed it, set ca_file to that CA's certificate";
    case Reason::BadCaFile:
      return "the CA file " + printable(place.ca_file) + " cannot be used" + detail;
    case Reason::TlsFailed:
      return "no TLS connection with " + place.endpoint + detail + ": does it speak https?";
    case Reason::Lost:
      return "the connection to " + place.endpoint + " broke off" + detail;
    case Reason::Stalled:
      return place.endpoint + " neither took nor sent a byte for too long";
    case Reason::Malformed:
      return place.endpoint + " does not answer as S3 does" + detail;
    case Reason::Cancelled:
      return "the request was cancelled";
    case Reason::Unusable:
      return "no request to " + std::string(purpose(operation)) + " can be made" + detail;
  }
  return "the request failed";
}

}  // namespace

Error refusal_error(const S3Place& place, Operation operation, const HttpReply& reply,
                    const S3ErrorDocument& document) {
  const Known* const known = find_known(document.code);
  int status = reply.status;
  if (status < first_redirect) status = known != nullptr ? known->status : status_of_unknown;
  const ErrorCode code =
      known != nullptr
          ? known->means
          : code_for_status(status, operation, !document.code.empty(), reply.request_sent);
  Error error{.code = code,
              .message = sentence(place, operation, code, document, status),
              .http_status = status,
              .s3_code = document.code,
              .request_id = document.request_id};
  if (error.request_id.empty()) error.request_id = reply.headers.find("x-amz-request-id");
  if (needs_other_region(document)) {
    const auto header = std::string(reply.headers.find("x-amz-bucket-region"));
    const std::string& region = header.empty() ? document.region : header;
    error.message = "the bucket " + quoted(place.bucket) + " is not in the region " +
                    quoted(place.region) +
                    (region.empty() || region == place.region ? "" : " but in " + quoted(region)) +
                    ": correct region and endpoint";
  }
  return error;
}

Error failure_error(const S3Place& place, Operation operation, const HttpFailure& failure) {
  using Reason = HttpFailure::Reason;
  Error error{.message = sentence(place, operation, failure), .os_errno = failure.os_errno};
  switch (failure.reason) {
    case Reason::Cancelled:
      error.code = ErrorCode::Cancelled;
      return error;
    case Reason::Unusable:
      error.code = ErrorCode::Internal;
      return error;
    default:
      break;
  }
  error.code = unless_in_doubt(operation, failure.request_sent);
  const bool about_trust =
      failure.reason == Reason::NotTrusted || failure.reason == Reason::BadCaFile;
  if (about_trust && error.code == ErrorCode::RetryLater) error.code = ErrorCode::NeedsPerson;
  return error;
}

Error unreadable_error(const S3Place& place, Operation operation, const HttpReply& reply,
                       std::string_view what) {
  return {.code = unless_in_doubt(operation, true),
          .message = place.endpoint + " does not answer as S3 does: " + std::string(what),
          .http_status = reply.status,
          .request_id = std::string(reply.headers.find("x-amz-request-id"))};
}

}  // namespace waybill::uploader
