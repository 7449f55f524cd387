#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "uploader/object_store.h"
#include "uploader/upload.h"

namespace waybill::fakes {

// How servers differ (PROTOCOL.md section 1); the defaults are AWS's.
struct StoreBehaviour {
  enum class OnCondition : std::uint8_t {
    Enforces,
    Ignores,
    Unknown /* 501 */
  };
  OnCondition if_absent_on_put = OnCondition::Enforces;
  OnCondition if_absent_on_complete = OnCondition::Enforces;
  OnCondition if_absent_on_copy = OnCondition::Enforces;
  OnCondition if_match = OnCondition::Enforces;
  bool if_match_unquoted = false;          // Ceph 16: a quoted ETag never matches
  bool if_match_on_absent_is_412 = false;  // Ceph; AWS says 404
  bool md5_etags = true;                   // false: as under KMS, 32 digits that are no MD5
  bool returns_checksums = true;           // of single PUTs and copies
  bool copies = true;                      // false: 501
  bool pins_copies = true;                 // false: x-amz-copy-source-if-match is ignored
  bool returns_crcs = false;               // of the whole, where one was asked for
  bool head_hides_absence = false;         // 403 instead of 404: no permission to list
  bool hides_everything = false;           // 403 to every HEAD: write-only credentials
  bool keeps_metadata = true;
  bool versioned = false;
  bool complete_may_be_replayed = false;  // AWS answers 200 again, others 404 NoSuchUpload

  // What a probe of such a store ought to find, Complete included.
  [[nodiscard]] uploader::Capabilities capabilities() const;
};

// A bucket in memory that follows the contract of ObjectStore. A request waits
// in a queue and takes effect, and is answered, when the test says run_one():
// deterministic, one thread.
class FakeStore final : public uploader::ObjectStore {
 public:
  struct Object {
    std::string key;
    std::string etag;
    std::string version;
    SharedBytes body;  // null: a delete marker
    Sha256 sha256{};
    bool multipart = false;
    bool copied = false;
    std::optional<Crc> crc;  // of the whole, where one was asked for
    uploader::Metadata metadata;
    std::string attempt;  // by its metadata
    std::string content_type;
  };

  explicit FakeStore(StoreBehaviour behaviour = {});
  ~FakeStore() override;

  uploader::RequestId put(uploader::PutRequest request,
                          uploader::Done<uploader::PutReply> done) override;
  uploader::RequestId copy(uploader::CopyRequest request,
                           uploader::Done<uploader::PutReply> done) override;
  uploader::RequestId head(std::string key, uploader::Done<uploader::HeadReply> done) override;
  uploader::RequestId remove(std::string key, uploader::Done<uploader::Nothing> done) override;
  uploader::RequestId create_upload(uploader::CreateRequest request,
                                    uploader::Done<std::string> done) override;
  uploader::RequestId put_part(uploader::PartRequest request,
                               uploader::Done<uploader::Part> done) override;
  uploader::RequestId list_parts(std::string key, std::string upload_id,
                                 uploader::Done<std::vector<uploader::Part>> done) override;
  uploader::RequestId complete_upload(uploader::CompleteRequest request,
                                      uploader::Done<uploader::PutReply> done) override;
  uploader::RequestId abort_upload(std::string key, std::string upload_id,
                                   uploader::Done<uploader::Nothing> done) override;
  uploader::RequestId list_uploads(
      std::string key, uploader::Done<std::vector<uploader::ListedUpload>> done) override;
  uploader::RequestId list_uploads_below(
      std::string prefix, std::size_t most,
      uploader::Done<std::vector<uploader::ListedUpload>> done) override;
  [[nodiscard]] Nanoseconds ahead() const override { return clock_ahead; }
  // The request is answered Cancelled at its turn; its effect becomes a zombie.
  void cancel(uploader::RequestId id) override;

  // False: nothing waits.
  bool run_one(std::size_t which = 0);
  void run_all();
  // The next request never arrives, and is never answered: its sender died.
  void drop_one();
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  [[nodiscard]] std::uint64_t bytes_waiting() const;
  // What was cancelled is applied after all.
  void land_zombies();
  // The process that asked has died: nobody is there to be answered.
  void drop_requests() { queue_.clear(); }
  // Likewise, but what `on_its_way` says may still be applied.
  void orphan_requests(const std::function<bool()>& on_its_way);
  [[nodiscard]] std::size_t zombies() const { return zombies_.size(); }
  void land_zombie(std::size_t which);
  void forget_zombies() { zombies_.clear(); }

  // --- what lies there, without a request ---
  [[nodiscard]] const Object* find(const std::string& key) const;
  [[nodiscard]] std::vector<uploader::ListedUpload> uploads_under_way() const;
  // Every version ever, in the order of its coming.
  [[nodiscard]] const std::vector<Object>& history() const { return history_; }
  // Somebody else's doing.
  void put_foreign(const std::string& key, std::string_view body, uploader::Metadata metadata = {});
  void erase(const std::string& key);
  void forget_uploads();
  std::string create_foreign_upload(const std::string& key);

  StoreBehaviour behaviour;
  WallTime now{};              // stamps uploads
  Nanoseconds clock_ahead{0};  // of ours, as its replies have it
  // MinIO: a listing of uploads by a prefix has those of that very key alone.
  bool lists_whole_keys_only = false;
  int parts_with_md5 = 0;
  int parts_without_md5 = 0;

 private:
  struct StoredPart {
    std::string etag;
    Md5 md5{};
    SharedBytes body;
  };
  struct UploadState {
    std::string key;
    uploader::Metadata metadata;
    std::string content_type;
    std::optional<CrcKind> crc;
    WallTime initiated;
    std::map<int, StoredPart> parts;
  };
  struct Pending {
    uploader::RequestId id{};
    bool cancelled = false;
    std::function<void(bool cancelled)> run;
    std::function<void()> apply_silently;
    std::uint64_t body = 0;  // bytes
  };

  template <typename Reply>
  uploader::RequestId enqueue(std::function<Result<Reply>()> effect, uploader::Done<Reply> done,
                              std::uint64_t body = 0);
  [[nodiscard]] Result<void> check(const std::string& key, const uploader::Condition& condition,
                                   StoreBehaviour::OnCondition if_absent) const;
  uploader::PutReply store(Object object, const Md5& md5, std::size_t part_count);
  std::string make_etag(const std::string& md5_etag);

  Result<uploader::PutReply> do_put(const uploader::PutRequest& request);
  Result<uploader::PutReply> do_copy(const uploader::CopyRequest& request);
  [[nodiscard]] Result<uploader::HeadReply> do_head(const std::string& key) const;
  Result<uploader::Part> do_put_part(const uploader::PartRequest& request);
  Result<uploader::PutReply> do_complete(const uploader::CompleteRequest& request);

  std::deque<Pending> queue_;
  std::vector<std::function<void()>> zombies_;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_etag_ = 1;
  std::uint64_t next_version_ = 1;
  std::uint64_t next_upload_ = 1;
  std::map<std::string, Object> objects_;
  std::map<std::string, UploadState> uploads_;
  std::map<std::string, uploader::PutReply> completed_;  // by upload id
  std::vector<Object> history_;
};

}  // namespace waybill::fakes
