#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fingerprint.h"
#include "base/ids.h"

namespace waybill::watcher {

struct SettlePolicy {
  Nanoseconds settle = std::chrono::seconds(2);
  Nanoseconds settle_nolease = std::chrono::seconds(60);
};

struct Settled {
  FolderId folder{};
  std::string path;
  Fingerprint fingerprint;  // unchanged for the whole wait
  BootTime since;           // seen incomplete for the first time
};

// Which files are still changing (WATCHING.md 2). A pure function of observations and time: no I/O,
// no clock of its own. Coord thread only.
class SettleTracker {
 public:
  SettleTracker();
  ~SettleTracker();
  SettleTracker(const SettleTracker&) = delete;
  SettleTracker& operator=(const SettleTracker&) = delete;

  // A file as just seen. Another fingerprint than before starts the wait over; the same one does
  // not.
  void observe(FolderId folder, std::string_view path, const Fingerprint& fingerprint,
               const SettlePolicy& policy, BootTime now);
  // The probe found a writer: wait again, from now, and for a tenth of a second at the least.
  void writer_found(FolderId folder, std::string_view path, const Fingerprint& fingerprint,
                    const SettlePolicy& policy, BootTime now);
  // The probe could not tell (no leases): the longer wait, counted from the last change.
  void no_lease(FolderId folder, std::string_view path, const Fingerprint& fingerprint,
                const SettlePolicy& policy, BootTime last_change);
  // It has been incomplete since then, longer than the tracker has known it: it left for a probe
  // and came back.
  void waits_since(FolderId folder, std::string_view path, BootTime since);
  void forget(FolderId folder, std::string_view path);
  void forget_folder(FolderId folder);

  // Those whose wait is over, in the order they came due; they leave the tracker.
  std::vector<Settled> take_due(BootTime now, std::size_t limit);
  [[nodiscard]] std::optional<BootTime> next_due() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t size(FolderId folder) const;
  // Memory that they take, about.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t bytes(FolderId folder) const;
  [[nodiscard]] static std::size_t bytes_of(std::string_view path);
  // When the one that was seen first of those that wait was seen; as cheap for many as for one.
  [[nodiscard]] std::optional<BootTime> oldest(FolderId folder) const;
  struct Waiting {
    Fingerprint fingerprint;
    BootTime due;
    bool writer = false;  // the last probe found one
    BootTime since;       // seen incomplete for the first time
  };
  [[nodiscard]] std::optional<Waiting> find(FolderId folder, std::string_view path) const;
  // All that wait, in path order.
  void each(const std::function<void(FolderId, const std::string&, const Waiting&)>& visit) const;
  // Paths that wait, in path order from `from` on, `limit` at the most.
  [[nodiscard]] std::vector<std::string> paths(FolderId folder, std::size_t limit,
                                               std::string_view from = {}) const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace waybill::watcher
