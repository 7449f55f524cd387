#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/integration/s3/s3_client.h"
#include "uploader/credentials_fetcher.h"

namespace waybill::integration {
namespace {

using uploader::CredentialsSource;
using uploader::make_credentials;

// A service of the machine or of AWS, on loopback.
class StandIn {
 public:
  StandIn() {
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~StandIn() { server_.stop(); }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  httplib::Server& serve() { return server_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::jthread thread_;
};

std::string json(const std::string& key, const std::string& token, const std::string& expires) {
  return R"({"Code":"Success","AccessKeyId":")" + key +
         R"(","SecretAccessKey":"s3cr3t","Token":")" + token + R"(","Expiration":")" + expires +
         R"("})";
}

std::string sts_document(const std::string& action, const std::string& key) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>" + key +
         "</AccessKeyId><SecretAccessKey>s3cr3t</SecretAccessKey><SessionToken>tok</SessionToken>"
         "<Expiration>2026-07-01T06:00:00Z</Expiration></Credentials></" +
         action + "Result></" + action + "Response>";
}

class CredentialsSources : public testing::Test {
 protected:
  static constexpr auto patience = std::chrono::seconds(30);

  void SetUp() override {
    for (const char* name :
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
          "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
          "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
          "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
          "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_ENDPOINT_URL_STS"}) {
      ::unsetenv(name);
    }
    ::setenv("HOME", folder.path().c_str(), 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder.file(name)) << text;
    return folder.file(name);
  }
  // What it has once the first answer is there.
  static Result<uploader::Credentials> settled(CredentialsSource& source) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
      auto found = source.get();
      const bool on_its_way =
          !found && found.error().message.find("being fetched") != std::string::npos;
      if (!on_its_way || std::chrono::steady_clock::now() > deadline) return found;
      std::this_thread::yield();
    }
  }
  static bool comes_to_have(CredentialsSource& source, const std::string& key) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto found = source.get();
      if (found && found->access_key_id == key) return true;
      std::this_thread::yield();
    }
    return false;
  }
  static std::string sentence(CredentialsSource& source) {
    const auto found = settled(source);
    return found ? "(found " + found->access_key_id + ")" : found.error().message;
  }

  fakes::TemporaryFolder folder;
  fakes::FakeClock clock;  // begins on 1 July 2026
};

// --- instance metadata --------------------------------------------------------------------------

class InstanceMetadata : public CredentialsSources {
 protected:
  void answer_with(const std::string& document) {
    service.serve().Put("/latest/api/token", [](const auto& request, auto& reply) {
      if (request.get_header_value("x-aws-ec2-metadata-token-ttl-seconds") == "21600") {
        reply.set_content("TOKEN", "text/plain");
      } else {
        reply.status = 400;
      }
    });
    service.serve().Get("/latest/meta-data/iam/security-credentials/(.*)",
                        [this, document](const auto& request, auto& reply) {
                          ++asked;
                          if (request.get_header_value("x-aws-ec2-metadata-token") != "TOKEN") {
                            reply.status = 401;
                          } else if (request.matches[1].str().empty()) {
                            reply.set_content("my-role", "text/plain");
                          } else if (request.matches[1] == "my-role") {
                            reply.set_content(document, "application/json");
                          } else {
                            reply.status = 404;
                          }
                        });
  }
  std::atomic<int> asked = 0;
  StandIn service;
};

TEST_F(InstanceMetadata, RoleOfTheMachineIsFoundWithATokenOfVersionTwo) {
  answer_with(json("AKIMDS", "tok", "2026-07-01T06:00:00Z"));
  const auto source = make_credentials({.instance_metadata = service.url()}, clock);
  const auto found = settled(*source);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "AKIMDS");
  EXPECT_EQ(found->secret_access_key.reveal(), "s3cr3t");
  EXPECT_EQ(found->session_token.reveal(), "tok");
}

TEST_F(InstanceMetadata, MachineWithoutARoleIsSaidToHaveNone) {
  service.serve().Put("/latest/api/token",
                      [](const auto&, auto& reply) { reply.set_content("TOKEN", "text/plain"); });
  const auto source = make_credentials({.instance_metadata = service.url()}, clock);
  EXPECT_NE(sentence(*source).find("has no role"), std::string::npos) << sentence(*source);
}

TEST_F(InstanceMetadata, VersionOneIsNeverAsked) {
  service.serve().Get("/.*", [this](const auto&, auto& reply) {
    ++asked;
    reply.set_content("my-role", "text/plain");
  });
  const auto source = make_credentials({.instance_metadata = service.url()}, clock);
  EXPECT_FALSE(settled(*source));
  EXPECT_EQ(asked, 0);
}

