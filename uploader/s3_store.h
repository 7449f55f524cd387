#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "uploader/credentials.h"
#include "uploader/object_store.h"

namespace waybill::uploader {

class TransferEngine;

struct S3Options {
  std::string endpoint;  // "https://host:port" without a path; empty: AWS for `region`
  std::string region;
  std::string bucket;
  bool path_style = false;  // forced for endpoints that are IP addresses
  std::string ca_file;      // empty: the system's
  Nanoseconds connect_timeout = std::chrono::seconds(3);
  Nanoseconds stall_timeout = std::chrono::seconds(30);
};

// The real ObjectStore: signs (SigV4) and speaks S3 over the shared transfer engine. Any thread may
// call; completions run on the transfer thread. Destroy before the engine; outstanding requests are
// cancelled and their `done` runs with Cancelled first.
Result<std::unique_ptr<ObjectStore>> make_s3_store(S3Options options,
                                                   std::shared_ptr<CredentialsSource> credentials,
                                                   TransferEngine& engine, const Clock& clock);

}  // namespace waybill::uploader
