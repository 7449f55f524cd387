#include "uploader/checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/uploader/multipart_journey.h"

namespace waybill::uploader {
namespace {

using fakes::Fault;
using fakes::Operation;
using ::testing::HasSubstr;

// A store that keeps the CRC of the whole, and an attempt that sends it.
std::unique_ptr<Journey> with_crc(int parts, CrcKind kind = CrcKind::Crc64Nvme,
                                  fakes::StoreBehaviour behaviour = {}) {
  behaviour.returns_crcs = true;
  auto journey = multipart(parts, behaviour);
  journey->attempt.crc = kind;
  return journey;
}

// Until its parts are under way.
void send_parts(Upload& upload) {
  upload.step(Begin{});
  upload.step(CreateDone{std::string("id")});
  upload.step(Persisted{});
}

TEST(Checksum, TextIsAsS3HasIt) {
  const Crc crc64 = crc_of(CrcKind::Crc64Nvme, as_bytes("123456789"));
  const Crc crc32c = crc_of(CrcKind::Crc32c, as_bytes("123456789"));
  EXPECT_EQ(base64_of(crc64), "rosUhgp5mIg=");
  EXPECT_EQ(base64_of(crc32c), "4waSgw==");
  EXPECT_EQ(parse_crc(CrcKind::Crc64Nvme, "rosUhgp5mIg="), crc64);
  EXPECT_EQ(parse_crc(CrcKind::Crc32c, "4waSgw=="), crc32c);
}

TEST(Checksum, WhatIsNotOneValueOfTheKindIsNone) {
  for (const char* text : {"", "rosUhgp5mIg=-3", "4waSgw==", "not base64", "rosUhgp5mIgA"}) {
    EXPECT_FALSE(parse_crc(CrcKind::Crc64Nvme, text)) << text;
  }
}

TEST(Checksum, AMultipartUploadIsProvenByTheCrcOfTheWhole) {
  for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c}) {
    for (const int parts : {1, 2, 7}) {
      auto journey = with_crc(parts, kind);
      const auto stored = journey->expect<Stored>();
      EXPECT_EQ(stored.proof, ProofLevel::StoreChecked);
      EXPECT_THAT(stored.proof_detail, HasSubstr(std::string(algorithm_of(kind))));
      const Crc whole = crc_of(kind, as_bytes(journey->content));
      EXPECT_EQ(stored.crc, whole);
      EXPECT_EQ(stored.checksum, std::string(name_of(kind)) + ":" + base64_of(whole));
      expect_whole(*journey);
    }
  }
}

TEST(Checksum, ACrcThatTheStoreDoesNotGiveBackProvesNothing) {
  auto journey = with_crc(3);
  journey->store.behaviour.returns_crcs = false;
  const auto stored = journey->expect<Stored>();
  EXPECT_EQ(stored.proof, ProofLevel::EtagRecomputed);
  EXPECT_EQ(stored.checksum, "");
  EXPECT_FALSE(stored.crc);
}

TEST(Checksum, WithoutAnMd5TheProofIsNoWeaker) {
  auto journey = with_crc(5);
  journey->leaves_out_md5 = true;
  EXPECT_EQ(journey->expect<Stored>().proof, ProofLevel::StoreChecked);
  expect_whole(*journey);
}

TEST(Checksum, WithoutAnMd5ALostReplyToCompleteIsProvenByHead) {
  auto journey = with_crc(3);
  journey->leaves_out_md5 = true;
  journey->fault(Operation::Complete, 1, Fault::LostReply);
  const auto stored = journey->expect<Stored>();
  EXPECT_EQ(stored.proof, ProofLevel::StoreChecked);
  EXPECT_THAT(stored.proof_detail, HasSubstr("HEAD returned the CRC64NVME"));
  EXPECT_EQ(journey->count("COMPLETE"), 1U);
}

TEST(Checksum, WithoutAnMd5AFileThatReadsDifferentlyTheSecondTimeIsNotCompleted) {
  auto journey = with_crc(7);
  journey->leaves_out_md5 = true;
  journey->before(Operation::PutPart, 6, [&journey] {
    journey->store.forget_uploads();
    journey->content[0] = '!';
  });
  journey->expect<Dropped>();
  EXPECT_EQ(journey->count("COMPLETE"), 0U);
}

TEST(Checksum, PartWhoseCrcComesBackAsAnotherIsSentAgain) {
  Random dice(1);
  auto scripted = with_crc(1);
  RetryQuota quota;
  Upload upload(scripted->attempt, scripted->capabilities, {}, quota, dice);
  const auto body = as_bytes(scripted->content);
  const Crc crc = crc_of(CrcKind::Crc64Nvme, body);
  send_parts(upload);
  Part answered{.number = 1, .etag = "e", .size = body.size()};
  answered.crc = Crc{CrcKind::Crc64Nvme, crc.value ^ 1U};
  const auto again = upload.step(PartDone{1, answered, std::nullopt, crc});
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<SendPart>(again[0]));
}

