#include "uploader/request_options.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"
#include "uploader/secret_file.h"
#include "uploader/signer.h"

namespace waybill::uploader {
namespace {

using Headers = std::vector<HttpHeader>;

void add(Headers& headers, std::string name, std::string value) {
  if (!value.empty()) headers.push_back({std::move(name), std::move(value)});
}

// "2026-07-01T09:14:03Z"
std::string iso_time(WallTime time) {
  const std::string compact = amz_time(time);  // 20260701T091403Z
  return compact.substr(0, 4) + "-" + compact.substr(4, 2) + "-" + compact.substr(6, 5) + ":" +
         compact.substr(11, 2) + ":" + compact.substr(13);
}

bool makes_an_object(Operation operation) {
  return operation == Operation::PutObject || operation == Operation::CopyObject ||
         operation == Operation::CreateMultipartUpload;
}

bool touches_its_bytes(Operation operation) {
  return makes_an_object(operation) || operation == Operation::UploadPart ||
         operation == Operation::HeadObject || operation == Operation::CompleteMultipartUpload;
}

void add_customer_key(Headers& headers, const Secret& key, const std::string& prefix) {
  const auto bytes = as_bytes(key.reveal());
  const std::string name = prefix + "server-side-encryption-customer-";
  add(headers, name + "algorithm", "AES256");
  add(headers, name + "key", to_base64(bytes));
  add(headers, name + "key-md5", to_base64(md5(bytes)));
}

void add_encryption(Headers& headers, const WriteOptions& options) {
  add(headers, "x-amz-server-side-encryption", options.sse);
  add(headers, "x-amz-server-side-encryption-aws-kms-key-id", options.sse_kms_key_id);
  if (options.sse_bucket_key) {
    add(headers, "x-amz-server-side-encryption-bucket-key-enabled", "true");
  }
}

// What is said of the file became durable with its attempt, perhaps under another configuration:
// it stays, and never are there two of one name.
void add_metadata(Headers& headers, const WriteOptions& options) {
  for (const auto& [name, value] : options.metadata) {
    std::string header = "x-amz-meta-" + name;
    if (std::ranges::find(headers, header, &HttpHeader::name) != headers.end()) continue;
    add(headers, std::move(header), value);
  }
}

void add_wishes(Headers& headers, const WriteOptions& options, WallTime now) {
  add(headers, "x-amz-storage-class", options.storage_class);
  add(headers, "x-amz-acl", options.acl);
  add(headers, "cache-control", options.cache_control);
  add(headers, "x-amz-tagging", canonical_query(options.tags));
  add_metadata(headers, options);
  if (options.lock != ObjectLock::None) {
    add(headers, "x-amz-object-lock-mode",
        options.lock == ObjectLock::Compliance ? "COMPLIANCE" : "GOVERNANCE");
    add(headers, "x-amz-object-lock-retain-until-date", iso_time(now + options.lock_for));
  }
  if (options.legal_hold) add(headers, "x-amz-object-lock-legal-hold", "ON");
}

}  // namespace

void add_options(const S3Request& request, const WriteOptions& options, WallTime now,
                 std::vector<HttpHeader>& headers) {
  if (options.requester_pays) add(headers, "x-amz-request-payer", "requester");
  add(headers, "x-amz-expected-bucket-owner", options.expected_bucket_owner);
  if (!options.sse_customer_key.empty() && touches_its_bytes(request.operation)) {
    add_customer_key(headers, options.sse_customer_key, "x-amz-");
  }
  if (request.operation == Operation::CopyObject) {
    add(headers, "x-amz-source-expected-bucket-owner", options.expected_bucket_owner);
    if (!options.sse_customer_key.empty()) {
      add_customer_key(headers, options.sse_customer_key, "x-amz-copy-source-");
    }
  }
  if (!makes_an_object(request.operation)) return;
  // A bucket's policy may demand encryption of every object, ours for the probe included.
  add_encryption(headers, options);
  if (!request.control) add_wishes(headers, options, now);
}

Result<Secret> read_customer_key(const std::string& path) {
  constexpr std::size_t key_size = 32;
  auto text = read_secret_file(path);
  if (!text) {
    return fail(ErrorCode::NeedsPerson,
                "the key of sse_customer_key_file cannot be read: " + text.error().describe());
  }
  if (text->reveal().size() == key_size) return std::move(*text);
  if (auto bytes = from_base64(first_line(text->reveal())); bytes && bytes->size() == key_size) {
    Secret key(as_text(*bytes));
    OPENSSL_cleanse(bytes->data(), bytes->size());
    return key;
  }
  return fail(ErrorCode::NeedsPerson,
              path + " holds no key for SSE-C: it must have 32 bytes, or their base64 on one line");
}

}  // namespace waybill::uploader
