#include "uploader/signer.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

// The expected values are those of the examples in S3's documentation ("Authenticating Requests:
// Using the Authorization Header", "… Query Parameters", "… in Multiple Chunks"), computed once
// more with Python's hmac.
namespace waybill::uploader {
namespace {

const Secret secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
const SigningScope scope{.date = "20130524", .region = "us-east-1"};
constexpr std::string_view time_of_all = "20130524T000000Z";
constexpr std::string_view host = "examplebucket.s3.amazonaws.com";
constexpr std::string_view empty_payload =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string sign(const RequestToSign& request) {
  return signature(signing_key(secret, scope),
                   string_to_sign(time_of_all, scope, canonical_request(request)));
}

std::vector<HttpHeader> usual_headers() {
  return {{"host", std::string(host)},
          {"x-amz-content-sha256", std::string(empty_payload)},
          {"x-amz-date", std::string(time_of_all)}};
}

TEST(Signer, GetOfAnObjectIsSignedAsInTheDocumentation) {
  auto headers = usual_headers();
  headers.push_back({"range", "bytes=0-9"});
  const RequestToSign request{.method = HttpMethod::Get,
                              .path = "/test.txt",
                              .headers = headers,
                              .payload_hash = empty_payload};
  EXPECT_EQ(canonical_request(request),
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
            "x-amz-content-sha256:"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
            "x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(string_to_sign(time_of_all, scope, canonical_request(request)),
            "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  EXPECT_EQ(sign(request), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(Signer, PutOfAnObjectIsSignedAsInTheDocumentation) {
  const std::string payload = to_hex(sha256(as_bytes("Welcome to Amazon S3.")));
  const std::vector<HttpHeader> headers{{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                        {"host", std::string(host)},
                                        {"x-amz-date", std::string(time_of_all)},
                                        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                        {"x-amz-content-sha256", payload}};
  EXPECT_EQ(sign({.method = HttpMethod::Put,
                  .path = "/test%24file.text",
                  .headers = headers,
                  .payload_hash = payload}),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(Signer, QueryKeyWithoutAValueIsSignedWithItsEqualsSign) {
  const std::string query = canonical_query({{"lifecycle", ""}});
  EXPECT_EQ(query, "lifecycle=");
  EXPECT_EQ(
      sign(
          {.path = "/", .query = query, .headers = usual_headers(), .payload_hash = empty_payload}),
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(Signer, ListingIsSignedWithItsQuerySorted) {
  const std::string query = canonical_query({{"prefix", "J"}, {"max-keys", "2"}});
  EXPECT_EQ(
      sign(
          {.path = "/", .query = query, .headers = usual_headers(), .payload_hash = empty_payload}),
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(Signer, PresignedQueryIsSignedAsInTheDocumentation) {
  const std::string query = canonical_query(
      {{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
       {"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"},
       {"X-Amz-Date", std::string(time_of_all)},
       {"X-Amz-Expires", "86400"},
       {"X-Amz-SignedHeaders", "host"}});
  const std::vector<HttpHeader> headers{{"host", std::string(host)}};
  EXPECT_EQ(sign({.path = "/test.txt",
                  .query = query,
                  .headers = headers,
                  .payload_hash = "UNSIGNED-PAYLOAD"}),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(Signer, SeedAndChunksOfAStreamAreSignedAsInTheDocumentation) {
  constexpr std::string_view streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
  const std::vector<HttpHeader> headers{{"host", "s3.amazonaws.com"},
                                        {"x-amz-date", std::string(time_of_all)},
                                        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                        {"x-amz-content-sha256", std::string(streaming)},
                                        {"content-encoding", "aws-chunked"},
                                        {"x-amz-decoded-content-length", "66560"},
                                        {"content-length", "66824"}};
  std::string previous = sign({.method = HttpMethod::Put,
                               .path = "/examplebucket/chunkObject.txt",
                               .headers = headers,
                               .payload_hash = streaming});
  EXPECT_EQ(previous, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  const std::vector<std::pair<std::string, std::string>> chunks{
      {std::string(65536, 'a'), "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
      {std::string(1024, 'a'), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
      {"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"}};
  for (const auto& [chunk, expected] : chunks) {
    std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n";
    text.append(scope.text()).append("\n").append(previous).append("\n").append(empty_payload);
    text.append("\n").append(to_hex(sha256(as_bytes(chunk))));
    previous = signature(signing_key(secret, scope), text);
    EXPECT_EQ(previous, expected);
  }
}

TEST(Signer, AuthorizationNamesKeyScopeAndHeaders) {
  auto headers = usual_headers();
  headers.push_back({"range", "bytes=0-9"});
  Signer signer;
  const RequestToSign request{
      .path = "/test.txt", .headers = headers, .payload_hash = empty_payload};
  const std::string expected =
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
  EXPECT_EQ(signer.authorize(request, time_of_all, "us-east-1", "AKIAIOSFODNN7EXAMPLE", secret),
            expected);
  EXPECT_EQ(signer.authorize(request, time_of_all, "us-east-1", "AKIAIOSFODNN7EXAMPLE", secret),
            expected);
}

TEST(Signer, RememberedKeyIsNotUsedForAnotherDateRegionOrSecret) {
  const auto headers = usual_headers();
  const RequestToSign request{.path = "/", .headers = headers, .payload_hash = empty_payload};
  const auto fresh = [&](std::string_view time, std::string_view region, const Secret& key) {
    return Signer().authorize(request, time, region, "id", key);
  };
  Signer signer;
  const auto reused = [&](std::string_view time, std::string_view region, const Secret& key) {
    return signer.authorize(request, time, region, "id", key);
  };
  const Secret other("other");
  const auto first = reused(time_of_all, "us-east-1", secret);
  EXPECT_EQ(reused("20130525T000000Z", "us-east-1", secret),
            fresh("20130525T000000Z", "us-east-1", secret));
  EXPECT_EQ(reused(time_of_all, "eu-west-1", secret), fresh(time_of_all, "eu-west-1", secret));
  EXPECT_EQ(reused(time_of_all, "us-east-1", other), fresh(time_of_all, "us-east-1", other));
  EXPECT_EQ(reused(time_of_all, "us-east-1", secret), first);
}

TEST(Signer, HeadersThatAreRewrittenOnTheWayStayUnsigned) {
  const std::vector<HttpHeader> headers{
      {"host", "h"},     {"connection", "close"},        {"expect", "100-continue"},
      {"te", "x"},       {"transfer-encoding", "x"},     {"user-agent", "x"},
      {"trailer", "x"},  {"proxy-authorization", "x"},   {"keep-alive", "x"},
      {"upgrade", "x"},  {"content-type", "text/plain"}, {"content-md5", "x"},
      {"x-amz-acl", "y"}};
  EXPECT_EQ(signed_headers({.headers = headers}), "content-md5;content-type;host;x-amz-acl");
}

TEST(Signer, HeaderValuesAreTrimmedAndTheirBlanksCollapsed) {
  const std::vector<HttpHeader> headers{{"b", " a   b\t c "}, {"a", ""}};
  EXPECT_EQ(canonical_request({.path = "/", .headers = headers, .payload_hash = "x"}),
            "GET\n/\n\na:\nb:a b c\n\na;b\nx");
}

TEST(Signer, RepeatedHeaderIsSignedOnceWithAllItsValues) {
  const std::vector<HttpHeader> headers{{"a", "1"}, {"a", "2"}};
  EXPECT_EQ(canonical_request({.path = "/", .headers = headers, .payload_hash = "x"}),
            "GET\n/\n\na:1,2\n\na\nx");
}

TEST(Signer, PathIsEncodedOnceAndNeverNormalised) {
  EXPECT_EQ(uri_encode("/a//b/../c/./d", Slash::Keep), "/a//b/../c/./d");
  EXPECT_EQ(uri_encode("+ %20~é\xFF", Slash::Keep), "%2B%20%2520~%C3%A9%FF");
  EXPECT_EQ(uri_encode("a/b=c&d", Slash::Encode), "a%2Fb%3Dc%26d");
  EXPECT_EQ(uri_encode("AZaz09-._~", Slash::Encode), "AZaz09-._~");
}

TEST(Signer, QueryIsSortedByItsEncodedForm) {
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x y"}, {"a", "/"}, {"B", ""}}),
            "B=&a=%2F&a=x%20y&b=2");
  EXPECT_EQ(canonical_query({}), "");
}

TEST(Signer, TimeIsWrittenInUtcToTheSecond) {
  using std::chrono::seconds;
  EXPECT_EQ(amz_time(WallTime(seconds(1369353600))), "20130524T000000Z");
  EXPECT_EQ(amz_time(WallTime(seconds(951827696)) + std::chrono::milliseconds(999)),
            "20000229T123456Z");
  EXPECT_EQ(amz_time(WallTime(seconds(0))), "19700101T000000Z");
}

}  // namespace
}  // namespace waybill::uploader
