#include "tests/s3server/signature.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/s3server/digest.h"
#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr std::time_t kMostSkew = 15 * 60;
constexpr std::uint64_t kLongestPresigned = 7 * 24 * 60 * 60;
constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
constexpr std::string_view kSignatureParameter = "X-Amz-Signature";

// What the client claims, before anything of it is believed.
struct Claim {
  bool presigned = false;
  std::string access_key, date, region, service, terminator;  // of the credential
  std::vector<std::string> signed_headers;
  std::string signature;
  std::string timestamp;  // as in the string to sign
  std::time_t time = 0;
  std::uint64_t expires = 0;  // presigned only, seconds
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::optional<Pairs> query_pairs(std::string_view query) {
  Pairs pairs;
  for (const std::string& part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto name = percent_decode(std::string_view(part).substr(0, equals), true);
    const auto value =
        percent_decode(std::string_view(part).substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) return std::nullopt;
    pairs.emplace_back(*name, *value);
  }
  return pairs;
}

std::string value_of(const Pairs& pairs, std::string_view name) {
  for (const auto& [known, value] : pairs) {
    if (known == name) return value;
  }
  return {};
}

bool read_credential(const std::string& credential, Claim& claim) {
  auto fields = split(credential, '/');
  if (fields.size() < 5) return false;
  claim.terminator = fields[fields.size() - 1];
  claim.service = fields[fields.size() - 2];
  claim.region = fields[fields.size() - 3];
  claim.date = fields[fields.size() - 4];
  // What is left is the access key, whatever slashes are in it.
  fields.resize(fields.size() - 4);
  for (const std::string& field : fields) {
    if (!claim.access_key.empty()) claim.access_key += '/';
    claim.access_key += field;
  }
  return true;
}

Outcome<Claim> read_header(const Request& request, std::string_view authorization) {
  Claim claim;
  if (!authorization.starts_with(kAlgorithm)) {
    return s3_error("InvalidRequest",
                    "The authorization mechanism you have provided is not "
                    "supported. Please use AWS4-HMAC-SHA256.");
  }
  bool has_credential = false;
  for (const std::string& field : split(authorization.substr(kAlgorithm.size()), ',')) {
    const std::string_view text = trim(field);
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string_view name = text.substr(0, equals);
    const std::string value(text.substr(std::min(equals + 1, text.size())));
    if (name == "Credential") has_credential = read_credential(value, claim);
    if (name == "SignedHeaders") claim.signed_headers = split(value, ';');
    if (name == "Signature") claim.signature = value;
  }
  if (!has_credential || claim.signed_headers.empty() || claim.signature.size() != 64) {
    return s3_error("AuthorizationHeaderMalformed");
  }
  std::optional<std::time_t> time;
  if (const auto header = request.header("x-amz-date")) {
    time = parse_amz_date(*header);
    claim.timestamp = *header;
  } else if (const auto date = request.header("date")) {
    time = parse_http_date(*date);
    if (time) {
      claim.timestamp = iso_date(*time);
      // 2013-05-24T00:00:00.000Z → 20130524T000000Z
      claim.timestamp.erase(claim.timestamp.find('.'), 4);
      std::erase_if(claim.timestamp, [](char c) { return c == '-' || c == ':'; });
    }
  }
  if (!time) {
    return s3_error("AccessDenied",
                    "AWS authentication requires a valid Date or x-amz-date header");
  }
  claim.time = *time;
  return claim;
}

Outcome<Claim> read_query(const Pairs& query) {
  Claim claim{.presigned = true};
  const auto expires = to_number(value_of(query, "X-Amz-Expires"));
  const auto time = parse_amz_date(value_of(query, "X-Amz-Date"));
  claim.signature = value_of(query, kSignatureParameter);
  claim.signed_headers = split(value_of(query, "X-Amz-SignedHeaders"), ';');
  claim.timestamp = value_of(query, "X-Amz-Date");
  if (value_of(query, "X-Amz-Algorithm") != kAlgorithm || !expires || !time ||
      *expires > kLongestPresigned || claim.signature.size() != 64 ||
      !read_credential(value_of(query, "X-Amz-Credential"), claim)) {
    S3Error error = s3_error("InvalidArgument");
    error.code = "AuthorizationQueryParametersError";
    return error;
  }
  claim.expires = *expires;
  claim.time = *time;
  return claim;
}

// Runs of spaces count as one.
std::string collapsed(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    if (c != ' ' || !out.ends_with(' ')) out.push_back(c);
  }
  return out;
}

