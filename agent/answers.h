#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/command.h"
#include "agent/status.h"
#include "base/digest.h"
#include "catalog/rows.h"

// What the control server answers, as values: the CLI makes the same from the catalog alone when
// the daemon is down. Paths and keys are bytes; times are ns since 1970, 0: not known.
namespace waybill::agent {

struct FileAnswer {
  std::int64_t id = 0;
  std::string folder;       // its name
  std::string folder_path;  // where it lies
  std::string path;         // below the folder
  catalog::FileState state = catalog::FileState::Queued;
  std::int64_t generation = 1;
  std::uint64_t size = 0;
  std::int64_t modified_at = 0;
  std::int64_t arrived_at = 0;
  std::optional<Sha256> sha256;
  std::int64_t tries = 0;
  std::string reason;
  std::string key;
};

struct FileList {
  std::vector<FileAnswer> files;
  std::int64_t next = 0;  // ask again with after = next; 0: that was all
};

struct UnrecordedAnswer {
  std::string folder;
  std::string folder_path;
  UnrecordedFile file;
};
struct UnrecordedList {
  std::vector<UnrecordedAnswer> files;
  bool complete = true;
};

struct ObjectAnswer {
  std::string endpoint;
  std::string bucket;
  catalog::ObjectRow row;
};

// The file that had a path before, and was renamed inside its folder.
struct RenamedAnswer {
  std::string path;     // its name now
  std::int64_t at = 0;  // ns since 1970
};

// Everything known of one file.
struct FileStory {
  std::string folder;
  std::string folder_path;
  std::string path;
  std::optional<FileAnswer> file;      // nullopt: not in the catalog (yet)
  std::optional<ObjectAnswer> object;  // the last stored generation
  std::vector<catalog::AttemptRow> attempts;
  std::vector<catalog::EventRow> events;  // newest first
  std::optional<RenamedAnswer> renamed;   // whoever had this path before
  FileView now;                           // what coord is doing about it
  bool daemon = true;                     // false: from the catalog alone
  std::vector<Reason> reasons;            // of the status, as far as they concern this file
};

struct WaitAnswer {
  std::string id;
  WaitTicket::Progress progress;
};

struct AcceptAnswer {
  bool accepted = false;  // false: nothing was missing at that path
};

struct RetryAnswer {
  std::int64_t files = 0;
};

}  // namespace waybill::agent
