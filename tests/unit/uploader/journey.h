#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/faulty_store.h"
#include "uploader/upload.h"

namespace waybill::uploader {

// The owner of one Upload: carries its actions out against a store with faults,
// and writes down what was asked for. Everything may be changed before run().
class Journey {
 public:
  explicit Journey(fakes::StoreBehaviour behaviour = {}, std::string content = "content of a file");

  // A multipart of `parts` parts of `part_size` bytes, the last one shorter.
  void make_multipart(int parts, std::uint64_t part_size = 4);
  // The bytes lie under another key already, as an object of ours, and are to be copied from there.
  void make_copy();
  // The `nth` request of this kind (from 1) meets the fault.
  void fault(fakes::Operation operation, int nth, fakes::Fault what);
  // All of this kind, from the nth on.
  void faults_from(fakes::Operation operation, int nth, fakes::Fault what);
  // Runs before the nth request of this kind reaches the store.
  void before(fakes::Operation operation, int nth, std::function<void()> what);
  // SourceLost comes while the nth request of this kind is under way.
  void lose_source_during(fakes::Operation operation, int nth);

  // To the end; ends with a test failure where the machine stands still.
  Outcome run(bool may_have_been_sent = false);
  template <typename T>
  T expect(bool may_have_been_sent = false);

  // One thing at a time, for random schedules: false when nothing is left to
  // do.
  void begin(bool may_have_been_sent);
  bool step(Random* dice = nullptr);
  void feed(Input input);
  // The process dies and comes back with what was durable; what was under way is applied or
  // dropped, as the dice fall.
  void restart(Random& dice);

  [[nodiscard]] bool finished() const { return outcome.has_value(); }
  [[nodiscard]] Upload& upload() { return *upload_; }
  [[nodiscard]] std::size_t count(std::string_view request) const;
  // What a restart finds in the catalog.
  [[nodiscard]] Attempt durable_attempt() const;

  // --- the world ---
  fakes::FakeStore store;
  std::string content;
  Attempt attempt;
  Capabilities capabilities;
  RetryPolicy retry;
  RetryQuota quota;             // shared with nobody, but for what a test takes out of it
  bool leaves_out_md5 = false;  // of the parts that nobody listed

  // --- what happened ---
  std::vector<std::string> requests;  // "PUT if-absent", "HEAD", "PART 3", "persist id" …
  std::vector<Error> troubles;
  std::optional<NotCopied> not_copied;
  std::vector<Nanoseconds> waits;
  int most_parts_in_flight = 0;
  std::vector<std::string> left_by_earlier_lives;  // uploads, of which the catalog knows
  // Of PUT and Complete, each against a rule of PROTOCOL.md:
  int commits_after_acknowledgement = 0;
  int commits_without_looking = 0;    // though the one before was never answered
  int commits_after_hidden_head = 0;  // which told nothing about what is there
  std::optional<Outcome> outcome;

 private:
  using Place = std::pair<fakes::Operation, int>;
  fakes::Fault decide(const fakes::Call& call);
  void carry_out(const Action& action);
  void perform(const SendPut& put);
  void perform(const SendHead& head);
  void perform(const SendCopy& copy);
  void perform(const NotCopied& told);
  void perform(const SendCreate& create);
  void perform(const PersistUploadId& persist);
  void perform(const SendPart& part);
  void perform(const PersistContent& persist);
  void perform(const SendComplete& complete);
  void perform(const SendAbort& abort);
  void perform(const SendListParts& list);
  void perform(const SendListUploads& list);
  void perform(const Wait& wait);
  void perform(const EndpointTrouble& trouble);
  void perform(const Outcome& end);
  void note(std::string request);
  void count_commit();
  void learn(const Result<PutReply>& reply);
  // A completion of this life: what the machine is told of the reply.
  template <typename Reply, typename ToInput>
  Done<Reply> deliver(ToInput to_input);

  fakes::FaultyStore faulty_;
  Random dice_{7};
  std::optional<Upload> upload_;
  std::map<Place, fakes::Fault> faults_;
  std::map<Place, fakes::Fault> faults_from_;
  std::map<Place, std::function<void()>> before_;
  std::optional<Place> lose_source_;
  std::map<fakes::Operation, int> counts_;
  std::deque<Input> inbox_;
  int life_ = 0;  // a reply of an earlier one reaches nobody
  int resumes_owed_ = 0;
  int parts_in_flight_ = 0;
  int parts_read_ = 0;
  bool acknowledged_ = false;
  bool unanswered_ = false;
  bool hidden_ = false;
  std::string upload_id_;
  std::optional<Sha256> content_durable_;
  bool from_file_ = false;      // durable: it is no copy any more
  bool copy_may_land_ = false;  // likewise

 public:
  fakes::FaultyStore& faulty() { return faulty_; }
};

}  // namespace waybill::uploader
