#include "agent/upload_sweep.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "uploader/retry_policy.h"
#include "uploader/upload.h"

namespace waybill::agent {
namespace {

using catalog::AttemptRow;
using uploader::ListedUpload;

constexpr Nanoseconds between_looks = std::chrono::hours(24);
// What is told must not be told for long once its cause is gone.
constexpr Nanoseconds while_telling = std::chrono::hours(1);
constexpr Nanoseconds young = std::chrono::hours(24);
// Some ten requests; whoever has more than that has found out what to look for.
constexpr std::size_t most_listed = 10'000;

// PROTOCOL.md rule 12: it is on the attempt's key, and was initiated in the window of its Create.
bool created_by(const AttemptRow& attempt, const ListedUpload& upload) {
  return attempt.kind == catalog::AttemptKind::Multipart && attempt.sent_at != 0 &&
         attempt.key == upload.key &&
         uploader::in_create_window(upload.initiated, WallTime(Nanoseconds(attempt.sent_at)));
}

// Whatever the attempt's store is called here: prefixes of one bucket may lie in each other.
bool is_known(const AttemptRow& attempt, const ListedUpload& upload) {
  return attempt.upload_id == upload.upload_id || created_by(attempt, upload);
}

bool is_listed(const AttemptRow& attempt, const std::vector<ListedUpload>& uploads) {
  return std::ranges::any_of(uploads, [&attempt](const ListedUpload& upload) {
    return upload.upload_id == attempt.upload_id;
  });
}

}  // namespace

UnknownUploads find_unknown(const std::vector<ListedUpload>& listed,
                            const std::vector<AttemptRow>& attempts, WallTime now) {
  std::multimap<std::string_view, const AttemptRow*> by_key;
  for (const AttemptRow& attempt : attempts) by_key.emplace(attempt.key, &attempt);
  UnknownUploads unknown;
  for (const ListedUpload& upload : listed) {
    if (now - upload.initiated < young) continue;
    const auto [begin, end] = by_key.equal_range(upload.key);
    const bool known = std::any_of(
        begin, end, [&upload](const auto& entry) { return is_known(*entry.second, upload); });
    if (known) continue;
    if (unknown.count++ > 0 && unknown.oldest <= upload.initiated) continue;
    unknown.oldest = upload.initiated;
    unknown.example = upload.key;
  }
  return unknown;
}

UploadSweep::UploadSweep(Session& session, const catalog::StoreRow& store, std::string name,
                         std::shared_ptr<uploader::ObjectStore> client)
    : session_(session),
      store_(store.id),
      name_(std::move(name)),
      prefix_(store.prefix),
      client_(std::move(client)) {}

void UploadSweep::store_opened() {
  if ((!found_ || tells()) && !looked_lately()) look();
}

bool UploadSweep::looked_lately() const {
  return asked_ && session_.now() - *asked_ < while_telling;
}

void UploadSweep::upload_begun() {
  if (lists_below_prefix_ == true) return;
  // One that does not may learn to, and one that refuses be allowed to.
  if ((lists_below_prefix_ || !answered_) && looked_lately()) return;
  look();
}

void UploadSweep::look() {
  if (asking_) return;
  // Before the listing: what one of these has completed or aborted meanwhile is in an older list.
  auto attempts = session_.expect(session_.catalog->open_attempts());
  if (!attempts) return;
  asking_ = true;
  asked_ = session_.now();
  client_->list_uploads_below(
      prefix_, most_listed,
      [this, attempts = std::move(*attempts), post = session_.poster()](const Uploads& uploads) {
        post([this, attempts, uploads] { listed(uploads, attempts); });
      });
}

void UploadSweep::look_again_after(Nanoseconds time) {
  session_.timers.at(session_.now() + time, [this, looks = ++looks_] {
    if (looks == looks_) look();
  });
}

void UploadSweep::listed(const Uploads& uploads, const std::vector<AttemptRow>& attempts) {
  asking_ = false;
  answered_ = uploads.has_value();
  if (uploads) {
    refusal_.reset();
    more_ = uploads->size() >= most_listed;
    found_ = find_unknown(*uploads, attempts, session_.world.clock.wall() + client_->ahead());
    learn(*uploads, attempts);
    look_again_after(tells() ? while_telling : between_looks);
  } else {
    refused(uploads.error());
    look_again_after(while_telling);
  }
  session_.changed();
}

// An upload that was under way before the listing and still is must be in it.
void UploadSweep::learn(const std::vector<ListedUpload>& uploads,
                        const std::vector<AttemptRow>& attempts) {
  const bool beyond_one_key = std::ranges::any_of(
      uploads, [this](const ListedUpload& upload) { return upload.key != prefix_; });
  if (beyond_one_key) lists_below_prefix_ = true;
  if (beyond_one_key || more_) return;
  for (const AttemptRow& before : attempts) {
    const bool under_way = before.store == store_ &&
                           before.state == catalog::AttemptState::Uploading &&
                           !before.upload_id.empty() && before.key != prefix_;
    if (!under_way || is_listed(before, uploads)) continue;
    auto now = session_.expect(session_.catalog->attempt(before.id));
    if (!now) return;
    const bool still = *now && (*now)->state == catalog::AttemptState::Uploading &&
                       (*now)->upload_id == before.upload_id;
    if (still) lists_below_prefix_ = false;
  }
}

void UploadSweep::refused(const Error& error) {
  constexpr int ok = 200;  // but no list
  // An outage is told by its own; what was found yesterday holds until the next answer.
  if (uploader::may_pass(error) && error.http_status != ok) return;
  found_.reset();
  refusal_ = error;
  refusal_->request_id.clear();
}

std::optional<std::int64_t> UploadSweep::unknown() const {
  if (!found_) return std::nullopt;
  // None may be none that is listed.
  if (found_->count == 0 && lists_below_prefix_ != true) return std::nullopt;
  return found_->count;
}

void UploadSweep::add_reasons(std::vector<Reason>& reasons) const {
  const bool only_whole_keys = lists_below_prefix_ == false;
  if (refusal_ || only_whole_keys) {
    reasons.push_back(
        {.code = "uploads-unlisted",
         .severity = Severity::Notice,
         .sentence = name_ + " does not list " +
                     (refusal_ ? "multipart uploads: " + refusal_->describe()
                               : std::string("multipart uploads below a prefix, only those of one "
                                             "key")),
         .help = "what multipart uploads others left behind there nobody here can tell" +
                 std::string(refusal_ ? "; where the permission is missing: "
                                        "s3:ListBucketMultipartUploads"
                                      : "")});
  }
  if (!found_ || found_->count == 0) return;
  const std::string count = std::to_string(found_->count) +
                            (found_->count == 1 ? " multipart upload" : " multipart uploads");
  reasons.push_back(
      {.code = "unknown-uploads",
       .severity = Severity::Notice,
       .sentence = name_ + ": " + (more_ ? "at least " : "") + count + " below " +
                   (prefix_.empty() ? "it" : printable(prefix_)) +
                   " that nobody here knows, begun more than a day ago, the oldest for " +
                   printable(found_->example),
       .help =
           "their parts are paid for: whoever began them can abort them, or a lifecycle rule of "
           "the bucket (AbortIncompleteMultipartUpload)",
       .since = found_->oldest.time_since_epoch().count()});
}

}  // namespace waybill::agent
