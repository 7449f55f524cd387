#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"
#include "tests/s3server/server.h"
#include "tests/unit/s3server/client.h"

namespace waybill::s3server {
namespace {

using testing::Call;
using testing::call;
using testing::Connection;
using testing::get;
using testing::head;
using testing::put;
using testing::remove;

std::string md5_hex(std::string_view bytes) {
  return to_hex(digest(Algorithm::Md5, bytes));
}
std::string md5_base64(std::string_view bytes) {
  return to_base64(digest(Algorithm::Md5, bytes));
}

class Objects : public ::testing::Test {
 protected:
  Server server{Options{.buckets = {"bucket"}}};
  std::uint16_t port = server.port();
};

TEST_F(Objects, WhatIsPutComesBackWithAllThatWasSaidOfIt) {
  const auto stored = call(port, put("/bucket/a/b", "hello",
                                     {{"content-type", "text/plain"},
                                      {"cache-control", "no-store"},
                                      {"x-amz-meta-one", "1"},
                                      {"x-amz-meta-two", "a b"}}));
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.header("etag"), "\"" + md5_hex("hello") + "\"");
  EXPECT_FALSE(stored.header("x-amz-request-id").empty());

  const auto fetched = call(port, get("/bucket/a/b"));
  EXPECT_EQ(fetched.status, 200);
  EXPECT_EQ(fetched.body, "hello");
  EXPECT_EQ(fetched.header("content-type"), "text/plain");
  EXPECT_EQ(fetched.header("cache-control"), "no-store");
  EXPECT_EQ(fetched.header("x-amz-meta-one"), "1");
  EXPECT_EQ(fetched.header("x-amz-meta-two"), "a b");

