#include "uploader/key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.h"
#include "base/digest.h"

namespace waybill::uploader {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// Bytes of paths, with what is special among them made frequent.
rc::Gen<std::string> paths() {
  const auto byte =
      rc::gen::map(rc::gen::inRange(1, 256), [](int n) { return static_cast<char>(n); });
  const auto special =
      rc::gen::element('%', '2', '5', 'a', 'F', '\xc3', '\xa4', '\xc2', '\x85', '/', '\n');
  return rc::gen::container<std::string>(rc::gen::oneOf(byte, special));
}

TEST(EncodePath, PlainAndUnicodeNamesStayAsTheyAre) {
  EXPECT_EQ(encode_path("2026/q2 + ~é.pdf"), "2026/q2 + ~é.pdf");
  EXPECT_EQ(encode_path("a//b/../x"), "a//b/../x");
  EXPECT_EQ(encode_path("100% sure"), "100% sure");
}

TEST(EncodePath, WhatIsNoTextBecomesEscapes) {
  EXPECT_EQ(encode_path("tab\there"), "tab%09here");
  EXPECT_EQ(encode_path("\xff\xc3"), "%FF%C3");
  EXPECT_EQ(encode_path("nel\xc2\x85"), "nel%C2%85");
  EXPECT_EQ(encode_path("del\x7f"), "del%7F");
}

TEST(EncodePath, PercentBeforeTwoHexDigitsIsEscaped) {
  EXPECT_EQ(encode_path("%41"), "%2541");
  EXPECT_EQ(encode_path("%4"), "%4");
  EXPECT_EQ(encode_path("%%41"), "%%2541");
}

RC_GTEST_PROP(EncodePath, IsReversible, ()) {
  const std::string path = *paths();
  RC_ASSERT(decode_path(encode_path(path)) == path);
}

RC_GTEST_PROP(EncodePath, IsInjective, ()) {
  const std::string one = *paths();
  const std::string other = *paths();
  RC_ASSERT((encode_path(one) == encode_path(other)) == (one == other));
}

RC_GTEST_PROP(EncodePath, GivesTextWithoutControlCharacters, ()) {
  const std::string encoded = encode_path(*paths());
  RC_ASSERT(is_valid_utf8(encoded));
  for (const char byte : encoded) RC_ASSERT(static_cast<unsigned char>(byte) >= 0x20);
}

KeyFacts facts() {
  const WallTime arrived =
      std::chrono::sys_days{std::chrono::year{2026} / 7 / 1} + 23h + 59min + 1s;
  return {.agent = "intake-1",
          .folder = "invoices",
          .path = "2026/q2.pdf",
          .arrived = arrived,
          .mtime = WallTime{-1s}};
}

TEST(MakeKey, PutsThePathBelowThePrefix) {
  EXPECT_EQ(make_key("", "{path}", facts()), "2026/q2.pdf");
  EXPECT_EQ(make_key("in/", "{path}", facts()), "in/2026/q2.pdf");
}

TEST(MakeKey, FillsInItsPlaceholdersInUtc) {
  EXPECT_EQ(make_key("{agent}/{folder}/dt={arrived:%Y-%m-%d}/", "{path}", facts()),
            "intake-1/invoices/dt=2026-07-01/2026/q2.pdf");
  EXPECT_EQ(make_key("{arrived:%H%M%S-%j}/{mtime:%Y/%m/%d %H:%M:%S}/", "{path}", facts()),
            "235901-182/1969/12/31 23:59:59/2026/q2.pdf");
}

TEST(MakeKey, LeapYearHasADayMore) {
  KeyFacts leap = facts();
  leap.arrived = std::chrono::sys_days{std::chrono::year{2028} / 12 / 31};
  EXPECT_EQ(make_key("{arrived:%j}/", "{path}", leap), "366/2026/q2.pdf");
}

TEST(MakeKey, KeyOverTheLimitNeedsAPersonAndSaysSo) {
  KeyFacts longest = facts();
  const std::string path(1021, 'x');
  longest.path = path;
  EXPECT_EQ(make_key("in/", "{path}", longest)->size(), 1024U);
  const auto key = make_key("in2/", "{path}", longest);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::NeedsPerson);
  EXPECT_THAT(key.error().message, HasSubstr("1025"));
}