// 35
TEST_F(InstanceMetadata, ServiceThatHangsHoldsUpNobodyWhoAsks) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  service.serve().Put("/latest/api/token", [released](const auto&, auto&) { released.wait(); });
  auto source = make_credentials({.instance_metadata = service.url()}, clock);
  const auto asked_at = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) {
    const auto found = source->get();
    ASSERT_FALSE(found);
    ASSERT_EQ(found.error().code, ErrorCode::RetryLater);
  }
  // The service would hold a caller that waits until this test lets it go.
  EXPECT_LT(std::chrono::steady_clock::now() - asked_at, patience);
  release.set_value();
  source.reset();
}

// --- containers ---------------------------------------------------------------------------------

class Container : public CredentialsSources {
 protected:
  void SetUp() override {
    CredentialsSources::SetUp();
    service.serve().Get("/v1/credentials", [this](const auto& request, auto& reply) {
      const std::lock_guard lock(mutex);
      authorization = request.get_header_value("authorization");
      reply.set_content(json("AK-" + authorization, "tok", "2026-07-01T01:00:00Z"),
                        "application/json");
    });
    ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", (service.url() + "/v1/credentials").c_str(), 1);
  }
  std::mutex mutex;
  std::string authorization;
  StandIn service;
};

TEST_F(Container, EndpointIsAskedWithTheTokenOfItsFileReadEachTime) {
  ::setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write("token", "first\n").c_str(), 1);
  const auto source = make_credentials({}, clock);
  EXPECT_TRUE(comes_to_have(*source, "AK-first"));
  write("token", "second\n");
  clock.advance(std::chrono::minutes(46));  // within the last quarter of an hour
  EXPECT_TRUE(comes_to_have(*source, "AK-second"));
}

TEST_F(Container, TokenOfTheEnvironmentIsUsedToo) {
  ::setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "plain", 1);
  const auto source = make_credentials({}, clock);
  EXPECT_TRUE(comes_to_have(*source, "AK-plain"));
}

TEST_F(Container, OnlyThisMachineIsAskedInTheClear) {
  for (const char* good :
       {"https://example.org/x", "http://localhost/x", "http://127.0.0.1:80/x", "http://[::1]:80/x",
        "http://169.254.170.2/x", "http://169.254.170.23/x", "http://[fd00:ec2::23]/x"}) {
    EXPECT_TRUE(uploader::may_be_container_endpoint(good)) << good;
  }
  for (const char* bad :
       {"http://example.org/x", "http://127.0.0.1@example.org/x", "ftp://x/",
        "http://169.254.169.254/x", "https://", "http://127.0.0.1.example.org/"}) {
    EXPECT_FALSE(uploader::may_be_container_endpoint(bad)) << bad;
  }
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.org/x", 1);
  const auto source = make_credentials({}, clock);
  EXPECT_NE(sentence(*source).find("neither https:// nor this machine"), std::string::npos);
}

// --- roles --------------------------------------------------------------------------------------

class Roles : public CredentialsSources {
 protected:
  void SetUp() override {
    CredentialsSources::SetUp();
    service.serve().Post("/", [this](const auto& request, auto& reply) {
      const std::lock_guard lock(mutex);
      body = request.body;
      authorization = request.get_header_value("authorization");
      if (body.find("refuse-me") != std::string::npos) {
        reply.status = 403;
        reply.set_content("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
                          "text/xml");
        return;
      }
      const bool web = body.find("AssumeRoleWithWebIdentity") != std::string::npos;
      reply.set_content(web ? sts_document("AssumeRoleWithWebIdentity", "AKWEB")
                            : sts_document("AssumeRole", "AKROLE"),
                        "text/xml");
    });
    ::setenv("AWS_ENDPOINT_URL_STS", service.url().c_str(), 1);
  }
  std::string sent() {
    const std::lock_guard lock(mutex);
    return body;
  }
  std::string signed_with() {
    const std::lock_guard lock(mutex);
    return authorization;
  }
  std::mutex mutex;
  std::string body;
  std::string authorization;
  StandIn service;
};

TEST_F(Roles, WebIdentityOfTheEnvironmentIsExchangedForTheRole) {
  ::setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write("jwt", "ey.token\n").c_str(), 1);
  ::setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
  const auto source = make_credentials({}, clock);
  const auto found = settled(*source);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "AKWEB");
  EXPECT_NE(sent().find("WebIdentityToken=ey.token"), std::string::npos) << sent();
  EXPECT_NE(sent().find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"), std::string::npos) << sent();
  EXPECT_EQ(signed_with(), "");
}

