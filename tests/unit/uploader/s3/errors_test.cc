#include "uploader/s3_errors.h"

#include <gtest/gtest.h>

namespace waybill::uploader {
namespace {

const S3Place place{.endpoint = "s3.lab:9000", .bucket = "inbox", .region = "us-east-1"};

Error refusal(int status, const std::string& code, Operation operation = Operation::PutObject,
              bool sent = true) {
  HttpReply reply{.status = status, .request_sent = sent};
  reply.headers.add_line("x-amz-request-id: R1");
  return refusal_error(place, operation, reply, {.code = code});
}

struct Case {
  int status;
  const char* code;
  ErrorCode means;
};
void PrintTo(const Case& each, std::ostream* out) {
  *out << each.status << " " << each.code;
}

class S3Refusal : public testing::TestWithParam<Case> {};

TEST_P(S3Refusal, OfAPutMeansWhatTheCallerDoesAboutIt) {
  const Error error = refusal(GetParam().status, GetParam().code);
  EXPECT_EQ(to_string(error.code), to_string(GetParam().means));
  EXPECT_EQ(error.http_status, GetParam().status);
  EXPECT_EQ(error.s3_code, GetParam().code);
  EXPECT_EQ(error.request_id, "R1");
  EXPECT_FALSE(error.message.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, S3Refusal,
    testing::Values(
        Case{503, "SlowDown", ErrorCode::Throttled}, Case{429, "", ErrorCode::Throttled},
        Case{400, "ThrottlingException", ErrorCode::Throttled},
        Case{503, "RequestLimitExceeded", ErrorCode::Throttled},
        Case{509, "BandwidthLimitExceeded", ErrorCode::Throttled},
        Case{503, "", ErrorCode::RetryLater},
        Case{503, "ServiceUnavailable", ErrorCode::RetryLater},
        Case{408, "", ErrorCode::RetryLater}, Case{400, "RequestTimeout", ErrorCode::RetryLater},
        Case{400, "IncompleteBody", ErrorCode::RetryLater},
        Case{409, "ConditionalRequestConflict", ErrorCode::RetryLater},
        Case{409, "OperationAborted", ErrorCode::RetryLater},
        Case{307, "TemporaryRedirect", ErrorCode::RetryLater},
        Case{500, "InternalError", ErrorCode::Ambiguous}, Case{502, "", ErrorCode::Ambiguous},
        Case{504, "", ErrorCode::Ambiguous}, Case{499, "", ErrorCode::Ambiguous},
        Case{520, "", ErrorCode::Ambiguous},
        Case{412, "PreconditionFailed", ErrorCode::PreconditionFailed},
        Case{412, "", ErrorCode::PreconditionFailed}, Case{404, "NoSuchKey", ErrorCode::NotFound},
        Case{404, "NoSuchUpload", ErrorCode::NotFound},
        Case{404, "NoSuchBucket", ErrorCode::NeedsPerson}, Case{404, "", ErrorCode::NeedsPerson},
        Case{403, "AccessDenied", ErrorCode::NeedsPerson}, Case{403, "", ErrorCode::NeedsPerson},
        Case{403, "SignatureDoesNotMatch", ErrorCode::NeedsPerson},
        Case{403, "RequestTimeTooSkewed", ErrorCode::NeedsPerson},
        Case{401, "", ErrorCode::NeedsPerson}, Case{400, "ExpiredToken", ErrorCode::NeedsPerson},
        Case{400, "InvalidRequest", ErrorCode::NeedsPerson},
        Case{301, "PermanentRedirect", ErrorCode::NeedsPerson},
        Case{302, "", ErrorCode::NeedsPerson}, Case{400, "BadDigest", ErrorCode::Damaged},
        Case{400, "XAmzContentSHA256Mismatch", ErrorCode::Damaged},
        Case{501, "NotImplemented", ErrorCode::NeedsPerson},
        Case{507, "XMinioStorageFull", ErrorCode::NeedsPerson},
        Case{413, "EntityTooLarge", ErrorCode::NeedsPerson}));

TEST(S3Errors, RefusalOfAnUnfinishedBodyIsNeverInDoubt) {
  for (const int status : {499, 500, 502, 504, 520}) {
    EXPECT_EQ(refusal(status, "", Operation::PutObject, false).code, ErrorCode::RetryLater);
  }
}

TEST(S3Errors, WhatOnlyReadsIsNeverInDoubt) {
  for (const auto operation :
       {Operation::HeadObject, Operation::ListParts, Operation::ListMultipartUploads}) {
    EXPECT_EQ(refusal(500, "InternalError", operation).code, ErrorCode::RetryLater);
    EXPECT_EQ(
        failure_error(place, operation, {.reason = HttpFailure::Reason::Lost, .request_sent = true})
            .code,
        ErrorCode::RetryLater);
  }
}

TEST(S3Errors, BodylessNotFoundIsAuthorityOnlyWhereS3HasNoBodyEither) {
  EXPECT_EQ(refusal(404, "", Operation::HeadObject).code, ErrorCode::NotFound);
  EXPECT_EQ(refusal(404, "", Operation::AbortMultipartUpload).code, ErrorCode::NotFound);
  EXPECT_EQ(refusal(404, "", Operation::ListParts).code, ErrorCode::NeedsPerson);
}

TEST(S3Errors, RefusalInsideA200CountsAsTheRefusalThatItIs) {
  const auto inside = [](const std::string& code) {
    return refusal(200, code, Operation::CompleteMultipartUpload);
  };
  EXPECT_EQ(inside("PreconditionFailed").code, ErrorCode::PreconditionFailed);
  EXPECT_EQ(inside("PreconditionFailed").http_status, 412);
  EXPECT_EQ(inside("ConditionalRequestConflict").http_status, 409);
  EXPECT_EQ(inside("NoSuchUpload").code, ErrorCode::NotFound);
  EXPECT_EQ(inside("SlowDown").code, ErrorCode::Throttled);
  EXPECT_EQ(inside("InternalError").code, ErrorCode::Ambiguous);
  EXPECT_EQ(inside("SomethingNew").code, ErrorCode::Ambiguous);
}

TEST(S3Errors, LostConnectionIsInDoubtOnceTheWholeRequestWasSent) {
  using Reason = HttpFailure::Reason;
  for (const Reason reason : {Reason::Lost, Reason::Stalled, Reason::Malformed,
                              Reason::NotConnected, Reason::NotTrusted}) {
    EXPECT_EQ(
        failure_error(place, Operation::PutObject, {.reason = reason, .request_sent = true}).code,
        ErrorCode::Ambiguous);
  }
  for (const Reason reason : {Reason::Lost, Reason::Stalled, Reason::Malformed,
                              Reason::NotConnected, Reason::NotResolved, Reason::TlsFailed}) {
    EXPECT_EQ(failure_error(place, Operation::PutObject, {.reason = reason}).code,
              ErrorCode::RetryLater);
  }
}

TEST(S3Errors, CancelledStaysCancelledWhateverWasSent) {
  for (const bool sent : {false, true}) {
    EXPECT_EQ(failure_error(place, Operation::PutObject,
                            {.reason = HttpFailure::Reason::Cancelled, .request_sent = sent})
                  .code,
              ErrorCode::Cancelled);
  }
}

TEST(S3Errors, UntrustedCertificateNeedsAPersonAndSaysWhatHelps) {
  const Error error =
      failure_error(place, Operation::PutObject,
                    {.reason = HttpFailure::Reason::NotTrusted, .detail = "self-signed"});
  EXPECT_EQ(error.code, ErrorCode::NeedsPerson);
  EXPECT_NE(error.message.find("s3.lab:9000"), std::string::npos);
  EXPECT_NE(error.message.find("self-signed"), std::string::npos);
  EXPECT_NE(error.message.find("ca_file"), std::string::npos);
}

TEST(S3Errors, SentencesNameEndpointAndBucket) {
  EXPECT_NE(refusal(404, "NoSuchBucket").message.find("s3.lab:9000 has no bucket \"inbox\""),
            std::string::npos);
  EXPECT_NE(refusal(403, "AccessDenied").message.find("store an object in the bucket \"inbox\""),
            std::string::npos);
}

TEST(S3Errors, WrongRegionNamesTheRightOne) {
  HttpReply reply{.status = 301};
  reply.headers.add_line("x-amz-bucket-region: eu-west-1");
  const Error error =
      refusal_error(place, Operation::PutObject, reply, {.code = "PermanentRedirect"});
  EXPECT_NE(error.message.find("\"us-east-1\" but in \"eu-west-1\""), std::string::npos)
      << error.message;
}

TEST(S3Errors, WordsOfTheServerStayOnOneLineAndShort) {
  const Error error =
      refusal_error(place, Operation::PutObject, {.status = 400},
                    {.code = "Strange", .message = "a\n\x1b[2J" + std::string(10'000, 'x')});
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
  EXPECT_EQ(error.message.find('\x1b'), std::string::npos);
  EXPECT_LT(error.message.size(), 400U);
}

TEST(S3Errors, SuccessThatCannotBeReadIsInDoubtForWhatHasAnEffect) {
  const HttpReply reply{.status = 200, .request_sent = true};
  EXPECT_EQ(unreadable_error(place, Operation::PutObject, reply, "x").code, ErrorCode::Ambiguous);
  EXPECT_EQ(unreadable_error(place, Operation::HeadObject, reply, "x").code, ErrorCode::RetryLater);
}

}  // namespace
}  // namespace waybill::uploader
