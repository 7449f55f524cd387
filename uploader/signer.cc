#include "uploader/signer.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/bytes.h"

namespace waybill::uploader {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t date_length = 8;

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

using SortedHeaders = std::vector<const HttpHeader*>;

SortedHeaders sorted_headers(std::span<const HttpHeader> headers) {
  SortedHeaders sorted;
  sorted.reserve(headers.size());
  for (const HttpHeader& header : headers) {
    if (is_signed_header(header.name)) sorted.push_back(&header);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const HttpHeader* a, const HttpHeader* b) { return a->name < b->name; });
  return sorted;
}

void append_names(std::string& text, const SortedHeaders& sorted) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i]->name == sorted[i - 1]->name) continue;
    if (i > 0) text += ';';
    text += sorted[i]->name;
  }
}

// Trimmed, and runs of blanks as one.
void append_value(std::string& text, std::string_view value) {
  bool blank = false;
  const std::size_t start = text.size();
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      blank = true;
      continue;
    }
    if (blank && text.size() > start) text += ' ';
    blank = false;
    text += c;
  }
}

std::string canonical_request(const RequestToSign& request, const SortedHeaders& sorted) {
  std::string text;
  text.reserve(1024);
  text.append(to_string(request.method)).append("\n");
  text.append(request.path.empty() ? "/" : request.path).append("\n");
  text.append(request.query).append("\n");
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool again = i > 0 && sorted[i]->name == sorted[i - 1]->name;
    if (again) {
      text.back() = ',';
    } else {
      text.append(sorted[i]->name).append(":");
    }
    append_value(text, sorted[i]->value);
    text += '\n';
  }
  text += '\n';
  append_names(text, sorted);
  text.append("\n").append(request.payload_hash);
  return text;
}

Secret secret_of(Sha256& digest) {
  Secret secret(as_text(digest));
  OPENSSL_cleanse(digest.data(), digest.size());
  return secret;
}

Secret derive(const Secret& key, std::string_view message) {
  Sha256 digest = hmac_sha256(as_bytes(key.reveal()), as_bytes(message));
  return secret_of(digest);
}

}  // namespace

std::string uri_encode(std::string_view text, Slash slash) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + 16);
  for (const char c : text) {
    if (is_unreserved(c) || (c == '/' && slash == Slash::Keep)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += digits[byte >> 4U];
      encoded += digits[byte & 0xFU];
    }
  }
  return encoded;
}

std::string canonical_query(const Query& query) {
  Query encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) {
    encoded.emplace_back(uri_encode(name, Slash::Encode), uri_encode(value, Slash::Encode));
  }
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

bool is_signed_header(std::string_view name) {
  constexpr std::array<std::string_view, 9> never{"authorization",     "connection", "expect",
                                                  "keep-alive",        "te",         "trailer",
                                                  "transfer-encoding", "upgrade",    "user-agent"};
  return std::find(never.begin(), never.end(), name) == never.end() && !name.starts_with("proxy-");
}

std::string signed_headers(const RequestToSign& request) {
  std::string names;
  append_names(names, sorted_headers(request.headers));
  return names;
}

std::string canonical_request(const RequestToSign& request) {
  return canonical_request(request, sorted_headers(request.headers));
}

std::string SigningScope::text() const {
  return date + "/" + region + "/" + service + "/aws4_request";
}

std::string string_to_sign(std::string_view time, const SigningScope& scope,
                           std::string_view canonical_request) {
  std::string text(algorithm);
  text.append("\n").append(time).append("\n").append(scope.text()).append("\n");
  return text + to_hex(sha256(as_bytes(canonical_request)));
}

Secret signing_key(const Secret& secret_access_key, const SigningScope& scope) {
  std::string first = "AWS4";
  first.reserve(first.size() + secret_access_key.reveal().size());  // no copy stays behind
  first += secret_access_key.reveal();
  Secret key(first);
  OPENSSL_cleanse(first.data(), first.size());
  for (const std::string_view step :
       {std::string_view(scope.date), std::string_view(scope.region),
        std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = derive(key, step);
  }
  return key;
}

std::string signature(const Secret& key, std::string_view string_to_sign) {
  return to_hex(hmac_sha256(as_bytes(key.reveal()), as_bytes(string_to_sign)));
}

std::string amz_time(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - days));
  std::array<char, 40> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string Signer::authorize(const RequestToSign& request, std::string_view time,
                              std::string_view region, std::string_view access_key_id,
                              const Secret& secret_access_key) {
  const std::string_view date = time.substr(0, date_length);
  if (scope_.date != date || scope_.region != region || key_.empty() ||
      secret_.reveal() != secret_access_key.reveal()) {
    scope_.date = date;
    scope_.region = region;
    secret_ = secret_access_key;
    key_ = signing_key(secret_, scope_);
  }
  const SortedHeaders sorted = sorted_headers(request.headers);
  const std::string to_sign = string_to_sign(time, scope_, canonical_request(request, sorted));
  std::string header(algorithm);
  header.append(" Credential=").append(access_key_id).append("/").append(scope_.text());
  header += ", SignedHeaders=";
  append_names(header, sorted);
  return header.append(", Signature=").append(signature(key_, to_sign));
}

}  // namespace waybill::uploader
