#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/s3server/errors.h"
#include "tests/s3server/journal.h"
#include "tests/s3server/object.h"

namespace waybill::s3server {

enum class Versioning { Off, Enabled, Suspended };

// In byte order. `after` and `skip_prefix` come from the page before.
struct ListQuery {
  std::string prefix;
  std::string delimiter;
  std::string after;        // keys behind this one
  std::string skip_prefix;  // a common prefix that was given already
  std::size_t most = 1000;
};
struct ListPage {
  struct Entry {
    std::string name;   // a key, or a common prefix
    VersionPtr object;  // null: a common prefix
  };
  std::vector<Entry> entries;
  bool truncated = false;
};

struct VersionQuery {
  std::string prefix;
  std::string delimiter;
  std::string after_key;
  std::string
      after_version;  // with after_key: go on behind this version of it; else behind the key
  std::size_t most = 1000;
};
struct VersionPage {
  struct Entry {
    std::string name;
    VersionPtr object;  // null: a common prefix
    bool latest = false;
  };
  std::vector<Entry> entries;
  bool truncated = false;
};

struct UploadQuery {
  std::string prefix;
  std::string after_key;
  std::string after_id;  // with after_key: go on behind this upload of it; else behind the key
  std::size_t most = 1000;
  bool whole_key = false;  // the prefix is one
};
struct UploadPage {
  std::vector<Upload> uploads;
  bool truncated = false;
};

struct Removal {
  bool found = false;
  std::string version_id;  // of what was removed, or of the new delete marker; empty: not versioned
  bool delete_marker = false;
};

// Something that became true, told under the store's lock, so in the order in which it did.
struct Commit {
  enum class Kind { Put, Complete, Delete };
  Kind kind = Kind::Put;
  const std::string& bucket;
  const std::string& key;
  VersionPtr version;  // null: the key or one of its versions went
};

// Buckets, objects and uploads. Every method is one atomic step; any thread.
class Store {
 public:
  using Observer = std::function<void(const Commit&)>;

  // Empty: in memory. Throws std::runtime_error when the directory cannot be used.
  explicit Store(const std::string& directory);
  ~Store() { blobs_.keep_files(); }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // False: it was there already.
  Outcome<bool> create_bucket(const std::string& bucket);
  Outcome<Done> delete_bucket(const std::string& bucket);
  std::vector<std::string> buckets() const;
  bool has_bucket(const std::string& bucket) const;
  Outcome<Versioning> versioning(const std::string& bucket) const;
  Outcome<Done> set_versioning(const std::string& bucket, Versioning versioning);

  // Gives it its version id. `observer` may be empty.
  Outcome<VersionPtr> put(const std::string& bucket, const std::string& key, ObjectVersion object,
                          const Conditions& conditions, const Observer& observer);
  // Empty version id: the latest, which may be a delete marker (then NoSuchKey).
  Outcome<VersionPtr> get(const std::string& bucket, const std::string& key,
                          const std::string& version_id) const;
  Outcome<Removal> remove(const std::string& bucket, const std::string& key,
                          const std::string& version_id, const Conditions& conditions,
                          const Observer& observer);
  Outcome<ListPage> list(const std::string& bucket, const ListQuery& query) const;
  Outcome<VersionPage> list_versions(const std::string& bucket, const VersionQuery& query) const;

  Outcome<Done> create_upload(const std::string& bucket, Upload upload);
  Outcome<Done> put_part(const std::string& bucket, const std::string& key, const std::string& id,
                         Part part);
  Outcome<Upload> upload(const std::string& bucket, const std::string& key,
                         const std::string& id) const;
  Outcome<VersionPtr> complete(const std::string& bucket, const std::string& key,
                               const std::string& id, ObjectVersion object,
                               const Conditions& conditions, const Observer& observer);
  // What an upload that is gone was completed to, while this process lives.
  VersionPtr completed(const std::string& bucket, const std::string& id) const;
  Outcome<Done> abort(const std::string& bucket, const std::string& key, const std::string& id);
  Outcome<UploadPage> list_uploads(const std::string& bucket, const UploadQuery& query) const;

  BlobFolder& blobs() { return blobs_; }

 private:
  struct Bucket {
    Versioning versioning = Versioning::Off;
    std::map<std::string, std::vector<VersionPtr>> objects;         // oldest first; never empty
    std::map<std::pair<std::string, std::string>, Upload> uploads;  // by key and id
    std::map<std::string, VersionPtr> completed;                    // by upload id
  };

  Outcome<VersionPtr> put_locked(Bucket& bucket, const std::string& name, const std::string& key,
                                 ObjectVersion object, const Conditions& conditions);
  void erase_version(Bucket& bucket, const std::string& name, const std::string& key,
                     const std::string& version_id);
  const Bucket* find(const std::string& bucket) const;
  Bucket* find(const std::string& bucket);
  void replay(const Journal::Record& record);
  void replay_object(const Journal::Record& record);
  void replay_upload(const Journal::Record& record);

  mutable std::mutex mutex_;
  BlobFolder blobs_;  // safe by itself
  Journal journal_;   // guarded by mutex_, as all below
  std::map<std::string, Bucket> buckets_;
};

// The lines of the journal (store_journal.cc).
Journal::Record version_record(const std::string& bucket, const std::string& key,
                               const ObjectVersion& version);
Journal::Record upload_record(const std::string& bucket, const Upload& upload);
Journal::Record part_record(const std::string& bucket, const std::string& key,
                            const std::string& id, const Part& part);

}  // namespace waybill::s3server
