// One PUT on its way through a store that misbehaves: PROTOCOL.md rules 1 to 5,
// S3.md section 10.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/unit/uploader/journey.h"
#include "uploader/metadata.h"

namespace waybill::uploader {
namespace {

using fakes::Fault;
using fakes::Operation;
using fakes::StoreBehaviour;
using testing::ElementsAre;
using testing::HasSubstr;
using OnCondition = StoreBehaviour::OnCondition;

StoreBehaviour unguarded() {
  StoreBehaviour behaviour;
  behaviour.if_absent_on_put = OnCondition::Ignores;
  behaviour.if_absent_on_complete = OnCondition::Ignores;
  behaviour.if_match = OnCondition::Ignores;
  return behaviour;
}

// An object that an earlier generation of ours left; returns its ETag.
std::string put_base(Journey& journey, const std::string& body = "the generation before") {
  Attempt earlier = journey.attempt;
  earlier.id = "earlier";
  earlier.generation -= 1;
  earlier.sha256 = sha256(as_bytes(body));
  journey.store.put_foreign(journey.attempt.key, body, make_metadata(earlier));
  return journey.store.find(journey.attempt.key)->etag;
}

std::string body_there(const Journey& journey) {
  const auto* object = journey.store.find(journey.attempt.key);
  return object == nullptr ? "nothing" : std::string(as_text(*object->body));
}

// --- the plain way
// ------------------------------------------------------------------------------

TEST(SinglePut, NewKeyIsPutIfAbsentAndStored) {
  Journey journey;
  const Stored stored = journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent"));
  EXPECT_EQ(stored.proof, ProofLevel::StoreChecked);
  EXPECT_EQ(stored.size, journey.content.size());
  EXPECT_EQ(stored.sha256, sha256(as_bytes(journey.content)));
  EXPECT_EQ(stored.checksum, "sha256:" + to_base64(stored.sha256));
  EXPECT_FALSE(stored.may_land_again);
  EXPECT_EQ(body_there(journey), journey.content);
}

TEST(SinglePut, ObjectCarriesWhoPutItThere) {
  Journey journey;
  journey.expect<Stored>();
  const auto identity = parse_metadata(journey.store.find(journey.attempt.key)->metadata);
  EXPECT_EQ(identity.attempt, journey.attempt.id);
  EXPECT_EQ(identity.agent, journey.attempt.agent_id);
  EXPECT_EQ(identity.generation, 3);
  EXPECT_EQ(identity.sha256, journey.attempt.sha256);
}

TEST(SinglePut, OurOwnObjectIsReplacedOnlyIfItIsStillThatOne) {
  Journey journey;
  journey.attempt.base_etag = put_base(journey);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-match"));
  EXPECT_EQ(body_there(journey), journey.content);
}

TEST(SinglePut, EtagGoesWithoutQuotesWhereTheStoreWantsItSo) {
  StoreBehaviour ceph;
  ceph.if_match_unquoted = true;
  Journey journey(ceph);
  journey.attempt.base_etag = put_base(journey);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-match"));
}

TEST(SinglePut, WithoutEnforcedConditionsAHeadGoesFirst) {
  Journey journey(unguarded());
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("HEAD", "PUT unconditional"));

  Journey replacing(unguarded());
  replacing.attempt.base_etag = put_base(replacing);
  replacing.expect<Stored>();
  EXPECT_THAT(replacing.requests, ElementsAre("HEAD", "PUT unconditional"));
}

TEST(SinglePut, WithoutEnforcedConditionsAForeignObjectIsSeenInTime) {
  Journey journey(unguarded());
  journey.store.put_foreign(journey.attempt.key, "theirs");
  EXPECT_EQ(journey.expect<ForeignObject>().object.size, 6U);
  EXPECT_THAT(journey.requests, ElementsAre("HEAD"));
  EXPECT_EQ(body_there(journey), "theirs");
}

TEST(SinglePut, WithoutEnforcedConditionsEachTryLooksFirst) {
  Journey journey(unguarded());
  journey.fault(Operation::Put, 1, Fault::FailBefore);
  journey.before(Operation::Head, 2,
                 [&] { journey.store.put_foreign(journey.attempt.key, "theirs"); });
  journey.expect<ForeignObject>();
  EXPECT_EQ(body_there(journey), "theirs");
}

// --- proofs
// -------------------------------------------------------------------------------------

TEST(SinglePut, RecomputedEtagIsProofLevelTwo) {
  StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  EXPECT_EQ(Journey(behaviour).expect<Stored>().proof, ProofLevel::EtagRecomputed);
}

TEST(SinglePut, MereAcknowledgementIsProofLevelOne) {
  StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  behaviour.md5_etags = false;
  const Stored stored = Journey(behaviour).expect<Stored>();
  EXPECT_EQ(stored.proof, ProofLevel::Acknowledged);
  EXPECT_THAT(stored.proof_detail, HasSubstr("nothing to hold it against"));
}

// S3.md 10.13
TEST(SinglePut, OtherChecksumInTheReplyIsNotStored) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::WrongEtag);
  // What came back was wrong, not what is there: the HEAD tells.
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "PUT if-match", "HEAD"));
}

