#pragma once

#include <optional>
#include <string>

#include "agent/config.h"
#include "base/result.h"
#include "watcher/sidecar.h"
#include "watcher/stable_reader.h"

namespace waybill::agent {

// What was found beside a file: what its sidecar says, and nullopt where there is none, or its
// folder asks for none.
struct BesideFile {
  std::string path;  // of the sidecar; empty: none is asked for
  Result<std::optional<watcher::Sidecar>> sidecar = std::optional<watcher::Sidecar>();
};

// What is said of a file beside what waybilld says, as its folder wants it sent: its mode and
// owner, its extended attributes `user.waybill.*`, its sidecar, which goes before those. As rows
// keep it (metadata_text.h); empty: nothing. The same file and sidecar say the same. NeedsPerson:
// what is said cannot be sent, and why; else it could not be read. Pure.
Result<std::string> metadata_of(const FolderConfig& folder, const watcher::AboutFile& about,
                                const BesideFile& beside);

}  // namespace waybill::agent
