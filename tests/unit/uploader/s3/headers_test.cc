#include <gtest/gtest.h>

#include "uploader/http.h"

namespace waybill::uploader {
namespace {

HttpHeaders headers(const std::vector<std::string>& lines) {
  HttpHeaders block;
  for (const std::string& line : lines) block.add_line(line + "\r\n");
  return block;
}

TEST(HttpHeaders, NamesAreFoundInAnyCaseAndValuesAreTrimmed) {
  const auto block = headers({"HTTP/1.1 200 OK", "ETag:  \"x\" ", "x-amz-Version-Id:3sL4k", ""});
  EXPECT_EQ(block.find("etag"), "\"x\"");
  EXPECT_EQ(block.find("x-amz-version-id"), "3sL4k");
  EXPECT_EQ(block.find("x-amz-version"), "");
  EXPECT_EQ(block.find("date"), "");
}

TEST(HttpHeaders, InterimReplyLeavesNoTrace) {
  const auto block =
      headers({"HTTP/1.1 100 Continue", "x: interim", "", "HTTP/1.1 200 OK", "y: final", ""});
  EXPECT_EQ(block.find("x"), "");
  EXPECT_EQ(block.find("y"), "final");
}

TEST(HttpHeaders, PrefixYieldsTheRestOfTheNamesInLowerCase) {
  const auto block = headers({"HTTP/1.1 200 OK", "X-Amz-Meta-Waybill-Path: a:b",
                              "x-amz-meta-: none", "x-amz-meta-empty:", "X-Amz-Other: 1"});
  const auto found = block.with_prefix("x-amz-meta-");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "waybill-path");
  EXPECT_EQ(found[0].value, "a:b");
  EXPECT_EQ(found[1].name, "empty");
  EXPECT_EQ(found[1].value, "");
}

}  // namespace
}  // namespace waybill::uploader
