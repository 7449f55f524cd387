#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/intake.h"
#include "agent/session.h"
#include "agent/stores.h"
#include "agent/transfers.h"
#include "agent/waits.h"
#include "agent/world.h"

namespace waybill::agent {

// Who decides: the coord thread's loop around step(). Everything that other threads have to say
// comes through World::post as a task that calls one of the verbs below.
class Pipeline {
 public:
  Pipeline(World world, Config config);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // --- what arrives (coord thread, by way of World::post) ----------------------------------------
  void observe(const watcher::Observation& observation);
  void command(Command command);
  // A new configuration, already checked: taken up by a fresh session.
  void reconfigure(Config config);
  // The configuration on disk was refused; the old one goes on. Empty: all is well again.
  void config_refused(std::string sentence);

  // Somebody asks for the status: it is made anew by the next step, after its commit, and `told`
  // runs.
  void refresh(Task told) { to_tell_.push_back(std::move(told)); }

  // Does what time and messages have made due, then commits once. Returns when to step again at the
  // latest; nullopt: when something arrives.
  std::optional<BootTime> step();

  // Takes on nothing new; true once nothing is under way.
  void stop_claiming() { claiming_ = false; }
  [[nodiscard]] bool idle() const;

 private:
  struct Parts;

  void open_session();
  void close_session(const Error& cause);
  std::vector<watcher::FolderSpec> join_folders(Parts& parts);
  void start_ready();
  void list_unrecorded(ListUnrecorded question);
  [[nodiscard]] Waits::Standing standing(const FilePath& file);
  [[nodiscard]] std::vector<FilePath> pending_paths();
  FileView explain(const FilePath& file);
  void start_wait(StartWait wait);
  void barrier_reached(std::uint64_t id);
  void keep_looking_at_waits();
  void prune_history();
  bool look_for_room();
  void hold_room();
  void wait_for_room();
  void publish();
  [[nodiscard]] std::int64_t oldest_pending(
      FolderId folder, const std::map<FolderId, std::int64_t>& in_catalog) const;
  void add_blocked_reasons(std::vector<Reason>& reasons);

  World world_;
  Config config_;
  Waits waits_;
  std::unique_ptr<Parts>
      parts_;  // the session and all that lives in it; null: the catalog is not usable
  std::optional<Error> catalog_trouble_;
  std::int64_t catalog_trouble_since_ = 0;
  BootTime reopen_at_{};
  std::string config_refusal_;
  bool claiming_ = true;
  std::optional<std::int64_t> short_of_room_since_;  // ns since 1970: nothing new is begun
  BootTime room_looked_at_{};
  std::int64_t pruned_events_ = 0;  // since it was last said
  std::vector<Task> to_tell_;       // once the status is fresh
  BootTime published_at_{};
  BootTime publish_at_{};
  const std::int64_t started_at_;
};

}  // namespace waybill::agent
