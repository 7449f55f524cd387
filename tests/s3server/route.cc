#include "tests/s3server/route.h"

#include <algorithm>
#include <array>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr std::array<std::string_view, kOperations> kNames = {
    "",
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateBucket",
    "CreateMultipartUpload",
    "DeleteBucket",
    "DeleteObject",
    "DeleteObjects",
    "GetBucketLocation",
    "GetBucketVersioning",
    "GetObject",
    "HeadBucket",
    "HeadObject",
    "ListBuckets",
    "ListMultipartUploads",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListParts",
    "PutBucketVersioning",
    "PutObject",
    "UploadPart",
};

// Parts of S3 that are not built here: better 501 than to take them for the plain operation.
constexpr std::array<std::string_view, 24> kUnbuilt = {"accelerate",
                                                       "acl",
                                                       "analytics",
                                                       "attributes",
                                                       "cors",
                                                       "encryption",
                                                       "inventory",
                                                       "legal-hold",
                                                       "lifecycle",
                                                       "logging",
                                                       "metrics",
                                                       "notification",
                                                       "object-lock",
                                                       "ownershipControls",
                                                       "policy",
                                                       "policyStatus",
                                                       "publicAccessBlock",
                                                       "replication",
                                                       "requestPayment",
                                                       "restore",
                                                       "retention",
                                                       "select",
                                                       "tagging",
                                                       "website"};

Operation of_bucket(const Request& request, const Route& route) {
  const auto has = [&](std::string_view name) { return route.parameter(name) != nullptr; };
  if (request.method == "GET") {
    if (has("location")) return Operation::GetBucketLocation;
    if (has("versioning")) return Operation::GetBucketVersioning;
    if (has("versions")) return Operation::ListObjectVersions;
    if (has("uploads")) return Operation::ListMultipartUploads;
    return route.parameter_or_empty("list-type") == "2" ? Operation::ListObjectsV2
                                                        : Operation::ListObjects;
  }
  if (request.method == "PUT") {
    return has("versioning") ? Operation::PutBucketVersioning : Operation::CreateBucket;
  }
  if (request.method == "HEAD") return Operation::HeadBucket;
  if (request.method == "DELETE") return Operation::DeleteBucket;
  if (request.method == "POST" && has("delete")) return Operation::DeleteObjects;
  return Operation::Unknown;
}

Operation of_object(const Request& request, const Route& route) {
  const auto has = [&](std::string_view name) { return route.parameter(name) != nullptr; };
  if (request.method == "PUT") {
    const bool copies = request.header("x-amz-copy-source").has_value();
    if (has("uploadId")) return copies ? Operation::Unknown : Operation::UploadPart;
    return copies ? Operation::CopyObject : Operation::PutObject;
  }
  if (request.method == "GET") return has("uploadId") ? Operation::ListParts : Operation::GetObject;
  if (request.method == "HEAD") return Operation::HeadObject;
  if (request.method == "DELETE") {
    return has("uploadId") ? Operation::AbortMultipartUpload : Operation::DeleteObject;
  }
  if (request.method == "POST") {
    if (has("uploads")) return Operation::CreateMultipartUpload;
    if (has("uploadId")) return Operation::CompleteMultipartUpload;
  }
  return Operation::Unknown;
}

bool parse_query(std::string_view query, Route& route) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value = equals == std::string_view::npos
                           ? std::string()
                           : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value) return false;
    route.query.emplace_back(*name, *value);
  }
  return true;
}

// The bucket that the Host header names; empty: path style.
std::string_view virtual_bucket(const Request& request, const std::string& suffix) {
  std::string_view host = request.header("host").value_or("");
  if (suffix.empty() || host.starts_with('[')) return {};
  host = host.substr(0, host.find(':'));
  if (host.size() <= suffix.size() + 1 || !host.ends_with(suffix)) return {};
  host.remove_suffix(suffix.size());
  if (!host.ends_with('.')) return {};
  host.remove_suffix(1);
  return host;
}

}  // namespace

std::string_view operation_name(Operation operation) {
  return kNames.at(static_cast<std::size_t>(operation));
}

const std::string* Route::parameter(std::string_view name) const {
  for (const auto& [known, value] : query) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string Route::parameter_or_empty(std::string_view name) const {
  const std::string* value = parameter(name);
  return value != nullptr ? *value : std::string();
}

Outcome<Route> find_route(const Request& request, const std::string& virtual_host_suffix) {
  Route route;
  std::string_view path = request.path.substr(1);
  if (!parse_query(request.query, route)) return s3_error("InvalidURI");
  if (const std::string_view bucket = virtual_bucket(request, virtual_host_suffix);
      !bucket.empty()) {
    route.bucket = bucket;
  } else {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const auto decoded = percent_decode(path.substr(0, slash), false);
    if (!decoded) return s3_error("InvalidURI");
    route.bucket = *decoded;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  const auto key = percent_decode(path, false);
  if (!key) return s3_error("InvalidURI");
  route.key = *key;

  for (const std::string_view name : kUnbuilt) {
    if (route.parameter(name) != nullptr) return route;
  }
  if (route.bucket.empty()) {
    if (request.method == "GET") route.operation = Operation::ListBuckets;
  } else {
    route.operation = route.key.empty() ? of_bucket(request, route) : of_object(request, route);
  }
  return route;
}

}  // namespace waybill::s3server
