#include <algorithm>

#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/xml.h"

namespace waybill::s3server {
namespace {

// MD5 of the body in hex; in free mode the client's word is taken.
std::string md5_hex(const S3Exchange& exchange) {
  const std::string computed = exchange.body->digest_of(Algorithm::Md5);
  if (!computed.empty()) return to_hex(computed);
  return to_hex(from_base64(exchange.request.header("content-md5").value_or("")).value_or(""));
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

// nullopt: no range, or none that can be understood, which HTTP has us ignore.
std::optional<Outcome<Range>> read_range(const Request& request, std::uint64_t size) {
  std::string_view text = request.header("range").value_or("");
  if (!text.starts_with("bytes=")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto from = to_number(text.substr(0, dash));
  const auto to = to_number(text.substr(dash + 1));
  if ((!from && dash != 0) || (!to && dash + 1 != text.size()) || (!from && !to)) {
    return std::nullopt;
  }
  Range range;
  if (!from) {
    range.size = std::min(*to, size);
    range.first = size - range.size;
  } else {
    if (to && *to < *from) return std::nullopt;
    range.first = *from;
    if (*from < size) range.size = (to ? std::min(*to, size - 1) : size - 1) - *from + 1;
  }
  if (range.size == 0) {
    S3Error error = s3_error("InvalidRange");
    error.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return error;
  }
  return range;
}

// If-Match and If-None-Match of a GET or HEAD. True: it is still what the client has (304).
Outcome<bool> unchanged(const Request& request, const ObjectVersion& version) {
  if (const auto match = request.header("if-match")) {
    if (*match != "*" && unquoted(*match) != version.etag) return s3_error("PreconditionFailed");
  }
  if (const auto none_match = request.header("if-none-match")) {
    return *none_match == "*" || unquoted(*none_match) == version.etag;
  }
  return false;
}

void describe(const S3Exchange& exchange, const ObjectVersion& version, Response& response) {
  response.headers.emplace_back("Last-Modified", http_date(version.modified));
  response.headers.emplace_back("ETag", quoted_etag(version.etag));
  response.headers.emplace_back("Accept-Ranges", "bytes");
  set_version(response, version);
  response.headers.emplace_back("Content-Type", "binary/octet-stream");
  for (const auto& [name, value] : version.facts.headers) response.set_header(name, value);
  for (const auto& [name, value] : version.facts.metadata) {
    response.headers.emplace_back("x-amz-meta-" + name, value);
  }
  const auto mode = exchange.request.header("x-amz-checksum-mode");
  if (version.checksum && mode && lower_case(*mode) == "enabled" &&
      exchange.behaviour->head_returns_checksums &&
      exchange.behaviour->checksums == Support::Enforced) {
    set_checksum(response, *version.checksum);
  }
}

// Who may not list learns nothing about what is absent.
S3Error absent(const S3Exchange& exchange, const S3Error& error) {
  if (error.code == "NoSuchKey" && !exchange.behaviour->may_list) return s3_error("AccessDenied");
  S3Error detailed = error;
  detailed.details.emplace_back("Key", exchange.route.key);
  return detailed;
}

}  // namespace

Outcome<Done> put_object(World& world, S3Exchange& exchange) {
  auto facts = read_facts(exchange.request);
  if (!facts.ok()) return facts.error();
  const auto conditions = read_conditions(exchange, exchange.behaviour->put_if_none_match,
                                          exchange.behaviour->put_if_match);
  if (!conditions.ok()) return conditions.error();

  ObjectVersion object;
  object.size = exchange.body_received;
  object.etag = fresh_etag(exchange, md5_hex(exchange));
  object.modified = exchange.now();
  object.facts = std::move(facts.value());
  if (exchange.checksum != nullptr) {
    object.checksum =
        Checksum{.algorithm = std::string(exchange.checksum->name),
                 .value = std::string(exchange.request.header(exchange.checksum->header).value()),
                 .type = "FULL_OBJECT"};
  }
  object.sha256 = to_hex(exchange.body->digest_of(Algorithm::Sha256));
  object.has_body = !world.options.free;
  if (object.has_body) {
    if (!exchange.body->blob()) return s3_error("InternalError", "The body cannot be stored.");
    object.body = {exchange.body->blob()};
  }
  exchange.response.headers.emplace_back("ETag", quoted_etag(object.etag));
  if (object.checksum) set_checksum(exchange.response, *object.checksum);
  if (world.options.free && !world.options.free_keeps_heads) return Done{};

  const auto version = world.store.put(exchange.route.bucket, exchange.route.key, std::move(object),
                                       conditions.value(), observer(world, exchange));
  if (!version.ok()) return absent(exchange, version.error());
  exchange.effect = true;
  set_version(exchange.response, *version.value());
  return Done{};
}

namespace {

// The one that is asked for, or that of the original again; a copy is of one piece.
Outcome<std::optional<Checksum>> checksum_of_copy(const S3Exchange& exchange,
                                                  const ObjectVersion& object) {
  const auto wanted = exchange.request.header("x-amz-checksum-algorithm");
  const Support support = exchange.behaviour->checksums;
  if (wanted && support == Support::Rejected) {
    S3Error error = s3_error("NotImplemented");
    error.details.emplace_back("Header", "x-amz-checksum-algorithm");
    return error;
  }
  if (support != Support::Enforced || (!wanted && !object.checksum)) {
    return std::optional<Checksum>();
  }
  const auto* const kind = checksum_kind(wanted ? *wanted : object.checksum->algorithm);
  if (kind == nullptr) return s3_error("InvalidRequest");
  return std::optional(full_checksum(*kind, object.body));
}

}  // namespace

Outcome<Done> copy_object(World& world, S3Exchange& exchange) {
  std::string_view source = exchange.request.header("x-amz-copy-source").value_or("");
  if (source.starts_with('/')) source.remove_prefix(1);
  std::string version_id;
  if (const std::size_t mark = source.find("?versionId="); mark != std::string_view::npos) {
    version_id = source.substr(mark + 11);
    source = source.substr(0, mark);
  }
  const auto decoded = percent_decode(source, false);
  const std::size_t slash = decoded ? decoded->find('/') : std::string::npos;
  if (slash == std::string::npos) return s3_error("InvalidArgument");
  const auto original =
      world.store.get(decoded->substr(0, slash), decoded->substr(slash + 1), version_id);
  if (!original.ok()) return absent(exchange, original.error());
  if (const auto match = exchange.request.header("x-amz-copy-source-if-match")) {
    const Support pins = exchange.behaviour->copy_source_if_match;
    if (pins == Support::Rejected) return s3_error("NotImplemented");
    const bool same = unquoted(*match) == original.value()->etag;
    if (pins == Support::Enforced && !same) return s3_error("PreconditionFailed");
  }
  constexpr std::uint64_t largest_copy = 5ULL << 30;
  if (original.value()->size > largest_copy) return s3_error("InvalidRequest");
  const auto conditions = read_conditions(exchange, exchange.behaviour->copy_if_none_match,
                                          exchange.behaviour->copy_if_match);
  if (!conditions.ok()) return conditions.error();

  ObjectVersion object = *original.value();
  object.modified = exchange.now();
  if (lower_case(exchange.request.header("x-amz-metadata-directive").value_or("")) == "replace") {
    auto facts = read_facts(exchange.request);
    if (!facts.ok()) return facts.error();
    object.facts = std::move(facts.value());
  }
  if (!object.has_body && object.size > 0) return s3_error("NotImplemented");
  // A copy is written in one piece, whatever the original was.
  if (!exchange.behaviour->copy_keeps_etag) {
    object.etag = fresh_etag(exchange, to_hex(digest_of(Algorithm::Md5, object.body)));
  }
  auto checksum = checksum_of_copy(exchange, object);
  if (!checksum.ok()) return checksum.error();
  object.checksum = std::move(checksum.value());
  XmlWriter xml("CopyObjectResult");
  xml.element("LastModified", iso_date(object.modified));
  xml.element("ETag", quoted_etag(object.etag));
  if (object.checksum) {
    xml.element(checksum_kind(object.checksum->algorithm)->element, object.checksum->value);
    xml.element("ChecksumType", object.checksum->type);
  }
  const auto version = world.store.put(exchange.route.bucket, exchange.route.key, std::move(object),
                                       conditions.value(), observer(world, exchange, true));
  if (!version.ok()) return absent(exchange, version.error());
  exchange.effect = true;
  set_version(exchange.response, *version.value());
  set_xml(exchange.response, xml.finish());
  return Done{};
}

Outcome<Done> get_object(World& world, S3Exchange& exchange) {
  Response& response = exchange.response;
  const auto found = world.store.get(exchange.route.bucket, exchange.route.key,
                                     exchange.route.parameter_or_empty("versionId"));
  if (!found.ok()) return absent(exchange, found.error());
  const ObjectVersion& version = *found.value();
  const auto same = unchanged(exchange.request, version);
  if (!same.ok()) return same.error();
  describe(exchange, version, response);
  if (same.value()) {
    response.status = 304;
    return Done{};
  }
  if (exchange.route.operation == Operation::HeadObject) {
    response.bodyless_size = version.size;
    return Done{};
  }
  if (!version.has_body && version.size > 0) {
    response = {};
    return s3_error("NotImplemented", "This server keeps no bodies.");
  }
  Range range{.first = 0, .size = version.size};
  if (const auto wanted = read_range(exchange.request, version.size)) {
    if (!wanted->ok()) {
      response = {};
      return wanted->error();
    }
    range = wanted->value();
    response.status = 206;
    response.headers.emplace_back("Content-Range",
                                  "bytes " + std::to_string(range.first) + "-" +
                                      std::to_string(range.first + range.size - 1) + "/" +
                                      std::to_string(version.size));
  }
  response.source = make_source(version.body, range.first, range.size);
  response.source_size = range.size;
  return Done{};
}

Outcome<Done> delete_object(World& world, S3Exchange& exchange) {
  const auto conditions =
      read_conditions(exchange, Support::Ignored, exchange.behaviour->delete_if_match);
  if (!conditions.ok()) return conditions.error();
  const auto removal = world.store.remove(exchange.route.bucket, exchange.route.key,
                                          exchange.route.parameter_or_empty("versionId"),
                                          conditions.value(), observer(world, exchange));
  if (!removal.ok()) return absent(exchange, removal.error());
  exchange.effect = removal.value().found;
  exchange.response.status = 204;
  if (!removal.value().version_id.empty()) {
    exchange.response.headers.emplace_back("x-amz-version-id", removal.value().version_id);
  }
  if (removal.value().delete_marker) {
    exchange.response.headers.emplace_back("x-amz-delete-marker", "true");
  }
  return Done{};
}

Outcome<Done> delete_objects(World& world, S3Exchange& exchange) {
  const auto root = parse_xml(exchange.body->text());
  if (!root || root->name != "Delete") return s3_error("MalformedXML");
  const bool quiet = root->text_of("Quiet") == "true";
  XmlWriter xml("DeleteResult");
  for (const XmlNode& node : root->children) {
    if (node.name != "Object") continue;
    const std::string key = node.text_of("Key");
    const auto removal = world.store.remove(exchange.route.bucket, key, node.text_of("VersionId"),
                                            {}, observer(world, exchange));
    if (!removal.ok()) {
      xml.open("Error");
      xml.element("Key", key);
      xml.element("Code", removal.error().code);
      xml.element("Message", removal.error().message);
      xml.close();
      continue;
    }
    exchange.effect = exchange.effect || removal.value().found;
    if (quiet) continue;
    xml.open("Deleted");
    xml.element("Key", key);
    if (!removal.value().version_id.empty()) {
      xml.element("VersionId", removal.value().version_id);
    }
    xml.close();
  }
  set_xml(exchange.response, xml.finish());
  return Done{};
}

}  // namespace waybill::s3server