std::string canonical_query(Pairs pairs) {
  for (auto& [name, value] : pairs) {
    name = percent_encode(name, false);
    value = percent_encode(value, false);
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (name == kSignatureParameter) continue;
    if (!out.empty()) out += '&';
    out += name + "=" + value;
  }
  return out;
}

std::string canonical_request(const Request& request, const Pairs& query, const Claim& claim,
                              std::string_view payload_hash) {
  const auto path = percent_decode(request.path, false);
  std::string out(request.method);
  out += '\n';
  out += percent_encode(path.value_or(std::string(request.path)), true);
  out += '\n';
  out += canonical_query(query);
  out += '\n';
  std::string names;
  for (const std::string& name : claim.signed_headers) {
    out += name;
    out += ':';
    bool first = true;
    for (const Header& header : request.headers) {
      if (header.name != name) continue;
      if (!first) out += ',';
      out += collapsed(header.value);
      first = false;
    }
    out += '\n';
    if (!names.empty()) names += ';';
    names += name;
  }
  out += '\n';
  out += names;
  out += '\n';
  out += payload_hash;
  return out;
}

std::string expected_signature(const Claim& claim, const std::string& secret,
                               const std::string& string_to_sign) {
  std::string key = hmac_sha256("AWS4" + secret, claim.date);
  for (const std::string* scope : {&claim.region, &claim.service, &claim.terminator}) {
    key = hmac_sha256(key, *scope);
  }
  return to_hex(hmac_sha256(key, string_to_sign));
}

Outcome<Done> check_scope(const Claim& claim, const Identity& identity, bool redirects,
                          bool is_head_bucket) {
  if (claim.service != "s3" || claim.terminator != "aws4_request") {
    return s3_error("AuthorizationHeaderMalformed");
  }
  if (!claim.timestamp.starts_with(claim.date) || claim.date.size() != 8) {
    return s3_error("AuthorizationHeaderMalformed",
                    "The date of the credential scope is not that of the request.");
  }
  if (claim.region == identity.region) return Done{};
  S3Error error = s3_error(redirects ? "PermanentRedirect" : "AuthorizationHeaderMalformed",
                           "The authorization header is malformed; the region '" + claim.region +
                               "' is wrong; expecting '" + identity.region + "'");
  if (redirects || is_head_bucket) {
    error.headers.emplace_back("x-amz-bucket-region", identity.region);
  }
  if (!redirects) error.details.emplace_back("Region", identity.region);
  return error;
}

Outcome<Done> check_time(const Claim& claim, std::time_t now) {
  if (claim.presigned) {
    if (now > claim.time + static_cast<std::time_t>(claim.expires)) {
      return s3_error("AccessDenied", "Request has expired");
    }
    if (claim.time > now + kMostSkew) {
      return s3_error("AccessDenied", "Request is not valid yet");
    }
    return Done{};
  }
  if (std::abs(claim.time - now) <= kMostSkew) return Done{};
  S3Error error = s3_error("RequestTimeTooSkewed");
  error.details.emplace_back("RequestTime", claim.timestamp);
  error.details.emplace_back("ServerTime", iso_date(now));
  error.details.emplace_back("MaxAllowedSkewMilliseconds", std::to_string(kMostSkew * 1000));
  return error;
}

