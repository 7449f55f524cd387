#include "tests/s3server/store.h"

#include <algorithm>
#include <ctime>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr std::string_view kNull = "null";
constexpr std::size_t kVersionIdBytes = 16;

bool valid_bucket_name(const std::string& name) {
  if (name.size() < 3 || name.size() > 63) return false;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return std::all_of(name.begin(), name.end(), fits) && name.front() != '-' &&
         name.front() != '.' && name.back() != '-' && name.back() != '.';
}

S3Error precondition_failed(std::string condition) {
  S3Error error = s3_error("PreconditionFailed");
  error.details.emplace_back("Condition", std::move(condition));
  return error;
}

// `current` null: there is no such object.
Outcome<Done> check(const Conditions& conditions, const ObjectVersion* current) {
  if (conditions.if_absent && current != nullptr) return precondition_failed("If-None-Match");
  if (!conditions.if_match) return Done{};
  if (current == nullptr) {
    if (conditions.absent_is_404) return s3_error("NoSuchKey");
    return precondition_failed("If-Match");
  }
  if (*conditions.if_match == "*") return Done{};
  const std::string_view wanted = conditions.bare_etags_only
                                      ? std::string_view(*conditions.if_match)
                                      : unquoted(*conditions.if_match);
  if (wanted != current->etag) return precondition_failed("If-Match");
  return Done{};
}

const ObjectVersion* latest(const std::map<std::string, std::vector<VersionPtr>>& objects,
                            const std::string& key) {
  const auto found = objects.find(key);
  if (found == objects.end() || found->second.back()->delete_marker) return nullptr;
  return found->second.back().get();
}

}  // namespace

Store::Store(const std::string& directory)
    : blobs_(directory.empty() ? std::string() : directory + "/blobs") {
  if (directory.empty()) return;
  const std::string path = directory + "/journal";
  for (const Journal::Record& record : Journal::read(path)) replay(record);
  journal_ = Journal(path);
}

const Store::Bucket* Store::find(const std::string& bucket) const {
  const auto found = buckets_.find(bucket);
  return found == buckets_.end() ? nullptr : &found->second;
}

Store::Bucket* Store::find(const std::string& bucket) {
  const auto found = buckets_.find(bucket);
  return found == buckets_.end() ? nullptr : &found->second;
}

Outcome<bool> Store::create_bucket(const std::string& bucket) {
  if (!valid_bucket_name(bucket)) return s3_error("InvalidBucketName");
  const std::lock_guard lock(mutex_);
  const bool created = buckets_.try_emplace(bucket).second;
  if (created) journal_.append({"bucket", bucket});
  return created;
}

Outcome<Done> Store::delete_bucket(const std::string& bucket) {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  if (!found->objects.empty()) return s3_error("BucketNotEmpty");
  buckets_.erase(bucket);
  journal_.append({"unbucket", bucket});
  return Done{};
}

std::vector<std::string> Store::buckets() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, bucket] : buckets_) names.push_back(name);
  return names;
}

bool Store::has_bucket(const std::string& bucket) const {
  const std::lock_guard lock(mutex_);
  return find(bucket) != nullptr;
}

Outcome<Versioning> Store::versioning(const std::string& bucket) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  return found->versioning;
}

Outcome<Done> Store::set_versioning(const std::string& bucket, Versioning versioning) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  found->versioning = versioning;
  journal_.append({"versioning", bucket, versioning == Versioning::Enabled ? "on" : "off"});
  return Done{};
}

Outcome<VersionPtr> Store::put_locked(Bucket& bucket, const std::string& name,
                                      const std::string& key, ObjectVersion object,
                                      const Conditions& conditions) {
  if (conditions.if_absent || conditions.if_match) {
    const auto allowed = check(conditions, latest(bucket.objects, key));
    if (!allowed.ok()) return allowed.error();
  }
  object.version_id =
      bucket.versioning == Versioning::Enabled ? random_id(kVersionIdBytes) : std::string(kNull);
  auto version = std::make_shared<const ObjectVersion>(std::move(object));
  auto& versions = bucket.objects[key];
  if (bucket.versioning != Versioning::Enabled) {
    std::erase_if(versions, [](const VersionPtr& old) { return old->version_id == kNull; });
  }
  versions.push_back(version);
  if (journal_.keeps()) journal_.append(version_record(name, key, *version));
  return VersionPtr(version);
}

Outcome<VersionPtr> Store::put(const std::string& bucket, const std::string& key,
                               ObjectVersion object, const Conditions& conditions,
                               const Observer& observer) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  auto version = put_locked(*found, bucket, key, std::move(object), conditions);
  if (version.ok() && observer) {
    observer({.kind = Commit::Kind::Put, .bucket = bucket, .key = key, .version = version.value()});
  }
  return version;
}

Outcome<VersionPtr> Store::get(const std::string& bucket, const std::string& key,
                               const std::string& version_id) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  const auto versions = found->objects.find(key);
  if (versions == found->objects.end()) {
    return s3_error(version_id.empty() ? "NoSuchKey" : "NoSuchVersion");
  }
  if (version_id.empty()) {
    const VersionPtr& version = versions->second.back();
    if (!version->delete_marker) return version;
    S3Error error = s3_error("NoSuchKey");
    error.headers.emplace_back("x-amz-delete-marker", "true");
    error.headers.emplace_back("x-amz-version-id", version->version_id);
    return error;
  }
  for (const VersionPtr& version : versions->second) {
    if (version->version_id != version_id) continue;
    if (!version->delete_marker) return version;
    S3Error error = s3_error("MethodNotAllowed");
    error.headers.emplace_back("x-amz-delete-marker", "true");
    return error;
  }
  return s3_error("NoSuchVersion");
}

void Store::erase_version(Bucket& bucket, const std::string& name, const std::string& key,
                          const std::string& version_id) {
  const auto versions = bucket.objects.find(key);
  if (versions == bucket.objects.end()) return;
  std::erase_if(versions->second,
                [&](const VersionPtr& version) { return version->version_id == version_id; });
  if (versions->second.empty()) bucket.objects.erase(versions);
  journal_.append({"remove", name, key, version_id});
}

Outcome<Removal> Store::remove(const std::string& bucket, const std::string& key,
                               const std::string& version_id, const Conditions& conditions,
                               const Observer& observer) {
  const std::lock_guard lock(mutex_);
  Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  const auto allowed = check(conditions, latest(found->objects, key));
  if (!allowed.ok()) return allowed.error();

  Removal removal;
  const auto versions = found->objects.find(key);
  if (!version_id.empty()) {
    removal.version_id = version_id;
    if (versions != found->objects.end()) {
      for (const VersionPtr& version : versions->second) {
        if (version->version_id != version_id) continue;
        removal.found = true;
        removal.delete_marker = version->delete_marker;
      }
      erase_version(*found, bucket, key, version_id);
    }
  } else if (found->versioning == Versioning::Off) {
    removal.found = versions != found->objects.end();
    if (removal.found) erase_version(*found, bucket, key, std::string(kNull));
  } else {
    ObjectVersion marker;
    marker.delete_marker = true;
    marker.modified = std::time(nullptr);
    removal.found = true;
    removal.delete_marker = true;
    removal.version_id = put_locked(*found, bucket, key, std::move(marker), {}).value()->version_id;
  }
  if (removal.found && observer) {
    observer({.kind = Commit::Kind::Delete, .bucket = bucket, .key = key, .version = nullptr});
  }
  return removal;
}

}  // namespace waybill::s3server
