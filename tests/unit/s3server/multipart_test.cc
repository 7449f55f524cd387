#include <gtest/gtest.h>

#include <map>

#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"
#include "tests/s3server/server.h"
#include "tests/s3server/xml.h"
#include "tests/unit/s3server/client.h"

namespace waybill::s3server {
namespace {

using testing::Headers;
using testing::Reply;

class Multipart : public ::testing::Test {
 protected:
  static Behaviour small_parts() { return {.smallest_part = 4}; }

  Reply begin(Headers headers = {}) {
    Reply reply = testing::call(server.port(), {.method = "POST",
                                                .path = "/bucket/k",
                                                .query = "uploads=",
                                                .headers = std::move(headers)});
    id = reply.element("UploadId");
    return reply;
  }
  Reply part(int number, std::string body, Headers headers = {}) {
    return connection.call({.method = "PUT",
                            .path = "/bucket/k",
                            .query = "partNumber=" + std::to_string(number) + "&uploadId=" + id,
                            .body = std::move(body),
                            .headers = std::move(headers)});
  }
  // Parts as number and ETag, in the order in which they shall stand in the document.
  Reply complete(const std::vector<std::pair<int, std::string>>& parts, Headers headers = {}) {
    std::string body = "<CompleteMultipartUpload>";
    for (const auto& [number, etag] : parts) {
      body += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + etag +
              "</ETag></Part>";
    }
    return finish(body + "</CompleteMultipartUpload>", std::move(headers));
  }
  Reply finish(std::string document, Headers headers = {}) {
    return connection.call({.method = "POST",
                            .path = "/bucket/k",
                            .query = "uploadId=" + id,
                            .body = std::move(document),
                            .headers = std::move(headers)});
  }
  Reply parts_page(const std::string& more) {
    return connection.call({.path = "/bucket/k", .query = more + "uploadId=" + id});
  }

