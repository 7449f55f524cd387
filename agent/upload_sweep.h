#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/session.h"
#include "agent/status.h"
#include "uploader/object_store.h"

namespace waybill::agent {

// Of a listing, what no attempt knows. Somebody may still be at what is younger than a day.
struct UnknownUploads {
  std::int64_t count = 0;
  std::string example;  // the key of the oldest
  WallTime oldest{};
};
// `now`: by the store's clock.
[[nodiscard]] UnknownUploads find_unknown(const std::vector<uploader::ListedUpload>& listed,
                                          const std::vector<catalog::AttemptRow>& attempts,
                                          WallTime now);

// Looks once a day for multipart uploads below a store's prefix that nobody here knows: their parts
// cost storage, and no listing of objects shows them. They are counted and told, never touched:
// whose they are only a person can say. What an attempt knows is its own to abort (P6). Coord
// thread only.
class UploadSweep {
 public:
  // All of them outlive it. `name`: of the store, for people.
  UploadSweep(Session& session, const catalog::StoreRow& store, std::string name,
              std::shared_ptr<uploader::ObjectStore> client);

  // The store can be asked: looks, unless it did today and found nothing to tell.
  void store_opened();
  // One of ours is under way there, which the listing must show: MinIO lists those of a whole key
  // only, and nothing below a prefix.
  void upload_begun();
  // nullopt: never listed, refused, or not known to be told.
  [[nodiscard]] std::optional<std::int64_t> unknown() const;
  void add_reasons(std::vector<Reason>& reasons) const;

 private:
  using Uploads = Result<std::vector<uploader::ListedUpload>>;
  void look();
  [[nodiscard]] bool looked_lately() const;
  void look_again_after(Nanoseconds time);
  void listed(const Uploads& uploads, const std::vector<catalog::AttemptRow>& attempts);
  void learn(const std::vector<uploader::ListedUpload>& uploads,
             const std::vector<catalog::AttemptRow>& attempts);
  void refused(const Error& error);
  [[nodiscard]] bool tells() const { return refusal_ || (found_ && found_->count > 0); }

  Session& session_;
  const StoreId store_;
  const std::string name_;
  const std::string prefix_;
  const std::shared_ptr<uploader::ObjectStore> client_;
  bool asking_ = false;
  std::uint64_t looks_ = 0;  // counts them: a late timer knows that it is late
  std::optional<UnknownUploads> found_;
  bool more_ = false;  // than were looked at
  std::optional<bool> lists_below_prefix_;
  std::optional<BootTime> asked_;  // for the last time
  bool answered_ = true;           // then
  std::optional<Error> refusal_;
};

}  // namespace waybill::agent
