#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "uploader/s3_store.h"

namespace waybill::uploader {

// Where a bucket is and how its URLs look. Pure.
struct S3Address {
  std::string origin;       // "https://bucket.s3.eu-central-1.amazonaws.com": what a path follows
  std::string host;         // as in the Host header: with the port where it is not the scheme's
  std::string path_prefix;  // "/bucket" in path style, else empty
  std::string shown;        // the endpoint for a person
  bool loopback = false;    // never by a proxy
};

// Errors: BadConfig.
Result<S3Address> find_address(const S3Options& options, std::string_view region);

// What a server calls a region may end up in a host name and in a signature.
bool is_region_name(std::string_view text);

}  // namespace waybill::uploader
