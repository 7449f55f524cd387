#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/timers.h"
#include "agent/world.h"
#include "base/fingerprint.h"
#include "base/ids.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "watcher/file_system.h"
#include "watcher/observation.h"
#include "watcher/settle_tracker.h"

namespace waybill::agent {

struct Folder {
  FolderConfig config;
  catalog::FolderRow row;
  StoreId store{};
  std::optional<watcher::FolderStatus> health;  // nullopt: not looked at yet
  bool scanned = false;                         // listed whole at least once
  std::int64_t seen_until = 0;                  // ns since 1970: nothing older is unseen; 0: never

  // Its root is not there, or not the one that we know: nothing there is tried until it is back.
  [[nodiscard]] bool suspended() const {
    return health && health->health != watcher::FolderHealth::Watching &&
           health->health != watcher::FolderHealth::Polling;
  }
  [[nodiscard]] watcher::Root root() const { return {config.path, !config.one_filesystem}; }
  [[nodiscard]] watcher::SettlePolicy settle_policy() const {
    return {.settle = config.settle, .settle_nolease = config.settle_nolease};
  }
};

// One stretch of trust in the catalog: from opening it until it is closed, or until it failed us
// and is opened anew (PROTOCOL.md section 1: a failed COMMIT has an unknown outcome). What the
// parts of the pipeline share. Coord thread only, but for guard()'s result.
class Session {
 public:
  Session(World& world, const Config& config, std::unique_ptr<catalog::Catalog> catalog);

  World& world;
  const Config& config;
  const std::unique_ptr<catalog::Catalog> catalog;
  Timers timers;
  std::map<FolderId, Folder> folders;

  [[nodiscard]] BootTime now() const { return world.clock.boot(); }
  // Nanoseconds since 1970, for rows and people.
  [[nodiscard]] std::int64_t wall_now() const {
    return world.clock.wall().time_since_epoch().count();
  }
  // For how long the file has been unchanged, by the wall clock: less than nothing where that was
  // set back.
  [[nodiscard]] Nanoseconds age_of(const Fingerprint& fingerprint) const {
    return world.clock.wall().time_since_epoch() - Nanoseconds(fingerprint.ctime);
  }

  // Runs once what is open now is durable: whatever the world may see goes through here (P3).
  void after_commit(Task effect) { effects_.push_back(std::move(effect)); }
  // Commits if there is anything to, then runs the effects, then what those effects asked for.
  Result<void> commit();

  // A task for later or from another thread, dropped if this session has ended by then.
  [[nodiscard]] Task guard(Task task) const;
  // Posts `task` to the coord thread, guarded.
  [[nodiscard]] std::function<void(Task)> poster() const;

  // The catalog failed: nothing more is to be done in this session.
  void fail(Error error);
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  // Unwraps, or ends the session; then the caller returns.
  template <typename T>
  std::optional<T> expect(Result<T> result) {
    if (result) return std::move(*result);
    fail(std::move(result.error()));
    return std::nullopt;
  }
  bool expect(Result<void> result) {
    if (!result) fail(std::move(result.error()));
    return result.has_value();
  }

  // Something that status shows has changed.
  void changed() { changed_ = true; }
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::vector<Task> effects_;
  std::optional<Error> failure_;
  bool changed_ = true;
};

}  // namespace waybill::agent
