#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/fingerprint.h"
#include "base/result.h"
#include "watcher/file_system.h"
#include "watcher/stable_reader.h"

// A small file beside another one that says something of it (S3.md section 7). It is named as a
// MarkerRule says.
namespace waybill::watcher {

// More than S3 takes of metadata, whatever the words around it.
inline constexpr std::size_t most_sidecar_bytes = 16'384;

struct Sidecar {
  std::string text;  // one pass over this fingerprint
  Fingerprint fingerprint;
  bool leased = false;  // a lease excluded writers meanwhile
};

// nullopt: nothing lies there. SourceBusy: a writer has it; SourceChanged: it did while it was
// read; NeedsPerson: it is no regular file, too large, or cannot be read; RetryLater. Any thread.
Result<std::optional<Sidecar>> read_sidecar(FileSystem& files, const Root& root,
                                            const std::string& path, LeaseMode lease);

}  // namespace waybill::watcher
