#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/columns.h"
#include "catalog/session.h"

namespace waybill::catalog {

// The SQL of `objects` and `proofs`.
class ObjectTable {
 public:
  explicit ObjectTable(Session& session) : session_(session) {}

  Result<std::optional<ObjectRow>> find(ObjectId id);
  Result<std::optional<ObjectRow>> live_at(StoreId store, std::string_view key);

  // Who holds a key: what claim() asks, without the rest of the row.
  struct Holder {
    ObjectId id{};
    FileId file{};
    bool owned = true;
    bool sole = false;
    std::string attempt;
  };
  Result<std::optional<Holder>> holder_of(StoreId store, std::string_view key);

  // Fills in the new id.
  Result<void> insert(ObjectRow& row);
  // Another object has the key now; its versions stay known.
  Result<void> supersede(StoreId store, std::string_view key);
  // Missing or damaged, as was found at that time at the latest.
  Result<void> lost(ObjectId id, std::int64_t at);
  // That it is lost is told until a person takes note.
  Result<void> tell_lost(ObjectId id, std::int64_t at);
  Result<LostObjects> told_lost();
  Result<void> note_lost();
  Result<void> proof_is_due(ObjectId id, std::int64_t at);
  // Those that are live, in the order of their ids.
  Result<std::vector<ObjectId>> proofs_due();
  Result<void> proven_again(const ObjectRow& row);
  // What that attempt has put at the key of `object`, recorded after it, where it is not live.
  Result<std::optional<ObjectRow>> over(const ObjectRow& object, std::string_view attempt);
  // Another one of its file with the same bytes that is live as far as we know: of its store
  // sooner than of another, and the newest.
  Result<std::optional<ObjectRow>> same_bytes(const ObjectRow& object);
  // It is there after all, and the only copy of its bytes.
  Result<void> there_alone(ObjectId id);
  Result<void> set_sole(ObjectId id, bool sole);
  // Also what landed late on the file's key and was never its object.
  Result<void> all_become_sole(const FileRow& file);

  void forget() { proofs_.clear(); }

 private:
  Result<std::optional<std::int64_t>> proof_id(std::string_view detail);

  Session& session_;
  // Ids of the sentences last used: there are few, and one belongs to every object. Only of
  // committed rows or of this transaction: forget() after a rollback.
  std::unordered_map<std::string, std::int64_t> proofs_;
};

}  // namespace waybill::catalog
