#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/session.h"
#include "agent/status.h"
#include "agent/stores.h"
#include "catalog/rows.h"
#include "uploader/object_store.h"

namespace waybill::agent {

// What becomes of attempts that nobody wants any more. Once nothing of one can land any more, a
// HEAD says whether it did, and only then its uploads are aborted: each has a row of its own,
// beside its file, until it is gone (PROTOCOL.md rules 1, 2 and 12). Whatever cannot be settled is
// told, and asked for once an hour at the most. A store that refuses an abort is asked for one of
// them, and up to a day apart: the others wait until one is aborted. Coord thread only.
class Leftovers {
 public:
  // `key_in_use`: an attempt on that key is under way. `landed`: one was recorded that came late.
  Leftovers(Session& session, Stores& stores,
            std::function<bool(const std::string& key)> key_in_use,
            std::function<void(StoreId, const std::string& key)> landed);

  // Of an attempt that is abandoned in the catalog: after its quarantine. Of an upload that was
  // left (is_left_upload()) likewise.
  void resolve_later(const catalog::AttemptRow& attempt);
  // An upload of that attempt could not be aborted, or may come of a Create that was not answered
  // (empty): nothing waits for that. False: the session has failed.
  bool leave_upload(const catalog::AttemptRow& of, const std::string& upload_id);
  // Of a listing of one attempt's key, what is not another row's: rule 12 goes by the id first.
  [[nodiscard]] std::vector<uploader::ListedUpload> without_others(
      const catalog::AttemptRow& attempt, std::vector<uploader::ListedUpload> uploads);
  void add_reasons(std::vector<Reason>& reasons) const;

 private:
  struct Task {
    catalog::AttemptRow attempt;
    std::int64_t tries = 0;  // in vain
  };
  void after(Nanoseconds time, Task task);
  void resolve(Task task);
  void look_for_landing(const Task& task);
  void landed_or_not(Task task, const Result<uploader::HeadReply>& head);
  void find_uploads(Task task, const Result<uploader::HeadReply>& head);
  void end(const Task& task, const Result<uploader::HeadReply>& head,
           const std::vector<std::string>& uploads);
  struct Refusal {  // of aborts, by one store
    Error cause;
    std::int64_t tries = 0;  // that were refused in a row
    std::deque<Task> waiting;
    std::string probe;  // the attempt whose abort is under way for all of them
    BootTime next{};    // a late timer knows that it is late
  };
  void abort(Task task);
  void send_abort(const Task& task);
  void aborted_or_not(const Task& task, const Result<uploader::Nothing>& reply);
  void not_aborted(const Task& task, const Error& error);
  void probe_later(StoreId store);
  void probe(StoreId store);
  [[nodiscard]] static bool is_told(const Refusal& refusal);
  void tell(const catalog::AttemptRow& attempt, Error cause);
  void in_vain(Task task, const Error& error);
  [[nodiscard]] bool still_open(const catalog::AttemptRow& attempt);

  struct Unsettled {
    catalog::AttemptRow attempt;
    std::string cause;
    std::int64_t since = 0;  // ns since 1970
  };

  Session& session_;
  Stores& stores_;
  const std::function<bool(const std::string&)> key_in_use_;
  const std::function<void(StoreId, const std::string&)> landed_;
  std::map<std::string, Unsettled> unsettled_;  // by attempt: tried in vain again and again
  std::map<StoreId, Refusal> refusals_;
};

}  // namespace waybill::agent
