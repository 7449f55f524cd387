#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

// Bytes and times as HTTP and S3 write them. Pure.
namespace waybill::s3server {

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// S3's URI encoding: all but A–Z a–z 0–9 - . _ ~ becomes %XX; `/` stays where asked.
std::string percent_encode(std::string_view bytes, bool keep_slash);
// nullopt: a % that two hex digits do not follow.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

std::string lower_case(std::string_view text);
std::string_view trim(std::string_view text);
// An ETag as headers and documents carry it, and back.
std::string quoted_etag(std::string_view etag);
std::string_view unquoted(std::string_view etag);
// nullopt: not a decimal number, or too large.
std::optional<std::uint64_t> to_number(std::string_view text);

std::string http_date(std::time_t time);                           // Fri, 24 May 2013 00:00:00 GMT
std::string iso_date(std::time_t time);                            // 2013-05-24T00:00:00.000Z
std::optional<std::time_t> parse_amz_date(std::string_view text);  // 20130524T000000Z
std::optional<std::time_t> parse_http_date(std::string_view text);

// `*` stands for any bytes, `?` for one.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace waybill::s3server
