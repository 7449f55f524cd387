#include "tests/s3server/handlers.h"

#include <algorithm>
#include <array>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr std::string_view kMetaPrefix = "x-amz-meta-";
constexpr std::size_t kMostMetadata = 2048;  // bytes of names and values

constexpr std::array<std::string_view, 11> kStored = {
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-website-redirect-location"};

S3Error header_not_implemented(std::string_view header) {
  S3Error error = s3_error("NotImplemented");
  error.details.emplace_back("Header", header);
  return error;
}

}  // namespace

Outcome<Done> handle(World& world, S3Exchange& exchange) {
  switch (exchange.route.operation) {
    case Operation::PutObject:
      return put_object(world, exchange);
    case Operation::CopyObject:
      return copy_object(world, exchange);
    case Operation::GetObject:
    case Operation::HeadObject:
      return get_object(world, exchange);
    case Operation::DeleteObject:
      return delete_object(world, exchange);
    case Operation::DeleteObjects:
      return delete_objects(world, exchange);
    case Operation::CreateMultipartUpload:
      return create_upload(world, exchange);
    case Operation::UploadPart:
      return upload_part(world, exchange);
    case Operation::CompleteMultipartUpload:
      return complete_upload(world, exchange);
    case Operation::AbortMultipartUpload:
      return abort_upload(world, exchange);
    case Operation::ListParts:
      return list_parts(world, exchange);
    case Operation::ListBuckets:
      return list_buckets(world, exchange);
    case Operation::CreateBucket:
      return create_bucket(world, exchange);
    case Operation::DeleteBucket:
      return delete_bucket(world, exchange);
    case Operation::HeadBucket:
      return head_bucket(world, exchange);
    case Operation::GetBucketLocation:
      return get_location(world, exchange);
    case Operation::GetBucketVersioning:
      return get_versioning(world, exchange);
    case Operation::PutBucketVersioning:
      return put_versioning(world, exchange);
    case Operation::ListObjects:
    case Operation::ListObjectsV2:
      return list_objects(world, exchange);
    case Operation::ListObjectVersions:
      return list_versions(world, exchange);
    case Operation::ListMultipartUploads:
      return list_uploads(world, exchange);
    case Operation::Unknown:
      break;
  }
  return s3_error("NotImplemented");
}

Outcome<ObjectFacts> read_facts(const Request& request) {
  ObjectFacts facts;
  std::size_t bytes = 0;
  for (const Header& header : request.headers) {
    if (header.name.starts_with(kMetaPrefix)) {
      const std::string_view name = header.name.substr(kMetaPrefix.size());
      bytes += name.size() + header.value.size();
      std::string& value = facts.metadata[std::string(name)];
      if (!value.empty()) value += ',';
      value += header.value;
    } else if (std::find(kStored.begin(), kStored.end(), header.name) != kStored.end()) {
      facts.headers.emplace_back(header.name, header.value);
    }
  }
  if (bytes > kMostMetadata) return s3_error("MetadataTooLarge");
  return facts;
}

Outcome<Conditions> read_conditions(const S3Exchange& exchange, Support if_none_match,
                                    Support if_match) {
  Conditions conditions;
  conditions.bare_etags_only = exchange.behaviour->if_match_needs_bare_etag;
  conditions.absent_is_404 = exchange.behaviour->if_match_absent_is_404;
  if (const auto header = exchange.request.header("if-none-match")) {
    if (if_none_match == Support::Rejected) return header_not_implemented("If-None-Match");
    if (if_none_match == Support::Enforced) {
      // S3 knows no other value here.
      if (*header != "*") return header_not_implemented("If-None-Match");
      conditions.if_absent = true;
    }
  }
  if (const auto header = exchange.request.header("if-match")) {
    if (if_match == Support::Rejected) return header_not_implemented("If-Match");
    if (if_match == Support::Enforced) conditions.if_match = *header;
  }
  return conditions;
}

Store::Observer observer(World& world, const S3Exchange& exchange, bool is_copy) {
  if (!world.log.keeps_records()) return {};
  return [&world, number = exchange.number, is_copy](const Commit& commit) {
    Write write{.kind = Write::Kind::Put, .request = number};
    if (commit.kind == Commit::Kind::Complete) write.kind = Write::Kind::Complete;
    if (commit.kind == Commit::Kind::Delete) write.kind = Write::Kind::Delete;
    if (is_copy) write.kind = Write::Kind::Copy;
    if (commit.version) {
      write.size = commit.version->size;
      write.sha256 = commit.version->sha256;
      write.etag = commit.version->etag;
      if (commit.version->version_id != "null") write.version = commit.version->version_id;
      write.metadata = commit.version->facts.metadata;
    }
    world.history.add(commit.bucket, commit.key, std::move(write));
  };
}

void set_xml(Response& response, std::string document) {
  response.set_header("Content-Type", "application/xml");
  response.body = std::move(document);
}

void set_checksum(Response& response, const Checksum& checksum) {
  const ChecksumKind* kind = checksum_kind(checksum.algorithm);
  if (kind == nullptr) return;
  response.headers.emplace_back(kind->header, checksum.value);
  response.headers.emplace_back("x-amz-checksum-type", checksum.type);
}

void set_version(Response& response, const ObjectVersion& version) {
  if (version.version_id != "null") {
    response.headers.emplace_back("x-amz-version-id", version.version_id);
  }
}

std::string fresh_etag(const S3Exchange& exchange, std::string md5_hex) {
  return exchange.behaviour->random_etags ? random_id(16) : std::move(md5_hex);
}

Outcome<std::uint64_t> number_parameter(const Route& route, std::string_view name,
                                        std::uint64_t fallback, std::uint64_t most) {
  const std::string* text = route.parameter(name);
  if (text == nullptr || text->empty()) return fallback;
  const auto value = to_number(*text);
  if (!value) return s3_error("InvalidArgument", std::string(name) + " is not a number.");
  return std::min(*value, most);
}

}  // namespace waybill::s3server
