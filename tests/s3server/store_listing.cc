#include <algorithm>

#include "tests/s3server/store.h"

namespace waybill::s3server {
namespace {

// Up to and with the first delimiter behind the prefix; empty: the key stands for itself.
std::string common_prefix(const std::string& key, const std::string& prefix,
                          const std::string& delimiter) {
  if (delimiter.empty()) return {};
  const std::size_t found = key.find(delimiter, prefix.size());
  return found == std::string::npos ? std::string() : key.substr(0, found + delimiter.size());
}

// The first entry that does not begin with `prefix`, which some entry does.
template <typename Map>
auto behind_prefix(const Map& map, std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return map.end();
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return map.lower_bound(prefix);
}

}  // namespace

Outcome<ListPage> Store::list(const std::string& bucket, const ListQuery& query) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  ListPage page;
  if (query.most == 0) return page;
  const auto& objects = found->objects;
  auto at = std::max(query.prefix, query.after) == query.after && !query.after.empty()
                ? objects.upper_bound(query.after)
                : objects.lower_bound(query.prefix);
  while (at != objects.end() && at->first.starts_with(query.prefix)) {
    const std::string common = common_prefix(at->first, query.prefix, query.delimiter);
    if (!common.empty()) {
      const auto next = behind_prefix(objects, common);
      const bool visible = std::any_of(
          at, next, [](const auto& entry) { return !entry.second.back()->delete_marker; });
      at = next;
      if (!visible || common == query.skip_prefix) continue;
      if (page.entries.size() == query.most) {
        page.truncated = true;
        return page;
      }
      page.entries.push_back({.name = common, .object = nullptr});
      continue;
    }
    const VersionPtr& version = at->second.back();
    if (!version->delete_marker) {
      if (page.entries.size() == query.most) {
        page.truncated = true;
        return page;
      }
      page.entries.push_back({.name = at->first, .object = version});
    }
    ++at;
  }
  return page;
}

Outcome<VersionPage> Store::list_versions(const std::string& bucket,
                                          const VersionQuery& query) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  VersionPage page;
  const auto full = [&] {
    if (page.entries.size() < query.most) return false;
    page.truncated = query.most > 0;
    return true;
  };
  const auto& objects = found->objects;
  auto at = objects.lower_bound(std::max(query.prefix, query.after_key));
  while (at != objects.end() && at->first.starts_with(query.prefix)) {
    const std::string common = common_prefix(at->first, query.prefix, query.delimiter);
    if (!common.empty()) {
      at = behind_prefix(objects, common);
      if (common == query.after_key) continue;
      if (full()) return page;
      page.entries.push_back({.name = common, .object = nullptr});
      continue;
    }
    // Newest first.
    auto version = at->second.rbegin();
    if (at->first == query.after_key) {
      const auto given = std::find_if(version, at->second.rend(), [&](const VersionPtr& old) {
        return old->version_id == query.after_version;
      });
      version = given == at->second.rend() ? at->second.rend() : std::next(given);
    }
    for (; version != at->second.rend(); ++version) {
      if (full()) return page;
      page.entries.push_back(
          {.name = at->first, .object = *version, .latest = version == at->second.rbegin()});
    }
    ++at;
  }
  return page;
}

Outcome<UploadPage> Store::list_uploads(const std::string& bucket, const UploadQuery& query) const {
  const std::lock_guard lock(mutex_);
  const Bucket* found = find(bucket);
  if (found == nullptr) return s3_error("NoSuchBucket");
  UploadPage page;
  for (const auto& [name, upload] : found->uploads) {
    const auto& [key, id] = name;
    if (query.whole_key ? key != query.prefix : !key.starts_with(query.prefix)) continue;
    if (key < query.after_key) continue;
    if (key == query.after_key && (query.after_id.empty() || id <= query.after_id)) continue;
    if (page.uploads.size() == query.most) {
      page.truncated = query.most > 0;
      return page;
    }
    page.uploads.push_back(upload);
  }
  return page;
}

}  // namespace waybill::s3server
