#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace waybill {
namespace {

TEST(Error, IsNamedByWhatTheCallerDoes) {
  EXPECT_EQ(system_error("open x", ENOENT).code, ErrorCode::SourceGone);
  EXPECT_EQ(system_error("write x", ENOSPC).code, ErrorCode::DiskFull);
  EXPECT_EQ(system_error("open x", EACCES).code, ErrorCode::NeedsPerson);
  EXPECT_EQ(system_error("open x", EMFILE).code, ErrorCode::RetryLater);
  EXPECT_EQ(system_error("open x", EINVAL).code, ErrorCode::Internal);
}

TEST(Error, DescriptionCarriesEveryCause) {
  EXPECT_EQ(system_error("open x", EACCES).describe(), "cannot open x (Permission denied)");
  const Error refused{.code = ErrorCode::NeedsPerson,
                      .message = "the store refused the request",
                      .http_status = 403,
                      .s3_code = "AccessDenied",
                      .request_id = "4442587FB7D0A2F9"};
  EXPECT_EQ(refused.describe(),
            "the store refused the request (HTTP 403 AccessDenied, request id 4442587FB7D0A2F9)");
}

}  // namespace
}  // namespace waybill
