#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/session.h"
#include "agent/status.h"
#include "agent/stores.h"
#include "catalog/rows.h"
#include "uploader/object_store.h"

namespace waybill::agent {

// What has landed late over an object that is recorded may be what its key has now: a HEAD tells
// (PROTOCOL.md section 4, late landing). That one is due is durable; whatever cannot be told is
// told, and asked for once an hour at the most. Coord thread only.
class DueProofs {
 public:
  struct Hooks {
    std::function<bool(const std::string& key)> key_in_use;     // an attempt on it is under way
    std::function<void(const catalog::FileRow&)> no_longer_so;  // it is not stored any more
  };
  DueProofs(Session& session, Stores& stores, Hooks hooks);

  // At start.
  void take_up();
  void store_opened(StoreId store);
  // Something has landed late at that key.
  void landed(StoreId store, const std::string& key);
  // A person has taken note of the objects that no row tells of.
  void note_lost();
  void add_reasons(std::vector<Reason>& reasons) const;

 private:
  struct Due {
    std::string key;
    std::int64_t tries = 0;  // in vain
    std::optional<Error> cause;
    std::int64_t since = 0;      // ns since 1970
    std::uint64_t landings = 0;  // of which a HEAD of before tells nothing
    bool forsaken = false;       // no folder goes to its store any more
  };
  // Whose proof is still due; nullopt: it is settled, and forgotten here.
  bool load_lost();  // false: the session has failed
  std::optional<catalog::ObjectRow> still_due(ObjectId id);
  void ask_on();
  void ask(ObjectId id, const catalog::ObjectRow& object);
  void later(ObjectId id, Nanoseconds wait);
  void answered(ObjectId id, const Result<uploader::HeadReply>& head, std::uint64_t landings);
  void replaced(const catalog::ObjectRow& object, const std::string& by);
  void in_vain(ObjectId id, const Error& error);

  Session& session_;
  Stores& stores_;
  const Hooks hooks_;
  std::map<ObjectId, Due> due_;
  std::deque<ObjectId> waiting_;                   // of those, who came first in front
  std::map<StoreId, std::vector<ObjectId>> held_;  // of those, until their store opens
  std::size_t asked_ = 0;
  catalog::LostObjects lost_;
};

}  // namespace waybill::agent