  const auto looked = call(port, head("/bucket/a/b"));
  EXPECT_EQ(looked.status, 200);
  EXPECT_EQ(looked.header("content-length"), "5");
  EXPECT_EQ(looked.header("etag"), stored.header("etag"));
  EXPECT_EQ(looked.header("x-amz-meta-one"), "1");
}

TEST_F(Objects, OneConnectionServesManyRequests) {
  Connection connection(port);
  for (int i = 0; i < 20; ++i) {
    const std::string path = "/bucket/" + std::to_string(i);
    EXPECT_EQ(connection.call(put(path, path)).status, 200);
    EXPECT_EQ(connection.call(get(path)).body, path);
    EXPECT_EQ(connection.call(get("/bucket/absent")).code(), "NoSuchKey");
  }
  for (const RequestRecord& record : server.log()) EXPECT_EQ(record.connection, 1U);
}

TEST_F(Objects, RequestsMayComeInPiecesOrTogether) {
  const std::string host = "127.0.0.1:" + std::to_string(port);
  const auto one = put("/bucket/one", "first");
  const auto two = put("/bucket/two", "second");
  Connection connection(port);
  const std::string bytes = signed_head(one, host) + one.body + signed_head(two, host) + two.body;
  for (const char byte : bytes.substr(0, 700)) ASSERT_TRUE(connection.send({&byte, 1}));
  ASSERT_TRUE(connection.send(std::string_view(bytes).substr(700)));
  EXPECT_EQ(connection.receive().status, 200);
  EXPECT_EQ(connection.receive().status, 200);
  EXPECT_EQ(server.object("bucket", "one")->body, "first");
  EXPECT_EQ(server.object("bucket", "two")->body, "second");
}

TEST_F(Objects, KeysAreBytes) {
  std::vector<std::string> keys = {
      "a//b",      "../x",     "+ %20~\xc3\xa9", "/leading",
      "a?b#c&d=e", "\xff\xfe", "tab\tnewline\n", std::string(1024, 'k')};
  for (const std::string& key : keys) {
    const std::string path = "/bucket/" + percent_encode(key, true);
    EXPECT_EQ(call(port, put(path, key)).status, 200) << key;
    EXPECT_EQ(call(port, get(path)).body, key);
  }
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(server.keys("bucket"), keys);
  const auto refused = call(port, put("/bucket/" + std::string(1025, 'k'), ""));
  EXPECT_EQ(refused.code(), "KeyTooLongError");
}

TEST_F(Objects, AVirtualHostNamesTheBucket) {
  const auto wanted = put("/key", "x");
  Connection connection(port);
  ASSERT_TRUE(connection.send(signed_head(wanted, "bucket.localhost:9000") + wanted.body));
  EXPECT_EQ(connection.receive().status, 200);
  EXPECT_TRUE(server.object("bucket", "key"));
}

TEST_F(Objects, RangesAreServed) {
  call(port, put("/bucket/k", "0123456789"));
  const auto ranged = [&](const std::string& range) {
    return call(port, get("/bucket/k", {{"range", range}}));
  };
  EXPECT_EQ(ranged("bytes=2-4").body, "234");
  EXPECT_EQ(ranged("bytes=2-4").status, 206);
  EXPECT_EQ(ranged("bytes=2-4").header("content-range"), "bytes 2-4/10");
  EXPECT_EQ(ranged("bytes=7-").body, "789");
  EXPECT_EQ(ranged("bytes=-3").body, "789");
  EXPECT_EQ(ranged("bytes=8-100").body, "89");
  EXPECT_EQ(ranged("bytes=10-").code(), "InvalidRange");
  EXPECT_EQ(ranged("lines=1-2").status, 200);
}

TEST_F(Objects, DeletingIsIdempotent) {
  call(port, put("/bucket/k", "x"));
  EXPECT_EQ(call(port, remove("/bucket/k")).status, 204);
  EXPECT_EQ(call(port, get("/bucket/k")).code(), "NoSuchKey");
  EXPECT_EQ(call(port, remove("/bucket/k")).status, 204);
  const auto log = server.log();
  EXPECT_TRUE(log.at(1).effect);
  EXPECT_FALSE(log.at(3).effect);
}

TEST_F(Objects, WhatIsAbsentIsSaidToBe) {
  EXPECT_EQ(call(port, get("/bucket/k")).status, 404);
  EXPECT_EQ(call(port, head("/bucket/k")).status, 404);
  EXPECT_EQ(call(port, get("/nobucket/k")).code(), "NoSuchBucket");
  EXPECT_EQ(call(port, put("/nobucket/k", "x")).code(), "NoSuchBucket");
  EXPECT_EQ(call(port, head("/nobucket")).status, 404);
  EXPECT_EQ(call(port, {.path = "/bucket", .query = "policy="}).code(), "NotImplemented");
}

TEST_F(Objects, WithoutTheRightToListNothingIsSaidToBeAbsent) {
  server.set_behaviour({.may_list = false});
  EXPECT_EQ(call(port, head("/bucket/k")).status, 403);
  EXPECT_EQ(call(port, get("/bucket/k")).code(), "AccessDenied");
  EXPECT_EQ(call(port, {.path = "/bucket", .query = "list-type=2"}).code(), "AccessDenied");
  EXPECT_EQ(call(port, put("/bucket/k", "x")).status, 200);
  EXPECT_EQ(call(port, head("/bucket/k")).status, 200);
}

TEST_F(Objects, ABodyThatIsNotTheSignedOneIsRefused) {
  Call wrong = put("/bucket/k", "what arrives");
  wrong.payload_hash = to_hex(digest(Algorithm::Sha256, "what was signed"));
  EXPECT_EQ(call(port, wrong).code(), "XAmzContentSHA256Mismatch");
  wrong.payload_hash = "UNSIGNED-PAYLOAD";
  EXPECT_EQ(call(port, wrong).status, 200);
  wrong.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
  EXPECT_EQ(call(port, wrong).code(), "NotImplemented");
  wrong.payload_hash = "nonsense";
  EXPECT_EQ(call(port, wrong).code(), "InvalidArgument");
}

TEST_F(Objects, ContentMd5IsChecked) {
  const auto with = [&](const std::string& value) {
    return call(port, put("/bucket/k", "x", {{"content-md5", value}}));
  };
  EXPECT_EQ(with(md5_base64("x")).status, 200);
  EXPECT_EQ(with(md5_base64("y")).code(), "BadDigest");
  EXPECT_EQ(with("garbage").code(), "InvalidDigest");
  EXPECT_EQ(server.history("bucket", "k").size(), 1U);
}

TEST_F(Objects, TooMuchMetadataIsRefused) {
  EXPECT_EQ(call(port, put("/bucket/k", "", {{"x-amz-meta-a", std::string(2047, 'x')}})).status,
            200);
  EXPECT_EQ(call(port, put("/bucket/k", "", {{"x-amz-meta-a", std::string(2048, 'x')}})).code(),
            "MetadataTooLarge");
}

TEST_F(Objects, ABodyWithoutALengthIsRefused) {
  Connection connection(port);
  std::string bytes = signed_head(put("/bucket/k", ""), "127.0.0.1");
  bytes.replace(bytes.find("Content-Length: 0"), 17, "Transfer-Encoding: chunked");
  ASSERT_TRUE(connection.send(bytes + "0\r\n\r\n"));
  EXPECT_EQ(connection.receive().status, 411);
  EXPECT_TRUE(connection.at_end());
}

TEST_F(Objects, WhatIsNoHttpIsRefused) {
  for (const char* bytes :
       {"hello\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "PUT /a HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "PUT /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET nowhere HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"}) {
    Connection connection(port);
    ASSERT_TRUE(connection.send(bytes));
    const int status = connection.receive().status;
    EXPECT_TRUE(status == 400 || status == 505) << bytes << status;
    EXPECT_TRUE(connection.at_end());
  }
}

TEST_F(Objects, AHeadWithoutEndIsRefused) {
  Connection connection(port);
  connection.send("GET / HTTP/1.1\r\nA: " + std::string(70'000, 'x'));
  EXPECT_EQ(connection.receive().status, 431);
}

TEST_F(Objects, ExpectIsAnsweredBeforeTheBody) {
  const std::string host = "127.0.0.1";
  Connection connection(port);
  std::string top = signed_head(put("/bucket/k", "body"), host);
  top.replace(top.find("\r\n\r\n"), 4, "\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(connection.send(top));
  EXPECT_EQ(connection.receive().status, 100);
  ASSERT_TRUE(connection.send("body"));
  EXPECT_EQ(connection.receive().status, 200);
  EXPECT_EQ(server.object("bucket", "k")->body, "body");

  // A refusal comes in place of the 100, and ends the connection: nobody knows what follows.
  std::string bad = signed_head(put("/nobucket/k", "body"), host);
  bad.replace(bad.find("\r\n\r\n"), 4, "\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(connection.send(bad));
  EXPECT_EQ(connection.receive().code(), "NoSuchBucket");
  EXPECT_TRUE(connection.at_end());
}

TEST_F(Objects, VersionsAreKeptWhereTheBucketKeepsThem) {
  server.create_bucket("versioned", true);
  const auto first = call(port, put("/versioned/k", "one"));
  const auto second = call(port, put("/versioned/k", "two"));
  ASSERT_FALSE(first.header("x-amz-version-id").empty());
  EXPECT_NE(first.header("x-amz-version-id"), second.header("x-amz-version-id"));
  const auto version = [&](const std::string& id) {
    return call(port, {.path = "/versioned/k", .query = "versionId=" + id});
  };
  EXPECT_EQ(version(first.header("x-amz-version-id")).body, "one");
  EXPECT_EQ(call(port, get("/versioned/k")).body, "two");

  const auto removed = call(port, remove("/versioned/k"));
  EXPECT_EQ(removed.header("x-amz-delete-marker"), "true");
  const auto absent = call(port, head("/versioned/k"));
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.header("x-amz-delete-marker"), "true");
  EXPECT_EQ(version(second.header("x-amz-version-id")).body, "two");
  EXPECT_EQ(version("nonsense").code(), "NoSuchVersion");

  const auto listed = call(port, {.path = "/versioned", .query = "versions="});
  EXPECT_NE(listed.body.find("<DeleteMarker>"), std::string::npos);
  EXPECT_NE(listed.body.find(first.header("x-amz-version-id")), std::string::npos);

  // Taking the marker away brings the object back.
  const std::string marker = removed.header("x-amz-version-id");
  EXPECT_EQ(call(port, {.method = "DELETE", .path = "/versioned/k", .query = "versionId=" + marker})
                .status,
            204);
  EXPECT_EQ(call(port, get("/versioned/k")).body, "two");
}

TEST_F(Objects, VersioningIsSwitchedByRequests) {
  const auto set = [&](const std::string& status) {
    return call(port, {.method = "PUT",
                       .path = "/bucket",
                       .query = "versioning=",
                       .body = "<VersioningConfiguration><Status>" + status +
                               "</Status></VersioningConfiguration>"});
  };
  const auto status = [&] {
    return call(port, {.path = "/bucket", .query = "versioning="}).element("Status");
  };
  EXPECT_EQ(status(), "");
  EXPECT_EQ(set("Enabled").status, 200);
  EXPECT_EQ(status(), "Enabled");
  EXPECT_FALSE(call(port, put("/bucket/k", "x")).header("x-amz-version-id").empty());
  EXPECT_EQ(set("Suspended").status, 200);
  EXPECT_EQ(status(), "Suspended");
  EXPECT_TRUE(call(port, put("/bucket/k", "y")).header("x-amz-version-id").empty());
  EXPECT_EQ(set("Sometimes").code(), "MalformedXML");
}

TEST_F(Objects, CopiesKeepOrReplaceTheMetadata) {
  call(port, put("/bucket/from x", "body", {}));
  server.put_object("bucket", "from", "body", {{"a", "1"}});
  EXPECT_EQ(call(port, put("/bucket/to", "", {{"x-amz-copy-source", "/bucket/from"}})).status, 200);
  EXPECT_EQ(server.object("bucket", "to")->body, "body");
  EXPECT_EQ(server.object("bucket", "to")->metadata.at("a"), "1");
  call(port, put("/bucket/to", "",
                 {{"x-amz-copy-source", "bucket/from"},
                  {"x-amz-meta-b", "2"},
                  {"x-amz-metadata-directive", "REPLACE"}}));
  EXPECT_EQ(server.object("bucket", "to")->metadata.count("a"), 0U);
  EXPECT_EQ(server.object("bucket", "to")->metadata.at("b"), "2");
  EXPECT_EQ(call(port, put("/bucket/to", "", {{"x-amz-copy-source", "/bucket/no"}})).code(),
            "NoSuchKey");
}

TEST_F(Objects, TheHistoryKnowsEveryWrite) {
  call(port, put("/bucket/k", "one", {{"x-amz-meta-attempt", "7"}}));
  server.put_object("bucket", "k", "foreign");
  call(port, remove("/bucket/k"));
  const auto history = server.history("bucket", "k");
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].kind, Write::Kind::Put);
  EXPECT_EQ(history[0].request, 1U);
  EXPECT_EQ(history[0].sha256, to_hex(digest(Algorithm::Sha256, "one")));
  EXPECT_EQ(history[0].metadata.at("attempt"), "7");
  EXPECT_EQ(history[1].request, 0U);
  EXPECT_EQ(history[1].size, 7U);
  EXPECT_EQ(history[2].kind, Write::Kind::Delete);
}

TEST_F(Objects, TheLogTellsRequestsInTheirOrder) {
  Connection connection(port);
  connection.call(put("/bucket/k", "hello", {{"x-amz-meta-a", "b"}}));
  connection.call(get("/bucket/none"));
  ASSERT_TRUE(server.wait_for("GetObject", 1, std::chrono::seconds(20)));
  const auto log = server.log();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].number, 1U);
  EXPECT_EQ(log[0].operation, "PutObject");
  EXPECT_EQ(log[0].key, "k");
  EXPECT_EQ(log[0].header("x-amz-meta-a"), "b");
  EXPECT_EQ(log[0].body_bytes, 5U);
  EXPECT_EQ(log[0].status, 200);
  EXPECT_TRUE(log[0].effect);
  EXPECT_GE(log[0].ended, log[0].begun);
  EXPECT_EQ(log[1].status, 404);
  EXPECT_EQ(log[1].code, "NoSuchKey");
  EXPECT_FALSE(log[1].effect);
  EXPECT_EQ(server.count("PutObject"), 1U);
  EXPECT_EQ(server.request_count(), 2U);
  server.clear_log();
  EXPECT_TRUE(server.log().empty());
  EXPECT_EQ(server.request_count(), 0U);
}

