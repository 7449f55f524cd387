#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/xml.h"

namespace waybill::s3server {
namespace {

constexpr std::uint64_t kLongestPage = 1000;

// Names as the client asked for them: plain, or in URL form.
class Names {
 public:
  explicit Names(const Route& route) : url_(route.parameter_or_empty("encoding-type") == "url") {}

  std::string shown(const std::string& name) const {
    if (!url_) return name;
    std::string out;
    for (const char c : name) out += c == ' ' ? std::string("+") : percent_encode({&c, 1}, true);
    return out;
  }
  void declare(XmlWriter& xml) const {
    if (url_) xml.element("EncodingType", "url");
  }

 private:
  const bool url_;
};

const char* truth(bool value) {
  return value ? "true" : "false";
}

Outcome<Done> check_may_list(const S3Exchange& exchange) {
  if (!exchange.behaviour->may_list) return s3_error("AccessDenied");
  return Done{};
}

// k… goes on behind a key, p… behind a common prefix. Opaque to clients, as S3's is.
std::string to_token(const ListPage::Entry& entry) {
  return to_hex((entry.object ? "k" : "p") + entry.name);
}

Outcome<Done> read_token(const std::string& token, ListQuery& query) {
  const auto raw = from_hex(token);
  if (!raw || raw->empty()) {
    return s3_error("InvalidArgument", "The continuation token provided is incorrect");
  }
  query.after = raw->substr(1);
  if (raw->front() == 'p') query.skip_prefix = query.after;
  return Done{};
}

void write_object(XmlWriter& xml, const ObjectVersion& version) {
  xml.element("LastModified", iso_date(version.modified));
  xml.element("ETag", quoted_etag(version.etag));
  if (version.checksum) {
    xml.element("ChecksumAlgorithm", version.checksum->algorithm);
    xml.element("ChecksumType", version.checksum->type);
  }
  xml.element("Size", version.size);
  xml.element("StorageClass", "STANDARD");
}

void write_prefix(XmlWriter& xml, const std::string& prefix) {
  xml.open("CommonPrefixes");
  xml.element("Prefix", prefix);
  xml.close();
}

Outcome<ListQuery> read_list_query(const Route& route, bool v2) {
  ListQuery query{.prefix = route.parameter_or_empty("prefix"),
                  .delimiter = route.parameter_or_empty("delimiter")};
  const auto most = number_parameter(route, "max-keys", kLongestPage, kLongestPage);
  if (!most.ok()) return most.error();
  query.most = static_cast<std::size_t>(most.value());
  if (v2) {
    query.after = route.parameter_or_empty("start-after");
    if (const std::string* token = route.parameter("continuation-token")) {
      if (const auto read = read_token(*token, query); !read.ok()) return read.error();
    }
  } else {
    query.after = route.parameter_or_empty("marker");
    if (!query.delimiter.empty() && query.after.ends_with(query.delimiter)) {
      query.skip_prefix = query.after;
    }
  }
  return query;
}

}  // namespace

Outcome<Done> list_objects(World& world, S3Exchange& exchange) {
  const Route& route = exchange.route;
  const bool v2 = route.operation == Operation::ListObjectsV2;
  if (const auto may = check_may_list(exchange); !may.ok()) return may.error();
  const auto query = read_list_query(route, v2);
  if (!query.ok()) return query.error();
  const auto listed = world.store.list(route.bucket, query.value());
  if (!listed.ok()) return listed.error();
  const ListPage& page = listed.value();

  const Names names(route);
  XmlWriter xml("ListBucketResult");
  xml.element("Name", route.bucket);
  xml.element("Prefix", names.shown(query.value().prefix));
  if (!query.value().delimiter.empty()) {
    xml.element("Delimiter", names.shown(query.value().delimiter));
  }
  xml.element("MaxKeys", std::uint64_t{query.value().most});
  names.declare(xml);
  if (v2) {
    xml.element("KeyCount", std::uint64_t{page.entries.size()});
    if (const std::string* after = route.parameter("start-after")) {
      xml.element("StartAfter", names.shown(*after));
    }
    if (const std::string* token = route.parameter("continuation-token")) {
      xml.element("ContinuationToken", *token);
    }
  } else {
    xml.element("Marker", names.shown(query.value().after));
  }
  xml.element("IsTruncated", truth(page.truncated));
  if (page.truncated) {
    const ListPage::Entry& last = page.entries.back();
    if (v2) {
      xml.element("NextContinuationToken", to_token(last));
    } else {
      xml.element("NextMarker", names.shown(last.name));
    }
  }
  for (const ListPage::Entry& entry : page.entries) {
    if (!entry.object) {
      write_prefix(xml, names.shown(entry.name));
      continue;
    }
    xml.open("Contents");
    xml.element("Key", names.shown(entry.name));
    write_object(xml, *entry.object);
    xml.close();
  }
  set_xml(exchange.response, xml.finish());
  return Done{};
}

Outcome<Done> list_versions(World& world, S3Exchange& exchange) {
  const Route& route = exchange.route;
  if (const auto may = check_may_list(exchange); !may.ok()) return may.error();
  const auto most = number_parameter(route, "max-keys", kLongestPage, kLongestPage);
  if (!most.ok()) return most.error();
  const VersionQuery query{.prefix = route.parameter_or_empty("prefix"),
                           .delimiter = route.parameter_or_empty("delimiter"),
                           .after_key = route.parameter_or_empty("key-marker"),
                           .after_version = route.parameter_or_empty("version-id-marker"),
                           .most = static_cast<std::size_t>(most.value())};
  const auto listed = world.store.list_versions(route.bucket, query);
  if (!listed.ok()) return listed.error();
  const VersionPage& page = listed.value();

  const Names names(route);
  XmlWriter xml("ListVersionsResult");
  xml.element("Name", route.bucket);
  xml.element("Prefix", names.shown(query.prefix));
  xml.element("KeyMarker", names.shown(query.after_key));
  xml.element("VersionIdMarker", query.after_version);
  xml.element("MaxKeys", most.value());
  names.declare(xml);
  xml.element("IsTruncated", truth(page.truncated));
  if (page.truncated) {
    const VersionPage::Entry& last = page.entries.back();
    xml.element("NextKeyMarker", names.shown(last.name));
    if (last.object) xml.element("NextVersionIdMarker", last.object->version_id);
  }
  for (const VersionPage::Entry& entry : page.entries) {
    if (!entry.object) {
      write_prefix(xml, names.shown(entry.name));
      continue;
    }
    xml.open(entry.object->delete_marker ? "DeleteMarker" : "Version");
    xml.element("Key", names.shown(entry.name));
    xml.element("VersionId", entry.object->version_id);
    xml.element("IsLatest", truth(entry.latest));
    if (entry.object->delete_marker) {
      xml.element("LastModified", iso_date(entry.object->modified));
    } else {
      write_object(xml, *entry.object);
    }
    xml.close();
  }
  set_xml(exchange.response, xml.finish());
  return Done{};
}

Outcome<Done> list_uploads(World& world, S3Exchange& exchange) {
  const Route& route = exchange.route;
  if (const auto may = check_may_list(exchange); !may.ok()) return may.error();
  const auto most = number_parameter(route, "max-uploads", kLongestPage, kLongestPage);
  if (!most.ok()) return most.error();
  const UploadQuery query{.prefix = route.parameter_or_empty("prefix"),
                          .after_key = route.parameter_or_empty("key-marker"),
                          .after_id = route.parameter_or_empty("upload-id-marker"),
                          .most = static_cast<std::size_t>(most.value()),
                          .whole_key = exchange.behaviour->uploads_of_whole_keys};
  const auto listed = world.store.list_uploads(route.bucket, query);
  if (!listed.ok()) return listed.error();
  const UploadPage& page = listed.value();

  const Names names(route);
  XmlWriter xml("ListMultipartUploadsResult");
  xml.element("Bucket", route.bucket);
  xml.element("KeyMarker", names.shown(query.after_key));
  xml.element("UploadIdMarker", query.after_id);
  xml.element("Prefix", names.shown(query.prefix));
  xml.element("MaxUploads", most.value());
  names.declare(xml);
  xml.element("IsTruncated", truth(page.truncated));
  if (page.truncated) {
    xml.element("NextKeyMarker", names.shown(page.uploads.back().key));
    xml.element("NextUploadIdMarker", page.uploads.back().id);
  }
  for (const Upload& upload : page.uploads) {
    xml.open("Upload");
    xml.element("Key", names.shown(upload.key));
    xml.element("UploadId", upload.id);
    xml.element("Initiated", iso_date(upload.initiated));
    xml.element("StorageClass", "STANDARD");
    if (!upload.checksum_algorithm.empty()) {
      xml.element("ChecksumAlgorithm", upload.checksum_algorithm);
      xml.element("ChecksumType", upload.checksum_type);
    }
    xml.close();
  }
  set_xml(exchange.response, xml.finish());
  return Done{};
}

}  // namespace waybill::s3server
