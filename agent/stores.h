#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/session.h"
#include "agent/status.h"
#include "agent/upload_sweep.h"
#include "uploader/object_store.h"
#include "uploader/probe.h"
#include "uploader/retry_quota.h"

namespace waybill::agent {

// The gate to each (endpoint, bucket, prefix): probed before it is used, closed by the endpoint's
// own trouble, and opened by the first probe that succeeds. So an outage is one cause and one
// request now and then, not a change in every row (PROTOCOL.md rule 10). Coord thread only.
class Stores {
 public:
  // `opened` runs each time a gate opens.
  Stores(Session& session, std::function<void(StoreId)> opened);

  // The store a folder uploads to; made and probed if it is new. nullopt: the session has failed.
  std::optional<StoreId> use(const FolderConfig& folder);
  [[nodiscard]] bool known(StoreId store) const { return gates_.contains(store); }
  [[nodiscard]] bool open(StoreId store) const { return gates_.at(store).capabilities.has_value(); }
  [[nodiscard]] const uploader::Capabilities& capabilities(StoreId store) const {
    return *gates_.at(store).capabilities;
  }
  [[nodiscard]] uploader::ObjectStore& client(StoreId store) { return *gates_.at(store).client; }
  // What fast retries there cost, for all uploads together. Stays where it is.
  [[nodiscard]] uploader::RetryQuota& quota(StoreId store) { return gates_.at(store).quota; }
  [[nodiscard]] const catalog::StoreRow& row(StoreId store) const { return gates_.at(store).row; }

  // For people.
  [[nodiscard]] std::string name(StoreId store) const {
    return known(store) ? gates_.at(store).name : std::string("a store that is not configured");
  }
  // A multipart upload of ours is under way there.
  void upload_begun(StoreId store) { gates_.at(store).sweep->upload_begun(); }

  // A request failed for a reason that is the endpoint's, not the file's.
  void trouble(StoreId store, const Error& cause);
  // A file is stored there: what a probe that succeeds does not show for those that follow it.
  void got_through(StoreId store);
  // How many, since this process began.
  [[nodiscard]] std::uint64_t got_through_so_far(StoreId store) const {
    return gates_.at(store).stored;
  }

  // Renamed files may be copied there: it tells what is absent, and has refused or left unproven
  // none within the last hour. `of_parts`: objects of several parts, of whose copies some stores
  // show less.
  [[nodiscard]] bool copies(StoreId store, bool of_parts) const;
  void copied(StoreId store, bool of_parts) { gates_.at(store).no_copies.erase(of_parts); }
  void refuses_copies(StoreId store, bool of_parts, const Error& cause);

  // Both Complete and HEAD of this store were seen to give back such a CRC of a whole object.
  [[nodiscard]] bool returns_crc(StoreId store, CrcKind kind) const {
    return gates_.at(store).returns_crc.contains(kind);
  }
  // What came back of an object that was put together from parts; nullopt: none.
  void crc_of_parts(StoreId store, CrcKind kind, const std::string& key,
                    const std::optional<Crc>& returned);

  [[nodiscard]] std::vector<StoreView> views() const;
  void add_reasons(std::vector<Reason>& reasons) const;

 private:
  struct Gate {
    catalog::StoreRow row;
    std::string name;  // "bucket at endpoint", for people
    std::shared_ptr<uploader::ObjectStore> client;
    std::optional<uploader::Capabilities> capabilities;  // known: open
    std::vector<std::string> notes;
    std::optional<Error> cause;  // why it is closed; nullopt while the first probe runs
    std::int64_t since = 0;      // of the cause, ns since 1970
    int failures = 0;            // of this outage
    int openings = 0;            // likewise
    BootTime opened{};           // for the last time
    std::uint64_t stored = 0;
    uploader::RetryQuota quota;
    std::set<CrcKind> returns_crc;
    bool asks_for_crc = false;
    std::map<bool, BootTime> no_copies;  // since one worked the last time; by `of_parts`
    std::optional<UploadSweep> sweep;
    std::optional<uploader::Probe> probe;  // under way
    std::uint64_t probes = 0;              // counts them: a late timer knows that it is late
  };

  void start_probe(StoreId store);
  void begin_probe(StoreId store);
  void probe_daily(StoreId store);
  void perform(StoreId store, uploader::Probe::Action action);
  void finish_probe(StoreId store, const uploader::Finding& finding);
  [[nodiscard]] bool told_by_another(StoreId store) const;
  void close(Gate& gate, const Error& cause);
  void probe_later(StoreId store);

  Session& session_;
  const std::function<void(StoreId)> opened_;
  std::map<StoreId, Gate> gates_;
};

}  // namespace waybill::agent
