#include <gtest/gtest.h>

#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"
#include "tests/s3server/server.h"
#include "tests/unit/s3server/client.h"

namespace waybill::s3server {
namespace {

using testing::call;
using testing::head;
using testing::put;

struct Known {
  const char* header;
  Algorithm algorithm;
};
constexpr Known kKnown[] = {{"x-amz-checksum-crc32", Algorithm::Crc32},
                            {"x-amz-checksum-crc32c", Algorithm::Crc32c},
                            {"x-amz-checksum-crc64nvme", Algorithm::Crc64Nvme},
                            {"x-amz-checksum-sha1", Algorithm::Sha1},
                            {"x-amz-checksum-sha256", Algorithm::Sha256}};

class Checksums : public ::testing::Test {
 protected:
  testing::Reply put_with(const std::string& header, const std::string& value,
                          testing::Headers more = {}) {
    more.emplace_back(header, value);
    return call(server.port(), put("/bucket/k", "body", more));
  }
  testing::Reply looked() {
    return call(server.port(), head("/bucket/k", {{"x-amz-checksum-mode", "ENABLED"}}));
  }
  std::string sha256 = to_base64(digest(Algorithm::Sha256, "body"));
  Server server{Options{.buckets = {"bucket"}}};
};

TEST_F(Checksums, EachKindIsCheckedKeptAndGivenBack) {
  for (const Known& known : kKnown) {
    const std::string right = to_base64(digest(known.algorithm, "body"));
    const std::string wrong = to_base64(digest(known.algorithm, "other"));
    EXPECT_EQ(put_with(known.header, wrong).code(), "BadDigest") << known.header;
    const auto stored = put_with(known.header, right);
    EXPECT_EQ(stored.status, 200);
    EXPECT_EQ(stored.header(known.header), right);
    EXPECT_EQ(looked().header(known.header), right);
    EXPECT_EQ(looked().header("x-amz-checksum-type"), "FULL_OBJECT");
    EXPECT_EQ(call(server.port(), head("/bucket/k")).header(known.header), "");
  }
}

TEST_F(Checksums, OneThatCannotBeOneIsRefused) {
  EXPECT_EQ(put_with("x-amz-checksum-sha256", "AAAA").code(), "InvalidRequest");
  EXPECT_EQ(put_with("x-amz-checksum-crc32", "!").code(), "InvalidRequest");
  EXPECT_EQ(
      put_with("x-amz-checksum-sha256", sha256, {{"x-amz-checksum-crc32", "AAAAAA=="}}).code(),
      "InvalidRequest");
  EXPECT_EQ(
      put_with("x-amz-checksum-sha256", sha256, {{"x-amz-sdk-checksum-algorithm", "CRC32"}}).code(),
      "InvalidRequest");
}

TEST_F(Checksums, AServerThatIgnoresThemTakesWrongOnesAndGivesNoneBack) {
  server.set_behaviour(ceph_16());
  const auto stored = put_with("x-amz-checksum-sha256", to_base64(digest(Algorithm::Sha256, "x")));
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.header("x-amz-checksum-sha256"), "");
  EXPECT_EQ(looked().header("x-amz-checksum-sha256"), "");
}

TEST_F(Checksums, AServerThatRejectsThemNamesTheHeader) {
  server.set_behaviour({.checksums = Support::Rejected});
  const auto refused = put_with("x-amz-checksum-sha256", sha256);
  EXPECT_EQ(refused.status, 501);
  EXPECT_EQ(refused.element("Header"), "x-amz-checksum-sha256");
}

TEST_F(Checksums, Ceph20LooksOnlyWhereTheAlgorithmIsNamed) {
  server.set_behaviour({.checksums_need_algorithm = true});
  const std::string wrong = to_base64(digest(Algorithm::Sha256, "x"));
  EXPECT_EQ(put_with("x-amz-checksum-sha256", wrong).status, 200);
  EXPECT_EQ(looked().header("x-amz-checksum-sha256"), "");
  const testing::Headers named = {{"x-amz-sdk-checksum-algorithm", "SHA256"}};
  EXPECT_EQ(put_with("x-amz-checksum-sha256", wrong, named).code(), "BadDigest");
  EXPECT_EQ(put_with("x-amz-checksum-sha256", sha256, named).status, 200);
  EXPECT_EQ(looked().header("x-amz-checksum-sha256"), sha256);
}

TEST_F(Checksums, HeadMayKeepThemToItself) {
  server.set_behaviour({.head_returns_checksums = false});
  EXPECT_EQ(put_with("x-amz-checksum-sha256", sha256).header("x-amz-checksum-sha256"), sha256);
  EXPECT_EQ(looked().header("x-amz-checksum-sha256"), "");
}

TEST_F(Checksums, ARandomEtagIsNoMd5ButMatchesAllTheSame) {
  server.set_behaviour({.random_etags = true});
  const std::string etag = call(server.port(), put("/bucket/k", "body")).header("etag");
  EXPECT_NE(etag, "\"" + to_hex(digest(Algorithm::Md5, "body")) + "\"");
  EXPECT_EQ(looked().header("etag"), etag);
  EXPECT_EQ(call(server.port(), put("/bucket/k", "new", {{"if-match", etag}})).status, 200);
}

}  // namespace
}  // namespace waybill::s3server