// S3.md 10.13
TEST(Checksum, AnObjectWhoseCrcIsAnotherIsNotStored) {
  Random dice(1);
  auto scripted = with_crc(1);
  RetryQuota quota;
  Upload upload(scripted->attempt, scripted->capabilities, {}, quota, dice);
  const auto body = as_bytes(scripted->content);
  const Crc crc = crc_of(CrcKind::Crc64Nvme, body);
  send_parts(upload);
  upload.step(PartDone{1, Part{.number = 1, .etag = "e", .size = body.size()}, std::nullopt, crc});
  upload.step(ContentRead{sha256(body)});
  const auto commit = upload.step(Persisted{});
  ASSERT_EQ(commit.size(), 1U);
  EXPECT_EQ(std::get<SendComplete>(commit[0]).crc, crc);
  PutReply other{.etag = "whole"};
  other.crc = Crc{CrcKind::Crc64Nvme, crc.value ^ 1U};
  const auto next = upload.step(CompleteDone{other});
  EXPECT_FALSE(upload.finished());
  EXPECT_EQ(upload.attempt().base_etag, "whole");  // ours, and to be replaced
  ASSERT_FALSE(next.empty());
  EXPECT_FALSE(std::holds_alternative<Outcome>(next[0]));
}

// After an update, or another setting: S3 holds the parts to what Create said.
TEST(Checksum, AnUploadThatWasBegunForAnotherChecksumIsBegunAnew) {
  Random dice(1);
  auto scripted = with_crc(1);
  scripted->attempt.upload_id = "old";
  scripted->attempt.create_sent.reset();
  RetryQuota quota;
  Upload upload(scripted->attempt, scripted->capabilities, {}, quota, dice);
  const Failure absent = fail(Error{.code = ErrorCode::NotFound, .http_status = 404});
  upload.step(Begin{.may_have_been_sent = true});
  upload.step(HeadDone{absent});
  upload.step(PartsListed{std::vector<Part>{}});
  const Failure mismatch = fail(Error{.code = ErrorCode::BadInput,
                                      .message = "Checksum Type mismatch occurred",
                                      .http_status = 400,
                                      .s3_code = "InvalidRequest"});
  const auto next = upload.step(PartDone{1, mismatch});
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(std::get<SendAbort>(next[0]).upload_id, "old");
  upload.step(AbortDone{Nothing{}});
  upload.step(PartsListed{absent});
  const auto anew = upload.step(HeadDone{absent});
  ASSERT_EQ(anew.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Wait>(anew[0]));
  const auto created = upload.step(Resumed{});
  ASSERT_EQ(created.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<SendCreate>(created[0]));
}

TEST(Checksum, ASinglePutIsProvenByItsCrcToo) {
  fakes::StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  behaviour.returns_crcs = true;
  Journey journey(behaviour);
  journey.attempt.crc = CrcKind::Crc32c;
  const auto stored = journey.expect<Stored>();
  EXPECT_EQ(stored.proof, ProofLevel::StoreChecked);
  EXPECT_THAT(stored.checksum, HasSubstr("crc32c:"));
}

// All parts were there before the restart, so only Complete could tell.
TEST(Checksum, AnUploadWhoseCompleteIsRefusedForAnotherChecksumIsBegunAnew) {
  Random dice(1);
  auto scripted = with_crc(1);
  scripted->attempt.upload_id = "old";
  scripted->attempt.create_sent.reset();
  RetryQuota quota;
  Upload upload(scripted->attempt, scripted->capabilities, {}, quota, dice);
  const Failure absent = fail(Error{.code = ErrorCode::NotFound, .http_status = 404});
  upload.step(Begin{.may_have_been_sent = true});
  upload.step(HeadDone{absent});
  const std::string content = scripted->content;
  const Part part{.number = 1, .etag = etag_of(md5(as_bytes(content))), .size = content.size()};
  upload.step(PartsListed{std::vector<Part>{part}});
  upload.step(
      PartDone{1, part, md5(as_bytes(content)), crc_of(CrcKind::Crc64Nvme, as_bytes(content))});
  upload.step(ContentRead{sha256(as_bytes(content))});
  upload.step(Persisted{});
  const Failure mismatch = fail(Error{.code = ErrorCode::BadInput,
                                      .message = "Checksum Type mismatch occurred",
                                      .http_status = 400,
                                      .s3_code = "InvalidRequest"});
  const auto next = upload.step(CompleteDone{mismatch});
  ASSERT_EQ(next.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<SendAbort>(next[0]));
  EXPECT_EQ(std::get<SendAbort>(next[0]).upload_id, "old");
}

// A CRC can be made to fit; the SHA-256 of the two readings cannot.
TEST(Checksum, APartThatReadsDifferentlyWithTheSameCrcIsNotCompleted) {
  Random dice(1);
  auto scripted = with_crc(2);
  RetryQuota quota;
  Upload upload(scripted->attempt, scripted->capabilities, {}, quota, dice);
  send_parts(upload);
  const Crc crc{.kind = CrcKind::Crc64Nvme, .value = 7};
  const auto lost = fail(ErrorCode::RetryLater, "503");
  upload.step(PartDone{1, lost, std::nullopt, crc, sha256(as_bytes("first"))});
  upload.step(Resumed{});
  upload.step(PartDone{1, Part{.number = 1, .etag = "e", .size = 1, .crc = crc}, std::nullopt, crc,
                       sha256(as_bytes("second"))});
  const auto ended = upload.step(PartDone{2, lost, std::nullopt, crc});
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<SendAbort>(ended[0])) << ended[0].index();
}

}  // namespace
}  // namespace waybill::uploader
