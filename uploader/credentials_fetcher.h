#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/credentials.h"
#include "uploader/credentials_documents.h"

// The sources that have to be asked (S3.md section 6): requests to services of the machine or of
// AWS, and programs. Each is asked by one thread at a time, which may wait for it.
namespace waybill::uploader {

class CredentialsFetcher {
 public:
  virtual ~CredentialsFetcher() = default;
  // Ends early once `stop` is set. Errors: RetryLater (no answer), NeedsPerson (an answer that will
  // not change by itself); the sentence names the source and holds no secret.
  virtual Result<FetchedCredentials> fetch(const std::atomic<bool>& stop) = 0;
};

// IMDSv2 only: version 1 answers whoever can make this machine send a request.
// `endpoint`: "http://169.254.169.254" but for a test.
std::unique_ptr<CredentialsFetcher> instance_metadata(std::string endpoint);

// ECS, EKS Pod Identity, Greengrass. The token's file is read each time.
struct ContainerEndpoint {
  std::string url;
  Secret token;
  std::string token_file;
};
// Plain HTTP reaches nobody but this machine and the two addresses that AWS gives such endpoints.
bool may_be_container_endpoint(std::string_view url);
std::unique_ptr<CredentialsFetcher> container_endpoint(ContainerEndpoint endpoint);

struct WebIdentity {
  std::string sts_endpoint;  // "https://sts.eu-central-1.amazonaws.com"
  std::string role_arn;
  std::string session_name;
  std::string token_file;  // read each time
};
std::unique_ptr<CredentialsFetcher> web_identity(WebIdentity identity);

struct AssumedRole {
  std::string sts_endpoint;
  std::string region;
  std::string role_arn;
  std::string session_name;
  std::string external_id;  // empty: none
};
// `source`: who assumes the role. The clock outlives the fetcher.
std::unique_ptr<CredentialsFetcher> assumed_role(AssumedRole role,
                                                 std::shared_ptr<CredentialsSource> source,
                                                 const Clock& clock);

// `command` is for a shell, as AWS's tools take it. Ended after a minute.
std::unique_ptr<CredentialsFetcher> credential_process(std::string command);

// Fetches on a thread of its own, when asked and due (refresh_at), and keeps what it has until
// that expires. get() never waits: RetryLater says that the first answer is on its way. The clock
// outlives it.
std::shared_ptr<CredentialsSource> make_fetched_source(std::unique_ptr<CredentialsFetcher> fetcher,
                                                       const Clock& clock);

// When credentials are fetched again: 15 minutes before they expire, or half-way where they live
// for less than half an hour.
WallTime refresh_at(WallTime fetched, WallTime expires);

}  // namespace waybill::uploader
