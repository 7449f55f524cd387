#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

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

 private:
  enum class Stage : std::uint8_t;
  Stage stage_{};
  std::string key_;
  std::string etag_;
  Finding finding_;
};

}  // namespace waybill::uploader