TEST(SinglePut, ObjectThatReallyHasOtherBytesIsReplacedOnce) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::WrongEtag);
  journey.before(Operation::Put, 2, [&] {
    const auto damaged = *journey.store.find(journey.attempt.key);
    journey.store.put_foreign(journey.attempt.key, "other bytes than were sent", damaged.metadata);
  });
  journey.expect<Stored>();
  EXPECT_EQ(body_there(journey), journey.content);
}

TEST(SinglePut, OtherChecksumTwiceIsAnAlarm) {
  Journey journey(unguarded());
  journey.faults_from(Operation::Put, 1, Fault::WrongEtag);
  journey.store.behaviour.returns_checksums = false;
  journey.capabilities.if_match_on_put = true;
  const Refused refused = journey.expect<Refused>();
  EXPECT_EQ(refused.cause.code, ErrorCode::Damaged);
  EXPECT_THAT(refused.cause.message, HasSubstr("memory, network or store"));
}

// S3.md 10.14
TEST(SinglePut, BadDigestReadsTheFileAgainOnce) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::BadDigest);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "PUT if-absent"));

  Random dice(1);
  RetryQuota quota;
  Upload upload(journey.attempt, journey.capabilities, {}, quota, dice);
  auto actions = upload.step(Begin{});
  EXPECT_FALSE(std::get<SendPut>(actions.at(0)).reread);
  actions = upload.step(PutDone{fail(Error{.code = ErrorCode::Damaged, .http_status = 400})});
  EXPECT_TRUE(std::get<SendPut>(actions.at(0)).reread);
}

TEST(SinglePut, BadDigestTwiceIsAnAlarm) {
  Journey journey;
  journey.faults_from(Operation::Put, 1, Fault::BadDigest);
  EXPECT_EQ(journey.expect<Refused>().cause.code, ErrorCode::Damaged);
  EXPECT_EQ(journey.count("PUT"), 2U);
  EXPECT_EQ(body_there(journey), "nothing");
}

// --- unclear outcomes
// ---------------------------------------------------------------------------

// S3.md 10.1
TEST(SinglePut, LostReplyAfterItLandedIsOneObjectAndNoSecondBody) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::LostReply);
  const Stored stored = journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD"));
  EXPECT_EQ(journey.store.history().size(), 1U);
  EXPECT_EQ(stored.proof, ProofLevel::StoreChecked);
  EXPECT_FALSE(stored.may_land_again);
}

TEST(SinglePut, LostRequestIsSentAgainOnlyAfterHeadSaidAbsent) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::LostRequest);
  const Stored stored = journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "PUT if-absent"));
  EXPECT_TRUE(stored.may_land_again);
  EXPECT_TRUE(journey.upload().ambiguous());
}

TEST(SinglePut, ZombieThatLandsBeforeTheSecondSendIsRecognised) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::LandsLater);
  journey.before(Operation::Put, 2, [&] { journey.faulty().land_zombies(); });
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "PUT if-absent", "HEAD"));
  EXPECT_EQ(journey.store.history().size(), 1U);
}

// S3.md 10.3
TEST(SinglePut, RestartAfterItLandedStoresWithoutABody) {
  Journey before;
  before.expect<Stored>();
  Journey after;
  after.store.put_foreign(after.attempt.key, after.content,
                          before.store.find(before.attempt.key)->metadata);
  const Stored stored = after.expect<Stored>(true);
  EXPECT_THAT(after.requests, ElementsAre("HEAD"));
  // The run that died may have sent it twice, and the first of the two be under way still.
  EXPECT_TRUE(stored.may_land_again);
}

TEST(SinglePut, RestartBeforeItLandedSendsAfterHeadSaidAbsent) {
  Journey journey;
  journey.expect<Stored>(true);
  EXPECT_THAT(journey.requests, ElementsAre("HEAD", "PUT if-absent"));
}

// S3.md 10.4
TEST(SinglePut, PreconditionFailedByOurOwnAttemptIsSuccess) {
  Journey journey;
  journey.store.put_foreign(journey.attempt.key, journey.content, make_metadata(journey.attempt));
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD"));
}

// S3.md 10.5
TEST(SinglePut, PreconditionFailedByAForeignObjectIsAConflict) {
  Journey journey;
  journey.store.put_foreign(journey.attempt.key, "theirs");
  journey.expect<ForeignObject>();
  EXPECT_EQ(body_there(journey), "theirs");
}

