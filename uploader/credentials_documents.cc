#include "uploader/credentials_documents.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "uploader/s3_documents.h"
#include "uploader/xml.h"

namespace waybill::uploader {
namespace {

using nlohmann::json;

Failure lacking(std::string_view what) {
  return fail(ErrorCode::BadInput, "the answer lacks " + std::string(what));
}

std::string_view text_of(const json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

// Some programs write the offset of UTC in digits.
std::optional<WallTime> time_of(std::string_view text) {
  constexpr std::string_view offset = "+00:00";
  if (!text.ends_with(offset)) return parse_iso_time(text);
  text.remove_suffix(offset.size());
  return parse_iso_time(std::string(text) + "Z");
}

Result<FetchedCredentials> read(const json& document, const char* token_name) {
  FetchedCredentials fetched;
  fetched.credentials.access_key_id = text_of(document, "AccessKeyId");
  fetched.credentials.secret_access_key = Secret(text_of(document, "SecretAccessKey"));
  fetched.credentials.session_token = Secret(text_of(document, token_name));
  if (fetched.credentials.access_key_id.empty()) return lacking("AccessKeyId");
  if (fetched.credentials.secret_access_key.empty()) return lacking("SecretAccessKey");
  if (document.contains("Expiration") && !document["Expiration"].is_null()) {
    fetched.expires = time_of(text_of(document, "Expiration"));
    if (!fetched.expires) return lacking("an Expiration that is a time in UTC");
  }
  return fetched;
}

// The parser's own words would show the document.
Result<json> parse(std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (document.is_object()) return document;
  return fail(ErrorCode::BadInput, "the answer is no JSON object");
}

}  // namespace

Result<FetchedCredentials> parse_metadata_credentials(std::string_view text) {
  const auto document = parse(text);
  if (!document) return fail(document.error());
  const std::string_view code = text_of(*document, "Code");
  if (!code.empty() && code != "Success") {
    return fail(ErrorCode::BadInput, "the answer is no success but a refusal");
  }
  auto fetched = read(*document, "Token");
  if (fetched && fetched->credentials.session_token.empty()) return lacking("Token");
  return fetched;
}

Result<FetchedCredentials> parse_process_credentials(std::string_view text) {
  const auto document = parse(text);
  if (!document) return fail(document.error());
  const auto version = document->find("Version");
  if (version == document->end() || *version != 1) return lacking("\"Version\": 1");
  return read(*document, "SessionToken");
}

Result<FetchedCredentials> parse_sts_credentials(std::string_view xml) {
  FetchedCredentials fetched;
  bool bad_time = false;
  const bool whole = read_xml(xml, [&](std::string_view path, std::string_view text) {
    const auto is = [path](std::string_view name) {
      return path.ends_with(name) && path.find("Result/Credentials/") != std::string_view::npos;
    };
    if (is("/AccessKeyId")) fetched.credentials.access_key_id = text;
    if (is("/SecretAccessKey")) fetched.credentials.secret_access_key = Secret(text);
    if (is("/SessionToken")) fetched.credentials.session_token = Secret(text);
    if (is("/Expiration")) {
      fetched.expires = parse_iso_time(text);
      bad_time = !fetched.expires;
    }
  });
  if (!whole) return fail(ErrorCode::BadInput, "the answer is no whole XML document");
  if (fetched.credentials.access_key_id.empty()) return lacking("AccessKeyId");
  if (fetched.credentials.secret_access_key.empty()) return lacking("SecretAccessKey");
  if (fetched.credentials.session_token.empty()) return lacking("SessionToken");
  if (bad_time || !fetched.expires) return lacking("an Expiration that is a time in UTC");
  return fetched;
}

}  // namespace waybill::uploader
