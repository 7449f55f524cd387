#include "uploader/own_metadata.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "uploader/key.h"

// What people say of a file, as it travels with its object.
namespace waybill::uploader {
namespace {

std::string refusal(const std::map<std::string, std::string>& said,
                    const std::set<std::string>& taken = {}) {
  const auto metadata = own_metadata(said, taken);
  if (metadata) return "taken";
  EXPECT_EQ(metadata.error().code, ErrorCode::NeedsPerson);
  return metadata.error().message;
}

TEST(OwnMetadata, PlainTextTravelsAsItIs) {
  const auto metadata = own_metadata({{"sample", "HeLa 12 (100% ethanol)"}, {"empty", ""}}, {});
  ASSERT_TRUE(metadata);
  EXPECT_EQ(*metadata, (Metadata{{"empty", ""}, {"sample", "HeLa 12 (100% ethanol)"}}));
}

TEST(OwnMetadata, NamesAreLowerCaseAsS3KnowsThem) {
  EXPECT_EQ(own_metadata({{"Sample-ID", "1"}}, {}), (Metadata{{"sample-id", "1"}}));
}

TEST(OwnMetadata, WhatAHeaderWouldNotKeepIsEncoded) {
  EXPECT_EQ(encode_value("Größe"), "Gr%C3%B6%C3%9Fe");
  EXPECT_EQ(encode_value("a\r\nx-amz-acl: public-read"), "a%0D%0Ax-amz-acl: public-read");
  EXPECT_EQ(encode_value(" a  b "), "%20a %20b%20");
  EXPECT_EQ(encode_value(" "), "%20");
  EXPECT_EQ(encode_value("50% and %41"), "50% and %2541");
  EXPECT_EQ(encode_value("=?utf-8?q?x?="), "%3D?utf-8?q?x?=");
  EXPECT_EQ(encode_value(std::string("\0\x7f", 2)), "%00%7F");
}

RC_GTEST_PROP(OwnMetadata, EveryValueComesBack, ()) {
  const std::string value = *rc::gen::container<std::string>(rc::gen::map(
      rc::gen::oneOf(rc::gen::inRange(0, 256), rc::gen::element<int>(' ', '%', '=', '?', 'A')),
      [](int byte) { return static_cast<char>(byte); }));
  const std::string encoded = encode_value(value);
  RC_ASSERT(decode_path(encoded) == value);
  for (const char byte : encoded) RC_ASSERT(byte >= ' ' && byte < 0x7f);
  RC_ASSERT(encoded.find("  ") == std::string::npos);
  RC_ASSERT(encoded.find("=?") == std::string::npos);
  RC_ASSERT(encoded.empty() || (encoded.front() != ' ' && encoded.back() != ' '));
}

TEST(OwnMetadata, NobodyTakesANameThatIsOurs) {
  for (const char* name : {"waybill-attempt", "Waybill-SHA256", "waybill-", "mtime", "MTime"}) {
    EXPECT_EQ(refusal({{name, "x"}}), "its metadata cannot be stored: \"" + std::string(name) +
                                          "\" is written by waybilld itself");
  }
}

TEST(OwnMetadata, NobodyTakesANameThatTheConfigurationGives) {
  EXPECT_EQ(refusal({{"Lab", "x"}}, {"lab"}),
            "its metadata cannot be stored: \"Lab\" is given by the folder's configuration");
}

TEST(OwnMetadata, WhatIsNoHeadersNameIsRefused) {
  for (const std::string name : {"", "a b",
                                 "gr\xc3\xb6\xc3\x9f"
                                 "e",
                                 "a:b", "a\nb", "a/b"}) {
    EXPECT_NE(refusal({{name, "x"}}).find("is no name for it"), std::string::npos) << name;
  }
}

TEST(OwnMetadata, TwoNamesThatDifferByCaseAloneAreRefused) {
  EXPECT_NE(refusal({{"A", "1"}, {"a", "2"}}).find("is there twice"), std::string::npos);
}

TEST(OwnMetadata, WhatIsTooMuchIsRefusedAndNeverCut) {
  const std::string fits(most_own_metadata - 4, 'x');
  EXPECT_EQ(refusal({{"name", fits}}), "taken");
  EXPECT_EQ(refusal({{"name", fits + "x"}}),
            "its metadata cannot be stored: as it is sent it has 1025 bytes, and at most 1024 find "
            "room");
  EXPECT_NE(refusal({{"name", std::string(400, '\n')}}), "taken") << "each byte is sent as three";
}

TEST(OwnMetadata, ModeAndOwnerAreWrittenAsRcloneWritesThem) {
  EXPECT_EQ(posix_metadata(0644, 1000, 0),
            (Metadata{{"mode", "100644"}, {"uid", "1000"}, {"gid", "0"}}));
  EXPECT_EQ(posix_metadata(04755, 4294967294U, 65534),
            (Metadata{{"mode", "104755"}, {"uid", "4294967294"}, {"gid", "65534"}}));
}

}  // namespace
}  // namespace waybill::uploader
