#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "uploader/object_store.h"
#include "uploader/retry_policy.h"
#include "uploader/upload.h"

// Finds out what a store enforces, against our own control object `<prefix>_waybill/probe-<agent>`
// (hidden from query engines by its `_`), and with it whether the endpoint, bucket and credentials
// work at all. The name is the same each time, so that what a probe that broke off left behind is
// found by the next one (P6). A machine like Upload: no I/O of its own; its last action is a
// Finding or Failed.
namespace waybill::uploader {

struct Finding {
  Capabilities capabilities;
  std::vector<std::string> notes;  // one sentence for each missing guard, for status
};

class Probe {
 public:
  struct Put {
    PutRequest request;
  };
  struct Head {
    std::string key;
  };
  struct Remove {
    std::string key;
  };
  struct Failed {
    Error cause;
  };  // the breaker's business: try again later
  struct Wait {
    Nanoseconds time;
  };  // then call resumed()
  using Action = std::variant<Put, Head, Remove, Wait, Finding, Failed>;

  // `patience`: how often a request is tried that fails in passing, as long as none was taken.
  // `nonce`: for another name where
  // what was left behind can neither be seen nor removed. `random` outlives the probe.
  Probe(std::string prefix, std::string agent_id, std::string nonce, int patience, Random& random);
  Action start();
  Action resumed();
  Action put_done(Result<PutReply> reply);
  Action head_done(Result<HeadReply> reply);
  Action remove_done(Result<Nothing> reply);

 private:
  // In this order. Each Put has another body, so that no two ETags are equal.
  enum class Stage : std::uint8_t {
    FirstPut,       // IfAbsent on a key that should be free
    Leftover,       // HEAD of what is there instead
    PlainPut,       // only where IfAbsent is not known there
    SecondPut,      // IfAbsent on the key that now exists: must be refused
    WrongMatch,     // If-Match on another ETag: must be refused
    RightMatch,     // must be accepted
    UnquotedMatch,  // the right ETag without quotes, where the quoted one was refused
    WrongUnquoted,  // and the wrong one without quotes
    HeadOfNothing,
    Cleaning,
    Ended
  };

  Action put(Stage stage, Condition condition);
  Action wrong_match();
  Action head_of_nothing();
  Action leftover_seen(Result<HeadReply> reply);
  // nullopt: it is not worth another try.
  std::optional<Action> again(const Error& error);
  Action put_accepted(const PutReply& reply);
  Action put_refused(const Error& error);
  Action match_unknown();
  Action clean_up();
  Action give_up(Error cause);
  void note(std::string sentence);

  std::string key_;
  const std::string nonce_;
  const int patience_;
  Random& random_;
  Stage stage_ = Stage::Ended;
  Condition condition_;
  int failures_ = 0;  // of the request of this stage
  int bodies_ = 0;
  Md5 md5_{};  // of the last body sent
  std::string etag_;
  int accepted_ = 0;
  bool own_name_ = false;  // the name has the nonce in it
  bool may_exist_ = false;
  Finding finding_;
  std::optional<Error> failure_;
};

}  // namespace waybill::uploader
