#include <algorithm>
#include <string_view>

#include "tests/s3server/encoding.h"
#include "tests/s3server/store.h"

// The journal's lines:
//   bucket NAME | unbucket NAME | versioning NAME on|off
//   put BUCKET KEY VERSION MARKER SIZE ETAG MODIFIED SHA256 CHECKSUM METADATA HEADERS BLOBS
//   remove BUCKET KEY VERSION
//   upload BUCKET KEY ID INITIATED ALGORITHM TYPE METADATA HEADERS
//   part BUCKET KEY ID NUMBER SIZE ETAG MD5 MODIFIED CHECKSUM BLOB
//   end BUCKET KEY ID
// CHECKSUM is algorithm,value,type; METADATA and HEADERS name=value&…; BLOBS a,b,….
namespace waybill::s3server {
namespace {

std::vector<std::string> fields_of(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string decoded(const std::string& text) {
  return percent_decode(text, false).value_or("");
}

template <typename Pairs>
std::string join_pairs(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += percent_encode(name, false) + "=" + percent_encode(value, false);
  }
  return out;
}

StoredHeaders split_pairs(const std::string& text) {
  StoredHeaders pairs;
  for (const std::string& pair : fields_of(text, '&')) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(decoded(pair.substr(0, equals)),
                       decoded(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return pairs;
}

std::string join_checksum(const std::optional<Checksum>& checksum) {
  if (!checksum) return {};
  return checksum->algorithm + "," + checksum->value + "," + checksum->type;
}

std::optional<Checksum> split_checksum(const std::string& text) {
  const auto fields = fields_of(text, ',');
  if (fields.size() != 3) return std::nullopt;
  return Checksum{.algorithm = fields[0], .value = fields[1], .type = fields[2]};
}

ObjectFacts read_facts(const std::string& metadata, const std::string& headers) {
  ObjectFacts facts;
  for (auto& [name, value] : split_pairs(metadata)) facts.metadata[name] = std::move(value);
  facts.headers = split_pairs(headers);
  return facts;
}

std::uint64_t number(const std::string& text) {
  return to_number(text).value_or(0);
}

}  // namespace

Journal::Record version_record(const std::string& bucket, const std::string& key,
                               const ObjectVersion& version) {
  std::string blobs;
  for (const BlobPtr& blob : version.body) {
    if (!blobs.empty()) blobs += ',';
    blobs += blob->name();
  }
  return {"put",
          bucket,
          key,
          version.version_id,
          version.delete_marker ? "1" : "0",
          std::to_string(version.size),
          version.etag,
          std::to_string(version.modified),
          version.sha256,
          join_checksum(version.checksum),
          join_pairs(version.facts.metadata),
          join_pairs(version.facts.headers),
          blobs};
}

Journal::Record upload_record(const std::string& bucket, const Upload& upload) {
  return {"upload",
          bucket,
          upload.key,
          upload.id,
          std::to_string(upload.initiated),
          upload.checksum_algorithm,
          upload.checksum_type,
          join_pairs(upload.facts.metadata),
          join_pairs(upload.facts.headers)};
}

Journal::Record part_record(const std::string& bucket, const std::string& key,
                            const std::string& id, const Part& part) {
  return {"part",
          bucket,
          key,
          id,
          std::to_string(part.number),
          std::to_string(part.size),
          part.etag,
          part.md5,
          std::to_string(part.modified),
          join_checksum(part.checksum),
          part.body ? part.body->name() : std::string()};
}

void Store::replay(const Journal::Record& record) {
  const std::string& kind = record[0];
  if (kind == "bucket" && record.size() == 2) {
    buckets_.try_emplace(record[1]);
  } else if (kind == "unbucket" && record.size() == 2) {
    buckets_.erase(record[1]);
  } else if (kind == "versioning" && record.size() == 3) {
    if (Bucket* bucket = find(record[1])) {
      bucket->versioning = record[2] == "on" ? Versioning::Enabled : Versioning::Suspended;
    }
  } else if (kind == "put" || kind == "remove") {
    replay_object(record);
  } else {
    replay_upload(record);
  }
}

void Store::replay_object(const Journal::Record& record) {
  Bucket* bucket = record.size() >= 4 ? find(record[1]) : nullptr;
  if (bucket == nullptr) return;
  const std::string& key = record[2];
  const std::string& version_id = record[3];
  // A put replaces the version of the same id: "null" in a bucket without versions.
  if (const auto versions = bucket->objects.find(key); versions != bucket->objects.end()) {
    std::erase_if(versions->second,
                  [&](const VersionPtr& version) { return version->version_id == version_id; });
    if (versions->second.empty()) bucket->objects.erase(versions);
  }
  if (record[0] != "put" || record.size() != 13) return;
  ObjectVersion version;
  version.version_id = version_id;
  version.delete_marker = record[4] == "1";
  version.size = number(record[5]);
  version.etag = record[6];
  version.modified = static_cast<std::time_t>(number(record[7]));
  version.sha256 = record[8];
  version.checksum = split_checksum(record[9]);
  version.facts = read_facts(record[10], record[11]);
  for (const std::string& name : fields_of(record[12], ',')) {
    if (BlobPtr blob = blobs_.open(name)) version.body.push_back(std::move(blob));
  }
  // Its bytes were replaced or lost later on; what replaced it follows.
  if (total_size(version.body) != version.size) return;
  bucket->objects[key].push_back(std::make_shared<const ObjectVersion>(std::move(version)));
}

void Store::replay_upload(const Journal::Record& record) {
  Bucket* bucket = record.size() >= 4 ? find(record[1]) : nullptr;
  if (bucket == nullptr) return;
  const auto name = std::make_pair(record[2], record[3]);
  if (record[0] == "end") {
    bucket->uploads.erase(name);
  } else if (record[0] == "upload" && record.size() == 9) {
    Upload upload{.key = record[2],
                  .id = record[3],
                  .initiated = static_cast<std::time_t>(number(record[4])),
                  .facts = read_facts(record[7], record[8]),
                  .checksum_algorithm = record[5],
                  .checksum_type = record[6]};
    bucket->uploads.emplace(name, std::move(upload));
  } else if (record[0] == "part" && record.size() == 11) {
    const auto upload = bucket->uploads.find(name);
    if (upload == bucket->uploads.end()) return;
    Part part{.number = static_cast<int>(number(record[4])),
              .size = number(record[5]),
              .etag = record[6],
              .md5 = record[7],
              .modified = static_cast<std::time_t>(number(record[8])),
              .checksum = split_checksum(record[9]),
              .body = blobs_.open(record[10])};
    if (part.body) upload->second.parts.insert_or_assign(part.number, std::move(part));
  }
}

}  // namespace waybill::s3server
