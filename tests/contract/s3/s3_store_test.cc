#include <fstream>

#include "base/clock.h"
#include "tests/contract/object_store_contract.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/s3server/certificates.h"
#include "tests/s3server/server.h"
#include "uploader/credentials.h"
#include "uploader/s3_store.h"
#include "uploader/transfer_engine.h"

// The S3 client with the test server, in the ways a bucket can be reached and with what servers do
// differently.
namespace waybill::contract {
namespace {

struct Way {
  bool tls = false;
  bool virtual_host = false;
  uploader::ChecksumHeader checksum_header = uploader::ChecksumHeader::None;
  s3server::Behaviour behaviour;
  uploader::Capabilities capabilities{.if_absent_on_put = true,
                                      .if_absent_on_complete = true,
                                      .if_match_on_put = true,
                                      .md5_etags = true,
                                      .head_tells_absent = true};
};

class ServedStore final : public StoreUnderTest {
 public:
  explicit ServedStore(const Way& way) : way_(way), server_(options(way, certificates_)) {
    engine_ = *uploader::TransferEngine::start({.max_connections = 4}, clock_);
    std::ofstream(folder_.file("ca.pem")) << certificates_.ca_pem;
    const std::string scheme = way.tls ? "https://" : "http://";
    const std::string host = way.virtual_host ? "s3.localhost" : "127.0.0.1";
    store_ = *uploader::make_s3_store(
        {.endpoint = scheme + host + ":" + std::to_string(server_.port()),
         .region = "us-east-1",
         .bucket = "inbox",
         .path_style = !way.virtual_host,
         .ca_file = way.tls ? folder_.file("ca.pem") : "",
         .checksum_header = way.checksum_header},
        uploader::make_credentials(
            {.access_key_id = "testkey", .secret_access_key = Secret("testsecret")}, clock_),
        *engine_, clock_);
  }
  uploader::ObjectStore& store() override { return *store_; }
  [[nodiscard]] uploader::Capabilities capabilities() const override { return way_.capabilities; }
  [[nodiscard]] bool guards_copies() const override {
    return way_.behaviour.copy_if_none_match == s3server::Support::Enforced;
  }
  [[nodiscard]] bool pins_copies() const override {
    return way_.behaviour.copy_source_if_match == s3server::Support::Enforced;
  }

 private:
  static s3server::Options options(const Way& way, const s3server::Certificates& certificates) {
    s3server::Options options{.buckets = {"inbox"}, .behaviour = way.behaviour};
    options.tls = way.tls;
    options.certificate_pem = certificates.server_pem;
    options.private_key_pem = certificates.server_key_pem;
    options.virtual_host_suffix = "s3.localhost";
    return options;
  }

  const Way way_;
  const SystemClock clock_{};
  const fakes::TemporaryFolder folder_;
  const s3server::Certificates certificates_ =
      s3server::make_certificates({"127.0.0.1", "*.s3.localhost"});
  s3server::Server server_;
  std::unique_ptr<uploader::TransferEngine> engine_;
  std::unique_ptr<uploader::ObjectStore> store_;
};

Subject subject(const std::string& name, Way way) {
  return {name, [way] { return std::make_unique<ServedStore>(way); }};
}

Way ceph() {
  Way way{.behaviour = s3server::ceph_16()};
  way.capabilities.if_absent_on_complete = false;
  way.capabilities.if_match_unquoted = true;
  return way;
}

Way without_conditions() {
  Way way;
  way.behaviour.put_if_none_match = s3server::Support::Ignored;
  way.behaviour.put_if_match = s3server::Support::Ignored;
  way.behaviour.copy_if_none_match = s3server::Support::Ignored;
  way.behaviour.complete_if_none_match = s3server::Support::Ignored;
  way.capabilities.if_absent_on_put = false;
  way.capabilities.if_absent_on_complete = false;
  way.capabilities.if_match_on_put = false;
  return way;
}

Way random_etags() {
  Way way;
  way.behaviour.random_etags = true;
  way.behaviour.if_match_absent_is_404 = false;
  way.capabilities.md5_etags = false;
  return way;
}

INSTANTIATE_TEST_SUITE_P(
    S3Client, ObjectStoreContract,
    testing::Values(subject("Http", {}), subject("Https", {.tls = true}),
                    subject("VirtualHost", {.virtual_host = true}),
                    subject("VirtualHostOverTls", {.tls = true, .virtual_host = true}),
                    subject("ChecksumHeader",
                            {.checksum_header = uploader::ChecksumHeader::Sha256}),
                    subject("Ceph", ceph()), subject("NoConditions", without_conditions()),
                    subject("RandomEtags", random_etags())),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace waybill::contract
