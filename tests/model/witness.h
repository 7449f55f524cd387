#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "tests/fakes/fake_store.h"

namespace waybill::model {

// The network between the core and its bucket: loses, delays and refuses as the dice have it, and
// remembers what was sent and answered. What no honest core would send, it complains of.
class Witness final : public uploader::ObjectStore {
 public:
  struct Edges {
    fakes::FakeStore& bucket;
    Random& dice;
    std::function<bool()> effect;  // false: the sender is dead
    std::function<WallTime()> store_time;
    std::function<void(const std::string&)> complain;  // a promise was broken
  };
  explicit Witness(Edges edges);

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
  [[nodiscard]] Nanoseconds ahead() const override { return edges_.bucket.ahead(); }
  void cancel(uploader::RequestId id) override;

  // Somebody else's, begun at that time: no Create of ours was sent within half an hour of it, so
  // none of our hands may touch it (P7, PROTOCOL.md rule 12).
  void note_foreign_upload(std::string id) { foreign_uploads_.insert(std::move(id)); }
  [[nodiscard]] bool is_foreign_upload(const std::string& id) const {
    return foreign_uploads_.contains(id);
  }
  [[nodiscard]] bool created_around(const std::string& key, WallTime time) const;

  // Percent of the requests that meet a fault; HEADs that are refused with 403.
  std::uint64_t faults = 0;
  bool heads_hidden = false;
  bool copies_late = false;  // every second one is given up, and may land later

  void process_died();

  struct Sent {
    std::string key;
    bool in_flight = false;
    bool acknowledged = false;
    bool unclear = false;  // not answered, and no HEAD since
    std::int64_t looked =
        -1;  // bucket history at the last HEAD before it, the earliest of all sends
    std::size_t first_sent = 0;  // bucket history when it was first sent
  };
  // All attempts that S3 has heard of.
  [[nodiscard]] const std::set<std::string>& intended() const { return intended_; }
  // By attempt id: all that ever could make an object appear.
  [[nodiscard]] const std::map<std::string, Sent>& sent() const { return sent_; }

 private:
  enum class Fault : std::uint8_t {
    None,
    LostReply,    // applied
    LostRequest,  // not applied
    LandsLater,   // perhaps
    FailBefore,
    Throttle,
    Hidden,  // 403
  };
  Fault draw();
  template <typename Reply>
  uploader::RequestId call(Fault fault, const std::string& key,
                           std::function<uploader::RequestId(uploader::Done<Reply>)> forward,
                           uploader::Done<Reply> done);
  // An object is about to be made to appear.
  void commits(const std::string& attempt, const std::string& key);
  void answered(const std::string& attempt, const Result<uploader::PutReply>& reply);

  const Edges edges_;
  std::set<std::string> intended_;
  std::map<std::string, Sent> sent_;
  std::map<std::string, std::string> attempt_of_upload_;
  std::map<std::string, std::int64_t> looked_;  // by key
  std::set<std::string> foreign_uploads_;
  std::multimap<std::string, WallTime> creates_;  // sent by us, by key
  void touches_upload(const std::string& key, const std::string& upload_id);
};

}  // namespace waybill::model
