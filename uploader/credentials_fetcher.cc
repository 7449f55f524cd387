#include "uploader/credentials_fetcher.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "uploader/secret_file.h"
#include "uploader/signer.h"
#include "uploader/web_fetch.h"
#include "uploader/xml.h"

namespace waybill::uploader {
namespace {

constexpr int ok = 200;

// What a refusal of STS says besides its status.
std::string sts_code(std::string_view document) {
  std::string code;
  read_xml(document, [&code](std::string_view path, std::string_view text) {
    if (path.ends_with("Error/Code")) code = text.substr(0, 64);
  });
  return code.empty() ? code : " " + printable(code);
}

// Of a reply that is no success: what a service refuses now it refuses again, but for its own
// trouble and for being asked too often.
Failure refused(const std::string& source, int status, const std::string& code = {}) {
  constexpr int too_many = 429;
  constexpr int server_error = 500;
  const bool passes = status == too_many || status >= server_error;
  return fail(passes ? ErrorCode::RetryLater : ErrorCode::NeedsPerson,
              source + " answered " + std::to_string(status) + code);
}

Failure no_answer(const std::string& source, const Error& error) {
  return fail(error.code, source + ": " + error.message);
}

Result<FetchedCredentials> understood(const std::string& source,
                                      Result<FetchedCredentials> parsed) {
  if (parsed) return parsed;
  return fail(ErrorCode::NeedsPerson, source + ": " + parsed.error().message);
}

Result<FetchedCredentials> ask_sts(const std::string& source, const WebRequest& request,
                                   const std::atomic<bool>& stop) {
  auto reply = uploader::fetch(request, stop);
  if (!reply) return no_answer(source, reply.error());
  if (reply->status != ok) {
    return refused(source, reply->status, sts_code(reply->body.reveal()));
  }
  return understood(source, parse_sts_credentials(reply->body.reveal()));
}

class InstanceMetadata final : public CredentialsFetcher {
 public:
  explicit InstanceMetadata(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  Result<FetchedCredentials> fetch(const std::atomic<bool>& stop) override {
    const std::string source = "the instance metadata service at " + endpoint_;
    auto token = ask({.method = HttpMethod::Put,
                      .url = endpoint_ + "/latest/api/token",
                      .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}},
                     stop);
    if (!token) return no_answer(source, token.error());
    if (token->status != ok) return refused(source, token->status);
    const std::string roles = endpoint_ + "/latest/meta-data/iam/security-credentials/";
    const HttpHeader proof{"x-aws-ec2-metadata-token", std::string(token->body.reveal())};
    auto role = ask({.url = roles, .headers = {proof}}, stop);
    if (!role) return no_answer(source, role.error());
    constexpr int not_found = 404;
    if (role->status == not_found) {
      return fail(ErrorCode::NeedsPerson, source + " says that this machine has no role");
    }
    if (role->status != ok) return refused(source, role->status);
    const std::string_view names = role->body.reveal();
    const std::string_view name = names.substr(0, names.find_first_of("\r\n"));
    auto credentials =
        ask({.url = roles + uri_encode(name, Slash::Encode), .headers = {proof}}, stop);
    if (!credentials) return no_answer(source, credentials.error());
    if (credentials->status != ok) return refused(source, credentials->status);
    return understood(source, parse_metadata_credentials(credentials->body.reveal()));
  }

 private:
  // Once more when nothing comes back: a packet to a machine's own service is seldom lost.
  static Result<WebReply> ask(WebRequest request, const std::atomic<bool>& stop) {
    request.proxy = false;
    request.timeout = std::chrono::seconds(5);
    auto reply = uploader::fetch(request, stop);
    if (reply || stop) return reply;
    return uploader::fetch(request, stop);
  }
  const std::string endpoint_;
};

class Container final : public CredentialsFetcher {
 public:
  explicit Container(ContainerEndpoint endpoint) : endpoint_(std::move(endpoint)) {}

  Result<FetchedCredentials> fetch(const std::atomic<bool>& stop) override {
    const std::string source = "the container's credentials endpoint";
    if (!may_be_container_endpoint(endpoint_.url)) {
      return fail(ErrorCode::NeedsPerson,
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI names neither https:// nor this machine");
    }
    WebRequest request{.url = endpoint_.url, .proxy = endpoint_.url.starts_with("https://")};
    Secret token = endpoint_.token;
    if (!endpoint_.token_file.empty()) {
      auto read = read_secret_file(endpoint_.token_file);
      if (!read) return fail(ErrorCode::NeedsPerson, source + ": " + read.error().describe());
      token = Secret(first_line(read->reveal()));
    }
    if (!token.empty()) {
      if (token.reveal().find_first_of("\r\n") != std::string_view::npos) {
        return fail(ErrorCode::NeedsPerson, source + ": its token has more than one line");
      }
      request.headers.push_back({"authorization", std::string(token.reveal())});
    }
    auto reply = uploader::fetch(request, stop);
    if (!reply) return no_answer(source, reply.error());
    if (reply->status != ok) return refused(source, reply->status);
    return understood(source, parse_metadata_credentials(reply->body.reveal()));
  }

 private:
  const ContainerEndpoint endpoint_;
};

constexpr const char* form = "application/x-www-form-urlencoded";

class WebIdentityRole final : public CredentialsFetcher {
 public:
  explicit WebIdentityRole(WebIdentity identity) : identity_(std::move(identity)) {}

