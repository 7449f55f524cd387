#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/checksum.h"
#include "uploader/credentials.h"
#include "uploader/object_store.h"
#include "uploader/write_options.h"

namespace waybill::uploader {

class TransferEngine;

struct S3Options {
  std::string endpoint;  // "https://host:port" without a path; empty: AWS for `region`
  std::string region;
  std::string bucket;
  bool path_style = false;  // forced for endpoints that are IP addresses
  std::string ca_file;      // empty: the system's
  std::string proxy;        // URL; empty: by the environment
  // Of AWS alone: other names of the same service.
  bool dual_stack = false;
  bool fips = false;
  bool accelerate = false;
  WriteOptions write;
  // Of it, what a client decides by itself: the SHA-256 of a single PUT. A CRC comes with a
  // request.
  ChecksumHeader checksum_header = ChecksumHeader::Auto;
  Nanoseconds connect_timeout = std::chrono::seconds(3);
  Nanoseconds stall_timeout = std::chrono::seconds(30);
  // S3 may be silent for minutes while it puts an object together or copies one.
  Nanoseconds complete_timeout = std::chrono::minutes(10);
};

// The real ObjectStore: signs (SigV4) and speaks S3 over the shared transfer engine. Any thread may
// call; completions run on the transfer thread. Destroy before the engine, on any thread but that
// one; outstanding requests are cancelled and their `done` runs with Cancelled first. The clock
// outlives it. Errors: BadConfig.
Result<std::unique_ptr<ObjectStore>> make_s3_store(S3Options options,
                                                   std::shared_ptr<CredentialsSource> credentials,
                                                   TransferEngine& engine, const Clock& clock);

}  // namespace waybill::uploader
