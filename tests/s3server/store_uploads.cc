#include "tests/s3server/store.h"

namespace waybill::s3server {

Outcome<Done> Store::create_upload(const std::string& bucket, Upload upload) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  if (journal_.keeps()) journal_.append(upload_record(bucket, upload));
  auto name = std::make_pair(upload.key, upload.id);
  found->uploads.emplace(std::move(name), std::move(upload));
  return Done{};
}

Outcome<Done> Store::put_part(const std::string& bucket, const std::string& key,
                              const std::string& id, Part part) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  const auto upload = found->uploads.find({key, id});
  if (upload == found->uploads.end()) return s3_error("NoSuchUpload");
  const std::string& wanted = upload->second.checksum_algorithm;
  if (!wanted.empty() && (!part.checksum || part.checksum->algorithm != wanted)) {
    return s3_error("InvalidRequest",
                    "This upload wants a checksum of type " + wanted + " with each of its parts.");
  }
  if (journal_.keeps()) journal_.append(part_record(bucket, key, id, part));
  upload->second.parts.insert_or_assign(part.number, std::move(part));
  return Done{};
}

Outcome<Upload> Store::upload(const std::string& bucket, const std::string& key,
                              const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  const auto upload = found->uploads.find({key, id});
  if (upload == found->uploads.end()) return s3_error("NoSuchUpload");
  return upload->second;
}

Outcome<VersionPtr> Store::complete(const std::string& bucket, const std::string& key,
                                    const std::string& id, ObjectVersion object,
                                    const Conditions& conditions, const Observer& observer) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  const auto upload = found->uploads.find({key, id});
  if (upload == found->uploads.end()) return s3_error("NoSuchUpload");
  auto version = put_locked(*found, bucket, key, std::move(object), conditions);
  if (!version.ok()) return version;
  found->uploads.erase(upload);
  journal_.append({"end", bucket, key, id});
  found->completed[id] = version.value();
  if (observer) {
    observer(
        {.kind = Commit::Kind::Complete, .bucket = bucket, .key = key, .version = version.value()});
  }
  return version;
}

VersionPtr Store::completed(const std::string& bucket, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return nullptr;
  const auto version = found->completed.find(id);
  return version == found->completed.end() ? nullptr : version->second;
}

Outcome<Done> Store::abort(const std::string& bucket, const std::string& key,
                           const std::string& id) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  if (found->uploads.erase({key, id}) == 0) return s3_error("NoSuchUpload");
  journal_.append({"end", bucket, key, id});
  return Done{};
}

}  // namespace waybill::s3server
