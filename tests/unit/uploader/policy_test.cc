// The small pure pieces: delays, proofs, whose fault an error is.
#include <gtest/gtest.h>

#include <limits>

#include "base/bytes.h"
#include "uploader/endpoint_errors.h"
#include "uploader/proof.h"
#include "uploader/retry_policy.h"
#include "uploader/retry_quota.h"

namespace waybill::uploader {
namespace {

using namespace std::chrono_literals;

// --- the quota of retries
// -------------------------------------------------------------------------------------

TEST(RetryQuota, PaysForThirtyFiveRetriesAfterFailuresAndOneHundredAfterThrottling) {
  const auto retries = [](ErrorCode code) {
    RetryQuota quota;
    int count = 0;
    while (quota.take(code) > 0) ++count;
    return count;
  };
  EXPECT_EQ(retries(ErrorCode::RetryLater), 35);
  EXPECT_EQ(retries(ErrorCode::Ambiguous), 35);
  EXPECT_EQ(retries(ErrorCode::Throttled), 100);
}

TEST(RetryQuota, ComesBackWithWhatIsAnswered) {
  RetryQuota quota;
  const int paid = quota.take(ErrorCode::RetryLater);
  EXPECT_EQ(quota.tokens(), RetryQuota::full - paid);
  quota.answered(paid);
  EXPECT_EQ(quota.tokens(), RetryQuota::full) << "the retry was worth it";
  EXPECT_EQ(quota.take(ErrorCode::Throttled), 5);
  quota.answered(0);
  EXPECT_EQ(quota.tokens(), RetryQuota::full - 4) << "a clean success";
  for (int i = 0; i < 10; ++i) quota.answered(0);
  EXPECT_EQ(quota.tokens(), RetryQuota::full) << "and never more than that";
}

TEST(RetryQuota, OneTooSmallPaysForNothingAndLosesNothing) {
  RetryQuota quota(4);
  EXPECT_EQ(quota.take(ErrorCode::Throttled), 0);
  EXPECT_EQ(quota.take(ErrorCode::RetryLater), 0);
  EXPECT_EQ(quota.tokens(), 4);
  quota.refill();
  EXPECT_EQ(quota.tokens(), RetryQuota::full);
}

// A store that fails one request of ten, and often the retry too, is worth every retry.
TEST(RetryQuota, LastsWhereOneRequestOfTenFails) {
  RetryQuota quota;
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    int paid = 0;
    while (random.fraction() < 0.1) {
      paid = quota.take(ErrorCode::RetryLater);
      ASSERT_GT(paid, 0) << "after " << i << " requests";
    }
    quota.answered(paid);
  }
}

// --- delays
// -------------------------------------------------------------------------------------

TEST(RetryPolicy, FastDelaysDoubleUpToTheirCeiling) {
  const RetryPolicy policy;
  Random random(1);
  for (int failures = 1; failures < 100; ++failures) {
    for (int i = 0; i < 20; ++i) {
      const Nanoseconds delay = policy.fast_delay(ErrorCode::RetryLater, failures, random);
      EXPECT_GE(delay, 0ns);
      EXPECT_LE(delay, 20s);
      if (failures <= 8) {
        EXPECT_LE(delay, 50ms * (1 << (failures - 1)));
      }
    }
  }
}

TEST(RetryPolicy, FastDelaysAreSpread) {
  const RetryPolicy policy;
  Random random(1);
  Nanoseconds least = 1h;
  Nanoseconds most = 0ns;
  for (int i = 0; i < 200; ++i) {
    const Nanoseconds delay = policy.fast_delay(ErrorCode::Throttled, 3, random);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_LT(least, 1s);
  EXPECT_GT(most, 3s);
  EXPECT_LE(most, 4s);
}

TEST(RetryPolicy, SlowDelaysStayBetweenFloorAndCeiling) {
  const RetryPolicy policy;
  Random random(1);
  for (const std::int64_t tries : {std::int64_t{0}, std::int64_t{1}, std::int64_t{5},
                                   std::int64_t{40}, std::numeric_limits<std::int64_t>::max()}) {
    const Nanoseconds delay = policy.slow_delay(tries, random);
    EXPECT_GE(delay, 30s) << tries;
    EXPECT_LE(delay, 1h) << tries;
  }
  EXPECT_LE(policy.slow_delay(1, random), 60s);
  EXPECT_GE(policy.slow_delay(20, random), 30min);
}

// --- proofs
// -------------------------------------------------------------------------------------

const std::string body = "some bytes";

Expected expected() {
  return {.sha256 = sha256(as_bytes(body)), .md5_etag = etag_of(md5(as_bytes(body)))};
}

std::string checksum_of(const std::string& text) {
  return to_base64(sha256(as_bytes(text)));
}
std::string etag_for(const std::string& text) {
  return '"' + etag_of(md5(as_bytes(text))) + '"';
}

ProofLevel level(const std::string& etag, const std::string& checksum) {
  const auto proof = prove("HEAD", etag, checksum, expected());
  return proof ? proof->level : ProofLevel::None;
}

TEST(Proof, StoresOwnChecksumIsTheBest) {
  EXPECT_EQ(level(etag_for(body), checksum_of(body)), ProofLevel::StoreChecked);
  EXPECT_EQ(level("", checksum_of(body)), ProofLevel::StoreChecked);
}

TEST(Proof, RecomputedEtagIsTheSecondBest) {
  EXPECT_EQ(level(etag_for(body), ""), ProofLevel::EtagRecomputed);
  std::string capitals = etag_for(body);
  for (char& digit : capitals) digit = static_cast<char>(std::toupper(digit));
  EXPECT_EQ(level(capitals, ""), ProofLevel::EtagRecomputed);
}

TEST(Proof, AnyContradictionRefutesIt) {
  EXPECT_FALSE(prove("HEAD", etag_for("other"), "", expected()));
  EXPECT_FALSE(prove("HEAD", etag_for(body), checksum_of("other"), expected()));
  EXPECT_FALSE(prove("HEAD", etag_for("other"), checksum_of(body), expected()));
}

TEST(Proof, WhatCannotBeComparedIsSilence) {
  EXPECT_EQ(level("\"not-hex\"", ""), ProofLevel::Acknowledged);
  EXPECT_EQ(level('"' + std::string(32, 'a') + "-2\"", ""), ProofLevel::Acknowledged);
  EXPECT_EQ(level("", checksum_of("of parts") + "-2"), ProofLevel::Acknowledged);
  EXPECT_EQ(prove("HEAD", etag_for("other"), "", Expected{})->level, ProofLevel::Acknowledged);
}

TEST(Proof, EtagOfPartsIsTheMd5OfTheirMd5s) {
  // Computed with another MD5 implementation.
  const Md5 parts[] = {md5(as_bytes("one")), md5(as_bytes("two"))};
  EXPECT_EQ(etag_of(parts), "1397b7ee3222e3980d0d20f23a871b02-2");
}

TEST(Proof, EtagLosesItsQuotesAndNothingElse) {
  EXPECT_EQ(bare_etag("\"abc\""), "abc");
  EXPECT_EQ(bare_etag("abc"), "abc");
  EXPECT_EQ(bare_etag("\""), "\"");
  EXPECT_EQ(bare_etag(""), "");
}

// --- whose fault
// --------------------------------------------------------------------------------

bool everybody_meets(int status, const std::string& code) {
  return concerns_endpoint(
      Error{.code = ErrorCode::NeedsPerson, .http_status = status, .s3_code = code});
}

TEST(EndpointErrors, CredentialsBucketAndCertificateConcernEveryFile) {
  EXPECT_TRUE(everybody_meets(0, ""));  // certificate
  EXPECT_TRUE(everybody_meets(403, "AccessDenied"));
  EXPECT_TRUE(everybody_meets(403, "InvalidAccessKeyId"));
  EXPECT_TRUE(everybody_meets(403, "SignatureDoesNotMatch"));
  EXPECT_TRUE(everybody_meets(403, "RequestTimeTooSkewed"));
  EXPECT_TRUE(everybody_meets(404, "NoSuchBucket"));
  EXPECT_TRUE(everybody_meets(400, "ExpiredToken"));
  EXPECT_TRUE(everybody_meets(400, "AuthorizationHeaderMalformed"));
  EXPECT_TRUE(everybody_meets(301, "PermanentRedirect"));
  EXPECT_TRUE(everybody_meets(403, ""));
  EXPECT_TRUE(everybody_meets(400, "KMS.DisabledException"));
}

TEST(EndpointErrors, KeysAndSizesConcernOneFile) {
  EXPECT_FALSE(everybody_meets(400, "KeyTooLongError"));
  EXPECT_FALSE(everybody_meets(400, "EntityTooLarge"));
  EXPECT_FALSE(everybody_meets(400, "InvalidArgument"));
  EXPECT_FALSE(everybody_meets(400, ""));
}

}  // namespace
}  // namespace waybill::uploader
