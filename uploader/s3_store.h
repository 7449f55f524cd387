#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/credentials.h"
#include "uploader/object_store.h"
#include "uploader/write_options.h"

namespace waybill::uploader {

class TransferEngine;

// Whether a PUT carries x-amz-checksum-sha256 too, which S3 keeps and HEAD returns. Servers other
// than AWS break on new headers now and then; Content-MD5 and the signed SHA-256 go in any case.
enum class ChecksumHeader : std::uint8_t { Auto, On, Off };  // Auto: where `endpoint` is empty

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
  ChecksumHeader checksum_header = ChecksumHeader::Auto;
  Nanoseconds connect_timeout = std::chrono::seconds(3);
  Nanoseconds stall_timeout = std::chrono::seconds(30);
  // S3 may be silent for minutes while it puts an object together.
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
