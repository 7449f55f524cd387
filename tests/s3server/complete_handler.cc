#include <utility>
#include <vector>

#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/xml.h"

namespace waybill::s3server {
namespace {

// The parts that the client names, as the server has them.
Outcome<std::vector<const Part*>> chosen_parts(const S3Exchange& exchange, const Upload& upload) {
  const auto root = parse_xml(exchange.body->text());
  if (!root || root->name != "CompleteMultipartUpload") return s3_error("MalformedXML");
  std::vector<const Part*> parts;
  for (const XmlNode& node : root->children) {
    if (node.name != "Part") continue;
    const auto number = to_number(node.text_of("PartNumber"));
    if (!number) return s3_error("MalformedXML");
    if (!parts.empty() && static_cast<std::uint64_t>(parts.back()->number) >= *number) {
      return s3_error("InvalidPartOrder");
    }
    const auto found =
        *number > 10'000 ? upload.parts.end() : upload.parts.find(static_cast<int>(*number));
    if (found == upload.parts.end() || unquoted(node.text_of("ETag")) != found->second.etag) {
      S3Error error = s3_error("InvalidPart");
      error.details.emplace_back("PartNumber", std::to_string(*number));
      return error;
    }
    const Part& part = found->second;
    if (part.checksum) {
      const XmlNode* checksum = node.child(checksum_kind(part.checksum->algorithm)->element);
      const bool left_out =
          checksum == nullptr && exchange.behaviour->complete_needs_part_checksums;
      if (left_out || (checksum != nullptr && checksum->text != part.checksum->value)) {
        return s3_error("InvalidPart", "A part's checksum is not the one it was uploaded with.");
      }
    }
    parts.push_back(&part);
  }
  if (parts.empty()) return s3_error("MalformedXML");
  return parts;
}

Outcome<Done> check_sizes(const S3Exchange& exchange, const std::vector<const Part*>& parts) {
  std::uint64_t total = 0;
  for (const Part* part : parts) {
    total += part->size;
    if (part == parts.back() || part->size >= exchange.behaviour->smallest_part) continue;
    S3Error error = s3_error("EntityTooSmall");
    error.details = {{"ProposedSize", std::to_string(part->size)},
                     {"MinSizeAllowed", std::to_string(exchange.behaviour->smallest_part)},
                     {"PartNumber", std::to_string(part->number)}};
    return error;
  }
  if (const auto header = exchange.request.header("x-amz-mp-object-size");
      header && to_number(*header) != total) {
    return s3_error("InvalidRequest",
                    "The provided 'x-amz-mp-object-size' header value " + std::string(*header) +
                        " does not match what was computed: " + std::to_string(total));
  }
  return Done{};
}

// The whole object's checksum, compared with the one the client sends.
Outcome<Done> settle_checksum(const S3Exchange& exchange, const Upload& upload,
                              const std::vector<const Part*>& parts, ObjectVersion& object) {
  const ChecksumKind* kind = checksum_kind(upload.checksum_algorithm);
  if (kind == nullptr) kind = exchange.checksum;
  if (kind == nullptr) return Done{};
  const auto sent = exchange.request.header(kind->header);
  if (!object.has_body) {
    if (sent) {
      object.checksum = Checksum{
          .algorithm = std::string(kind->name), .value = std::string(*sent), .type = "FULL_OBJECT"};
    }
    return Done{};
  }
  const bool full = upload.checksum_type.empty() || upload.checksum_type == "FULL_OBJECT";
  object.checksum =
      full ? std::optional(full_checksum(*kind, object.body)) : composite_checksum(*kind, parts);
  if (!object.checksum) return s3_error("InvalidPart");
  const auto type = exchange.request.header("x-amz-checksum-type");
  if (type && *type != object.checksum->type) {
    return s3_error("InvalidRequest", "The checksum type differs from that of the upload.");
  }
  if (sent && *sent != object.checksum->value) {
    return s3_error("BadDigest", "The " + std::string(kind->name) +
                                     " you specified did not match the calculated checksum.");
  }
  return Done{};
}

void answer(S3Exchange& exchange, const ObjectVersion& version) {
  set_version(exchange.response, version);
  XmlWriter xml("CompleteMultipartUploadResult");
  xml.element("Location", "/" + exchange.route.bucket + "/" + exchange.route.key);
  xml.element("Bucket", exchange.route.bucket);
  xml.element("Key", exchange.route.key);
  xml.element("ETag", quoted_etag(version.etag));
  if (version.checksum) {
    xml.element(checksum_kind(version.checksum->algorithm)->element, version.checksum->value);
    xml.element("ChecksumType", version.checksum->type);
  }
  set_xml(exchange.response, xml.finish());
}

}  // namespace

Outcome<Done> complete_upload(World& world, S3Exchange& exchange) {
  const Route& route = exchange.route;
  const std::string id = route.parameter_or_empty("uploadId");
  auto upload = world.store.upload(route.bucket, route.key, id);
  if (!upload.ok()) {
    const VersionPtr done = world.store.completed(route.bucket, id);
    if (!done || !exchange.behaviour->completed_replay_is_200) return upload.error();
    answer(exchange, *done);
    return Done{};
  }
  const auto conditions = read_conditions(exchange, exchange.behaviour->complete_if_none_match,
                                          exchange.behaviour->complete_if_match);
  if (!conditions.ok()) return conditions.error();
  const auto parts = chosen_parts(exchange, upload.value());
  if (!parts.ok()) return parts.error();
  if (const auto sizes = check_sizes(exchange, parts.value()); !sizes.ok()) return sizes.error();

  ObjectVersion object;
  object.has_body = !world.options.free;
  for (const Part* part : parts.value()) {
    object.size += part->size;
    if (object.has_body) object.body.push_back(part->body);
  }
  object.etag = fresh_etag(exchange, composite_etag(parts.value()));
  object.modified = exchange.now();
  object.facts = upload.value().facts;
  if (const auto checksum = settle_checksum(exchange, upload.value(), parts.value(), object);
      !checksum.ok()) {
    return checksum.error();
  }
  if (world.log.keeps_records()) {
    object.sha256 = to_hex(digest_of(Algorithm::Sha256, object.body));
  }
  const auto version = world.store.complete(route.bucket, route.key, id, std::move(object),
                                            conditions.value(), observer(world, exchange));
  if (!version.ok()) return version.error();
  exchange.effect = true;
  answer(exchange, *version.value());
  return Done{};
}

}  // namespace waybill::s3server
