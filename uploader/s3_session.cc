#include "uploader/s3_session.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "uploader/request_options.h"

namespace waybill::uploader {
namespace {

// S3 refuses signatures that are older or younger than 15 minutes; below five a clock is as good as
// any (S3.md section 5).
constexpr Nanoseconds skew_worth_correcting = std::chrono::minutes(5);

bool same(const Credentials& a, const Credentials& b) {
  return a.access_key_id == b.access_key_id &&
         a.secret_access_key.reveal() == b.secret_access_key.reveal() &&
         a.session_token.reveal() == b.session_token.reveal();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

bool names_algorithm(const HttpReply& reply) {
  return reply.body.find("x-amz-sdk-checksum-algorithm") != std::string::npos;
}

// Not: that its value is not that of the bytes, or that something else is wrong with the request,
// which a store may tell with all of its headers.
bool is_about_checksum(const HttpReply& reply, const S3ErrorDocument& document) {
  constexpr int bad_request = 400;
  constexpr int not_implemented = 501;
  constexpr auto codes = std::to_array<std::string_view>(
      {"InvalidRequest", "InvalidArgument", "MalformedXML", "NotImplemented"});
  if (reply.status != bad_request && reply.status != not_implemented) return false;
  // Some refuse without a document of S3's; S3 names the header in an element of its own.
  const bool coded = !document.code.empty();
  if (coded && std::find(codes.begin(), codes.end(), document.code) == codes.end()) return false;
  return reply.body.find("x-amz-checksum-") != std::string::npos || names_algorithm(reply);
}

bool is_about_region(const HttpReply& reply, const S3ErrorDocument& document) {
  constexpr int bad_request = 400;
  const int status = reply.status;
  if (status == 301 || status == 307 || status == 308) return true;
  return status == bad_request &&
         (document.code.empty() || document.code == "AuthorizationHeaderMalformed" ||
          document.code == "IllegalLocationConstraintException");
}

bool is_about_credentials(const S3ErrorDocument& document) {
  return document.code == "ExpiredToken" || document.code == "ExpiredTokenException" ||
         document.code == "InvalidToken" || document.code == "TokenRefreshRequired" ||
         document.code == "InvalidAccessKeyId" || document.code == "SignatureDoesNotMatch";
}

// x-amz-retry-after, in milliseconds; nullopt: it does not say, or no such number.
std::optional<Nanoseconds> retry_after(const HttpReply& reply) {
  const std::string_view text = reply.headers.find("x-amz-retry-after");
  std::uint32_t milliseconds = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, milliseconds);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return std::chrono::milliseconds(milliseconds);
}

bool is_checksum_name(const HttpHeader& header) {
  return header.name == "x-amz-sdk-checksum-algorithm";
}

bool is_checksum(const HttpHeader& header) {
  return header.name.starts_with("x-amz-checksum-") || is_checksum_name(header) ||
         header.name == "x-amz-mp-object-size";
}

// While the store puts bytes together that it has already.
bool may_be_silent(Operation operation) {
  return operation == Operation::CompleteMultipartUpload || operation == Operation::CopyObject;
}

std::string minutes_text(Nanoseconds time) {
  const auto minutes = std::chrono::abs(std::chrono::duration_cast<std::chrono::minutes>(time));
  return std::to_string(minutes.count()) + " minutes";
}

}  // namespace

S3Session::S3Session(S3Options options, S3Address address,
                     std::shared_ptr<CredentialsSource> credentials, const Clock& clock)
    : options_(std::move(options)),
      source_(std::move(credentials)),
      clock_(clock),
      region_(options_.region),
      address_(std::move(address)) {}

S3Place S3Session::place() const {
  return {.endpoint = address_.shown,
          .bucket = options_.bucket,
          .region = region_,
          .ca_file = options_.ca_file};
}

Result<void> S3Session::renew_credentials() {
  auto found = source_->get();
  if (!found) return fail(std::move(found.error()));
  // They go into headers: a line break in one would begin another.
  if (has_control(found->access_key_id) || has_control(found->secret_access_key.reveal()) ||
      has_control(found->session_token.reveal())) {
    return fail(ErrorCode::NeedsPerson, "the credentials for S3 contain a control character");
  }
  if (credentials_number_ == 0 || !same(credentials_, *found)) {
    credentials_ = std::move(*found);
    ++credentials_number_;
  }
  return {};
}

Result<HttpRequest> S3Session::sign(const S3Request& request, Made& made) {
  if (auto renewed = renew_credentials(); !renewed) return fail(std::move(renewed.error()));
  made.region = region_;
  made.credentials = credentials_number_;

  HttpRequest http{.method = request.method,
                   .body = request.body,
                   .ca_file = options_.ca_file,
                   .proxy = !address_.loopback,
                   .proxy_url = options_.proxy,
                   .may_ask_to_continue = continues_,
                   .connect_timeout = options_.connect_timeout,
                   .stall_timeout = may_be_silent(request.operation) ? options_.complete_timeout
                                                                     : options_.stall_timeout};
  const std::string path = address_.path_prefix + "/" + uri_encode(request.key, Slash::Keep);
  const std::string query = canonical_query(request.query);
  http.url = address_.origin + path;
  if (!query.empty()) http.url.append("?").append(query);

  const std::string payload = to_hex(request.payload);
  const WallTime now = clock_.wall() + clock_offset_;
  const std::string time = amz_time(now);
  http.headers.reserve(request.headers.size() + 6);
  http.headers = request.headers;
  if (!request.checksum.empty()) drop_refused_checksum(request, made, http.headers);
  add_options(request, options_.write, now, http.headers);
  http.headers.push_back({"host", address_.host});
  http.headers.push_back({"x-amz-content-sha256", payload});
  http.headers.push_back({"x-amz-date", time});
  if (!credentials_.session_token.empty()) {
    http.headers.push_back(
        {"x-amz-security-token", std::string(credentials_.session_token.reveal())});
  }
  http.headers.push_back(
      {"authorization", signer_.authorize({.method = http.method,
                                           .path = path,
                                           .query = query,
                                           .headers = http.headers,
                                           .payload_hash = payload},
                                          time, region_, credentials_.access_key_id,
                                          credentials_.secret_access_key)});
  pace_.sent(clock_.boot());
  return http;
}

void S3Session::note(const HttpReply& reply) {
  const std::string_view date = reply.headers.find("date");
  if (date != last_date_) {
    last_date_ = date;
    if (const auto server = date_of(reply)) {
      server_at_boot_ = (server->time_since_epoch() - clock_.boot().time_since_epoch()).count();
    }
  }
  if (reply.left_to_continue) continues_ = false;
  constexpr int first_refusal = 400;
  if (reply.status < first_refusal) return pace_.answered(clock_.boot());
  if (const auto pause = retry_after(reply)) pace_.pause(clock_.boot(), *pause);
}

bool S3Session::learn(const HttpReply& reply, const S3ErrorDocument& document, Made& made) {
  constexpr int expectation_failed = 417;
  if (reply.status == expectation_failed && !made.expectation_dropped) {
    continues_ = false;
    made.expectation_dropped = true;
    return true;
  }
  return learn_checksum(reply, document, made) || learn_region(reply, document, made) ||
         learn_clock(reply, document, made) || learn_credentials(document, made);
}

void S3Session::drop_refused_checksum(const S3Request& request, Made& made,
                                      std::vector<HttpHeader>& headers) const {
  if (refused_checksums_.contains(request.checksum)) {
    std::erase_if(headers, is_checksum);
    made.checksum = {};
    return;
  }
  made.checksum = request.checksum;
  if (checksum_name_refused_) std::erase_if(headers, is_checksum_name);
  made.checksum_named = std::ranges::any_of(headers, is_checksum_name);
}

// A store that does not know the checksum's header (S3.md 2, 10.12) names it in its refusal. The
// signature covers the bytes without it. Some refuse the algorithm's name alone (B2).
bool S3Session::learn_checksum(const HttpReply& reply, const S3ErrorDocument& document,
                               Made& made) {
  if (made.checksum.empty() || !is_about_checksum(reply, document)) return false;
  if (made.checksum_named && names_algorithm(reply)) {
    checksum_name_refused_ = true;
  } else {
    refused_checksums_.insert(made.checksum);
  }
  return true;
}

bool S3Session::learn_region(const HttpReply& reply, const S3ErrorDocument& document, Made& made) {
  if (made.region_corrected || !is_about_region(reply, document)) return false;
  std::string region(reply.headers.find("x-amz-bucket-region"));
  if (region.empty()) region = document.region;
  if (!is_region_name(region) || region == made.region) return false;
  if (region != region_) {
    auto address = find_address(options_, region);
    if (!address) return false;
    region_ = region;
    address_ = std::move(*address);
  }
  made.region_corrected = true;
  return true;
}

// Our wall clock may be set at any time, and the server's goes on.
Nanoseconds S3Session::ahead() const {
  const std::int64_t server_at_boot = server_at_boot_;
  if (server_at_boot == has_not_said) return Nanoseconds::zero();
  return Nanoseconds(server_at_boot) + clock_.boot().time_since_epoch() -
         clock_.wall().time_since_epoch();
}

std::optional<WallTime> S3Session::date_of(const HttpReply& reply) {
  const std::string date(reply.headers.find("date"));
  if (date.empty()) return std::nullopt;
  const time_t seconds = curl_getdate(date.c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return WallTime(std::chrono::seconds(seconds));
}

std::optional<Nanoseconds> S3Session::skew(const HttpReply& reply) const {
  const auto server = date_of(reply);
  if (!server) return std::nullopt;
  return *server - clock_.wall();
}

bool S3Session::learn_clock(const HttpReply& reply, const S3ErrorDocument& document, Made& made) {
  constexpr int forbidden = 403;
  if (made.clock_corrected || reply.status != forbidden) return false;
  const auto offset = skew(reply);
  if (!offset) return false;
  const bool far = std::chrono::abs(*offset - clock_offset_) >= skew_worth_correcting;
  // Another request's reply may have set the offset since this one was signed.
  if (!far && document.code != "RequestTimeTooSkewed") return false;
  clock_offset_ = *offset;
  made.clock_corrected = true;
  return true;
}

bool S3Session::learn_credentials(const S3ErrorDocument& document, Made& made) {
  if (made.credentials_renewed || !is_about_credentials(document)) return false;
  if (!renew_credentials()) return false;
  if (credentials_number_ == made.credentials) {
    // Temporary ones may have ended before their time; the next request finds those that follow.
    if (!credentials_.session_token.empty()) source_->refused(credentials_);
    return false;
  }
  made.credentials_renewed = true;
  return true;
}

void S3Session::explain(Error& error, const HttpReply& reply) const {
  const auto offset = skew(reply);
  if (error.s3_code != "RequestTimeTooSkewed" || !offset) return;
  error.message =
      address_.shown + " refuses our signatures: this machine's clock is " + minutes_text(*offset) +
      (*offset > Nanoseconds::zero() ? " behind" : " ahead of") + " its clock; set the time";
}

}  // namespace waybill::uploader