TEST(MakeKey, FollowsThePrefixWithItsOwnTemplate) {
  KeyFacts known = facts();
  known.sha256 = sha256(as_bytes(std::string_view("abc")));
  const std::string hash = to_hex(*known.sha256);
  EXPECT_EQ(make_key("in/", "{name}", known), "in/q2.pdf");
  EXPECT_EQ(make_key("in/", "by-type/{ext}/{path}", known), "in/by-type/.pdf/2026/q2.pdf");
  EXPECT_EQ(make_key("in/", "{arrived:%Y}/{sha256}{ext}", known), "in/2026/" + hash + ".pdf");
  EXPECT_EQ(make_key("{agent}/", "{folder}-{mtime:%Y}-{name}", known),
            "intake-1/invoices-1969-q2.pdf");
}

TEST(MakeKey, AnExtensionIsWhatFollowsTheLastDotOfTheName) {
  KeyFacts some = facts();
  const auto extension = [&some](std::string_view path) {
    some.path = path;
    return *make_key("", "{ext}|{name}", some);
  };
  EXPECT_EQ(extension("a/b.tar.gz"), ".gz|b.tar.gz");
  EXPECT_EQ(extension("v1.2/README"), "|README");
  EXPECT_EQ(extension("in/.bashrc"), "|.bashrc");
  EXPECT_EQ(extension("x."), ".|x.");
}

TEST(MakeKey, WhatComesFromTheFileIsEncodedInEveryPlace) {
  KeyFacts odd = facts();
  odd.path = "d/\xff.%41";
  EXPECT_EQ(make_key("", "{name}", odd), "%FF.%2541");
  EXPECT_EQ(make_key("", "{name}{ext}", odd), "%FF.%2541.%2541");
}

TEST(MakeKey, WithoutItsHashAKeyOfTheContentIsNotMade) {
  const auto key = make_key("", "{sha256}", facts());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::Internal);
}

// WATCHING.md 39
TEST(MakeKey, ATemplateMayShortenWhatWouldBeTooLong) {
  KeyFacts deep = facts();
  std::string path;
  for (int i = 0; i < 60; ++i) path += std::string(100, 'd') + "/";
  path += "a.txt";
  deep.path = path;
  EXPECT_FALSE(make_key("in/", "{path}", deep));
  EXPECT_EQ(make_key("in/", "{name}", deep), "in/a.txt");
}

TEST(CheckKeyTemplate, SaysWhatWouldBeRight) {
  const auto complaint = [](const char* key) {
    const auto checked = check_key_template(key);
    return checked ? std::string("none") : checked.error().message;
  };
  for (const char* key :
       {"{path}", "{name}", "{sha256}", "{arrived:%Y}/{sha256}{ext}", "a{name}"}) {
    EXPECT_EQ(complaint(key), "none") << key;
  }
  EXPECT_THAT(complaint("{arrived:%Y%m%d%H%M%S}{ext}"), HasSubstr("needs {path}, {name} or"));
  EXPECT_THAT(complaint("{pth}"), HasSubstr("did you mean {path}?"));
  EXPECT_THAT(complaint("{mtim:%Y}/{path}"), HasSubstr("did you mean {mtime:%Y-%m-%d}?"));
  EXPECT_THAT(complaint("{colour}/{path}"), HasSubstr("there are {agent}"));
  EXPECT_THAT(complaint("{path:%Y}"), HasSubstr("takes no format"));
  EXPECT_THAT(complaint("/{path}"), HasSubstr("begins with /"));
  EXPECT_THAT(complaint("{path}/"), HasSubstr("ends with /"));
  EXPECT_THAT(complaint("{path"), HasSubstr("do not pair"));
  EXPECT_THAT(complaint("a\t{path}"), HasSubstr("control characters"));
}