  Server server{Options{.buckets = {"bucket"}, .behaviour = small_parts()}};
  testing::Connection connection{server.port()};
  std::string id;
};

TEST_F(Multipart, TheEtagIsTheMd5OfThePartsMd5s) {
  begin({{"x-amz-meta-a", "b"}, {"content-type", "text/plain"}});
  const std::string one = part(1, "12345").header("etag");
  const std::string two = part(2, "67").header("etag");
  EXPECT_EQ(one, "\"" + to_hex(digest(Algorithm::Md5, "12345")) + "\"");
  const Reply reply = complete({{1, one}, {2, two}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::string expected = to_hex(digest(Algorithm::Md5, digest(Algorithm::Md5, "12345") +
                                                                 digest(Algorithm::Md5, "67"))) +
                               "-2";
  EXPECT_EQ(parse_xml(reply.body)->text_of("ETag"), "\"" + expected + "\"");
  const auto object = server.object("bucket", "k");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->body, "1234567");
  EXPECT_EQ(object->etag, expected);
  EXPECT_EQ(object->metadata.at("a"), "b");
  EXPECT_EQ(object->content_type, "text/plain");
  EXPECT_TRUE(server.uploads("bucket").empty());
  const auto history = server.history("bucket", "k");
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].kind, Write::Kind::Complete);
  EXPECT_EQ(history[0].sha256, to_hex(digest(Algorithm::Sha256, "1234567")));
  EXPECT_EQ(testing::call(server.port(), testing::get("/bucket/k", {{"range", "bytes=3-5"}})).body,
            "456");
}

TEST_F(Multipart, CompleteRefusesWhatDoesNotFit) {
  begin();
  const std::string one = part(1, "12345").header("etag");
  const std::string two = part(2, "67").header("etag");
  const std::string three = part(3, "89").header("etag");
  EXPECT_EQ(complete({{2, two}, {1, one}}).code(), "InvalidPartOrder");
  EXPECT_EQ(complete({{1, one}, {1, one}}).code(), "InvalidPartOrder");
  EXPECT_EQ(complete({{1, two}}).code(), "InvalidPart");
  EXPECT_EQ(complete({{4, one}}).code(), "InvalidPart");
  EXPECT_EQ(complete({{1, one}, {2, two}, {3, three}}).code(), "EntityTooSmall");
  EXPECT_EQ(complete({}).code(), "MalformedXML");
  EXPECT_EQ(finish("<CompleteMultipartUpload>").code(), "MalformedXML");
  EXPECT_EQ(complete({{1, one}, {3, three}}, {{"x-amz-mp-object-size", "6"}}).code(),
            "InvalidRequest");
  // After all that the upload is still there, and may be finished.
  EXPECT_EQ(complete({{1, one}, {3, three}}, {{"x-amz-mp-object-size", "7"}}).status, 200);
  EXPECT_EQ(server.object("bucket", "k")->body, "1234589");
}

TEST_F(Multipart, APartSentAgainReplacesTheFirst) {
  begin();
  const std::string old = part(1, "first").header("etag");
  const std::string fresh = part(1, "second").header("etag");
  EXPECT_EQ(complete({{1, old}}).code(), "InvalidPart");
  EXPECT_EQ(complete({{1, fresh}}).status, 200);
}

TEST_F(Multipart, PartsAreCheckedAsObjectsAre) {
  begin();
  EXPECT_EQ(part(1, "x", {{"content-md5", to_base64(digest(Algorithm::Md5, "y"))}}).code(),
            "BadDigest");
  EXPECT_EQ(part(0, "x").code(), "InvalidArgument");
  EXPECT_EQ(part(10'001, "x").code(), "InvalidArgument");
  EXPECT_EQ(part(10'000, "x").status, 200);
}

TEST_F(Multipart, ACompleteSentAgainIsAnsweredAsTheServerLikes) {
  begin();
  const std::string one = part(1, "12345").header("etag");
  const std::string etag = parse_xml(complete({{1, one}}).body)->text_of("ETag");
  const Reply again = complete({{1, one}});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(parse_xml(again.body)->text_of("ETag"), etag);
  Behaviour other = small_parts();
  other.completed_replay_is_200 = false;
  server.set_behaviour(other);
  EXPECT_EQ(complete({{1, one}}).code(), "NoSuchUpload");
  EXPECT_EQ(server.history("bucket", "k").size(), 1U);
}

TEST_F(Multipart, CompleteHonoursItsConditions) {
  server.put_object("bucket", "k", "foreign");
  begin();
  const std::string one = part(1, "12345").header("etag");
  EXPECT_EQ(complete({{1, one}}, {{"if-none-match", "*"}}).status, 412);
  EXPECT_EQ(complete({{1, one}}, {{"if-match", "\"0123\""}}).status, 412);
  EXPECT_EQ(server.object("bucket", "k")->body, "foreign");
  Behaviour ignoring = small_parts();
  ignoring.complete_if_none_match = Support::Ignored;
  server.set_behaviour(ignoring);
  EXPECT_EQ(complete({{1, one}}, {{"if-none-match", "*"}}).status, 200);
  EXPECT_EQ(server.object("bucket", "k")->body, "12345");
}

TEST_F(Multipart, AnAbortedUploadIsGone) {
  begin();
  part(1, "12345");
  EXPECT_EQ(server.uploads("bucket").size(), 1U);
  EXPECT_EQ(server.uploads("bucket").at(0).parts, std::vector<int>{1});
  const testing::Call abort = {.method = "DELETE", .path = "/bucket/k", .query = "uploadId=" + id};
  EXPECT_EQ(connection.call(abort).status, 204);
  EXPECT_EQ(connection.call(abort).code(), "NoSuchUpload");
  EXPECT_EQ(part(2, "x").code(), "NoSuchUpload");
  EXPECT_TRUE(server.uploads("bucket").empty());
}

TEST_F(Multipart, AForgottenUploadIsGoneToo) {
  begin();
  server.forget_uploads("bucket");
  EXPECT_EQ(part(1, "x").code(), "NoSuchUpload");
}

TEST_F(Multipart, ListPartsGoesByPages) {
  begin();
  std::map<int, std::string> sent;
  for (const int number : {1, 2, 3, 5, 8, 13, 21}) {
    sent[number] = part(number, "part" + std::to_string(number)).header("etag");
  }
  std::map<int, std::string> listed;
  std::string marker = "0";
  int pages = 0;
  for (;;) {
    const auto root = parse_xml(parts_page("max-parts=3&part-number-marker=" + marker + "&").body);
    ASSERT_TRUE(root);
    ++pages;
    for (const XmlNode& node : root->children) {
      if (node.name == "Part") {
        listed[std::stoi(node.text_of("PartNumber"))] = node.text_of("ETag");
      }
    }
    if (root->text_of("IsTruncated") != "true") break;
    marker = root->text_of("NextPartNumberMarker");
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(listed, sent);
}

TEST_F(Multipart, APageOfPartsHasAtMostAsManyAsTheServerGives) {
  Behaviour behaviour = small_parts();
  behaviour.list_parts_page = 2;
  server.set_behaviour(behaviour);
  begin();
  for (int number = 1; number <= 3; ++number) part(number, "x");
  const auto root = parse_xml(parts_page("max-parts=1000&").body);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->text_of("IsTruncated"), "true");
  EXPECT_EQ(root->text_of("NextPartNumberMarker"), "2");
}

TEST_F(Multipart, AFullObjectChecksumIsCheckedOnComplete) {
  const Reply begun =
      begin({{"x-amz-checksum-algorithm", "CRC64NVME"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
  EXPECT_EQ(begun.header("x-amz-checksum-algorithm"), "CRC64NVME");
  const auto crc = [](std::string_view bytes) {
    return to_base64(digest(Algorithm::Crc64Nvme, bytes));
  };
  const Reply one = part(1, "12345", {{"x-amz-checksum-crc64nvme", crc("12345")}});
  EXPECT_EQ(one.header("x-amz-checksum-crc64nvme"), crc("12345"));
  const Reply two = part(2, "6789", {{"x-amz-checksum-crc64nvme", crc("6789")}});
  const std::vector<std::pair<int, std::string>> parts = {{1, one.header("etag")},
                                                          {2, two.header("etag")}};
  EXPECT_EQ(complete(parts, {{"x-amz-checksum-crc64nvme", crc("123456788")},
                             {"x-amz-checksum-type", "FULL_OBJECT"}})
                .code(),
            "BadDigest");
  const Reply done = complete(parts, {{"x-amz-checksum-crc64nvme", crc("123456789")},
                                      {"x-amz-checksum-type", "FULL_OBJECT"}});
  ASSERT_EQ(done.status, 200) << done.body;
  // The published check value, once more by way of two parts.
  EXPECT_EQ(done.element("ChecksumCRC64NVME"), to_base64(*from_hex("ae8b14860a799888")));
  const Reply looked = testing::call(
      server.port(), testing::head("/bucket/k", {{"x-amz-checksum-mode", "ENABLED"}}));
  EXPECT_EQ(looked.header("x-amz-checksum-crc64nvme"), crc("123456789"));
}

TEST_F(Multipart, ACompositeChecksumIsTheHashOfThePartsHashes) {
  begin({{"x-amz-checksum-algorithm", "SHA256"}});
  const auto sha = [](std::string_view bytes) { return digest(Algorithm::Sha256, bytes); };
  EXPECT_EQ(part(1, "12345").code(), "InvalidRequest");
  const Reply one = part(1, "12345", {{"x-amz-checksum-sha256", to_base64(sha("12345"))}});
  const Reply two = part(2, "67", {{"x-amz-checksum-sha256", to_base64(sha("67"))}});
  const Reply done = complete({{1, one.header("etag")}, {2, two.header("etag")}});
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.element("ChecksumSHA256"), to_base64(sha(sha("12345") + sha("67"))) + "-2");
  EXPECT_EQ(done.element("ChecksumType"), "COMPOSITE");
}

TEST_F(Multipart, AlgorithmsAndTypesThatDoNotGoTogetherAreRefused) {
  const auto code = [&](const std::string& algorithm, const std::string& type) {
    return begin({{"x-amz-checksum-algorithm", algorithm}, {"x-amz-checksum-type", type}}).code();
  };
  EXPECT_EQ(code("SHA256", "FULL_OBJECT"), "InvalidRequest");
  EXPECT_EQ(code("CRC64NVME", "COMPOSITE"), "InvalidRequest");
  EXPECT_EQ(code("MD4", "COMPOSITE"), "InvalidRequest");
  EXPECT_EQ(code("CRC32", "FULL_OBJECT"), "");
  EXPECT_EQ(code("CRC32C", "COMPOSITE"), "");
}

TEST_F(Multipart, PartsBelowTheRealLimitAreTooSmallByDefault) {
  server.set_behaviour({});
  begin();
  const std::string small = part(1, std::string((5U << 20) - 1, 'x')).header("etag");
  const std::string last = part(2, "x").header("etag");
  EXPECT_EQ(complete({{1, small}, {2, last}}).code(), "EntityTooSmall");
  const std::string enough = part(1, std::string(5U << 20, 'x')).header("etag");
  EXPECT_EQ(complete({{1, enough}, {2, last}}).status, 200);
}

}  // namespace
}  // namespace waybill::s3server
