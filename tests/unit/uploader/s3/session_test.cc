#include "uploader/s3_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/fakes/fake_clock.h"
#include "uploader/s3_exchange.h"

// What refusals teach, without a network: replies are handed to the exchange by hand.
namespace waybill::uploader {
namespace {

using fakes::FakeClock;

class Keys final : public CredentialsSource {
 public:
  Result<Credentials> get() override {
    ++asked;
    if (key.empty()) return fail(ErrorCode::NeedsPerson, "no credentials");
    return Credentials{.access_key_id = key, .secret_access_key = Secret("secret")};
  }
  std::string key = "first";
  int asked = 0;
};

class Exchange final : public S3Exchange {
 public:
  using S3Exchange::S3Exchange;
  std::optional<HttpReply> answer;
  std::optional<Error> error;

 private:
  Next answered(const HttpReply& reply) override {
    answer = reply;
    return Next::Done;
  }
  void failed(Error failure) override { error = std::move(failure); }
};

class S3SessionTest : public testing::Test {
 protected:
  std::shared_ptr<S3Session> make(const S3Options& options) {
    auto address = find_address(options, options.region);
    EXPECT_TRUE(address);
    return std::make_shared<S3Session>(options, *address, keys, clock);
  }
  std::shared_ptr<S3Session> make() { return make({.region = "us-east-1", .bucket = "inbox"}); }
  static std::unique_ptr<Exchange> put(std::shared_ptr<S3Session> session) {
    PutRequest request{.key = "a b", .body = std::make_shared<const Bytes>()};
    return std::make_unique<Exchange>(std::move(session), put_object(std::move(request), true));
  }
  static std::string header(const HttpRequest& request, std::string_view name) {
    const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                    [name](const HttpHeader& each) { return each.name == name; });
    return found == request.headers.end() ? "" : found->value;
  }
  static HttpReply reply(int status, const std::string& code,
                         const std::vector<std::string>& headers = {}) {
    HttpReply made{.status = status, .request_sent = true};
    for (const std::string& line : headers) made.headers.add_line(line);
    if (!code.empty()) made.body = "<Error><Code>" + code + "</Code></Error>";
    return made;
  }

  static std::string error_of(const std::string& code, const std::string& message) {
    return "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>";
  }

