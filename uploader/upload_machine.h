#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "uploader/upload.h"
#include "uploader/verdict.h"

namespace waybill::uploader {

// An effect that nobody told us about; and a failure that had none.
bool is_unanswered(const Error& error);
bool passes_by_itself(const Error& error);

// The inside of Upload; only its .cc files include this.
//
//   Fresh ── Begin ──► send() ──► Putting ─────────────────────────────┐
//     │                 ▲  └────► Creating ► PersistingId ► SendingParts │ ► PersistingContent
//     │ may have been   │            └► Listing (reply lost)             │    └► Completing ──┐
//     └─ sent ► Heading ┘ ◄─────── unclear: lost reply, 412, 404 ────────┴────────────────────┤
//                  └────► verdict ► outcome ► (Aborting ► CheckingAbort) ► Finished ◄──────────┘
//
// A copy goes the way of a PUT, Copying in its place, between two HEADs: one shows that the key is
// free, one proves what came of it. Where it does not work out, send() goes on from the file.
// An upload from before a restart goes over ListingParts before SendingParts.
// Every arrow may lead over Paused: Wait or EndpointTrouble, until Resumed. What cannot be aborted
// at once, or must not be yet, is left behind.
struct Upload::Machine {
  enum class Phase : std::uint8_t {
    Fresh,
    Heading,
    Putting,
    Copying,
    Creating,
    Listing,
    PersistingId,
    ListingParts,
    SendingParts,
    PersistingContent,
    Completing,
    Aborting,
    CheckingAbort,
    Paused,
    Finished
  };
  // What is done when a pause is over.
  enum class Next : std::uint8_t { Head, Send, Create, List, ListParts, Abort, CheckAbort };

  struct PartState {
    bool in_flight = false;
    int failures = 0;
    int paid = 0;                // for its last retry
    bool damaged = false;        // S3 refused its bytes once
    std::optional<Part> listed;  // what S3 had of it before we began
    Part part;
  };
  struct Reading {
    std::optional<Md5> md5;
    std::optional<Crc> crc;
    std::optional<Sha256> sha256;
  };

  Machine(Attempt attempt_to_make, Capabilities capabilities, RetryPolicy policy,
          RetryQuota& tokens, Random& dice);

  // --- inputs ---
  void on(const Begin& begin);
  void on(const PutDone& done);
  void on(const HeadDone& done);
  void on(const CopyDone& done);
  void on(const CreateDone& done);
  void on(const Persisted& persisted);
  void on(const PartDone& done);
  void on(const ContentRead& content);
  void on(const CompleteDone& done);
  void on(const AbortDone& done);
  void on(const PartsListed& listed);
  void on(const UploadsListed& listed);
  void on(const Resumed& resumed);
  void on(const SourceLost& lost);

  // --- upload.cc: sending, pausing, ending ---
  [[nodiscard]] bool multipart() const { return attempt.part_size != 0 && !attempt.copy; }
  [[nodiscard]] bool ambiguous() const;
  void head();
  // The next request of this attempt. `seen`: a HEAD has just shown what lies at the key.
  void send(bool seen);
  [[nodiscard]] std::optional<Condition> condition(bool seen) const;
  // Of PUT and Complete, which both make the object appear:
  void commit(const Condition& on_condition);
  void acknowledged(const PutReply& reply);
  void commit_failed(const Error& error);
  void look(const Error& because);  // a HEAD decides
  void damaged(const Error& error, std::optional<std::string> etag_there);
  void stored(PutReply reply, Proof proof);
  [[nodiscard]] std::optional<std::string> md5_etag() const;
  [[nodiscard]] std::optional<Crc> crc() const;  // of the whole
  // `failures` counts towards the endpoint's being the cause, and starts anew when it is.
  void pause(const Error& error, int& failures, Next after);
  void wait(const Error& error, int failures, Next after);
  // False: the store's quota is spent, and there is no fast retry.
  [[nodiscard]] bool pay(const Error& error, int& paid);
  // The request of this phase, which is the only one under way.
  void answered() { quota.answered(std::exchange(paid, 0)); }
  void trouble(const Error& error, Next after);
  void resume(Next next);
  void emit(Action action) { actions.push_back(std::move(action)); }
  void finish(Outcome outcome);  // aborts first what must not stay
  void drop();

