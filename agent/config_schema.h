#pragma once

#include "agent/config.h"
#include "agent/config_document.h"
#include "base/result.h"

namespace waybill::agent {

// What the words mean: every key checked, defaults filled in, [s3] merged into each folder, and the
// folders compared with each other and with our own files. Looks at nothing on disk.
Result<Config> build_config(const ConfigDocument& document, const ConfigOverrides& overrides);

// What only the disk can tell: own CAs that are not there, secrets that everybody can read, folders
// that are one behind a symbolic link. `config` was built from `document`.
Result<void> check_against_disk(const ConfigDocument& document, const Config& config);

// Reads config.mime_types_file. That the usual one is not there is no matter; one that somebody
// named has to be.
Result<void> read_mime_types(const ConfigDocument& document, Config& config);

}  // namespace waybill::agent
