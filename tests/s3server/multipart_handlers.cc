#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/xml.h"

namespace waybill::s3server {
namespace {

constexpr std::uint64_t kMostParts = 10'000;
constexpr std::size_t kUploadIdBytes = 24;

// Which checksum the upload asks its parts for, and how the whole one comes about.
Outcome<Done> read_checksum_wish(const S3Exchange& exchange, Upload& upload) {
  const auto algorithm = exchange.request.header("x-amz-checksum-algorithm");
  if (!algorithm || exchange.behaviour->checksums == Support::Ignored) return Done{};
  if (exchange.behaviour->checksums == Support::Rejected) {
    S3Error error = s3_error("NotImplemented");
    error.details.emplace_back("Header", "x-amz-checksum-algorithm");
    return error;
  }
  if (checksum_kind(*algorithm) == nullptr) {
    return s3_error("InvalidRequest", "Checksum algorithm provided is unsupported.");
  }
  const bool is_crc = algorithm->starts_with("CRC");
  const bool only_full = *algorithm == "CRC64NVME";
  upload.checksum_algorithm = *algorithm;
  upload.checksum_type = exchange.request.header("x-amz-checksum-type")
                             .value_or(only_full ? "FULL_OBJECT" : "COMPOSITE");
  const bool fits = upload.checksum_type == "FULL_OBJECT" ? is_crc
                    : upload.checksum_type == "COMPOSITE" ? !only_full
                                                          : false;
  if (!fits) {
    return s3_error("InvalidRequest", "The " + upload.checksum_type +
                                          " checksum type cannot be used with the " +
                                          upload.checksum_algorithm + " checksum algorithm.");
  }
  return Done{};
}

// Each part carries what Create said it would.
Outcome<Done> check_part_checksum(World& world, const S3Exchange& exchange) {
  const auto upload = world.store.upload(exchange.route.bucket, exchange.route.key,
                                         exchange.route.parameter_or_empty("uploadId"));
  // S3 makes a CRC64NVME itself where a part brings none.
  if (!upload.ok() || upload.value().checksum_algorithm.empty()) return Done{};
  const std::string& wanted = upload.value().checksum_algorithm;
  const std::string brought(exchange.checksum == nullptr ? "null" : exchange.checksum->name);
  if (brought == wanted || (exchange.checksum == nullptr && wanted == "CRC64NVME")) return Done{};
  return s3_error("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: " +
                                        wanted + ", actual checksum Type: " + brought);
}

}  // namespace

Outcome<Done> create_upload(World& world, S3Exchange& exchange) {
  auto facts = read_facts(exchange.request);
  if (!facts.ok()) return facts.error();
  Upload upload{.key = exchange.route.key,
                .id = random_id(kUploadIdBytes),
                .initiated = exchange.now(),
                .facts = std::move(facts.value())};
  if (const auto wish = read_checksum_wish(exchange, upload); !wish.ok()) return wish.error();
  if (!upload.checksum_algorithm.empty()) {
    exchange.response.headers.emplace_back("x-amz-checksum-algorithm", upload.checksum_algorithm);
    exchange.response.headers.emplace_back("x-amz-checksum-type", upload.checksum_type);
  }
  XmlWriter xml("InitiateMultipartUploadResult");
  xml.element("Bucket", exchange.route.bucket);
  xml.element("Key", exchange.route.key);
  xml.element("UploadId", upload.id);
  if (const auto done = world.store.create_upload(exchange.route.bucket, std::move(upload));
      !done.ok()) {
    return done.error();
  }
  exchange.effect = true;
  set_xml(exchange.response, xml.finish());
  return Done{};
}

Outcome<Done> upload_part(World& world, S3Exchange& exchange) {
  const auto number = to_number(exchange.route.parameter_or_empty("partNumber"));
  if (!number || *number < 1 || *number > kMostParts) {
    return s3_error("InvalidArgument",
                    "Part number must be an integer between 1 and 10000, inclusive");
  }
  Part part{.number = static_cast<int>(*number),
            .size = exchange.body_received,
            .md5 = exchange.body->digest_of(Algorithm::Md5),
            .modified = exchange.now(),
            .body = exchange.body->blob()};
  if (!world.options.free && !part.body) {
    return s3_error("InternalError", "The body cannot be stored.");
  }
  if (part.md5.empty()) {
    part.md5 = from_base64(exchange.request.header("content-md5").value_or("")).value_or("");
  }
  part.etag = fresh_etag(exchange, to_hex(part.md5));
  exchange.response.headers.emplace_back("ETag", quoted_etag(part.etag));
  if (exchange.checksum != nullptr) {
    part.checksum =
        Checksum{.algorithm = std::string(exchange.checksum->name),
                 .value = std::string(exchange.request.header(exchange.checksum->header).value())};
    exchange.response.headers.emplace_back(exchange.checksum->header, part.checksum->value);
  }
  if (auto fits = check_part_checksum(world, exchange); !fits.ok()) return fits.error();
  const auto done =
      world.store.put_part(exchange.route.bucket, exchange.route.key,
                           exchange.route.parameter_or_empty("uploadId"), std::move(part));
  if (!done.ok()) return done.error();
  exchange.effect = true;
  return Done{};
}

Outcome<Done> abort_upload(World& world, S3Exchange& exchange) {
  const auto done = world.store.abort(exchange.route.bucket, exchange.route.key,
                                      exchange.route.parameter_or_empty("uploadId"));
  if (!done.ok()) return done.error();
  exchange.effect = true;
  exchange.response.status = 204;
  return Done{};
}

Outcome<Done> list_parts(World& world, S3Exchange& exchange) {
  const auto page = static_cast<std::uint64_t>(exchange.behaviour->list_parts_page);
  const auto most = number_parameter(exchange.route, "max-parts", page, page);
  if (!most.ok()) return most.error();
  const auto marker = number_parameter(exchange.route, "part-number-marker", 0, kMostParts);
  if (!marker.ok()) return marker.error();
  const auto upload = world.store.upload(exchange.route.bucket, exchange.route.key,
                                         exchange.route.parameter_or_empty("uploadId"));
  if (!upload.ok()) return upload.error();

  XmlWriter xml("ListPartsResult");
  xml.element("Bucket", exchange.route.bucket);
  xml.element("Key", exchange.route.key);
  xml.element("UploadId", upload.value().id);
  xml.element("PartNumberMarker", marker.value());
  xml.element("MaxParts", most.value());
  if (!upload.value().checksum_algorithm.empty()) {
    xml.element("ChecksumAlgorithm", upload.value().checksum_algorithm);
    xml.element("ChecksumType", upload.value().checksum_type);
  }
  const auto& parts = upload.value().parts;
  auto at = parts.upper_bound(static_cast<int>(marker.value()));
  int last = static_cast<int>(marker.value());
  for (std::uint64_t given = 0; at != parts.end() && given < most.value(); ++at, ++given) {
    const Part& part = at->second;
    xml.open("Part");
    xml.element("PartNumber", static_cast<std::uint64_t>(part.number));
    xml.element("LastModified", iso_date(part.modified));
    xml.element("ETag", quoted_etag(part.etag));
    xml.element("Size", part.size);
    if (part.checksum) {
      xml.element(checksum_kind(part.checksum->algorithm)->element, part.checksum->value);
    }
    xml.close();
    last = part.number;
  }
  xml.element("NextPartNumberMarker", static_cast<std::uint64_t>(last));
  xml.element("IsTruncated", at != parts.end() ? "true" : "false");
  xml.element("StorageClass", "STANDARD");
  set_xml(exchange.response, xml.finish());
  return Done{};
}

}  // namespace waybill::s3server
