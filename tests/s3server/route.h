#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/s3server/errors.h"
#include "tests/s3server/http.h"

namespace waybill::s3server {

enum class Operation {
  Unknown,
  AbortMultipartUpload,
  CompleteMultipartUpload,
  CopyObject,
  CreateBucket,
  CreateMultipartUpload,
  DeleteBucket,
  DeleteObject,
  DeleteObjects,
  GetBucketLocation,
  GetBucketVersioning,
  GetObject,
  HeadBucket,
  HeadObject,
  ListBuckets,
  ListMultipartUploads,
  ListObjects,
  ListObjectsV2,
  ListObjectVersions,
  ListParts,
  PutBucketVersioning,
  PutObject,
  UploadPart,
};
constexpr std::size_t kOperations = static_cast<std::size_t>(Operation::UploadPart) + 1;

std::string_view operation_name(Operation operation);  // as S3 writes it; Unknown: empty

struct Route {
  Operation operation = Operation::Unknown;
  std::string bucket;
  std::string key;                                         // decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in the order sent

  const std::string* parameter(std::string_view name) const;  // null: not there
  std::string parameter_or_empty(std::string_view name) const;
};

// `virtual_host_suffix`: a Host of bucket.SUFFIX names the bucket; empty: path style only.
Outcome<Route> find_route(const Request& request, const std::string& virtual_host_suffix);

}  // namespace waybill::s3server