TEST(SinglePut, SameBytesOfSomebodyElseAreStoredButNotOurs) {
  Journey journey;
  journey.store.put_foreign(journey.attempt.key, journey.content);
  const StoredByOther other = journey.expect<StoredByOther>();
  EXPECT_EQ(other.proof, ProofLevel::StoreChecked);
  EXPECT_EQ(journey.store.history().size(), 1U);
}

// S3.md 10.6
TEST(SinglePut, PreconditionFailedButNothingThereIsTriedAgain) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::Precondition);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "PUT if-absent"));
}

// S3.md 10.7
TEST(SinglePut, ConflictIsTriedAgain) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::Conflict);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "PUT if-absent"));
}

// S3.md 10.10 and 10.11, where the probe's finding no longer holds
TEST(SinglePut, UnknownConditionFallsBackToHeadThenPut) {
  Journey journey;
  journey.store.behaviour.if_absent_on_put = OnCondition::Unknown;
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "PUT unconditional"));
}

TEST(SinglePut, EarlierAttemptOfOursBecomesTheNewBase) {
  Journey journey;
  put_base(journey);
  journey.attempt.prior_attempts = {"earlier"};
  const Stored stored = journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "PUT if-match"));
  EXPECT_FALSE(stored.recovered);
}

TEST(SinglePut, ObjectOfOursThatTheCatalogForgotIsReplacedAndTold) {
  Journey journey;
  put_base(journey);
  EXPECT_TRUE(journey.expect<Stored>().recovered);
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "PUT if-match"));
}

TEST(SinglePut, BaseStillThereAfterALostRequestIsReplacedOnCondition) {
  Journey journey;
  journey.attempt.base_etag = put_base(journey);
  journey.fault(Operation::Put, 1, Fault::LostRequest);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-match", "HEAD", "PUT if-match"));
}

TEST(SinglePut, BaseThatSomebodyReplacedIsAConflict) {
  Journey journey;
  journey.attempt.base_etag = put_base(journey);
  journey.store.put_foreign(journey.attempt.key, "theirs");
  journey.expect<ForeignObject>();
  EXPECT_EQ(body_there(journey), "theirs");
}

class BaseVanished : public testing::TestWithParam<bool> {};

// AWS says 404 to If-Match on a key that is gone, Ceph 412; neither means a
// foreign object.
TEST_P(BaseVanished, NewContentGoesThereAsToANewKey) {
  StoreBehaviour behaviour;
  behaviour.if_match_on_absent_is_412 = GetParam();
  Journey journey(behaviour);
  journey.attempt.base_etag = "\"gone\"";
  EXPECT_TRUE(journey.expect<Stored>().base_was_missing);
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-match", "HEAD", "PUT if-absent"));
}

INSTANTIATE_TEST_SUITE_P(SinglePut, BaseVanished, testing::Bool());

TEST(SinglePut, ForbiddenHeadIsNeverTakenAsAbsent) {
  StoreBehaviour behaviour;
  behaviour.head_hides_absence = true;
  Journey journey(behaviour);
  journey.fault(Operation::Put, 1, Fault::LostRequest);
  EXPECT_EQ(journey.expect<CannotTell>().cause.http_status, 403);
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD"));
  EXPECT_TRUE(journey.upload().ambiguous());
}

TEST(SinglePut, WriteOnlyCredentialsStoreWhereConditionsAreEnforced) {
  StoreBehaviour behaviour;
  behaviour.hides_everything = true;
  behaviour.returns_checksums = false;
  behaviour.md5_etags = false;
  EXPECT_EQ(Journey(behaviour).expect<Stored>().proof, ProofLevel::Acknowledged);
}

// --- failures
// -----------------------------------------------------------------------------------

TEST(SinglePut, TransientFailuresAreTriedFastThenTheEndpointIsTheCause) {
  Journey journey;
  for (int nth = 1; nth <= 5; ++nth) journey.fault(Operation::Put, nth, Fault::FailBefore);
  journey.expect<Stored>();
  EXPECT_EQ(journey.waits.size(), 4U);
  ASSERT_EQ(journey.troubles.size(), 1U);
  EXPECT_EQ(journey.troubles[0].s3_code, "InternalError");
  EXPECT_EQ(journey.count("PUT"), 6U);
}

// S3.md 10.27
TEST(SinglePut, ThrottlingWaitsLongerThanAFailure) {
  const RetryPolicy policy;
  Random same(3);
  Random dice(3);
  EXPECT_GT(policy.fast_delay(ErrorCode::Throttled, 2, same),
            policy.fast_delay(ErrorCode::RetryLater, 2, dice) * 10);
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::Throttle);
  journey.expect<Stored>();
  EXPECT_EQ(journey.waits.size(), 1U);
}