// S3 wants Host and every x-amz-* header under the signature, or anybody could change them.
Outcome<Done> check_coverage(const Request& request, const Claim& claim) {
  const auto covered = [&](std::string_view name) {
    return std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
           claim.signed_headers.end();
  };
  if (!std::is_sorted(claim.signed_headers.begin(), claim.signed_headers.end())) {
    return s3_error("AuthorizationHeaderMalformed", "SignedHeaders must be sorted.");
  }
  for (const Header& header : request.headers) {
    const bool must =
        header.name == "host" || (header.name.starts_with("x-amz-") &&
                                  !(claim.presigned && header.name == "x-amz-content-sha256"));
    if (!must || covered(header.name)) continue;
    S3Error error =
        s3_error("AccessDenied", "There were headers present in the request which were not signed");
    error.details.emplace_back("HeadersNotSigned", header.name);
    return error;
  }
  return Done{};
}

Outcome<std::string> payload_hash(const Request& request, bool presigned) {
  const auto header = request.header("x-amz-content-sha256");
  if (!header) {
    if (presigned) return std::string(kUnsigned);
    return s3_error("InvalidRequest",
                    "Missing required header for this request: x-amz-content-sha256");
  }
  if (*header == kUnsigned) return std::string(kUnsigned);
  if (header->starts_with("STREAMING-")) {
    S3Error error = s3_error("NotImplemented");
    error.details.emplace_back("Header", "x-amz-content-sha256");
    return error;
  }
  const auto raw = from_hex(*header);
  if (!raw || raw->size() != 32) {
    return s3_error("InvalidArgument",
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid "
                    "sha256 value.");
  }
  return std::string(*header);
}

Outcome<Done> check_token(const Request& request, const Pairs& query, const Claim& claim,
                          const Identity& identity) {
  std::string token(request.header("x-amz-security-token").value_or(""));
  if (claim.presigned) token = value_of(query, "X-Amz-Security-Token");
  if (token == identity.session_token) return Done{};
  return s3_error("InvalidToken");
}

}  // namespace

Outcome<Verified> verify_signature(const Request& request, const Identity& identity,
                                   std::time_t now, bool wrong_region_redirects,
                                   bool is_head_bucket) {
  const auto query = query_pairs(request.query);
  if (!query) return s3_error("InvalidURI");
  const auto authorization = request.header("authorization");
  const bool presigned = !value_of(*query, kSignatureParameter).empty();
  if (!authorization && !presigned) return s3_error("AccessDenied");

  const auto claim = authorization ? read_header(request, *authorization) : read_query(*query);
  if (!claim.ok()) return claim.error();
  if (claim.value().access_key != identity.access_key) {
    S3Error error = s3_error("InvalidAccessKeyId");
    error.details.emplace_back("AWSAccessKeyId", claim.value().access_key);
    return error;
  }
  const Claim& claimed = claim.value();
  if (auto token = check_token(request, *query, claimed, identity); !token.ok()) {
    return token.error();
  }
  if (auto time = check_time(claimed, now); !time.ok()) return time.error();
  if (auto scope = check_scope(claimed, identity, wrong_region_redirects, is_head_bucket);
      !scope.ok()) {
    return scope.error();
  }
  if (auto coverage = check_coverage(request, claimed); !coverage.ok()) return coverage.error();
  const auto payload = payload_hash(request, claimed.presigned);
  if (!payload.ok()) return payload.error();

  const std::string canonical = canonical_request(request, *query, claimed, payload.value());
  const std::string to_sign = std::string(kAlgorithm) + "\n" + claimed.timestamp + "\n" +
                              claimed.date + "/" + claimed.region + "/s3/aws4_request\n" +
                              to_hex(digest(Algorithm::Sha256, canonical));
  const std::string expected = expected_signature(claimed, identity.secret_key, to_sign);
  if (CRYPTO_memcmp(expected.data(), claimed.signature.data(), expected.size()) != 0) {
    S3Error error = s3_error("SignatureDoesNotMatch");
    error.details = {{"AWSAccessKeyId", claimed.access_key},
                     {"StringToSign", to_sign},
                     {"SignatureProvided", claimed.signature},
                     {"CanonicalRequest", canonical}};
    return error;
  }
  return Verified{.payload_hash = payload.value()};
}

}  // namespace waybill::s3server
