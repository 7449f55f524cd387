#include "uploader/metadata.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "base/bytes.h"
#include "uploader/key.h"

namespace waybill::uploader {
namespace {

Attempt sample() {
  Attempt attempt;
  attempt.id = "0123";
  attempt.agent_id = "abcd";
  attempt.epoch = 2;
  attempt.generation = 9;
  attempt.path = "häuser/ein  blatt.pdf";
  attempt.mtime = 1'751'360'400'123'000'000;
  attempt.sha256 = sha256(as_bytes("x"));
  return attempt;
}

std::string value(const Metadata& metadata, std::string_view name) {
  for (const auto& [key, text] : metadata) {
    if (key == name) return text;
  }
  return "missing";
}

TEST(Metadata, TellsAllThatRuleOneAsksFor) {
  const Metadata metadata = make_metadata(sample());
  EXPECT_EQ(value(metadata, "waybill-attempt"), "0123");
  EXPECT_EQ(value(metadata, "waybill-agent"), "abcd");
  EXPECT_EQ(value(metadata, "waybill-epoch"), "2");
  EXPECT_EQ(value(metadata, "waybill-generation"), "9");
  EXPECT_EQ(value(metadata, "waybill-sha256"), to_hex(sha256(as_bytes("x"))));
  EXPECT_EQ(value(metadata, "waybill-path"), "h%C3%A4user/ein%20%20blatt.pdf");
  EXPECT_EQ(value(metadata, "mtime"), "1751360400.123");
}

TEST(Metadata, DigestThatIsNotKnownInTimeIsLeftOut) {
  Attempt attempt = sample();
  attempt.sha256.reset();
  EXPECT_EQ(value(make_metadata(attempt), "waybill-sha256"), "missing");
}

TEST(Metadata, ModificationTimesAreWrittenAsRcloneWritesThem) {
  const auto text = [](std::int64_t mtime) {
    Attempt attempt = sample();
    attempt.mtime = mtime;
    return value(make_metadata(attempt), "mtime");
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(1), "0.000000001");
  EXPECT_EQ(text(1'500'000'000), "1.5");
  EXPECT_EQ(text(-1'500'000'000), "-1.5");
  EXPECT_EQ(text(std::numeric_limits<std::int64_t>::min()), "-9223372036.854775808");
}

TEST(Metadata, LongPathIsCutBetweenCharactersWithinTheLimitOfS3) {
  Attempt attempt = sample();
  attempt.path = std::string(1399, 'a') + "\xc3\xa4" + std::string(100, 'b');
  EXPECT_EQ(value(make_metadata(attempt), "waybill-path"), std::string(1399, 'a'));
  attempt.path = std::string(4096, '\x01');
  attempt.generation = attempt.epoch = attempt.mtime = std::numeric_limits<std::int64_t>::min();
  attempt.id = attempt.agent_id = std::string(32, 'f');
  std::size_t bytes = 0;
  for (const auto& [name, text] : make_metadata(attempt)) bytes += name.size() + text.size();
  EXPECT_LE(bytes, 2048U);
}

TEST(Metadata, WhatIsSaidOfTheFileGoesAlongAndThePathTakesWhatIsLeft) {
  Attempt attempt = sample();
  attempt.path = std::string(1400, 'p');
  attempt.generation = attempt.epoch = attempt.mtime = std::numeric_limits<std::int64_t>::min();
  attempt.id = attempt.agent_id = std::string(32, 'f');
  attempt.own_metadata = {{"sample", std::string(1018, 'x')}, {"mode", "100644"}};
  attempt.configured_metadata_bytes = 512;
  const Metadata metadata = make_metadata(attempt);
  EXPECT_EQ(value(metadata, "sample"), std::string(1018, 'x'));
  EXPECT_EQ(value(metadata, "mode"), "100644");
  std::size_t bytes = attempt.configured_metadata_bytes;
  for (const auto& [name, text] : metadata) bytes += name.size() + text.size();
  EXPECT_LE(bytes, 2048U);
  const std::string path = value(metadata, "waybill-path");
  EXPECT_GE(path.size(), shortest_cut_path);
  EXPECT_TRUE(is_metadata_path(path, attempt.path));
}

// MinIO counts it to each name.
TEST(Metadata, ThePathGivesWayToThePrefixOfEachNameToo) {
  constexpr std::size_t prefix = std::string_view("x-amz-meta-").size();
  Attempt attempt = sample();
  attempt.path = std::string(1400, 'p');
  for (char name = 'a'; name < 'u'; ++name) {
    attempt.own_metadata.emplace_back(std::string(5, name), std::string(35, 'x'));
  }
  attempt.configured_metadata_bytes = 200;
  const Metadata metadata = make_metadata(attempt);
  std::size_t bytes = attempt.configured_metadata_bytes;
  for (const auto& [name, text] : metadata) bytes += prefix + name.size() + text.size();
  EXPECT_LE(bytes, 2048U);
  EXPECT_GE(bytes, 2040U) << "and to nothing else";
}

TEST(Metadata, APathIsKnownWhereverItWasCut) {
  const std::string path = std::string(126, 'a') + "\xc3\xa4" + std::string(2000, 'b');
  for (const std::size_t limit : {128U, 129U, 131U, 132U, 1000U, 1400U}) {
    EXPECT_TRUE(is_metadata_path(metadata_path(path, limit), path)) << limit;
    EXPECT_FALSE(is_metadata_path(metadata_path(path, limit), "b" + path)) << limit;
  }
  EXPECT_TRUE(is_metadata_path("a/b", "a/b"));
  EXPECT_FALSE(is_metadata_path("a/b", "a/bc")) << "what is this short was not cut";
  EXPECT_FALSE(is_metadata_path("", "a"));
}

TEST(Metadata, MalformedValuesAreLeftEmpty) {
  const ObjectIdentity identity = parse_metadata({{"waybill-epoch", "2x"},
                                                  {"waybill-generation", ""},
                                                  {"waybill-sha256", "abc"},
                                                  {"mtime", "1.5.5"}});
  EXPECT_FALSE(identity.epoch);
  EXPECT_FALSE(identity.generation);
  EXPECT_FALSE(identity.sha256);
  EXPECT_FALSE(identity.mtime);
  for (const char* text : {"", "-", ".", "1.", "-.5", "99999999999", "1.5x", "0x10"}) {
    EXPECT_FALSE(parse_metadata({{"mtime", text}}).mtime) << text;
  }
}

TEST(Metadata, NamesAreFoundInAnyCase) {
  EXPECT_EQ(parse_metadata({{"Waybill-Attempt", "77"}}).attempt, "77");
}

RC_GTEST_PROP(Metadata, ParsesWhatItMakes, ()) {
  Attempt attempt;
  attempt.id = *rc::gen::nonEmpty(rc::gen::string<std::string>());
  attempt.agent_id = *rc::gen::string<std::string>();
  attempt.epoch = *rc::gen::arbitrary<std::int64_t>();
  attempt.generation = *rc::gen::arbitrary<std::int64_t>();
  attempt.mtime =
      *rc::gen::inRange<std::int64_t>(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000);
  attempt.sha256 = sha256(as_bytes(attempt.id));
  attempt.path = *rc::gen::container<std::string>(
      rc::gen::map(rc::gen::inRange(1, 256), [](int byte) { return static_cast<char>(byte); }));
  const ObjectIdentity identity = parse_metadata(make_metadata(attempt));
  RC_ASSERT(identity.attempt == attempt.id);
  RC_ASSERT(identity.agent == attempt.agent_id);
  RC_ASSERT(identity.epoch == attempt.epoch);
  RC_ASSERT(identity.generation == attempt.generation);
  RC_ASSERT(identity.mtime == attempt.mtime);
  RC_ASSERT(identity.sha256 == attempt.sha256);
  RC_ASSERT(decode_path(identity.path) == attempt.path);
  for (const char byte : identity.path) RC_ASSERT(byte > ' ' && byte < 0x7f);
}

}  // namespace
}  // namespace waybill::uploader