  FakeClock clock;
  std::shared_ptr<Keys> keys = std::make_shared<Keys>();
};

using Next = HttpExchange::Next;

TEST_F(S3SessionTest, RequestIsSignedForItsHostRegionAndTime) {
  const auto exchange = put(make());
  const auto request = exchange->prepare();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, "https://inbox.s3.us-east-1.amazonaws.com/a%20b");
  EXPECT_EQ(header(*request, "host"), "inbox.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(header(*request, "x-amz-date"), amz_time(clock.wall()));
  EXPECT_NE(header(*request, "authorization").find("Credential=first/"), std::string::npos);
}

TEST_F(S3SessionTest, WithoutCredentialsNothingIsSent) {
  keys->key = "";
  const auto exchange = put(make());
  EXPECT_FALSE(exchange->prepare());
  ASSERT_TRUE(exchange->error);
  EXPECT_EQ(exchange->error->code, ErrorCode::NeedsPerson);
}

TEST_F(S3SessionTest, OtherRegionIsAdoptedForAllRequestsOfTheSession) {
  const auto session = make();
  const auto first = put(session);
  const auto second = put(session);
  first->prepare();
  second->prepare();
  const auto refusal = reply(301, "PermanentRedirect", {"x-amz-bucket-region: eu-west-1"});
  EXPECT_EQ(first->finished(refusal), Next::Again);
  EXPECT_EQ(first->prepare()->url, "https://inbox.s3.eu-west-1.amazonaws.com/a%20b");
  // Signed before the first one learnt it.
  EXPECT_EQ(second->finished(refusal), Next::Again);
  EXPECT_NE(header(*put(session)->prepare(), "authorization").find("/eu-west-1/s3/"),
            std::string::npos);
}

TEST_F(S3SessionTest, SecondRedirectIsAFailureThatNamesTheRegion) {
  const auto exchange = put(make());
  exchange->prepare();
  EXPECT_EQ(exchange->finished(reply(301, "PermanentRedirect", {"x-amz-bucket-region: eu-west-1"})),
            Next::Again);
  exchange->prepare();
  EXPECT_EQ(exchange->finished(reply(301, "PermanentRedirect", {"x-amz-bucket-region: eu-west-2"})),
            Next::Done);
  ASSERT_TRUE(exchange->error);
  EXPECT_EQ(exchange->error->code, ErrorCode::NeedsPerson);
  EXPECT_NE(exchange->error->message.find("eu-west-2"), std::string::npos);
}

TEST_F(S3SessionTest, RegionInTheBodyIsLearntToo) {
  const auto exchange = put(make());
  exchange->prepare();
  HttpReply refusal{.status = 400};
  refusal.body =
      "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
  EXPECT_EQ(exchange->finished(refusal), Next::Again);
  EXPECT_NE(exchange->prepare()->url.find("eu-west-1"), std::string::npos);
}

TEST_F(S3SessionTest, RegionThatIsNoNameIsNotFollowed) {
  const auto exchange = put(make());
  exchange->prepare();
  EXPECT_EQ(exchange->finished(reply(301, "", {"x-amz-bucket-region: evil.example/"})), Next::Done);
  EXPECT_TRUE(exchange->error);
}

TEST_F(S3SessionTest, SkewedClockIsCorrectedOnceByTheServersDate) {
  clock.set_wall(WallTime(std::chrono::seconds(1369353600)));
  const auto exchange = put(make());
  EXPECT_EQ(header(*exchange->prepare(), "x-amz-date"), "20130524T000000Z");
  const auto refusal = reply(403, "RequestTimeTooSkewed", {"Date: Fri, 24 May 2013 01:00:00 GMT"});
  EXPECT_EQ(exchange->finished(refusal), Next::Again);
  EXPECT_EQ(header(*exchange->prepare(), "x-amz-date"), "20130524T010000Z");
  EXPECT_EQ(exchange->finished(refusal), Next::Done);
  ASSERT_TRUE(exchange->error);
  EXPECT_EQ(exchange->error->code, ErrorCode::NeedsPerson);
  EXPECT_NE(exchange->error->message.find("clock is 60 minutes behind"), std::string::npos)
      << exchange->error->message;
}

// What our own clock is set to says nothing of the store's.
TEST_F(S3SessionTest, StoresClockIsKnownWhateverOursIsSetTo) {
  clock.set_wall(WallTime(std::chrono::seconds(1369353600)));
  const auto session = make();
  EXPECT_EQ(session->ahead(), Nanoseconds::zero()) << "it has said nothing yet";
  session->note(reply(200, "", {"Date: Fri, 24 May 2013 01:00:00 GMT"}));
  const auto stores_clock = [&] { return clock.wall() + session->ahead(); };
  EXPECT_EQ(stores_clock(), WallTime(std::chrono::seconds(1369357200)));
  clock.advance(std::chrono::seconds(10));
  clock.set_wall(clock.wall() - std::chrono::hours(5));
  EXPECT_EQ(stores_clock(), WallTime(std::chrono::seconds(1369357210)));
}

TEST_F(S3SessionTest, PlainDenialWithARightClockIsNoReasonToTryAgain) {
  clock.set_wall(WallTime(std::chrono::seconds(1369353600)));
  const auto exchange = put(make());
  exchange->prepare();
  EXPECT_EQ(exchange->finished(reply(403, "AccessDenied", {"Date: Fri, 24 May 2013 00:04:00 GMT"})),
            Next::Done);
  EXPECT_TRUE(exchange->error);
}

TEST_F(S3SessionTest, DenialWithADistantDateIsTriedAgainByThatDate) {
  clock.set_wall(WallTime(std::chrono::seconds(1369353600)));
  const auto exchange = put(make());
  exchange->prepare();
  EXPECT_EQ(exchange->finished(reply(403, "AccessDenied", {"Date: Thu, 23 May 2013 23:54:00 GMT"})),
            Next::Again);
  EXPECT_EQ(header(*exchange->prepare(), "x-amz-date"), "20130523T235400Z");
}

TEST_F(S3SessionTest, ExpiredCredentialsAreTriedAgainOnlyWhenThereAreOthers) {
  const auto exchange = put(make());
  exchange->prepare();
  keys->key = "second";
  EXPECT_EQ(exchange->finished(reply(400, "ExpiredToken")), Next::Again);
  EXPECT_NE(header(*exchange->prepare(), "authorization").find("Credential=second/"),
            std::string::npos);
  EXPECT_EQ(exchange->finished(reply(400, "ExpiredToken")), Next::Done);
  ASSERT_TRUE(exchange->error);
  EXPECT_EQ(exchange->error->s3_code, "ExpiredToken");
}

TEST_F(S3SessionTest, MuteHeadIsAskedAgainInAFormThatSpeaks) {
  const auto session = make();
  Exchange exchange(session, head_object("k"));
  EXPECT_EQ(exchange.prepare()->method, HttpMethod::Head);
  EXPECT_EQ(exchange.finished(reply(403, "")), Next::Again);
  const auto question = exchange.prepare();
  EXPECT_EQ(question->method, HttpMethod::Get);
  EXPECT_EQ(header(*question, "range"), "bytes=0-0");
  EXPECT_EQ(exchange.finished(reply(403, "InvalidAccessKeyId")), Next::Done);
  ASSERT_TRUE(exchange.error);
  EXPECT_EQ(exchange.error->s3_code, "InvalidAccessKeyId");
}

TEST_F(S3SessionTest, MuteHeadStaysRefusedWhateverTheOtherFormSays) {
  for (const int status : {200, 206, 404}) {
    Exchange exchange(make(), head_object("k"));
    exchange.prepare();
    EXPECT_EQ(exchange.finished(reply(403, "")), Next::Again);
    exchange.prepare();
    EXPECT_EQ(exchange.finished(reply(status, "")), Next::Done);
    EXPECT_FALSE(exchange.answer);
    ASSERT_TRUE(exchange.error);
    EXPECT_EQ(exchange.error->code, ErrorCode::NeedsPerson) << status;
    EXPECT_EQ(exchange.error->http_status, 403);
  }
}

TEST_F(S3SessionTest, BodylessHead400LeadsToTheRegion) {
  Exchange exchange(make(), head_object("k"));
  exchange.prepare();
  EXPECT_EQ(exchange.finished(reply(400, "")), Next::Again);
  exchange.prepare();
  EXPECT_EQ(exchange.finished(reply(301, "PermanentRedirect", {"x-amz-bucket-region: eu-west-1"})),
            Next::Again);
  const auto again = exchange.prepare();
  EXPECT_EQ(again->method, HttpMethod::Head);
  EXPECT_EQ(again->url, "https://inbox.s3.eu-west-1.amazonaws.com/k");
  EXPECT_EQ(exchange.finished(reply(200, "")), Next::Done);
  EXPECT_TRUE(exchange.answer);
}

TEST_F(S3SessionTest, ErrorInsideA200IsNoSuccess) {
  const auto exchange = put(make());
  exchange->prepare();
  EXPECT_EQ(exchange->finished(reply(200, "PreconditionFailed")), Next::Done);
  EXPECT_FALSE(exchange->answer);
  ASSERT_TRUE(exchange->error);
  EXPECT_EQ(exchange->error->code, ErrorCode::PreconditionFailed);
}

TEST_F(S3SessionTest, LoopbackIsReachedWithoutAProxy) {
  const auto local = make({.endpoint = "http://127.0.0.1:9000", .region = "r", .bucket = "b"});
  EXPECT_FALSE(put(local)->prepare()->proxy);
  EXPECT_TRUE(put(make())->prepare()->proxy);
}

TEST_F(S3SessionTest, TheSha256GoesAlongUnlessSaidOtherwise) {
  const auto sends = [this](ChecksumHeader wanted) {
    return make({.region = "r", .bucket = "b", .checksum_header = wanted})->sends_sha256();
  };
  EXPECT_TRUE(sends(ChecksumHeader::Auto));
  EXPECT_TRUE(sends(ChecksumHeader::Sha256));
  EXPECT_FALSE(sends(ChecksumHeader::Crc64Nvme));
  EXPECT_FALSE(sends(ChecksumHeader::Crc32c));
  EXPECT_FALSE(sends(ChecksumHeader::None));
}

// S3.md 10.12
TEST_F(S3SessionTest, AChecksumHeaderIsGivenUpWhereItsRefusalNamesIt) {
  const std::vector<std::pair<int, std::string>> refusals = {
      {501, error_of("NotImplemented", "Header x-amz-checksum-sha256 is not implemented.")},
      {400, error_of("InvalidRequest", "Unsupported header 'x-amz-sdk-checksum-algorithm'")},
      {400, error_of("InvalidArgument", "x-amz-checksum-sha256 is not known")},
      {501,
       "<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality "
       "that is not implemented</Message><Header>x-amz-checksum-sha256</Header></Error>"},
      {400, "unknown header: x-amz-checksum-sha256"},
  };
  for (const auto& [status, body] : refusals) {
    const auto exchange = put(make());
    static_cast<void>(exchange->prepare());
    HttpReply refusal = reply(status, "");
    refusal.body = body;
    EXPECT_EQ(exchange->finished(refusal), Next::Again) << body;
  }
}

// B2 refuses the one, and takes the other.
TEST_F(S3SessionTest, OnlyTheNameOfTheAlgorithmIsGivenUpWhereOnlyThatIsRefused) {
  const auto session = make();
  const auto exchange = put(session);
  static_cast<void>(exchange->prepare());
  HttpReply refusal = reply(400, "");
  refusal.body = error_of("InvalidArgument", "Unsupported header 'x-amz-sdk-checksum-algorithm'");
  ASSERT_EQ(exchange->finished(refusal), Next::Again);
  const auto second = exchange->prepare();
  ASSERT_TRUE(second);
  EXPECT_EQ(header(*second, "x-amz-sdk-checksum-algorithm"), "");
  EXPECT_NE(header(*second, "x-amz-checksum-sha256"), "");
  // It does not take the checksum either.
  ASSERT_EQ(exchange->finished(refusal), Next::Again);
  const auto third = exchange->prepare();
  ASSERT_TRUE(third);
  EXPECT_EQ(header(*third, "x-amz-checksum-sha256"), "");
  EXPECT_NE(exchange->finished(refusal), Next::Again);
}

TEST_F(S3SessionTest, AChecksumHeaderIsKeptWhereSomethingElseIsRefused) {
  const std::vector<std::pair<int, std::string>> refusals = {
      {400, error_of("BadDigest", "The x-amz-checksum-sha256 you gave did not match")},
      {400, error_of("XAmzContentChecksumMismatch", "The x-amz-checksum-sha256 does not match")},
      {400, error_of("KeyTooLongError", "Your key is too long") +
                "<!-- x-amz-checksum-sha256: 47DEQpj8HBSa -->"},
      {400, error_of("InvalidStorageClass", "signed headers: x-amz-checksum-sha256")},
      {501, error_of("NotImplemented", "A header you provided is not implemented")},
      {403, error_of("InvalidRequest", "x-amz-checksum-sha256 is not known")},
  };
  for (const auto& [status, body] : refusals) {
    const auto exchange = put(make());
    static_cast<void>(exchange->prepare());
    HttpReply refusal = reply(status, "");
    refusal.body = body;
    EXPECT_NE(exchange->finished(refusal), Next::Again) << body;
  }
}

}  // namespace
}  // namespace waybill::uploader
