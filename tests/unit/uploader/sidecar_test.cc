#include "uploader/sidecar.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

namespace waybill::uploader {
namespace {

using Said = std::map<std::string, std::string>;

std::string fault_of(std::string_view text) {
  const auto said = parse_sidecar(text);
  if (said) return "none";
  EXPECT_EQ(said.error().code, ErrorCode::NeedsPerson);
  return said.error().message;
}

TEST(Sidecar, IsAnObjectOfNamesAndTexts) {
  EXPECT_EQ(parse_sidecar(R"({"sample": "HeLa 12", "empty": "", "ä": "\u00e4\n"})"),
            (Said{{"sample", "HeLa 12"}, {"empty", ""}, {"\xc3\xa4", "\xc3\xa4\n"}}));
  EXPECT_EQ(parse_sidecar("{}"), Said());
  EXPECT_EQ(parse_sidecar(" \r\n{ } \n"), Said());
  EXPECT_EQ(parse_sidecar("\xef\xbb\xbf{\"a\": \"b\"}"), (Said{{"a", "b"}})) << "as editors begin";
}

TEST(Sidecar, NumbersAndTruthAreWhatIsWrittenThere) {
  EXPECT_EQ(parse_sidecar(R"({"n": 12, "m": -3, "x": 1.50, "e": 1e5, "t": true, "f": false,
                              "big": 123456789012345678901234567890})"),
            (Said{{"n", "12"},
                  {"m", "-3"},
                  {"x", "1.50"},
                  {"e", "1e5"},
                  {"t", "true"},
                  {"f", "false"},
                  {"big", "123456789012345678901234567890"}}));
}

TEST(Sidecar, NamesComeAsTheyAre) {
  EXPECT_EQ(parse_sidecar(R"({"A": "1", "a": "2", "": "3"})"),
            (Said{{"A", "1"}, {"a", "2"}, {"", "3"}}))
      << "what can be sent of them is for others to tell";
}

TEST(Sidecar, WhatIsNoSuchObjectIsRefused) {
  const std::string no_object = R"(it is no JSON object, like {"sample": "HeLa 12"})";
  for (const char* text : {"[]", R"(["a"])", R"("a")", "12", "1.5", "true", "null"}) {
    EXPECT_EQ(fault_of(text), no_object) << text;
  }
  const std::string odd = "the value of \"a\" is neither text nor a number, true or false";
  for (const char* value : {"null", "[]", "[1]", "{}", R"({"b": "c"})"}) {
    EXPECT_EQ(fault_of(std::string(R"({"b": "1", "a": )") + value + "}"), odd) << value;
  }
  EXPECT_EQ(fault_of(R"({"a": "1", "b": "2", "a": "1"})"), "\"a\" is there twice");
}

TEST(Sidecar, WhatIsNoJsonIsRefusedWithItsPlace) {
  EXPECT_EQ(fault_of(R"({"a": "b")"), "it is no JSON: byte 10");
  for (const char* text :
       {"", "{", "{a: 1}", "{'a': 'b'}", R"({"a": "b"} x)", R"({"a": "b",})", "{\"a\": \"\xff\"}",
        R"({"a": "\ud800"})", R"({"a": 1e999})", "{\"a\": \"b\nc\"}", "// a comment\n{}"}) {
    EXPECT_TRUE(fault_of(text).starts_with("it is no JSON: byte ")) << text << fault_of(text);
  }
  EXPECT_TRUE(fault_of(std::string(16'384, '[')).starts_with("it is no JSON object"));
}

RC_GTEST_PROP(Sidecar, EveryTextComesBack, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
  std::string quoted;
  for (const char c : text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    quoted += {'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 0xfU]};
  }
  RC_ASSERT(parse_sidecar("{\"a\":\"" + quoted + "\"}") == (Said{{"a", text}}));
}

}  // namespace
}  // namespace waybill::uploader
