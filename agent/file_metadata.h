#pragma once

#include <string>

#include "agent/config.h"
#include "base/result.h"
#include "watcher/stable_reader.h"

namespace waybill::agent {

// What is said of a file beside what waybilld says, as its folder wants it sent: its mode and
// owner, its extended attributes `user.waybill.*`. As rows keep it (metadata_text.h); empty:
// nothing. The same file says the same. NeedsPerson: what is said cannot be sent, and why; else the
// attributes could not be read. Pure.
Result<std::string> metadata_of(const FolderConfig& folder, const watcher::AboutFile& about);

}  // namespace waybill::agent
