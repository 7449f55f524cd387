#include "tests/s3server/signature.h"

#include <gtest/gtest.h>

#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"

// The requests are the worked examples of S3's documentation of Signature V4: key
// AKIAIOSFODNN7EXAMPLE, bucket examplebucket, region us-east-1, 24 May 2013. The signatures were
// computed afresh with Python's hmac and hashlib from the canonical requests printed there, and
// begin as S3.md section 1 lists them.
namespace waybill::s3server {
namespace {

constexpr const char* kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const Identity kIdentity{.access_key = "AKIAIOSFODNN7EXAMPLE",
                         .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                         .session_token = "",
                         .region = "us-east-1"};

std::time_t example_time() {
  return *parse_amz_date("20130524T000000Z");
}

std::string authorization(const std::string& names, const std::string& signature) {
  return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=" +
         names + ",Signature=" + signature;
}

struct Example {
  std::string name;
  std::string request_line;
  std::vector<std::string> headers;
};

std::unique_ptr<Request> parsed(const Example& example) {
  auto request = std::make_unique<Request>();
  request->head = example.request_line + " HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n";
  for (const std::string& header : example.headers) request->head += header + "\r\n";
  request->head += "\r\n";
  EXPECT_FALSE(parse_head(*request));
  return request;
}

std::vector<Example> examples() {
  const std::string date = "x-amz-date: 20130524T000000Z";
  const std::string empty = std::string("x-amz-content-sha256: ") + kEmptyHash;
  const std::string usual = "host;x-amz-content-sha256;x-amz-date";
  return {
      {"get object",
       "GET /test.txt",
       {"Range: bytes=0-9", empty, date,
        "Authorization: " +
            authorization("host;range;x-amz-content-sha256;x-amz-date",
                          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")}},
      {"put object",
       "PUT /test%24file.text",
       {"Date: Fri, 24 May 2013 00:00:00 GMT", date, "x-amz-storage-class: REDUCED_REDUNDANCY",
        "x-amz-content-sha256: "
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "Authorization: " +
            authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")}},
      {"get lifecycle",
       "GET /?lifecycle",
       {empty, date,
        "Authorization: " +
            authorization(usual,
                          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")}},
      {"list objects",
       "GET /?max-keys=2&prefix=J",
       {empty, date,
        "Authorization: " +
            authorization(usual,
                          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")}},
      {"presigned",
       "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
       "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
       "X-Amz-SignedHeaders=host&X-Amz-Signature="
       "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
       {}},
  };
}

std::string verdict(const Example& example, const Identity& identity, std::time_t now) {
  const auto request = parsed(example);
  const auto verified = verify_signature(*request, identity, now, false, false);
  return verified.ok() ? "ok" : verified.error().code;
}

TEST(Signature, TheDocumentedExamplesVerify) {
  for (const Example& example : examples()) {
    EXPECT_EQ(verdict(example, kIdentity, example_time()), "ok") << example.name;
  }
}

TEST(Signature, AnotherSecretNeverVerifies) {
  Identity other = kIdentity;
  other.secret_key.back() = 'Z';
  for (const Example& example : examples()) {
    EXPECT_EQ(verdict(example, other, example_time()), "SignatureDoesNotMatch") << example.name;
  }
}

// Each change is one that the signature is there to notice.
TEST(Signature, EveryChangeOfASignedRequestIsNoticed) {
  const auto changed = [](std::size_t index, const std::string& from, const std::string& to) {
    Example example = examples().at(index);
    const auto replace = [&](std::string& text) {
      if (const auto at = text.find(from); at != std::string::npos) {
        text.replace(at, from.size(), to);
      }
    };
    replace(example.request_line);
    for (std::string& header : example.headers) replace(header);
    return verdict(example, kIdentity, example_time());
  };
  EXPECT_EQ(changed(0, "GET /", "PUT /"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(0, "/test.txt", "/Test.txt"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(0, "/test.txt", "/a/../test.txt"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(0, "/test.txt", "//test.txt"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(0, "/test.txt", "/test.txt?versions"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(0, "bytes=0-9", "bytes=0-8"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(0, "20130524T000000Z", "20130524T000001Z"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(1, "44ce", "44cf"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(1, "REDUCED", "INCREASED"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(3, "prefix=J", "prefix=K"), "SignatureDoesNotMatch");
  EXPECT_EQ(changed(4, "86400", "86401"), "SignatureDoesNotMatch");
}

TEST(Signature, WritingTheSameRequestDifferentlyDoesNotMatter) {
  Example spaced = examples().at(0);
  spaced.headers.at(0) = "RANGE:   bytes=0-9  ";
  EXPECT_EQ(verdict(spaced, kIdentity, example_time()), "ok");
  Example encoded = examples().at(1);
  encoded.request_line = "PUT /test$file.text";
  EXPECT_EQ(verdict(encoded, kIdentity, example_time()), "ok");
  Example reordered = examples().at(3);
  reordered.request_line = "GET /?prefix=J&max-keys=2";
  EXPECT_EQ(verdict(reordered, kIdentity, example_time()), "ok");
}

TEST(Signature, RefusalsSayWhatIsWrong) {
  const Example good = examples().at(0);
  const std::time_t now = example_time();
  EXPECT_EQ(verdict(good, kIdentity, now + 15 * 60), "ok");
  EXPECT_EQ(verdict(good, kIdentity, now + 15 * 60 + 1), "RequestTimeTooSkewed");
  EXPECT_EQ(verdict(good, kIdentity, now - 15 * 60 - 1), "RequestTimeTooSkewed");

  Identity other = kIdentity;
  other.access_key = "SOMEBODY";
  EXPECT_EQ(verdict(good, other, now), "InvalidAccessKeyId");
  other = kIdentity;
  other.region = "eu-central-1";
  EXPECT_EQ(verdict(good, other, now), "AuthorizationHeaderMalformed");
  other = kIdentity;
  other.session_token = "token";
  EXPECT_EQ(verdict(good, other, now), "InvalidToken");

  Example unsigned_header = good;
  unsigned_header.headers.emplace_back("x-amz-meta-a: b");
  EXPECT_EQ(verdict(unsigned_header, kIdentity, now), "AccessDenied");
  Example anonymous = good;
  anonymous.headers.pop_back();
  EXPECT_EQ(verdict(anonymous, kIdentity, now), "AccessDenied");
  Example old_style = anonymous;
  old_style.headers.emplace_back("Authorization: AWS AKIAIOSFODNN7EXAMPLE:xyz=");
  EXPECT_EQ(verdict(old_style, kIdentity, now), "InvalidRequest");
  Example garbled = anonymous;
  garbled.headers.emplace_back("Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=");
  EXPECT_EQ(verdict(garbled, kIdentity, now), "AuthorizationHeaderMalformed");
}

TEST(Signature, APresignedRequestExpires) {
  const Example presigned = examples().at(4);
  EXPECT_EQ(verdict(presigned, kIdentity, example_time() + 86400), "ok");
  EXPECT_EQ(verdict(presigned, kIdentity, example_time() + 86401), "AccessDenied");
}

TEST(Signature, AWrongRegionNamesTheRightOne) {
  Identity elsewhere = kIdentity;
  elsewhere.region = "eu-central-1";
  const auto request = parsed(examples().at(0));
  const auto told = verify_signature(*request, elsewhere, example_time(), false, false);
  ASSERT_FALSE(told.ok());
  EXPECT_EQ(told.error().status, 400);
  EXPECT_EQ(told.error().details,
            (std::vector<std::pair<std::string, std::string>>{{"Region", "eu-central-1"}}));
  EXPECT_TRUE(told.error().headers.empty());

  const auto redirected = verify_signature(*request, elsewhere, example_time(), true, false);
  ASSERT_FALSE(redirected.ok());
  EXPECT_EQ(redirected.error().status, 301);
  EXPECT_EQ(
      redirected.error().headers,
      (std::vector<std::pair<std::string, std::string>>{{"x-amz-bucket-region", "eu-central-1"}}));
}

}  // namespace
}  // namespace waybill::s3server