TEST_F(Objects, BucketsComeAndGo) {
  EXPECT_EQ(call(port, put("/fresh", "")).status, 200);
  EXPECT_EQ(call(port, head("/fresh")).status, 200);
  EXPECT_EQ(call(port, head("/fresh")).header("x-amz-bucket-region"), "us-east-1");
  call(port, put("/fresh/k", ""));
  EXPECT_EQ(call(port, remove("/fresh")).code(), "BucketNotEmpty");
  call(port, remove("/fresh/k"));
  EXPECT_EQ(call(port, remove("/fresh")).status, 204);
  EXPECT_EQ(call(port, head("/fresh")).status, 404);
  EXPECT_EQ(call(port, put("/UPPER", "")).code(), "InvalidBucketName");
}

TEST(Credentials, EachMistakeHasItsRefusal) {
  Server server({.buckets = {"bucket"}, .session_token = "token", .region = "eu-central-1"});
  const auto code = [&](const testing::Keys& keys) {
    return call(server.port(), get("/bucket/k"), keys).code();
  };
  const testing::Keys right{.session_token = "token", .region = "eu-central-1"};
  EXPECT_EQ(code(right), "NoSuchKey");
  auto wrong = right;
  wrong.secret_key = "other";
  EXPECT_EQ(code(wrong), "SignatureDoesNotMatch");
  wrong = right;
  wrong.access_key = "other";
  EXPECT_EQ(code(wrong), "InvalidAccessKeyId");
  wrong = right;
  wrong.session_token = "other";
  EXPECT_EQ(code(wrong), "InvalidToken");
  wrong = right;
  wrong.region = "us-east-1";
  const auto refused = call(server.port(), get("/bucket/k"), wrong);
  EXPECT_EQ(refused.code(), "AuthorizationHeaderMalformed");
  EXPECT_EQ(refused.element("Region"), "eu-central-1");
  const auto bodyless = call(server.port(), head("/bucket/k"), wrong);
  EXPECT_EQ(bodyless.status, 400);
  EXPECT_EQ(bodyless.header("x-amz-bucket-region"), "");
  EXPECT_EQ(call(server.port(), head("/bucket"), wrong).header("x-amz-bucket-region"),
            "eu-central-1");
  server.set_behaviour({.wrong_region_redirects = true});
  const auto redirected = call(server.port(), get("/bucket/k"), wrong);
  EXPECT_EQ(redirected.status, 301);
  EXPECT_EQ(redirected.header("x-amz-bucket-region"), "eu-central-1");
}

TEST(Credentials, ASkewedClockIsRefusedWithTheServersTime) {
  Server server({.buckets = {"bucket"}});
  server.set_behaviour({.clock_offset_seconds = 3600});
  const auto refused = call(server.port(), get("/bucket/k"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.code(), "RequestTimeTooSkewed");
  const auto said = parse_http_date(refused.header("date"));
  ASSERT_TRUE(said);
  EXPECT_NEAR(static_cast<double>(*said - std::time(nullptr)), 3600.0, 60.0);
}

}  // namespace
}  // namespace waybill::s3server
