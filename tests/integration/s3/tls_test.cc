#include <fstream>

#include "tests/fakes/temporary_folder.h"
#include "tests/integration/s3/s3_client.h"
#include "tests/s3server/certificates.h"

namespace waybill::integration {
namespace {

class S3Tls : public S3Client {
 protected:
  void SetUp() override {
    auto options = server_options();
    options.tls = true;
    serve(std::move(options));
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.file(name)) << text;
    return folder_.file(name);
  }

 private:
  const fakes::TemporaryFolder folder_;
};

TEST_F(S3Tls, CertificateOfAnOwnCaIsTrustedWhenItIsNamed) {
  connect({.ca_file = write("ca.pem", server().ca_pem())});
  ASSERT_DONE(put("k", "content"));
  ASSERT_DONE(put("large", std::string(3U << 20U, 'x')));
  EXPECT_EQ(server().object(bucket, "large")->body.size(), 3U << 20U);
}

TEST_F(S3Tls, UntrustedCertificateNeedsAPersonAndNothingIsSent) {
  connect();
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::NeedsPerson);
  EXPECT_NE(reply.error().message.find("ca_file"), std::string::npos) << reply.error().message;
  EXPECT_EQ(reply.error().http_status, 0);
  EXPECT_EQ(server().request_count(), 0U);
}

TEST_F(S3Tls, CertificateForAnotherHostIsNotTrusted) {
  const auto other = s3server::make_certificates({"other.example"});
  auto options = server_options();
  options.tls = true;
  options.certificate_pem = other.server_pem;
  options.private_key_pem = other.server_key_pem;
  serve(std::move(options));
  connect({.ca_file = write("ca.pem", other.ca_pem)});
  expect_code(put("k", "content"), ErrorCode::NeedsPerson);
  EXPECT_EQ(server().request_count(), 0U);
}

TEST_F(S3Tls, CaFileThatIsPutRightIsEnough) {
  const std::string ca = write("ca.pem", s3server::make_certificates().ca_pem);
  connect({.ca_file = ca});
  expect_code(put("k", "content"), ErrorCode::NeedsPerson);
  write("ca.pem", server().ca_pem());
  ASSERT_DONE(put("k", "content"));
}

TEST_F(S3Tls, MissingCaFileNeedsAPersonAndIsNamed) {
  connect({.ca_file = "/nonexistent/ca.pem"});
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::NeedsPerson);
  EXPECT_NE(reply.error().message.find("/nonexistent/ca.pem"), std::string::npos);
}

TEST_F(S3Tls, BucketAsHostIsReachedOverTlsToo) {
  // No certificate is good for all of a top-level domain.
  const auto made = s3server::make_certificates({"*.s3.localhost"});
  auto options = server_options();
  options.tls = true;
  options.virtual_host_suffix = "s3.localhost";
  options.certificate_pem = made.server_pem;
  options.private_key_pem = made.server_key_pem;
  serve(std::move(options));
  connect({.endpoint = "https://s3.localhost:" + std::to_string(server().port()),
           .ca_file = write("ca.pem", made.ca_pem)});
  ASSERT_DONE(put("k", "content"));
  EXPECT_EQ(server().log().at(0).header("host"),
            std::string(bucket) + ".s3.localhost:" + std::to_string(server().port()));
}

TEST_F(S3Tls, PlainServerBehindAnHttpsEndpointIsGivenUpInTime) {
  serve();
  connect({.endpoint = "https://127.0.0.1:" + std::to_string(server().port()),
           .connect_timeout = std::chrono::milliseconds(200)});
  const auto reply = put("k", "content");
  expect_code(reply, ErrorCode::RetryLater);
  EXPECT_NE(reply.error().message.find("SSL"), std::string::npos) << reply.error().message;
}

TEST_F(S3Tls, ReusedConnectionThatDiesLeadsToNoUnreportedSecondPut) {
  connect({.ca_file = write("ca.pem", server().ca_pem())});
  for (const std::size_t size : {100U, 500'000U}) {
    ASSERT_DONE(put("warm", "the connection is reused"));
    server().clear_log();
    server().set_faults(
        {{.operation = "PutObject", .count = 1, .cut = s3server::Cut::AfterCommit}});
    expect_code(put("k", std::string(size, 'x')), ErrorCode::Ambiguous);
    EXPECT_EQ(server().count("PutObject"), 1U);
    server().clear_faults();
  }
}

}  // namespace
}  // namespace waybill::integration