  Result<FetchedCredentials> fetch(const std::atomic<bool>& stop) override {
    const std::string source = "STS at " + identity_.sts_endpoint;
    const auto token = read_secret_file(identity_.token_file);
    if (!token) {
      return fail(ErrorCode::NeedsPerson,
                  "the web identity's token cannot be used: " + token.error().describe());
    }
    // The token itself is what proves who asks: nothing is signed.
    std::string body =
        canonical_query({{"Action", "AssumeRoleWithWebIdentity"},
                         {"Version", "2011-06-15"},
                         {"RoleArn", identity_.role_arn},
                         {"RoleSessionName", identity_.session_name},
                         {"WebIdentityToken", std::string(first_line(token->reveal()))}});
    WebRequest request{.method = HttpMethod::Post,
                       .url = identity_.sts_endpoint + "/",
                       .headers = {{"content-type", form}},
                       .body = Secret(body)};
    ::explicit_bzero(body.data(), body.size());
    return ask_sts(source, request, stop);
  }

 private:
  const WebIdentity identity_;
};

std::string host_of(std::string_view endpoint) {
  const auto begin = endpoint.find("://");
  std::string_view host = begin == std::string_view::npos ? endpoint : endpoint.substr(begin + 3);
  return std::string(host.substr(0, host.find('/')));
}

class Role final : public CredentialsFetcher {
 public:
  Role(AssumedRole role, std::shared_ptr<CredentialsSource> source, const Clock& clock)
      : role_(std::move(role)), source_(std::move(source)), clock_(clock) {}

  Result<FetchedCredentials> fetch(const std::atomic<bool>& stop) override {
    const std::string source = "STS at " + role_.sts_endpoint;
    auto self = source_->get();
    if (!self) return fail(std::move(self.error()));
    Query query{{"Action", "AssumeRole"},
                {"Version", "2011-06-15"},
                {"RoleArn", role_.role_arn},
                {"RoleSessionName", role_.session_name}};
    if (!role_.external_id.empty()) query.emplace_back("ExternalId", role_.external_id);
    const std::string body = canonical_query(query);
    const std::string payload = to_hex(sha256(as_bytes(body)));
    const std::string time = amz_time(clock_.wall());
    WebRequest request{.method = HttpMethod::Post,
                       .url = role_.sts_endpoint + "/",
                       .headers = {{"content-type", form},
                                   {"host", host_of(role_.sts_endpoint)},
                                   {"x-amz-date", time}},
                       .body = Secret(body)};
    if (!self->session_token.empty()) {
      request.headers.push_back(
          {"x-amz-security-token", std::string(self->session_token.reveal())});
    }
    const RequestToSign to_sign{.method = HttpMethod::Post,
                                .path = "/",
                                .query = "",
                                .headers = request.headers,
                                .payload_hash = payload};
    const SigningScope scope{.date = time.substr(0, 8), .region = role_.region, .service = "sts"};
    const std::string signed_text =
        signature(signing_key(self->secret_access_key, scope),
                  string_to_sign(time, scope, canonical_request(to_sign)));
    request.headers.push_back(
        {"authorization", "AWS4-HMAC-SHA256 Credential=" + self->access_key_id + "/" +
                              scope.text() + ", SignedHeaders=" + signed_headers(to_sign) +
                              ", Signature=" + signed_text});
    return ask_sts(source, request, stop);
  }

 private:
  const AssumedRole role_;
  const std::shared_ptr<CredentialsSource> source_;
  const Clock& clock_;
};

}  // namespace

bool may_be_container_endpoint(std::string_view url) {
  constexpr std::string_view https = "https://";
  constexpr std::string_view http = "http://";
  if (url.starts_with(https)) return url.size() > https.size();
  if (!url.starts_with(http)) return false;
  std::string_view host = url.substr(http.size());
  host = host.substr(0, host.find_first_of("/?#"));
  // Whoever stands before an @ is no host.
  if (host.find('@') != std::string_view::npos) return false;
  const auto bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  host = host.substr(0, host.find(':', bracket));
  constexpr std::array<std::string_view, 6> known{
      "localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  for (const std::string_view one : known) {
    if (host == one) return true;
  }
  return false;
}

std::unique_ptr<CredentialsFetcher> instance_metadata(std::string endpoint) {
  return std::make_unique<InstanceMetadata>(std::move(endpoint));
}

std::unique_ptr<CredentialsFetcher> container_endpoint(ContainerEndpoint endpoint) {
  return std::make_unique<Container>(std::move(endpoint));
}

std::unique_ptr<CredentialsFetcher> web_identity(WebIdentity identity) {
  return std::make_unique<WebIdentityRole>(std::move(identity));
}

std::unique_ptr<CredentialsFetcher> assumed_role(AssumedRole role,
                                                 std::shared_ptr<CredentialsSource> source,
                                                 const Clock& clock) {
  return std::make_unique<Role>(std::move(role), std::move(source), clock);
}

}  // namespace waybill::uploader
