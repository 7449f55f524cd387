#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

// What the daemon says of itself, as one immutable value. Made by coord, read by anybody.
namespace waybill::agent {

enum class Severity : std::uint8_t {
  Notice,    // worth knowing; exit code 0
  Degraded,  // works, but with less than promised, or waits for something to come back; exit code 3
  Blocked,   // waits for a person; exit code 3
};

// Why something is not as it should be. Status, exit code, metric, STATUS= and log are all made
// from this one (P8).
struct Reason {
  std::string code;  // stable, for scripts: "store-unreachable", "foreign-object" …
  Severity severity = Severity::Notice;
  std::string sentence;    // what is the matter
  std::string help;        // what would help; may be empty
  std::string folder;      // its name; empty: the whole daemon
  std::string example;     // a path below the folder; empty: none
  std::int64_t files = 0;  // how many wait for it; 0: not about files
  std::int64_t since = 0;  // ns since 1970; 0: not known
};

struct FolderView {
  FolderId id{};
  std::string name;
  std::string path;
  std::string watched;       // "inotify", "polling", "starting", "suspended"
  std::string note;          // why not inotify
  std::int64_t pending = 0;  // settling, waiting and queued
  std::int64_t uploading = 0;
  std::int64_t stored = 0;
  std::int64_t blocked = 0;
  std::int64_t retrying = 0;  // of the pending
  std::int64_t ignored = 0;
  std::int64_t stored_bytes = 0;
  std::int64_t oldest_pending_since = 0;  // ns since 1970; 0: nothing pending
  std::int64_t last_stored_at = 0;        // ns since 1970; 0: never
  std::int64_t seen_until = 0;            // ns since 1970: no change from before is unseen
};

struct StoreView {
  std::string endpoint;
  std::string bucket;
  std::string prefix;
  std::string state;     // "ok", "unreachable", "refused", "probing"
  bool guarded = false;  // conditions are enforced there
  std::vector<std::string> notes;
  // Multipart uploads below the prefix that nobody here knows; nullopt: not looked yet, or refused.
  std::optional<std::int64_t> unknown_uploads = std::nullopt;
};

struct Status {
  std::string version;
  std::string agent_name;
  std::string agent_id;
  std::int64_t pid = 0;
  std::int64_t started_at = 0;  // ns since 1970
  std::int64_t at = 0;          // when this was made
  std::vector<std::string> config_files;
  std::string state_dir;
  std::int64_t catalog_bytes = 0;
  std::vector<FolderView> folders;
  std::vector<StoreView> stores;
  std::vector<Reason> reasons;  // worst first
};
using StatusPtr = std::shared_ptr<const Status>;

}  // namespace waybill::agent