TEST_F(Roles, ProfileAssumesItsRoleWithTheKeysOfAnother) {
  const std::string path = write("file",
                                 "[work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n"
                                 "external_id = ext/1\nrole_session_name = me\n"
                                 "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
  const auto source =
      make_credentials({.credentials_file = path, .profile = "work", .region = "eu-west-1"}, clock);
  const auto found = settled(*source);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "AKROLE");
  EXPECT_NE(sent().find("ExternalId=ext%2F1"), std::string::npos) << sent();
  EXPECT_NE(sent().find("RoleSessionName=me"), std::string::npos) << sent();
  EXPECT_NE(signed_with().find("Credential=BASE/20260701/eu-west-1/sts/aws4_request"),
            std::string::npos)
      << signed_with();
}

TEST_F(Roles, RefusalNamesItsCodeAndNoSecret) {
  const std::string path =
      write("file",
            "[work]\nrole_arn = refuse-me\nsource_profile = work\naws_access_key_id = BASE\n"
            "aws_secret_access_key = HUSH\n");
  const auto source = make_credentials({.credentials_file = path, .profile = "work"}, clock);
  const auto found = settled(*source);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::NeedsPerson);
  EXPECT_NE(found.error().message.find("403 AccessDenied"), std::string::npos);
  EXPECT_EQ(found.error().message.find("HUSH"), std::string::npos);
}

// --- programs -----------------------------------------------------------------------------------

class Process : public CredentialsSources {
 protected:
  std::shared_ptr<CredentialsSource> running(const std::string& command) {
    const std::string path = write("file", "[p]\ncredential_process = " + command + "\n");
    return make_credentials({.credentials_file = path, .profile = "p"}, clock);
  }
};

TEST_F(Process, PrintsWhatIsUsed) {
  write("answer", R"({"Version":1,"AccessKeyId":"AKPROC","SecretAccessKey":"s","SessionToken":"t",)"
                  R"("Expiration":"2026-07-01T01:00:00+00:00"})");
  const auto source = running("cat '" + folder.file("answer") + "'");
  const auto found = settled(*source);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "AKPROC");
  EXPECT_EQ(found->session_token.reveal(), "t");
}

TEST_F(Process, FailureIsToldWithoutItsOutput) {
  const auto source = running("echo HUSH; exit 3");
  EXPECT_NE(sentence(*source).find("failed with status 3"), std::string::npos);
  EXPECT_EQ(sentence(*source).find("HUSH"), std::string::npos);
}

TEST_F(Process, AnswerOfAnotherVersionIsRefusedWithoutShowingIt) {
  const auto source = running("echo '{\"Version\":2,\"AccessKeyId\":\"HUSH\"}'");
  EXPECT_NE(sentence(*source).find("\"Version\": 1"), std::string::npos) << sentence(*source);
  EXPECT_EQ(sentence(*source).find("HUSH"), std::string::npos);
}

