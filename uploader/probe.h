#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "uploader/object_store.h"
#include "uploader/upload.h"

// Finds out what a store enforces, against our own control object `<prefix>_waybill/probe-<nonce>`
// (hidden from query engines by its `_`), and with it whether the endpoint, bucket and credentials
// work at all. A machine like Upload: no I/O of its own; its last action is a Finding.
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
  using Action = std::variant<Put, Head, Remove, Finding, Failed>;

  Probe(std::string prefix, std::string nonce);
  Action start();
  Action put_done(Result<PutReply> reply);
  Action head_done(Result<HeadReply> reply);
  Action remove_done(Result<Nothing> reply);
  // Of the control object: what a probe that failed could not clean up itself.
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  // In this order. Each Put has another body, so that no two ETags are equal.
  enum class Stage : std::uint8_t {
    FirstPut,       // IfAbsent on a fresh key
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
  Action put_accepted(const PutReply& reply);
  Action put_refused(const Error& error);
  Action match_unknown();
  Action clean_up();
  Action give_up(Error cause);
  void note(std::string sentence);

  const std::string key_;
  const std::string nonce_;
  Stage stage_ = Stage::Ended;
  int bodies_ = 0;
  Md5 md5_{};  // of the last body sent
  std::string etag_;
  bool may_exist_ = false;
  Finding finding_;
  std::optional<Error> failure_;
};

}  // namespace waybill::uploader
