#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "uploader/object_store.h"

namespace waybill::fakes {

enum class Operation : std::uint8_t {
  Put,
  Copy,
  Head,
  Remove,
  Create,
  PutPart,
  ListParts,
  Complete,
  Abort,
  ListUploads,
  ListUploadsBelow  // its key is the prefix
};

struct Call {
  Operation operation{};
  std::string key;
  int number = 0;  // from 1, over all calls
  int part = 0;    // of PutPart
};

enum class Fault : std::uint8_t {
  None,
  LostReply,       // applied; the answer is lost: Ambiguous
  LostRequest,     // not applied, and nobody can tell: Ambiguous
  LandsLater,      // Ambiguous now, applied by land_zombies()
  FailBefore,      // RetryLater: connection refused, 503
  Unreadable,      // RetryLater: an answer, but not one that S3 would give
  Throttle,        // 503 SlowDown
  Denied,          // 403 AccessDenied
  BadKey,          // 400 KeyTooLongError
  Precondition,    // 412, whatever is there
  Conflict,        // 409 ConditionalRequestConflict
  Missing,         // 404
  BadDigest,       // 400: the bytes did not arrive as they were signed
  NotImplemented,  // 501
  WrongEtag        // applied; the answer has the ETag and checksum of other bytes
};

// Any store, with faults as the test decides call by call.
class FaultyStore final : public uploader::ObjectStore {
 public:
  FaultyStore(uploader::ObjectStore& inner, std::function<Fault(const Call&)> decide);
  ~FaultyStore() override;

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
  [[nodiscard]] Nanoseconds ahead() const override { return inner_.ahead(); }
  void cancel(uploader::RequestId id) override;

  // Hands what LandsLater held back to the inner store, where it runs like any
  // request.
  void land_zombies();
  [[nodiscard]] std::size_t zombies() const { return zombies_.size(); }

 private:
  template <typename Reply>
  uploader::RequestId call(Call what,
                           std::function<uploader::RequestId(uploader::Done<Reply>)> forward,
                           uploader::Done<Reply> done);

  uploader::ObjectStore& inner_;
  const std::function<Fault(const Call&)> decide_;
  int calls_ = 0;
  std::vector<std::function<void()>> zombies_;
};

}  // namespace waybill::fakes
