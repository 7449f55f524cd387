// A multipart upload through a store that misbehaves: S3.md sections 4 and 10,
// PROTOCOL.md rule 12.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/uploader/multipart_journey.h"
#include "uploader/metadata.h"

namespace waybill::uploader {
namespace {

using fakes::Fault;
using fakes::Operation;
using fakes::StoreBehaviour;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using OnCondition = StoreBehaviour::OnCondition;

// --- the plain way
// ------------------------------------------------------------------------------

TEST(Multipart, IdIsDurableBeforePartOneAndContentBeforeComplete) {
  auto journey = multipart(2);
  const Stored stored = journey->expect<Stored>();
  EXPECT_THAT(journey->requests, ElementsAre("CREATE", "persist id upload-1", "PART 1", "PART 2",
                                             "persist content", "COMPLETE if-absent"));
  EXPECT_EQ(stored.proof, ProofLevel::EtagRecomputed);
  EXPECT_EQ(stored.sha256, sha256(as_bytes(journey->content)));
  expect_whole(*journey);
}

TEST(Multipart, NoPartIsSentBeforeTheIdIsDurable) {
  auto journey = multipart(3);
  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  auto actions = upload.step(CreateDone{std::string("id")});
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<PersistUploadId>(actions[0]));
  actions = upload.step(Persisted{});
  EXPECT_EQ(actions.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<SendPart>(actions[0]));
}

TEST(Multipart, AtMostFourPartsAreInFlight) {
  auto journey = multipart(11);
  journey->expect<Stored>();
  EXPECT_EQ(journey->most_parts_in_flight, Upload::max_parts_in_flight);
  EXPECT_EQ(journey->count("PART"), 11U);
  expect_whole(*journey);
}

TEST(Multipart, PartsCoverTheFileWithoutGapOrOverlap) {
  auto journey = multipart(3);
  journey->attempt.size = 9;
  journey->attempt.part_size = 4;
  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  upload.step(CreateDone{std::string("id")});
  const auto actions = upload.step(Persisted{});
  std::uint64_t next = 0;
  for (const Action& action : actions) {
    const auto& part = std::get<SendPart>(action);
    EXPECT_EQ(part.offset, next);
    next += part.length;
  }
  EXPECT_EQ(next, 9U);
}

TEST(Multipart, WithoutAnEnforcedConditionOnCompleteAHeadGoesFirst) {
  StoreBehaviour ceph;
  ceph.if_absent_on_complete = OnCondition::Ignores;
  auto journey = multipart(2, ceph);
  journey->expect<Stored>();
  EXPECT_LT(position(*journey, "HEAD"), position(*journey, "COMPLETE"));

  auto blocked = multipart(2, ceph);
  blocked->store.put_foreign(blocked->attempt.key, "theirs");
  blocked->expect<ForeignObject>();
  EXPECT_THAT(blocked->requests, Not(Contains(StartsWith("COMPLETE"))));
  EXPECT_TRUE(blocked->store.uploads_under_way().empty());
}

TEST(Multipart, ConditionOnCompleteThatIsUnknownFallsBackToHead) {
  StoreBehaviour behaviour;
  behaviour.if_absent_on_complete = OnCondition::Unknown;
  auto journey = multipart(2, behaviour);
  journey->expect<Stored>();
  EXPECT_EQ(journey->requests.back(), "COMPLETE unconditional");
  expect_whole(*journey);
}

TEST(Multipart, EtagsThatAreNoMd5sAreNotHeldAgainstTheParts) {
  StoreBehaviour behaviour;
  behaviour.md5_etags = false;
  auto journey = multipart(3, behaviour);
  EXPECT_EQ(journey->expect<Stored>().proof, ProofLevel::Acknowledged);
}

// --- Create
// -------------------------------------------------------------------------------------

TEST(Multipart, LostReplyToCreateFindsItsUploadAgain) {
  auto journey = multipart(2);
  journey->fault(Operation::Create, 1, Fault::LostReply);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 1U);
  EXPECT_EQ(journey->count("LIST UPLOADS"), 1U);
  expect_whole(*journey);
}

TEST(Multipart, UploadsBeforeOurCreateAreLeftAlone) {
  auto journey = multipart(2);
  const WallTime now = journey->store.now;
  journey->store.now = now - std::chrono::hours(1);
  const std::string theirs = journey->store.create_foreign_upload(journey->attempt.key);
  journey->store.now = now;
  journey->store.create_foreign_upload("another key");
  journey->fault(Operation::Create, 1, Fault::LostRequest);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 2U);
  EXPECT_EQ(journey->count("ABORT"), 0U);
  EXPECT_EQ(journey->store.uploads_under_way().size(), 2U);
}

