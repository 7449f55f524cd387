#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"

namespace waybill::uploader {

enum class ObjectLock : std::uint8_t { None, Governance, Compliance };

// What a person wishes for the objects of a folder, and what a bucket's owner asks of every
// request (S3.md section 7). Empty: not said, so the bucket's own defaults hold.
struct WriteOptions {
  std::string sse;              // "AES256", "aws:kms", "aws:kms:dsse"
  std::string sse_kms_key_id;   // with the latter two
  bool sse_bucket_key = false;  // with "aws:kms"
  Secret sse_customer_key;      // SSE-C: 32 bytes; alone, without `sse`
  std::string storage_class;    // "STANDARD_IA" …
  std::string acl;              // a canned one: "bucket-owner-full-control" …
  std::string cache_control;
  std::string content_type;  // instead of what the extension says
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::pair<std::string, std::string>> metadata;  // names in lower case
  ObjectLock lock = ObjectLock::None;
  Nanoseconds lock_for{0};  // from the moment of the upload on
  bool legal_hold = false;
  bool requester_pays = false;
  std::string expected_bucket_owner;  // twelve digits
};

}  // namespace waybill::uploader