TEST(CheckPrefix, AcceptsWhatMakesKeys) {
  for (const char* prefix : {"", "in/", "in/dt={arrived:%Y-%m-%d}/", "{agent}/", "'in-'", "ä ö/"}) {
    EXPECT_TRUE(check_prefix(prefix)) << prefix;
  }
}

TEST(CheckPrefix, SaysWhatWouldBeRight) {
  const auto complaint = [](const char* prefix) {
    const auto checked = check_prefix(prefix);
    return checked ? std::string("none") : checked.error().message;
  };
  EXPECT_THAT(complaint("in"), HasSubstr("write \"in/\""));
  EXPECT_THAT(complaint("/in/"), HasSubstr("write \"in/\""));
  EXPECT_THAT(complaint("{arived:%Y}/"), HasSubstr("did you mean {arrived:%Y-%m-%d}?"));
  EXPECT_THAT(complaint("{arrived}/"), HasSubstr("{arrived:%Y-%m-%d}"));
  EXPECT_THAT(complaint("{arrived:%Y-%q}/"), HasSubstr("%j"));
  EXPECT_THAT(complaint("{arrived:%}/"), HasSubstr("needs a format"));
  EXPECT_THAT(complaint("{agent:%Y}/"), HasSubstr("takes no format"));
  EXPECT_THAT(complaint("{arrived:%Y/"), HasSubstr("do not pair"));
  EXPECT_THAT(complaint("a}b/"), HasSubstr("do not pair"));
  EXPECT_THAT(complaint("tab\t/"), HasSubstr("control characters"));
  EXPECT_THAT(complaint("{sha256}/"), HasSubstr("belong into key"));
  EXPECT_THAT(complaint("{path}/"), HasSubstr("belong into key"));
}

TEST(CheckPrefix, QuotedPrefixIsMeantAsItStands) {
  EXPECT_EQ(make_key("'in-'", "{path}", facts()), "in-2026/q2.pdf");
  EXPECT_EQ(literal_prefix("'in-{agent}-'"), "in-");
}

TEST(LiteralPrefix, EndsBeforeTheFirstPlaceholder) {
  EXPECT_EQ(literal_prefix("in/dt={arrived:%Y}/x/"), "in/dt=");
  EXPECT_EQ(literal_prefix("in/"), "in/");
  EXPECT_EQ(literal_prefix("{agent}/"), "");
}

TEST(WithSuffix, GoesBeforeTheExtension) {
  const std::string attempt = "0123456789abcdef";
  EXPECT_EQ(with_suffix("in/q2.pdf", attempt), "in/q2.0123456789ab.pdf");
  EXPECT_EQ(with_suffix("in/a.tar.gz", attempt), "in/a.tar.0123456789ab.gz");
  EXPECT_EQ(with_suffix("v1.2/README", attempt), "v1.2/README.0123456789ab");
  EXPECT_EQ(with_suffix("in/.bashrc", attempt), "in/.bashrc.0123456789ab");
  EXPECT_EQ(with_suffix("q2", attempt), "q2.0123456789ab");
}

TEST(WithSuffix, IsKnownAgain) {
  const std::string attempt = "0123456789abcdef";
  for (const char* key : {"in/q2.pdf", "v1.2/README", "q2"}) {
    EXPECT_TRUE(is_suffixed(with_suffix(key, attempt), key)) << key;
    EXPECT_FALSE(is_suffixed(key, key)) << key;
  }
  EXPECT_FALSE(is_suffixed("in/q2.0123456789xy.pdf", "in/q2.pdf"));
  EXPECT_FALSE(is_suffixed("in/q3.0123456789ab.pdf", "in/q2.pdf"));
}

}  // namespace
}  // namespace waybill::uploader
