#include "agent/leftovers.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "uploader/metadata.h"
#include "uploader/retry_policy.h"
#include "uploader/upload.h"

namespace waybill::agent {
namespace {

using catalog::AttemptKind;
using catalog::AttemptRow;
using uploader::HeadReply;
using uploader::ListedUpload;

// A request that timed out may still be applied for this long (PROTOCOL.md rule 2).
constexpr Nanoseconds quarantine = std::chrono::minutes(20);
// Half a minute after the first, twice that after the second, and so on.
constexpr std::int64_t tries_before_it_is_told = 6;
// A refusal ends when a person ends it. Each start asks anew.
constexpr Nanoseconds longest_refusal = std::chrono::hours(24);

// Its content is durable before its Complete is sent.
bool may_have_landed(const AttemptRow& attempt) {
  return attempt.kind != AttemptKind::Multipart || attempt.sha256.has_value();
}

bool is_its_object(const AttemptRow& attempt, const Result<HeadReply>& head) {
  return head && attempt.sha256 && uploader::parse_metadata(head->metadata).attempt == attempt.id;
}

// What one store is asked in vain, for one cause.
struct Group {
  std::int64_t count = 0;
  std::int64_t since = 0;  // ns since 1970
  std::string key;         // of the first
};

std::string first_of(const Group& group, const std::string& cause) {
  return ", the first for " + printable(group.key) + ": " + cause;
}

Reason left(const std::string& store, bool known, const Group& group, const std::string& cause) {
  const std::string uploads = group.count == 1 ? " multipart upload" : " multipart uploads";
  return {.code = "uploads-left",
          .severity = Severity::Notice,
          .sentence = store + ": " + std::to_string(group.count) + uploads +
                      " of ours cannot be cleaned up" + first_of(group, cause),
          .help = known
                      ? "the parts are paid for until then; it is tried again at least once a day. "
                        "Where a permission is missing: s3:AbortMultipartUpload, "
                        "s3:ListBucketMultipartUploads"
                      : "the parts are paid for until then; it is tried once a folder of the "
                        "configuration goes there again",
          .since = group.since};
}

// Where no folder goes to a store any more, that is as a person wants it.
Reason unsettled(const std::string& store, bool known, const Group& group,
                 const std::string& cause) {
  const std::string uploads = group.count == 1 ? " upload that was" : " uploads that were";
  return {.code = "uploads-unsettled",
          .severity = known ? Severity::Degraded : Severity::Notice,
          .sentence = store + ": whether " + std::to_string(group.count) + uploads +
                      " given up arrived after all cannot be told" + first_of(group, cause),
          .help = known ? "it is asked again each hour; a HEAD of the object must be allowed"
                        : "it is asked for once a folder of the configuration goes there again",
          .since = group.since};
}

}  // namespace

Leftovers::Leftovers(Session& session, Stores& stores,
                     std::function<bool(const std::string&)> key_in_use,
                     std::function<void(StoreId, const std::string&)> landed)
    : session_(session),
      stores_(stores),
      key_in_use_(std::move(key_in_use)),
      landed_(std::move(landed)) {}

void Leftovers::resolve_later(const AttemptRow& attempt) {
  after(quarantine, {.attempt = attempt});
}

// Parts may still be on their way to it: it is aborted when none is.
bool Leftovers::leave_upload(const AttemptRow& of, const std::string& upload_id) {
  auto left =
      session_.expect(session_.catalog->leave_upload(of, session_.world.random.id128(), upload_id));
  if (left) resolve_later(*left);
  return left.has_value();
}

std::vector<ListedUpload> Leftovers::without_others(const AttemptRow& attempt,
                                                    std::vector<ListedUpload> uploads) {
  auto rows = session_.expect(session_.catalog->open_attempts());
  if (!rows) return {};
  std::set<std::string> others;
  for (const AttemptRow& row : *rows) {
    // Whatever its store is called here: prefixes of one bucket may lie in each other.
    if (row.id != attempt.id) others.insert(row.upload_id);
  }
  std::erase_if(uploads, [&](const ListedUpload& upload) {
    return upload.key != attempt.key || others.contains(upload.upload_id);
  });
  return uploads;
}

void Leftovers::after(Nanoseconds time, Task task) {
  session_.timers.at(session_.now() + time, [this, task = std::move(task)] { resolve(task); });
}

bool Leftovers::still_open(const AttemptRow& attempt) {
  auto row = session_.expect(session_.catalog->attempt(attempt.id));
  const bool open = row && *row;
  if (!open && unsettled_.erase(attempt.id) > 0) session_.changed();
  return open;
}

void Leftovers::resolve(Task task) {
  const AttemptRow& attempt = task.attempt;
  if (!still_open(attempt)) return;
  if (!stores_.known(attempt.store)) {
    const Error cause{.code = ErrorCode::NeedsPerson, .message = "no folder goes there any more"};
    return in_vain(std::move(task), cause);
  }
  if (!stores_.open(attempt.store)) return after(quarantine, std::move(task));
  if (!attempt.upload_id.empty() && is_left_upload(attempt)) return abort(task);
  // Its own uploads could not be told from those of a later attempt under way.
  if (attempt.kind != AttemptKind::Single && key_in_use_(attempt.key)) {
    return after(quarantine, std::move(task));
  }
  if (may_have_landed(attempt)) return look_for_landing(task);
  find_uploads(std::move(task), fail(ErrorCode::NotFound, "it was never completed"));
}

// Before any abort: a store that is still at a Complete which was not answered shows the object,
// and would take its bytes away with the upload (S3.md section 4).
void Leftovers::look_for_landing(const Task& task) {
  stores_.client(task.attempt.store)
      .head(task.attempt.key,
            [this, task, post = session_.poster()](const Result<HeadReply>& head) {
              post([this, task, head] { landed_or_not(task, head); });
            });
}

void Leftovers::landed_or_not(Task task, const Result<HeadReply>& head) {
  // Meanwhile its landing may have been recorded in another way.
  if (!still_open(task.attempt)) return;
  if (!head && head.error().code != ErrorCode::NotFound) {
    return in_vain(std::move(task), head.error());
  }
  if (task.attempt.kind == AttemptKind::Single) return end(task, head, {});
  find_uploads(std::move(task), head);
}

// Its own, and those on its key that were initiated in its Create's window, which are ours (rule
// 12).
void Leftovers::find_uploads(Task task, const Result<HeadReply>& head) {
  const AttemptRow& attempt = task.attempt;
  std::vector<std::string> own;
  if (!attempt.upload_id.empty()) own.push_back(attempt.upload_id);
  if (attempt.sent_at == 0) return end(task, head, own);
  stores_.client(attempt.store)
      .list_uploads(attempt.key, [this, task, head, own, post = session_.poster()](
                                     const Result<std::vector<ListedUpload>>& uploads) {
        post([this, task, head, own, uploads]() mutable {
          if (!still_open(task.attempt)) return;
          if (key_in_use_(task.attempt.key)) return after(quarantine, std::move(task));
          // An upload that is looked for by its Create alone is forgotten with it.
          const bool only_so = is_left_upload(task.attempt);
          if (!uploads && (only_so || uploader::may_pass(uploads.error()))) {
            return in_vain(std::move(task), uploads.error());
          }
          if (uploads) {
            const WallTime sent{Nanoseconds(task.attempt.sent_at)};
            for (const ListedUpload& upload : without_others(task.attempt, *uploads)) {
              const bool more = upload.upload_id != task.attempt.upload_id;
              if (more && uploader::in_create_window(upload.initiated, sent)) {
                own.push_back(upload.upload_id);
              }
            }
          }
          end(task, head, own);
        });
      });
}

// If it did land its object is recorded, so that no effect of ours stays unknown (P6); and its
// uploads have rows of their own in the commit that ends it.
void Leftovers::end(const Task& task, const Result<HeadReply>& head,
                    const std::vector<std::string>& uploads) {
  const AttemptRow& attempt = task.attempt;
  const bool landed = is_its_object(attempt, head);
  std::vector<AttemptRow> to_abort;
  for (const std::string& id : uploads) {
    auto left =
        session_.expect(session_.catalog->leave_upload(attempt, session_.world.random.id128(), id));
    if (!left) return;
    // Which of its uploads became the object nobody knows. What still is one when that has been
    // there for another quarantine is not. Nor is it certain of those that were only found that
    // they are its own and at rest.
    if (landed || id != attempt.upload_id) {
      resolve_later(*left);
    } else {
      to_abort.push_back(std::move(*left));
    }
  }
  if (landed) {
    // Nobody has signed the bytes of a copy.
    const bool copied = attempt.kind == AttemptKind::Copy;
    const catalog::StoredObject object{
        .version = head->version,
        .etag = head->etag,
        .size = head->size,
        .sha256 = *attempt.sha256,
        .proof = copied ? catalog::ProofLevel::None : catalog::ProofLevel::Acknowledged,
        .proof_detail = "landed after it had been given up"};
    if (!session_.expect(session_.catalog->acknowledge(attempt.id, object, true))) return;
    landed_(attempt.store, attempt.key);
  } else if (!session_.expect(session_.catalog->end_attempt(attempt.id))) {
    return;
  }
  if (unsettled_.erase(attempt.id) > 0) session_.changed();
  for (AttemptRow& left : to_abort) abort({.attempt = std::move(left)});
}

void Leftovers::abort(Task task) {
  const auto refusal = refusals_.find(task.attempt.store);
  if (refusal == refusals_.end()) return send_abort(task);
  // Before those that were refused themselves: it may not be meant.
  if (is_told(refusal->second)) tell(task.attempt, refusal->second.cause);
  refusal->second.waiting.push_front(std::move(task));
}

void Leftovers::send_abort(const Task& task) {
  const AttemptRow& attempt = task.attempt;
  stores_.client(attempt.store)
      .abort_upload(attempt.key, attempt.upload_id,
                    [this, task, post = session_.poster()](const Result<uploader::Nothing>& reply) {
                      post([this, task, reply] { aborted_or_not(task, reply); });
                    });
}

void Leftovers::aborted_or_not(const Task& task, const Result<uploader::Nothing>& reply) {
  if (!reply) return not_aborted(task, reply.error());
  session_.expect(session_.catalog->end_attempt(task.attempt.id));
  if (unsettled_.erase(task.attempt.id) > 0) session_.changed();
  // What this one may, the others may too.
  auto ended = refusals_.extract(task.attempt.store);
  if (ended.empty()) return;
  for (Task& waiting : ended.mapped().waiting) after(Nanoseconds(0), std::move(waiting));
}

// Whoever is refused goes behind the others: a refusal that is meant for one alone is found out by
// the next.
void Leftovers::not_aborted(const Task& task, const Error& error) {
  const StoreId store = task.attempt.store;
  const auto found = refusals_.find(store);
  const bool probe = found != refusals_.end() && found->second.probe == task.attempt.id;
  const bool refused = !uploader::may_pass(error);
  if (!refused && !probe) return in_vain(task, error);
  Refusal& refusal = refusals_[store];
  const bool first = refusal.tries == 0;
  refusal.waiting.push_back(task);
  if (refused) {
    refusal.cause = error;
    if (first || probe) ++refusal.tries;
  }
  if (is_told(refusal)) {
    for (const Task& waiting : refusal.waiting) tell(waiting.attempt, refusal.cause);
  }
  if (first || probe) probe_later(store);
}

void Leftovers::probe_later(StoreId store) {
  constexpr uploader::RetryPolicy policy{.slow_ceiling = longest_refusal};
  Refusal& refusal = refusals_.at(store);
  refusal.probe.clear();
  refusal.next = session_.now() + policy.slow_delay(refusal.tries, session_.world.random);
  session_.timers.at(refusal.next, [this, store, at = refusal.next] {
    const auto now = refusals_.find(store);
    if (now != refusals_.end() && now->second.next == at) probe(store);
  });
}

void Leftovers::probe(StoreId store) {
  if (!stores_.open(store)) return probe_later(store);
  Refusal& refusal = refusals_.at(store);
  while (!refusal.waiting.empty()) {
    const Task task = std::move(refusal.waiting.front());
    refusal.waiting.pop_front();
    if (!still_open(task.attempt)) continue;
    refusal.probe = task.attempt.id;
    return send_abort(task);
  }
  refusals_.erase(store);
}

bool Leftovers::is_told(const Refusal& refusal) {
  return refusal.tries >= tries_before_it_is_told;
}

void Leftovers::tell(const AttemptRow& attempt, Error cause) {
  cause.request_id.clear();  // each answer has its own
  const auto [told, first] = unsettled_.try_emplace(
      attempt.id,
      Unsettled{.attempt = attempt, .cause = cause.describe(), .since = session_.wall_now()});
  if (!first) told->second.cause = cause.describe();
  session_.changed();
}

void Leftovers::in_vain(Task task, const Error& error) {
  if (++task.tries >= tries_before_it_is_told) tell(task.attempt, error);
  const Nanoseconds delay = uploader::RetryPolicy{}.slow_delay(task.tries, session_.world.random);
  after(delay, std::move(task));
}

void Leftovers::add_reasons(std::vector<Reason>& reasons) const {
  std::map<std::tuple<StoreId, bool, std::string>, Group> causes;
  for (const auto& [id, what] : unsettled_) {
    const catalog::AttemptRow& attempt = what.attempt;
    Group& group = causes[{attempt.store, is_left_upload(attempt), what.cause}];
    if (group.count++ > 0 && group.since <= what.since) continue;
    group.since = what.since;
    group.key = attempt.key;
  }
  for (const auto& [what, group] : causes) {
    const auto& [store, upload, cause] = what;
    reasons.push_back(upload ? left(stores_.name(store), stores_.known(store), group, cause)
                             : unsettled(stores_.name(store), stores_.known(store), group, cause));
  }
}

}  // namespace waybill::agent