TEST(Multipart, OfSeveralOrphansOfOursOneIsUsedAndTheRestAborted) {
  auto journey = multipart(2);
  journey->before(Operation::ListUploads, 1,
                  [&] { journey->store.create_foreign_upload(journey->attempt.key); });
  journey->fault(Operation::Create, 1, Fault::LostReply);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("ABORT"), 1U);
  expect_whole(*journey);
}

TEST(Multipart, RestartInTheMiddleOfCreateFindsTheUpload) {
  auto journey = multipart(2);
  journey->store.create_foreign_upload(journey->attempt.key);
  journey->expect<Stored>(true);
  EXPECT_THAT(journey->requests, ElementsAre("LIST UPLOADS", "persist id foreign-1", "PART 1",
                                             "PART 2", "persist content", "COMPLETE if-absent"));
}

TEST(Multipart, ListingThatIsForbiddenDoesNotHoldTheFile) {
  auto journey = multipart(2);
  journey->fault(Operation::Create, 1, Fault::LostRequest);
  journey->fault(Operation::ListUploads, 1, Fault::Denied);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 2U);
}

// --- parts
// --------------------------------------------------------------------------------------

// S3.md 10.25
TEST(Multipart, OnlyThePartThatFailedIsSentAgain) {
  auto journey = multipart(6);
  journey->fault(Operation::PutPart, 3, Fault::FailBefore);
  journey->fault(Operation::PutPart, 5, Fault::LostReply);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("PART"), 8U);
  EXPECT_EQ(journey->count("PART 3"), 2U);
  EXPECT_EQ(journey->count("PART 5"), 2U);
  EXPECT_FALSE(journey->waits.empty());
  expect_whole(*journey);
}

TEST(Multipart, PartThatFailsAgainAndAgainMakesTheEndpointTheCause) {
  auto journey = multipart(2);
  for (int nth = 2; nth <= 6; ++nth) journey->fault(Operation::PutPart, nth, Fault::Throttle);
  journey->expect<Stored>();
  EXPECT_EQ(journey->waits.size(), 4U);
  ASSERT_EQ(journey->troubles.size(), 1U);
  EXPECT_EQ(journey->troubles[0].code, ErrorCode::Throttled);
  expect_whole(*journey);
}

// S3.md 10.36
TEST(Multipart, WithTheQuotaSpentAPartThatFailsIsTheEndpoints) {
  Journey journey;
  journey.make_multipart(8);
  journey.quota = RetryQuota(1);
  journey.fault(Operation::PutPart, 1, Fault::FailBefore);
  journey.expect<Stored>();
  EXPECT_TRUE(journey.waits.empty());
  EXPECT_EQ(journey.troubles.size(), 1U);
  EXPECT_GT(journey.quota.tokens(), 8) << "each part that went well was one token";
}

TEST(Multipart, PartsThatWorkInTheEndGetTheirTokensBack) {
  Journey journey;
  journey.make_multipart(4);
  journey.quota = RetryQuota(100);
  for (int nth = 1; nth <= 4; ++nth) journey.fault(Operation::PutPart, nth, Fault::FailBefore);
  journey.expect<Stored>();
  EXPECT_TRUE(journey.troubles.empty());
  EXPECT_GE(journey.quota.tokens(), 100);
}

TEST(Multipart, DeniedPartStopsSendingUntilTheEndpointWorksAgain) {
  auto journey = multipart(40);
  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  upload.step(CreateDone{std::string("id")});
  ASSERT_EQ(upload.step(Persisted{}).size(), 4U);
  const Failure denied =
      fail(Error{.code = ErrorCode::NeedsPerson, .http_status = 403, .s3_code = "AccessDenied"});
  auto actions = upload.step(PartDone{1, denied});
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<EndpointTrouble>(actions[0]));
  for (int part = 2; part <= 4; ++part) {
    EXPECT_TRUE(upload.step(PartDone{part, denied}).empty());
  }
  actions = upload.step(Resumed{});
  ASSERT_EQ(actions.size(), 4U);
  EXPECT_EQ(std::get<SendPart>(actions[0]).number, 1);
}

