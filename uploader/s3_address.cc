#include "uploader/s3_address.h"

#include <algorithm>

#include "uploader/signer.h"

namespace waybill::uploader {
namespace {

constexpr std::size_t longest_label = 63;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Can be the first label of a host name, and is covered by a certificate for *.endpoint: a dot
// would make it two labels.
bool is_label(std::string_view bucket) {
  return !bucket.empty() && bucket.size() <= longest_label && is_lower_or_digit(bucket.front()) &&
         is_lower_or_digit(bucket.back()) && std::all_of(bucket.begin(), bucket.end(), [](char c) {
           return is_lower_or_digit(c) || c == '-';
         });
}

bool is_ip_address(std::string_view host) {
  return host.starts_with('[') || std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= '0' && c <= '9') || c == '.';
         });
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         (is_ip_address(host) && host.starts_with("127."));
}

struct Endpoint {
  std::string scheme;
  std::string host;  // lower case; IPv6 in brackets
  std::string port;  // empty: the scheme's
};

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return fail(ErrorCode::BadConfig,
                "the endpoint \"" + std::string(text) + "\" " + std::string(why));
  };
  Endpoint endpoint;
  endpoint.scheme = text.starts_with("http://") ? "http" : "https";
  const std::string start = endpoint.scheme + "://";
  if (!text.starts_with(start)) return wrong("must begin with https:// (or http://)");
  std::string_view rest = text.substr(start.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos) {
    return wrong("must be a host with an optional port, and nothing else");
  }
  const auto bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) return wrong("has a [ without its ]");
  const auto colon = rest.find(':', bracket);
  endpoint.host = rest.substr(0, colon);
  if (colon != std::string_view::npos) endpoint.port = rest.substr(colon + 1);
  const bool port_is_number = std::all_of(endpoint.port.begin(), endpoint.port.end(),
                                          [](char c) { return c >= '0' && c <= '9'; });
  if (!port_is_number || endpoint.port.size() > 5) return wrong("has no number as its port");
  for (char& c : endpoint.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c <= ' ' || c > '~') return wrong("has a host name with characters that DNS does not know");
  }
  if (endpoint.host.empty()) return wrong("has no host");
  if (endpoint.port == (endpoint.scheme == "https" ? "443" : "80")) endpoint.port.clear();
  return endpoint;
}

Endpoint aws_endpoint(const S3Options& options, std::string_view region) {
  const std::string domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  const std::string stack = options.dual_stack ? ".dualstack" : "";
  if (options.accelerate) return {.scheme = "https", .host = "s3-accelerate" + stack + domain};
  return {.scheme = "https",
          .host = (options.fips ? "s3-fips" : "s3") + stack + "." + std::string(region) + domain};
}

}  // namespace

bool is_region_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_label &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_lower_or_digit(c) || c == '-' || c == '_' || (c >= 'A' && c <= 'Z');
         });
}

Result<S3Address> find_address(const S3Options& options, std::string_view region) {
  if (options.bucket.empty()) return fail(ErrorCode::BadConfig, "no bucket is configured");
  if (!is_region_name(region)) {
    return fail(ErrorCode::BadConfig, "\"" + std::string(region) + "\" is no region");
  }
  Endpoint endpoint = aws_endpoint(options, region);
  if (!options.endpoint.empty()) {
    auto parsed = parse_endpoint(options.endpoint);
    if (!parsed) return fail(parsed.error());
    endpoint = std::move(*parsed);
  }
  S3Address address;
  const std::string port = endpoint.port.empty() ? "" : ":" + endpoint.port;
  address.shown = endpoint.host + port;
  address.loopback = is_loopback(endpoint.host);
  if (options.path_style || is_ip_address(endpoint.host) || !is_label(options.bucket)) {
    address.path_prefix = "/" + uri_encode(options.bucket, Slash::Encode);
    address.host = address.shown;
  } else {
    address.host = options.bucket + "." + address.shown;
  }
  address.origin = endpoint.scheme + "://" + address.host;
  return address;
}

}  // namespace waybill::uploader
