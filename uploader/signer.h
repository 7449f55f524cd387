#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/secret.h"
#include "uploader/http.h"

// AWS Signature Version 4 for S3, in the steps and words of its documentation. Pure but for the
// cache of Signer.
namespace waybill::uploader {

// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX. A key is encoded exactly once and never
// normalised: S3 differs from the other services in both.
enum class Slash : std::uint8_t { Keep, Encode };
std::string uri_encode(std::string_view text, Slash slash);

using Query = std::vector<std::pair<std::string, std::string>>;  // unencoded
// Encoded and sorted; a key without a value as `key=`. Goes on the wire in this form.
std::string canonical_query(const Query& query);

// What a proxy or libcurl may change on the way must stay unsigned.
bool is_signed_header(std::string_view name);

struct RequestToSign {
  HttpMethod method = HttpMethod::Get;
  std::string_view path;                // as on the wire: encoded, from the first slash on
  std::string_view query;               // as canonical_query() makes it
  std::span<const HttpHeader> headers;  // host among them; any order
  std::string_view payload_hash;        // hex, or UNSIGNED-PAYLOAD
};

// "host;x-amz-date": the names that are signed, sorted.
std::string signed_headers(const RequestToSign& request);
std::string canonical_request(const RequestToSign& request);

struct SigningScope {
  std::string date;  // 20130524
  std::string region;
  std::string service = "s3";
  [[nodiscard]] std::string text() const;  // 20130524/us-east-1/s3/aws4_request
  friend bool operator==(const SigningScope&, const SigningScope&) = default;
};

// `time` is 20130524T000000Z.
std::string string_to_sign(std::string_view time, const SigningScope& scope,
                           std::string_view canonical_request);
Secret signing_key(const Secret& secret_access_key, const SigningScope& scope);
// Hex.
std::string signature(const Secret& key, std::string_view string_to_sign);

// 20130524T000000Z
std::string amz_time(WallTime time);

// Remembers the key of the last scope and secret: deriving one takes four HMACs, signing one. One
// thread at a time.
class Signer {
 public:
  // The value of the Authorization header. `time` is the value of the request's x-amz-date.
  std::string authorize(const RequestToSign& request, std::string_view time,
                        std::string_view region, std::string_view access_key_id,
                        const Secret& secret_access_key);

 private:
  SigningScope scope_;
  Secret secret_;
  Secret key_;
};

}  // namespace waybill::uploader
