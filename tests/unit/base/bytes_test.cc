#include "base/bytes.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

TEST(Hex, RoundTripsEveryByteAndRefusesHalves) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const auto back = from_hex(to_hex(as_bytes(all)));
  ASSERT_TRUE(back);
  EXPECT_EQ(as_text(*back), all);
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("zz"));
}

TEST(Base64, GivesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    const auto back = from_base64(encoded);
    ASSERT_TRUE(back) << encoded;
    EXPECT_EQ(as_text(*back), plain);
  }
}

TEST(Base64, RefusesWhatIsNoBase64) {
  for (const char* bad : {"Z", "Zg=", "Zg=a", "=g==", "Zg==Zg==", "Z!=="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(Utf8, OverlongFormsSurrogatesAndTooLargeCodePointsAreInvalid) {
  EXPECT_TRUE(is_valid_utf8("gr\xC3\xBC\xC3\x9F\x65 \xE2\x82\xAC \xF0\x9F\x93\xA6"));
  for (const char* bad :
       {"\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\xC3", "\x80"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
  }
}

TEST(Printable, IsOneHarmlessLineAndReversible) {
  const std::string hostile = std::string("a\nb\x1B[31m\\x41\xFF\xC2\x9B") + '\0' + "\xC3\xBC";
  const std::string text = printable(hostile);
  EXPECT_EQ(text, "a\\x0ab\\x1b[31m\\\\x41\\xff\\xc2\\x9b\\x00\xC3\xBC");
  EXPECT_EQ(from_printable(text), hostile);
}

TEST(Printable, WhatItNeverWritesIsRefused) {
  EXPECT_FALSE(from_printable("\\"));
  EXPECT_FALSE(from_printable("\\q"));
  EXPECT_FALSE(from_printable("\\x4"));
}

}  // namespace
}  // namespace waybill