TEST(SinglePut, HeadThatFailsIsTriedAgainBeforeAnythingElse) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::LostReply);
  journey.fault(Operation::Head, 1, Fault::FailBefore);
  journey.fault(Operation::Head, 2, Fault::LostReply);
  journey.expect<Stored>();
  EXPECT_THAT(journey.requests, ElementsAre("PUT if-absent", "HEAD", "HEAD", "HEAD"));
}

TEST(SinglePut, AfterAnOutageAnUnansweredSendIsLookedForFirst) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::LandsLater);
  for (int nth = 2; nth <= 5; ++nth) journey.fault(Operation::Put, nth, Fault::FailBefore);
  journey.before(Operation::Head, 2, [&] {
    journey.faulty().land_zombies();
    journey.store.run_one();
  });
  journey.expect<Stored>();
  EXPECT_EQ(journey.troubles.size(), 1U);
  EXPECT_EQ(journey.requests.back(), "HEAD");
  EXPECT_EQ(journey.store.history().size(), 1U);
}

// S3.md 10.28
TEST(SinglePut, WithTheQuotaSpentTheFirstFailureIsTheEndpoints) {
  Journey journey;
  journey.quota = RetryQuota(13);
  journey.fault(Operation::Put, 1, Fault::FailBefore);
  journey.expect<Stored>();
  EXPECT_TRUE(journey.waits.empty());
  EXPECT_EQ(journey.troubles.size(), 1U);
  EXPECT_EQ(journey.count("PUT"), 2U);
}

TEST(SinglePut, ARetryThatWorkedCostsNothing) {
  Journey journey;
  journey.quota = RetryQuota(14);
  journey.fault(Operation::Put, 1, Fault::LostRequest);
  journey.expect<Stored>();
  EXPECT_EQ(journey.waits.size(), 1U);
  EXPECT_TRUE(journey.troubles.empty());
  EXPECT_EQ(journey.quota.tokens(), 15) << "and the look before it was a clean success";
}

// S3.md 10.36
TEST(SinglePut, DeniedAccessHoldsTheAttemptWithoutARetryStorm) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::Denied);
  journey.expect<Stored>();
  EXPECT_TRUE(journey.waits.empty());
  ASSERT_EQ(journey.troubles.size(), 1U);
  EXPECT_EQ(journey.troubles[0].s3_code, "AccessDenied");
}

TEST(SinglePut, WhatS3RefusesAboutThisKeyAloneNeedsAPerson) {
  Journey journey;
  journey.fault(Operation::Put, 1, Fault::BadKey);
  EXPECT_EQ(journey.expect<Refused>().cause.s3_code, "KeyTooLongError");
  EXPECT_TRUE(journey.troubles.empty());
}

// --- the source is lost (S3.md 10.15, 10.16)
// ----------------------------------------------------

TEST(SinglePut, SourceLostWhileSendingWaitsForTheAnswer) {
  Journey landed;
  landed.lose_source_during(Operation::Put, 1);
  landed.expect<Stored>();

  Journey refused;
  refused.lose_source_during(Operation::Put, 1);
  refused.fault(Operation::Put, 1, Fault::FailBefore);
  EXPECT_FALSE(refused.expect<Dropped>().may_still_land);

  Journey unclear;
  unclear.lose_source_during(Operation::Put, 1);
  unclear.fault(Operation::Put, 1, Fault::LostRequest);
  EXPECT_TRUE(unclear.expect<Dropped>().may_still_land);
  EXPECT_TRUE(unclear.upload().ambiguous());
}

TEST(SinglePut, SourceLostDuringAPauseEndsAtOnce) {
  Random dice(1);
  Journey journey;
  RetryQuota quota;
  Upload upload(journey.attempt, journey.capabilities, {}, quota, dice);
  upload.step(Begin{});
  upload.step(PutDone{fail(ErrorCode::RetryLater, "503")});
  EXPECT_FALSE(upload.ambiguous());
  const auto actions = upload.step(SourceLost{});
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_FALSE(std::get<Dropped>(std::get<Outcome>(actions[0])).may_still_land);
  EXPECT_TRUE(upload.finished());
  EXPECT_TRUE(upload.step(Resumed{}).empty());
}

TEST(SinglePut, AmbiguousFromTheSendUntilTheAnswer) {
  Random dice(1);
  Journey journey;
  RetryQuota quota;
  Upload upload(journey.attempt, journey.capabilities, {}, quota, dice);
  EXPECT_FALSE(upload.ambiguous());
  upload.step(Begin{});
  EXPECT_TRUE(upload.ambiguous());
  upload.step(PutDone{fail(ErrorCode::Ambiguous, "timeout")});
  EXPECT_TRUE(upload.ambiguous());
  upload.step(HeadDone{fail(ErrorCode::NotFound, "404")});
  EXPECT_TRUE(upload.ambiguous());
}

}  // namespace
}  // namespace waybill::uploader
