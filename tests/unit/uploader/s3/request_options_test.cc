#include "uploader/request_options.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>

#include "tests/fakes/temporary_folder.h"

namespace waybill::uploader {
namespace {

using Headers = std::map<std::string, std::string>;

Headers headers_of(Operation operation, const WriteOptions& options, bool control = false) {
  std::vector<HttpHeader> headers;
  const WallTime now = std::chrono::sys_days{std::chrono::year{2026} / 7 / 1} +
                       std::chrono::hours(9) + std::chrono::seconds(5);
  add_options({.operation = operation, .control = control}, options, now, headers);
  Headers named;
  for (const HttpHeader& header : headers) named.emplace(header.name, header.value);
  return named;
}

constexpr Operation all[] = {Operation::PutObject,
                             Operation::HeadObject,
                             Operation::DeleteObject,
                             Operation::CreateMultipartUpload,
                             Operation::UploadPart,
                             Operation::ListParts,
                             Operation::CompleteMultipartUpload,
                             Operation::AbortMultipartUpload,
                             Operation::ListMultipartUploads};

TEST(RequestOptions, NothingIsAddedWhereNothingIsAskedFor) {
  for (const Operation operation : all) EXPECT_EQ(headers_of(operation, {}), Headers{});
}

TEST(RequestOptions, WishesForAnObjectGoWithTheRequestThatMakesIt) {
  WriteOptions options;
  options.sse = "aws:kms";
  options.sse_kms_key_id = "key/1";
  options.sse_bucket_key = true;
  options.storage_class = "STANDARD_IA";
  options.acl = "bucket-owner-full-control";
  options.cache_control = "no-store";
  options.tags = {{"team", "a b"}, {"x/y", "1&2"}};
  options.metadata = {{"origin", "scanner 7"}};
  options.lock = ObjectLock::Governance;
  options.lock_for = std::chrono::hours(24) * 30;
  options.legal_hold = true;
  const Headers wanted{{"x-amz-server-side-encryption", "aws:kms"},
                       {"x-amz-server-side-encryption-aws-kms-key-id", "key/1"},
                       {"x-amz-server-side-encryption-bucket-key-enabled", "true"},
                       {"x-amz-storage-class", "STANDARD_IA"},
                       {"x-amz-acl", "bucket-owner-full-control"},
                       {"cache-control", "no-store"},
                       {"x-amz-tagging", "team=a%20b&x%2Fy=1%262"},
                       {"x-amz-meta-origin", "scanner 7"},
                       {"x-amz-object-lock-mode", "GOVERNANCE"},
                       {"x-amz-object-lock-retain-until-date", "2026-07-31T09:00:05Z"},
                       {"x-amz-object-lock-legal-hold", "ON"}};
  for (const Operation operation : all) {
    const bool makes =
        operation == Operation::PutObject || operation == Operation::CreateMultipartUpload;
    EXPECT_EQ(headers_of(operation, options), makes ? wanted : Headers{});
  }
}

// The configuration has changed since the attempt was claimed, with which that became durable.
TEST(RequestOptions, WhatIsSaidOfTheFileGoesBeforeConfiguredMetadataOfThatName) {
  WriteOptions options;
  options.metadata = {{"origin", "scanner 7"}, {"sample", "all"}};
  const HttpHeader own{"x-amz-meta-sample", "12"};
  std::vector<HttpHeader> headers{own};
  add_options({.operation = Operation::PutObject, .headers = {own}}, options, WallTime{}, headers);
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers.front().value, "12");
  EXPECT_EQ(headers.back().name, "x-amz-meta-origin");
}

TEST(RequestOptions, ControlObjectIsEncryptedAsTheRestButNeitherKeptNorCharged) {
  WriteOptions options;
  options.sse = "AES256";
  options.storage_class = "GLACIER";
  options.lock = ObjectLock::Compliance;
  options.tags = {{"a", "b"}};
  EXPECT_EQ(headers_of(Operation::PutObject, options, true),
            (Headers{{"x-amz-server-side-encryption", "AES256"}}));
}

TEST(RequestOptions, CustomersKeyGoesWithEveryPartAndEveryHead) {
  WriteOptions options;
  options.sse_customer_key = Secret(std::string(32, 'k'));
  const Headers wanted{
      {"x-amz-server-side-encryption-customer-algorithm", "AES256"},
      {"x-amz-server-side-encryption-customer-key", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="},
      {"x-amz-server-side-encryption-customer-key-md5", "mT2HRsMGJ5IX5C+0rreZ8Q=="}};
  for (const Operation operation : all) {
    const bool touches = operation == Operation::PutObject ||
                         operation == Operation::CreateMultipartUpload ||
                         operation == Operation::UploadPart || operation == Operation::HeadObject ||
                         operation == Operation::CompleteMultipartUpload;
    EXPECT_EQ(headers_of(operation, options), touches ? wanted : Headers{});
  }
}

TEST(RequestOptions, CopyIsWrittenAsTheRestAndItsSourceReadWithTheSameKey) {
  WriteOptions options;
  options.storage_class = "STANDARD_IA";
  options.tags = {{"team", "a"}};
  options.expected_bucket_owner = "111122223333";
  EXPECT_EQ(headers_of(Operation::CopyObject, options),
            (Headers{{"x-amz-expected-bucket-owner", "111122223333"},
                     {"x-amz-source-expected-bucket-owner", "111122223333"},
                     {"x-amz-storage-class", "STANDARD_IA"},
                     {"x-amz-tagging", "team=a"}}));
  WriteOptions encrypted;
  encrypted.sse_customer_key = Secret(std::string(32, 'k'));
  const auto headers = headers_of(Operation::CopyObject, encrypted);
  ASSERT_EQ(headers.size(), 6U);
  for (const char* name : {"algorithm", "key", "key-md5"}) {
    const std::string what = std::string("server-side-encryption-customer-") + name;
    ASSERT_TRUE(headers.contains("x-amz-" + what)) << what;
    EXPECT_EQ(headers.at("x-amz-copy-source-" + what), headers.at("x-amz-" + what));
  }
}

TEST(RequestOptions, PayerAndOwnerGoWithEveryRequest) {
  WriteOptions options;
  options.requester_pays = true;
  options.expected_bucket_owner = "111122223333";
  for (const Operation operation : all) {
    EXPECT_EQ(headers_of(operation, options),
              (Headers{{"x-amz-request-payer", "requester"},
                       {"x-amz-expected-bucket-owner", "111122223333"}}));
  }
}

TEST(CustomerKey, IsThirtyTwoBytesOrTheirBase64) {
  const fakes::TemporaryFolder folder;
  const auto key_of = [&](const std::string& text) {
    std::ofstream(folder.file("key"), std::ios::binary) << text;
    const auto key = read_customer_key(folder.file("key"));
    return key ? std::string(key->reveal()) : key.error().message;
  };
  EXPECT_EQ(key_of(std::string(32, '\x01')), std::string(32, '\x01'));
  EXPECT_EQ(key_of("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n"), std::string(32, 'k'));
  for (const std::string wrong :
       {"", "too short HUSH", "HUSH HUSH HUSH HUSH HUSH HUSH HUSH HUSH"}) {
    const std::string sentence = key_of(wrong);
    EXPECT_NE(sentence.find("holds no key"), std::string::npos) << sentence;
    EXPECT_EQ(sentence.find("HUSH"), std::string::npos) << sentence;
  }
}

}  // namespace
}  // namespace waybill::uploader
