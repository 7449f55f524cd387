#include "tests/s3server/encoding.h"

#include <gtest/gtest.h>

namespace waybill::s3server {
namespace {

TEST(Encoding, PercentKeepsTheUnreservedAndNothingElse) {
  EXPECT_EQ(percent_encode("aZ09-._~", false), "aZ09-._~");
  EXPECT_EQ(percent_encode("a/b c+%\xc3\xa9*", true), "a/b%20c%2B%25%C3%A9%2A");
  EXPECT_EQ(percent_encode("a/b", false), "a%2Fb");
}

TEST(Encoding, EveryByteComesBackFromPercentForm) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(percent_decode(percent_encode(bytes, false), true), bytes);
  EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
}

TEST(Encoding, WhatIsNotWellFormedIsRefused) {
  EXPECT_FALSE(percent_decode("%", false));
  EXPECT_FALSE(percent_decode("%4", false));
  EXPECT_FALSE(percent_decode("%zz", false));
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_base64("abc"));
  EXPECT_FALSE(from_base64(" abc"));
  EXPECT_FALSE(to_number(""));
  EXPECT_FALSE(to_number("12x"));
  EXPECT_FALSE(to_number("99999999999999999999"));
  EXPECT_FALSE(parse_amz_date("20130524T00000Z"));
}

// RFC 4648, section 10.
TEST(Encoding, Base64HasTheValuesOfItsSpecification) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

TEST(Encoding, PlusIsASpaceOnlyWhereAsked) {
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
}

TEST(Encoding, DatesGoBothWays) {
  const auto time = parse_amz_date("20130524T000000Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(http_date(*time), "Fri, 24 May 2013 00:00:00 GMT");
  EXPECT_EQ(iso_date(*time), "2013-05-24T00:00:00.000Z");
  EXPECT_EQ(parse_http_date("Fri, 24 May 2013 00:00:00 GMT"), time);
}

TEST(Encoding, GlobsMatchTheWholeText) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a/*", "a/b/c"));
  EXPECT_TRUE(glob_matches("*b*d", "abcbd"));
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_FALSE(glob_matches("a/*", "b/a/x"));
  EXPECT_FALSE(glob_matches("a", "ab"));
  EXPECT_FALSE(glob_matches("a?", "a"));
}

}  // namespace
}  // namespace waybill::s3server