// S3.md 10.14
TEST(Multipart, PartWithABadDigestIsReadAgainOnce) {
  auto once = multipart(3);
  once->fault(Operation::PutPart, 2, Fault::BadDigest);
  once->expect<Stored>();
  EXPECT_EQ(once->count("PART 2"), 2U);

  auto always = multipart(3);
  always->faults_from(Operation::PutPart, 2, Fault::BadDigest);
  EXPECT_EQ(always->expect<Refused>().cause.code, ErrorCode::Damaged);
  EXPECT_TRUE(always->store.uploads_under_way().empty());
}

TEST(Multipart, PartWhoseEtagIsNotItsMd5IsSentAgain) {
  auto journey = multipart(3);
  journey->fault(Operation::PutPart, 2, Fault::WrongEtag);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("PART 2"), 2U);
  expect_whole(*journey);
}

// S3.md 10.22
TEST(Multipart, UploadThatVanishesDuringPartsIsMadeAnew) {
  auto journey = multipart(7);
  journey->before(Operation::PutPart, 6, [&] { journey->store.forget_uploads(); });
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 2U);
  EXPECT_EQ(journey->count("PART 1"), 2U);
  expect_whole(*journey);
}

TEST(Multipart, FileThatReadsDifferentlyTheSecondTimeIsNotCompleted) {
  auto journey = multipart(7);
  journey->before(Operation::PutPart, 6, [&] {
    journey->store.forget_uploads();
    journey->content[0] = '!';
  });
  EXPECT_FALSE(journey->expect<Dropped>().may_still_land);
  EXPECT_THAT(journey->requests, Not(Contains(StartsWith("COMPLETE"))));
  EXPECT_TRUE(journey->store.uploads_under_way().empty());
}

// The SHA-256 is that of the first reading, although S3 has only what was read second.
TEST(Multipart, PartThatWasLostAndReadsDifferentlyTheSecondTimeIsNotCompleted) {
  auto journey = multipart(2);
  journey->fault(Operation::PutPart, 1, Fault::LostRequest);
  journey->before(Operation::PutPart, 2, [&] { journey->content[0] = '!'; });
  EXPECT_FALSE(journey->expect<Dropped>().may_still_land);
  EXPECT_EQ(journey->count("PART 1"), 2U);
  EXPECT_THAT(journey->requests, Not(Contains(StartsWith("COMPLETE"))));
}

// --- Complete
// -----------------------------------------------------------------------------------

// S3.md 10.17 and 10.19: white space without end, truncated XML
TEST(Multipart, LostReplyToCompleteIsDecidedByHead) {
  auto landed = multipart(2);
  landed->fault(Operation::Complete, 1, Fault::LostReply);
  EXPECT_EQ(landed->expect<Stored>().proof, ProofLevel::EtagRecomputed);
  EXPECT_EQ(landed->store.history().size(), 1U);
  expect_whole(*landed);

  auto lost = multipart(2);
  lost->fault(Operation::Complete, 1, Fault::LostRequest);
  EXPECT_TRUE(lost->expect<Stored>().may_land_again);
  EXPECT_EQ(lost->count("COMPLETE"), 2U);
  EXPECT_EQ(lost->count("PART"), 2U);
  expect_whole(*lost);
}

// S3.md 10.18
TEST(Multipart, InternalErrorInCompleteIsTriedAgain) {
  auto journey = multipart(2);
  journey->fault(Operation::Complete, 1, Fault::FailBefore);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("COMPLETE"), 2U);
  EXPECT_EQ(journey->count("CREATE"), 1U);
}

// S3.md 10.20
TEST(Multipart, NoSuchUploadWithTheObjectPresentIsSuccess) {
  auto journey = multipart(2);
  journey->fault(Operation::Complete, 1, Fault::LandsLater);
  journey->before(Operation::Complete, 2, [&] { journey->faulty().land_zombies(); });
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 1U);
  EXPECT_EQ(journey->requests.back(), "HEAD");
  EXPECT_EQ(journey->store.history().size(), 1U);
}

// S3.md 10.21
TEST(Multipart, NoSuchUploadWithNothingThereUploadsAnew) {
  auto journey = multipart(2);
  journey->before(Operation::Complete, 1, [&] { journey->store.forget_uploads(); });
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 2U);
  EXPECT_EQ(journey->count("PART"), 4U);
  expect_whole(*journey);
}

// S3.md 10.8
TEST(Multipart, ConflictOnCompleteMeansANewUploadAndAllParts) {
  auto journey = multipart(2);
  journey->fault(Operation::Complete, 1, Fault::Conflict);
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("ABORT upload-1"), 1U);
  EXPECT_EQ(journey->count("PART"), 4U);
  expect_whole(*journey);
}