TEST_F(Process, ThatNeverEndsIsEndedWithItsChildrenWhenNobodyNeedsItAnyMore) {
  const std::string begun = folder.file("begun");
  auto source = running("echo $$ > '" + begun + "'; sleep 600 & sleep 600");
  EXPECT_FALSE(source->get());
  const auto deadline = std::chrono::steady_clock::now() + patience;
  pid_t group = 0;
  while (group == 0 && std::chrono::steady_clock::now() < deadline) {
    std::ifstream(begun) >> group;
    std::this_thread::yield();
  }
  ASSERT_GT(group, 0);
  source.reset();
  // Its children go to whoever takes in orphans, who may need an instant to bury them.
  while (::kill(-group, 0) == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(::kill(-group, 0), -1);
}

TEST_F(Process, ThatClosesItsOutputAndGoesOnIsEndedAllTheSame) {
  const std::string begun = folder.file("begun");
  auto source = running("exec >&-; echo $$ > '" + begun + "'; exec sleep 600");
  EXPECT_FALSE(source->get());
  const auto deadline = std::chrono::steady_clock::now() + patience;
  pid_t pid = 0;
  while (pid == 0 && std::chrono::steady_clock::now() < deadline) {
    std::ifstream(begun) >> pid;
    std::this_thread::yield();
  }
  ASSERT_GT(pid, 0);
  source.reset();  // would not return before it ends
  EXPECT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST_F(Process, WhatItLeavesInTheBackgroundHoldsNothingUp) {
  write("answer", R"({"Version":1,"AccessKeyId":"AKPROC","SecretAccessKey":"s"})");
  const std::string left = folder.file("left");
  const auto source =
      running("cat '" + folder.file("answer") + "'; sleep 600 & echo $! > '" + left + "'");
  const auto found = settled(*source);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key_id, "AKPROC");
  pid_t pid = 0;
  std::ifstream(left) >> pid;
  ASSERT_GT(pid, 0);
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
}

// --- keeping them fresh -------------------------------------------------------------------------

// Numbers what it hands out.
class Numbered final : public uploader::CredentialsFetcher {
 public:
  Numbered(std::atomic<int>& fetched, const Clock& clock, Nanoseconds life)
      : fetched_(fetched), clock_(clock), life_(life) {}
  Result<uploader::FetchedCredentials> fetch(const std::atomic<bool>&) override {
    if (fails) {
      ++refused;
      return fail(ErrorCode::RetryLater, "it is down");
    }
    const int number = ++fetched_;
    return uploader::FetchedCredentials{
        .credentials = {.access_key_id = "testkey",
                        .secret_access_key = Secret("testsecret"),
                        .session_token = Secret("token " + std::to_string(number))},
        .expires = clock_.wall() + life_};
  }
  std::atomic<bool> fails = false;
  std::atomic<int> refused = 0;

 private:
  std::atomic<int>& fetched_;
  const Clock& clock_;
  const Nanoseconds life_;
};

template <typename Condition>
bool comes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

bool comes_to_have_token(CredentialsSource& source, const std::string& token) {
  return comes_true([&] {
    const auto found = source.get();
    return found && found->session_token.reveal() == token;
  });
}

TEST_F(CredentialsSources, AreFetchedAgainAheadOfTheirEndAndKeptWhenThatFails) {
  std::atomic<int> fetched = 0;
  auto fetcher = std::make_unique<Numbered>(fetched, clock, std::chrono::hours(1));
  Numbered& numbered = *fetcher;
  const auto source = uploader::make_fetched_source(std::move(fetcher), clock);
  ASSERT_TRUE(comes_to_have_token(*source, "token 1"));
  clock.advance(std::chrono::minutes(44));
  ASSERT_TRUE(source->get());
  EXPECT_EQ(fetched, 1);
  numbered.fails = true;
  clock.advance(std::chrono::minutes(10));
  const auto kept = source->get();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->session_token.reveal(), "token 1");
  ASSERT_TRUE(comes_true([&] { return numbered.refused == 1; }));
  numbered.fails = false;
  clock.advance(std::chrono::minutes(7));  // these are dead now
  EXPECT_FALSE(source->get());
  // The source is not asked over and over: the next time counts from when its failure was noted.
  ASSERT_TRUE(comes_true([&] {
    const auto next = source->get();
    return next || next.error().message.find("it is down") != std::string::npos;
  }));
  clock.advance(std::chrono::minutes(2));
  EXPECT_TRUE(comes_to_have_token(*source, "token 2"));
}

TEST(RefreshAt, IsAQuarterOfAnHourAheadButNeverMoreThanHalfWay) {
  const WallTime now{std::chrono::hours(1000)};
  using std::chrono::minutes;
  EXPECT_EQ(uploader::refresh_at(now, now + minutes(60)), now + minutes(45));
  EXPECT_EQ(uploader::refresh_at(now, now + minutes(10)), now + minutes(5));
  EXPECT_EQ(uploader::refresh_at(now, now - minutes(10)), now);
}

// 34
class ExpiredCredentials : public S3Client {
 protected:
  void SetUp() override {
    auto options = server_options();
    options.session_token = "token 2";
    serve(std::move(options));
  }
  void TearDown() override { close_store(); }

  const SystemClock clock_of_source_{};
  std::atomic<int> fetched_ = 0;
};

TEST_F(ExpiredCredentials, OfManyTransfersAreFetchedAgainOnce) {
  const std::shared_ptr<CredentialsSource> source = uploader::make_fetched_source(
      std::make_unique<Numbered>(fetched_, clock_of_source_, std::chrono::hours(1)),
      clock_of_source_);
  ASSERT_TRUE(comes_to_have_token(*source, "token 1"));
  constexpr int transfers = 64;
  connect_with(source, transfers);
  std::vector<Answer<uploader::PutReply>> answers;
  for (int i = 0; i < transfers; ++i) {
    answers.push_back(begin_put(put_request("k" + std::to_string(i), "x")));
  }
  // Those that are refused after the new ones have come are tried again with them.
  int refused = 0;
  for (auto& answer : answers) refused += await(std::move(answer)) ? 0 : 1;
  EXPECT_GT(refused, 0);
  ASSERT_TRUE(comes_to_have_token(*source, "token 2"));
  answers.clear();
  for (int i = 0; i < transfers; ++i) {
    answers.push_back(begin_put(put_request("again" + std::to_string(i), "x")));
  }
  for (auto& answer : answers) ASSERT_DONE(await(std::move(answer)));
  EXPECT_EQ(fetched_, 2);
}

}  // namespace
}  // namespace waybill::integration
