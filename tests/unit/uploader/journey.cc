#include "tests/unit/uploader/journey.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/digest.h"
#include "uploader/metadata.h"

namespace waybill::uploader {

using fakes::Call;
using fakes::Fault;
using fakes::Operation;

namespace {

std::string name_of(const Condition& condition) {
  if (std::holds_alternative<IfAbsent>(condition)) return "if-absent";
  if (std::holds_alternative<IfMatch>(condition)) return "if-match";
  return "unconditional";
}

SharedBytes shared(std::string_view text) {
  const auto bytes = as_bytes(text);
  return std::make_shared<const Bytes>(bytes.begin(), bytes.end());
}

}  // namespace

Journey::Journey(fakes::StoreBehaviour behaviour, std::string text)
    : store(behaviour),
      content(std::move(text)),
      capabilities(behaviour.capabilities()),
      faulty_(store, [this](const Call& call) { return decide(call); }) {
  store.now = WallTime(std::chrono::hours(24) * 20'000);
  attempt.id = "0123456789abcdef0123456789abcdef";
  attempt.agent_id = "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0";
  attempt.agent_name = "intake-1";
  attempt.path = "2026/q2.pdf";
  attempt.key = "invoices/2026/q2.pdf";
  attempt.content_type = "application/pdf";
  attempt.generation = 3;
  attempt.size = content.size();
  attempt.sha256 = sha256(as_bytes(content));
  attempt.create_sent = store.now;
}

void Journey::make_multipart(int parts, std::uint64_t part_size) {
  content.clear();
  const std::uint64_t size = static_cast<std::uint64_t>(parts) * part_size - 1;
  while (content.size() < size) content += "part " + std::to_string(content.size()) + " of it ";
  content.resize(size);
  attempt.size = size;
  attempt.part_size = part_size;
  attempt.sha256.reset();
}

void Journey::make_copy() {
  Attempt former = attempt;
  former.id = "former";
  former.path = "2026/draft.pdf";
  former.sha256 = sha256(as_bytes(content));
  const std::string key = "invoices/2026/draft.pdf";
  store.put_foreign(key, content, make_metadata(former));
  const auto& there = *store.find(key);
  attempt.sha256 = former.sha256;
  attempt.copy = CopySource{.key = key, .version = there.version, .etag = there.etag};
}

void Journey::fault(Operation operation, int nth, Fault what) {
  faults_[{operation, nth}] = what;
}

void Journey::faults_from(Operation operation, int nth, Fault what) {
  faults_from_[{operation, nth}] = what;
}

void Journey::before(Operation operation, int nth, std::function<void()> what) {
  before_[{operation, nth}] = std::move(what);
}

void Journey::lose_source_during(Operation operation, int nth) {
  lose_source_ = Place{operation, nth};
}

Outcome Journey::run(bool may_have_been_sent) {
  begin(may_have_been_sent);
  while (!finished() && step()) {
  }
  if (!finished()) {
    ADD_FAILURE() << "the machine stands still after " << testing::PrintToString(requests);
    return Refused{{.message = "stands still"}};
  }
  return *outcome;
}

template <typename T>
T Journey::expect(bool may_have_been_sent) {
  const Outcome end = run(may_have_been_sent);
  if (const auto* wanted = std::get_if<T>(&end)) return *wanted;
  ADD_FAILURE() << "another outcome, number " << end.index() << ", after "
                << testing::PrintToString(requests);
  return T{};
}
template Stored Journey::expect<Stored>(bool);
template StoredByOther Journey::expect<StoredByOther>(bool);
template ForeignObject Journey::expect<ForeignObject>(bool);
template CannotTell Journey::expect<CannotTell>(bool);
template Refused Journey::expect<Refused>(bool);
template Dropped Journey::expect<Dropped>(bool);

void Journey::begin(bool may_have_been_sent) {
  upload_id_ = attempt.upload_id;
  upload_.emplace(attempt, capabilities, retry, quota, dice_);
  feed(Begin{may_have_been_sent});
}

bool Journey::step(Random* dice) {
  // A pause ends last, unless the dice say otherwise.
  const bool early = dice != nullptr && resumes_owed_ > 0 && dice->fraction() < 0.3;
  if (!inbox_.empty() && !early) {
    Input input = std::move(inbox_.front());
    inbox_.pop_front();
    feed(std::move(input));
    return true;
  }
  if (store.waiting() > 0 && !early) {
    const std::size_t which = dice == nullptr ? 0 : dice->next() % store.waiting();
    return store.run_one(which);
  }
  if (resumes_owed_ == 0) return false;
  --resumes_owed_;
  feed(Resumed{});
  return true;
}

void Journey::feed(Input input) {
  if (std::holds_alternative<SourceLost>(input)) resumes_owed_ = 0;
  for (const Action& action : upload_->step(std::move(input))) carry_out(action);
}

std::size_t Journey::count(std::string_view request) const {
  return static_cast<std::size_t>(
      std::count_if(requests.begin(), requests.end(),
                    [&](const std::string& made) { return made.starts_with(request); }));
}

Attempt Journey::durable_attempt() const {
  Attempt durable = attempt;
  durable.upload_id = upload_id_;
  if (content_durable_) durable.sha256 = content_durable_;
  if (from_file_) {
    durable.copy.reset();
    durable.copy_sent = copy_may_land_;
  }
  return durable;
}

Fault Journey::decide(const Call& call) {
  const int nth = ++counts_[call.operation];
  const Place place{call.operation, nth};
  if (lose_source_ == place) inbox_.emplace_back(SourceLost{});
  if (const auto hook = before_.find(place); hook != before_.end()) hook->second();
  if (const auto found = faults_.find(place); found != faults_.end()) return found->second;
  for (const auto& [from, what] : faults_from_) {
    if (from.first == call.operation && nth >= from.second) return what;
  }
  return Fault::None;
}

void Journey::count_commit() {
  commits_after_acknowledgement += acknowledged_ ? 1 : 0;
  commits_without_looking += unanswered_ ? 1 : 0;
  commits_after_hidden_head += hidden_ ? 1 : 0;
}

void Journey::learn(const Result<PutReply>& reply) {
  acknowledged_ = acknowledged_ || reply.has_value();
  unanswered_ = !reply && reply.error().code == ErrorCode::Ambiguous;
}

void Journey::note(std::string request) {
  requests.push_back(std::move(request));
}

template <typename Reply, typename ToInput>
Done<Reply> Journey::deliver(ToInput to_input) {
  return [this, life = life_, to_input](Result<Reply> reply) {
    if (life == life_) inbox_.emplace_back(to_input(std::move(reply)));
  };
}

void Journey::restart(Random& dice) {
  ++life_;
  inbox_.clear();
  resumes_owed_ = parts_in_flight_ = parts_read_ = 0;
  while (store.waiting() > 0) {
    if (dice.fraction() < 0.3) {
      store.drop_one();
    } else {
      store.run_one();
    }
  }
  const auto& left = upload_->left_behind();
  left_by_earlier_lives.insert(left_by_earlier_lives.end(), left.begin(), left.end());
  note("restart");
  const bool copy_settled = from_file_ && !copy_may_land_;
  unanswered_ = count("PUT ") + count("COMPLETE ") > 0 || (count("COPY ") > 0 && !copy_settled);
  attempt = durable_attempt();
  begin(true);
}

void Journey::carry_out(const Action& action) {
  std::visit([this](const auto& what) { perform(what); }, action);
}

void Journey::perform(const SendPut& put) {
  note("PUT " + name_of(put.condition));
  count_commit();
  PutRequest request;
  request.key = attempt.key;
  request.body = shared(content);
  request.sha256 = sha256(*request.body);
  request.md5 = md5(*request.body);
  request.condition = put.condition;
  request.metadata = put.metadata;
  request.content_type = attempt.content_type;
  if (attempt.crc) request.crc = crc_of(*attempt.crc, *request.body);
  const Md5 body_md5 = request.md5;
  const auto crc = request.crc;
  faulty_.put(std::move(request), deliver<PutReply>([this, body_md5, crc](Result<PutReply> reply) {
                learn(reply);
                return PutDone{std::move(reply), body_md5, crc};
              }));
}

void Journey::perform(const SendHead&) {
  note("HEAD");
  faulty_.head(attempt.key, deliver<HeadReply>([this](auto reply) {
                 const bool told = reply || reply.error().code == ErrorCode::NotFound;
                 if (told) unanswered_ = false;
                 hidden_ = !reply && reply.error().code == ErrorCode::NeedsPerson;
                 return HeadDone{std::move(reply)};
               }));
}

void Journey::perform(const SendCopy& copy) {
  note("COPY " + name_of(copy.condition));
  count_commit();
  faulty_.copy({.key = attempt.key,
                .source = copy.source,
                .condition = copy.condition,
                .metadata = copy.metadata,
                .content_type = attempt.content_type},
               deliver<PutReply>([this](auto reply) {
                 // Its success is no acknowledgement of bytes: a HEAD has to follow.
                 unanswered_ = reply || reply.error().code == ErrorCode::Ambiguous;
                 return CopyDone{std::move(reply)};
               }));
}

void Journey::perform(const NotCopied& told) {
  EXPECT_FALSE(not_copied) << "told once";
  not_copied = told;
  hidden_ = false;  // it goes on as if nobody had looked: who has to looks again
  from_file_ = true;
  copy_may_land_ = told.may_land;
}

void Journey::perform(const SendCreate& create) {
  note("CREATE");
  faulty_.create_upload(
      {.key = attempt.key,
       .metadata = create.metadata,
       .content_type = attempt.content_type,
       .crc = upload_->attempt().crc},
      deliver<std::string>([](auto reply) { return CreateDone{std::move(reply)}; }));
}

void Journey::perform(const PersistUploadId& persist) {
  note("persist id " + persist.upload_id);
  upload_id_ = persist.upload_id;
  inbox_.emplace_back(Persisted{});
}

void Journey::perform(const SendPart& part) {
  note("PART " + std::to_string(part.number));
  EXPECT_EQ(upload_id_, upload_->attempt().upload_id) << "a part before its id was durable";
  const SharedBytes body = shared(std::string_view(content).substr(part.offset, part.length));
  const auto body_md5 =
      leaves_out_md5 && !part.listed ? std::nullopt : std::optional<Md5>(md5(*body));
  const auto crc = attempt.crc ? std::optional<Crc>(crc_of(*attempt.crc, *body)) : std::nullopt;
  const int parts = static_cast<int>((attempt.size - 1) / attempt.part_size + 1);
  if (part.number == parts_read_ + 1 && ++parts_read_ == parts) {
    inbox_.emplace_back(ContentRead{sha256(as_bytes(content))});
  }
  most_parts_in_flight = std::max(most_parts_in_flight, ++parts_in_flight_);
  if (const auto there = already_there(part, body_md5)) {
    requests.back() = "KEEP " + std::to_string(part.number);
    --parts_in_flight_;
    inbox_.emplace_back(PartDone{part.number, *there, body_md5, crc});
    return;
  }
  faulty_.put_part({.key = attempt.key,
                    .upload_id = upload_->attempt().upload_id,
                    .number = part.number,
                    .body = body,
                    .sha256 = sha256(*body),
                    .md5 = body_md5,
                    .crc = crc},
                   deliver<Part>([this, number = part.number, body_md5, crc](auto reply) {
                     --parts_in_flight_;
                     return PartDone{number, std::move(reply), body_md5, crc};
                   }));
}

void Journey::perform(const PersistContent& persist) {
  note("persist content");
  content_durable_ = persist.sha256;
  inbox_.emplace_back(Persisted{});
}

void Journey::perform(const SendComplete& complete) {
  note("COMPLETE " + name_of(complete.condition));
  EXPECT_TRUE(content_durable_) << "Complete before its content was durable";
  count_commit();
  faulty_.complete_upload({.key = attempt.key,
                           .upload_id = upload_->attempt().upload_id,
                           .parts = complete.parts,
                           .condition = complete.condition,
                           .crc = complete.crc,
                           .size = attempt.size},
                          deliver<PutReply>([this](auto reply) {
                            learn(reply);
                            return CompleteDone{std::move(reply)};
                          }));
}

void Journey::perform(const SendAbort& abort) {
  note("ABORT " + abort.upload_id);
  faulty_.abort_upload(attempt.key, abort.upload_id,
                       deliver<Nothing>([](auto reply) { return AbortDone{std::move(reply)}; }));
}

void Journey::perform(const SendListParts& list) {
  note("LIST PARTS");
  faulty_.list_parts(attempt.key, list.upload_id, deliver<std::vector<Part>>([](auto reply) {
                       return PartsListed{std::move(reply)};
                     }));
}

void Journey::perform(const SendListUploads&) {
  note("LIST UPLOADS");
  faulty_.list_uploads(attempt.key, deliver<std::vector<ListedUpload>>([this](auto reply) {
                         if (reply) {
                           std::erase_if(*reply, [this](const ListedUpload& upload) {
                             return std::ranges::find(left_by_earlier_lives, upload.upload_id) !=
                                    left_by_earlier_lives.end();
                           });
                         }
                         return UploadsListed{std::move(reply)};
                       }));
}

void Journey::perform(const Wait& wait) {
  waits.push_back(wait.time);
  ++resumes_owed_;
}

void Journey::perform(const EndpointTrouble& trouble) {
  troubles.push_back(trouble.cause);
  ++resumes_owed_;
}

void Journey::perform(const Outcome& end) {
  EXPECT_FALSE(outcome.has_value()) << "exactly one outcome";
  outcome = end;
}

}  // namespace waybill::uploader