  // --- upload_verdicts.cc: what a HEAD means ---
  void decide(const HeadReply& object);
  void absent();
  void send_again(bool seen);  // slowly where the last send failed
  [[nodiscard]] bool is_damaged(const HeadReply& object, Verdict verdict) const;

  // --- upload_copy.cc ---
  void send_copy(bool seen);
  void go_on_from_file(bool seen);
  void decide_copy(const HeadReply& object);

  // --- upload_multipart.cc ---
  void proceed_multipart();
  void create();
  void list_uploads();
  void adopt(std::vector<std::string> ours);
  void list_parts();
  void parts_listed(const PartsListed& listed);
  [[nodiscard]] bool listing_may_pass(const Error& error, int failures) const;
  void fill();
  void send_part(std::size_t index);
  [[nodiscard]] bool may_be_of_other_settings(const Error& error) const;
  void part_failed(std::size_t index, const Error& error);
  void stop_parts(std::optional<Outcome> outcome);  // nullopt: to start over
  void parts_changed();
  void forget_upload();
  enum class Old : std::uint8_t { Gone, Unusable };
  void restart_upload(const Error& error, Old old);  // a new one, all parts
  void abort();
  void abort_ended(bool aborted);
  void uploads_settled();  // one or none is left: on with the attempt

  // --- constant after construction ---
  const Capabilities store;
  const RetryPolicy retry;
  RetryQuota& quota;
  Random& random;

  Attempt attempt;  // its base_etag follows the verdicts, its sha256 and upload_id what is learnt
  std::vector<Action> actions;
  Phase phase = Phase::Fresh;
  Next next = Next::Send;
  bool next_after_trouble = false;
  bool lost = false;  // SourceLost came

  // --- sending ---
  bool conditions_work = true;       // false: the store said 501 to one, whatever the probe saw
  std::uint64_t unanswered = 0;      // sends whose effect nobody told us
  std::optional<Error> cooling_off;  // why the last send failed, until it is sent again
  int send_failures = 0;
  int paid = 0;  // for the last retry, but for parts'
  int head_failures = 0;
  std::optional<Md5> body_md5;
  std::optional<Crc> body_crc;
  bool reread = false;
  int damages = 0;  // the store had or refused other bytes; the second time a person must know
  // An object with our attempt id and other bytes, or a copy that nothing proves, is, was or may
  // come to be at the key.
  bool distrust = false;
  std::optional<std::string> damaged_etag;  // its ETag, where known
  bool base_was_missing = false;
  bool recovered = false;

  // --- copy ---
  bool copies_on_condition = true;  // false: the store said 501 to one
  int copies_sent = 0;
  std::optional<NotCopied> not_copied;  // it is to go on from the file

  // --- multipart ---
  bool id_durable = false;
  bool parts_unknown = false;  // the upload is from before a restart: S3 may have some of them
  bool content_read = false;
  bool content_durable = false;
  std::vector<PartState> parts;
  std::vector<Reading> first_reading;  // of each part; outlives an upload id
  std::size_t next_unsent = 0;
  std::vector<std::size_t> again;  // failed, to be sent when the pause is over
  std::size_t parts_done = 0;
  int parts_in_flight = 0;
  bool parts_stopped = false;
  bool parts_paused = false;             // a Wait or EndpointTrouble of theirs is outstanding
  bool parts_troubled = false;           // it is EndpointTrouble: no new part starts
  std::optional<Error> trouble_to_tell;  // once the outstanding Wait is over
  std::optional<Error> restart_cause;
  Old restart_old = Old::Gone;
  bool created_here = false;   // the upload was begun with the checksums that we send now
  bool parts_doubted = false;  // S3 did not accept the list of parts once
  int create_failures = 0;
  bool create_unanswered = false;  // one of them, ever
  bool just_listed = false;        // the uploads on this key, since the last Create and outage
  int abort_failures = 0;
  bool may_be_completed = false;  // the upload under way: by a Complete that was not answered
  std::vector<std::string> to_abort;
  std::vector<std::string> left_behind;
  std::optional<Outcome> pending;  // told when nothing is left to abort
};

}  // namespace waybill::uploader