TEST(Multipart, PartThatLandedAgainUnderAnotherEtagMeansANewUpload) {
  StoreBehaviour behaviour;
  behaviour.md5_etags = false;
  auto journey = multipart(2, behaviour);
  journey->fault(Operation::PutPart, 1, Fault::LandsLater);
  journey->before(Operation::Complete, 1, [&] {
    journey->faulty().land_zombies();
    journey->store.run_all();
  });
  journey->expect<Stored>();
  EXPECT_EQ(journey->count("CREATE"), 2U);
  expect_whole(*journey);
}

// S3.md 10.9
TEST(Multipart, PreconditionFailedByAForeignObjectAbortsAndBlocks) {
  auto journey = multipart(2);
  journey->store.put_foreign(journey->attempt.key, "theirs");
  journey->expect<ForeignObject>();
  EXPECT_THAT(journey->requests, Contains(StartsWith("ABORT")));
  EXPECT_TRUE(journey->store.uploads_under_way().empty());
  EXPECT_EQ(as_text(*journey->store.find(journey->attempt.key)->body), "theirs");
}

TEST(Multipart, SameBytesOfSomebodyElseAreStoredButNotOurs) {
  auto journey = multipart(2);
  journey->store.put_foreign(journey->attempt.key, journey->content);
  EXPECT_EQ(journey->expect<StoredByOther>().proof, ProofLevel::StoreChecked);
  EXPECT_TRUE(journey->store.uploads_under_way().empty());
}

TEST(Multipart, ObjectWithOtherBytesThanTheirPartsIsUploadedAnewThenAlarmed) {
  auto journey = multipart(2);
  journey->fault(Operation::Complete, 1, Fault::WrongEtag);
  // The single-PUT ETag of the fault is no multipart ETag: it proves nothing,
  // so nothing is refused.
  EXPECT_EQ(journey->expect<Stored>().proof, ProofLevel::Acknowledged);

  Random dice(1);
  auto scripted = multipart(1);
  RetryQuota quota;
  Upload upload(scripted->attempt, scripted->capabilities, {}, quota, dice);
  const auto body = as_bytes(scripted->content);
  const auto round = [&](const std::string& id) {
    upload.step(CreateDone{id});
    upload.step(Persisted{});
    upload.step(PartDone{1, Part{1, '"' + to_hex(md5(body)) + '"', 3}, md5(body)});
    upload.step(ContentRead{sha256(body)});
    upload.step(Persisted{});
    return upload.step(CompleteDone{PutReply{.etag = '"' + std::string(32, '0') + "-1\""}});
  };
  upload.step(Begin{});
  EXPECT_TRUE(std::holds_alternative<Wait>(round("first").at(0)));
  upload.step(Resumed{});
  // The damaged object is at the key now and must be the one that is replaced.
  EXPECT_EQ(upload.attempt().base_etag, '"' + std::string(32, '0') + "-1\"");
  upload.step(CreateDone{std::string("second")});
  upload.step(Persisted{});
  upload.step(PartDone{1, Part{1, '"' + to_hex(md5(body)) + '"', 3}, md5(body)});
  HeadReply there;
  there.size = scripted->attempt.size;
  there.etag = *upload.attempt().base_etag;
  there.metadata = make_metadata(scripted->attempt);
  upload.step(HeadDone{there});
  const auto end = upload.step(CompleteDone{PutReply{.etag = '"' + std::string(32, '1') + "-1\""}});
  EXPECT_THAT(std::get<Refused>(std::get<Outcome>(end.at(0))).cause.message,
              HasSubstr("memory, network or store"));
}

// --- sizes (S3.md 10.40)
// ------------------------------------------------------------------------

TEST(Multipart, PartSizeFollowsTheFile) {
  EXPECT_EQ(part_size_for(0), 0U);
  EXPECT_EQ(part_size_for(multipart_threshold), 0U);
  EXPECT_EQ(part_size_for(multipart_threshold + 1), multipart_threshold);
  const std::uint64_t most = 10'000 * multipart_threshold;
  EXPECT_EQ(part_size_for(most), multipart_threshold);
  EXPECT_EQ(part_size_for(most + 1), multipart_threshold + 1);
  EXPECT_LE((max_object_size - 1) / part_size_for(max_object_size) + 1, 10'000U);
  EXPECT_LE(part_size_for(max_object_size), 5ULL << 30U);
}

}  // namespace
}  // namespace waybill::uploader
