// A multipart upload that begins again after a restart, or loses its source on the way: S3.md
// sections 4 and 10, PROTOCOL.md rule 12.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/uploader/multipart_journey.h"
#include "uploader/metadata.h"

namespace waybill::uploader {
namespace {

using fakes::Fault;
using fakes::Operation;
using fakes::StoreBehaviour;
using testing::ElementsAre;

// --- restart -------------------------------------------------------------------------------------

TEST(Multipart, RestartWithAnUploadIdLooksFirstThenSendsWhatIsMissing) {
  auto journey = multipart(2);
  journey->attempt.upload_id = journey->store.create_foreign_upload(journey->attempt.key);
  journey->expect<Stored>(true);
  EXPECT_THAT(journey->requests, ElementsAre("LIST UPLOADS", "HEAD", "LIST PARTS", "PART 1",
                                             "PART 2", "persist content", "COMPLETE if-absent"));
  expect_whole(*journey);
}

// An upload of four parts, of which S3 has the first, the third with other bytes and a fourth that
// is too short.
std::unique_ptr<Journey> half_way(StoreBehaviour behaviour = {}) {
  auto journey = multipart(4, behaviour);
  journey->attempt.upload_id = journey->store.create_foreign_upload(journey->attempt.key);
  const auto put = [&](int number, const std::string& text) {
    const auto bytes = as_bytes(text);
    const auto body = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
    journey->store.put_part({.key = journey->attempt.key,
                             .upload_id = journey->attempt.upload_id,
                             .number = number,
                             .body = body,
                             .sha256 = sha256(*body),
                             .md5 = md5(*body)},
                            [](const Result<Part>&) {});
  };
  put(1, journey->content.substr(0, 4));
  put(3, "evil");
  put(4, "x");
  journey->store.run_all();
  return journey;
}

// 24
TEST(Multipart, RestartKeepsThePartsThatTheFileStillHas) {
  auto journey = half_way();
  const Stored stored = journey->expect<Stored>(true);
  EXPECT_THAT(journey->requests,
              ElementsAre("LIST UPLOADS", "HEAD", "LIST PARTS", "KEEP 1", "PART 2", "PART 3",
                          "PART 4", "persist content", "COMPLETE if-absent"));
  EXPECT_EQ(stored.sha256, sha256(as_bytes(journey->content)));
  EXPECT_EQ(stored.proof, ProofLevel::EtagRecomputed);
  expect_whole(*journey);
}

TEST(Multipart, PartsWhoseEtagsSayNothingAreSentAgain) {
  auto journey = half_way({.md5_etags = false});
  journey->expect<Stored>(true);
  EXPECT_EQ(journey->count("LIST PARTS"), 0U);
  EXPECT_EQ(journey->count("PART"), 4U);
  expect_whole(*journey);
}

TEST(Multipart, PartsThatMayNotBeListedAreSentAgain) {
  auto journey = half_way();
  journey->fault(Operation::ListParts, 1, Fault::Denied);
  journey->expect<Stored>(true);
  EXPECT_EQ(journey->count("PART"), 4U);
  expect_whole(*journey);
}

TEST(Multipart, ListingOfPartsThatFailsIsTriedAgain) {
  auto journey = half_way();
  journey->fault(Operation::ListParts, 1, Fault::FailBefore);
  journey->expect<Stored>(true);
  EXPECT_EQ(journey->count("KEEP"), 1U);
  expect_whole(*journey);
}

// Such a store is not in trouble, and the file need not wait until it has learned to list.
TEST(Multipart, AListingThatIsNeverReadableIsDoneWithout) {
  auto journey = half_way();
  journey->quota = RetryQuota(0);  // asking again is no burden on a store that answers
  for (int listing = 1; listing <= 20; ++listing) {
    journey->fault(Operation::ListParts, listing, Fault::Unreadable);
    journey->fault(Operation::ListUploads, listing, Fault::Unreadable);
  }
  journey->expect<Stored>(true);
  EXPECT_EQ(journey->count("PART"), 4U);
  EXPECT_TRUE(journey->troubles.empty());
  EXPECT_LE(journey->count("LIST PARTS"), 5U);
  expect_whole(*journey);
}

TEST(Multipart, RestartAfterCompleteLandedSendsNothing) {
  auto before = multipart(2);
  before->expect<Stored>();
  auto after = multipart(2);
  after->attempt.upload_id = "upload-1";
  after->store.put_foreign(after->attempt.key, after->content,
                           before->store.find(before->attempt.key)->metadata);
  after->expect<Stored>(true);
  EXPECT_EQ(after->count("PART"), 0U);
  EXPECT_EQ(after->count("COMPLETE"), 0U);
}

TEST(Multipart, RestartWithAnUploadThatIsGoneMakesANewOne) {
  auto journey = multipart(2);
  journey->attempt.upload_id = "long gone";
  journey->expect<Stored>(true);
  EXPECT_EQ(journey->count("CREATE"), 1U);
  expect_whole(*journey);
}

// Some stores list an object whose upload was aborted while they were at its Complete, and have it
// no more.
TEST(Multipart, UploadThatHasBecomeTheObjectIsNotAborted) {
  auto journey = multipart(3);
  journey->fault(Operation::Complete, 1, Fault::LostReply);
  journey->expect<Stored>(false);
  EXPECT_EQ(journey->count("HEAD"), 1U);
  EXPECT_EQ(journey->count("ABORT"), 0U);
  EXPECT_EQ(journey->upload().left_behind().size(), 1U) << "nobody may take it for theirs";
}

// --- the source is lost (S3.md 10.15, 10.16, 10.26) ----------------------------------------------

class LostDuring : public testing::TestWithParam<std::tuple<Operation, Fault>> {};

TEST_P(LostDuring, NothingStaysBehind) {
  const auto [operation, fault] = GetParam();
  auto journey = multipart(6);
  journey->lose_source_during(operation, 1);
  journey->fault(operation, 1, fault);
  const bool completing = operation == Operation::Complete;
  const Outcome end = journey->run();
  if (completing && fault == Fault::None) {
    EXPECT_TRUE(std::holds_alternative<Stored>(end));
  } else {
    ASSERT_TRUE(std::holds_alternative<Dropped>(end));
    EXPECT_EQ(std::get<Dropped>(end).may_still_land,
              completing && (fault == Fault::LostReply || fault == Fault::LostRequest));
  }
  // Its owner comes back to what may be completed yet.
  EXPECT_EQ(journey->store.uploads_under_way().size(),
            completing && fault == Fault::LostRequest ? 1U : 0U);
  EXPECT_EQ(journey->count("PART") > 4, completing);
}

INSTANTIATE_TEST_SUITE_P(Multipart, LostDuring,
                         testing::Combine(testing::Values(Operation::Create, Operation::PutPart,
                                                          Operation::Complete),
                                          testing::Values(Fault::None, Fault::LostReply,
                                                          Fault::LostRequest, Fault::FailBefore)));

TEST(Multipart, AbortWaitsForThePartsInFlight) {
  auto journey = multipart(6);
  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  upload.step(CreateDone{std::string("id")});
  upload.step(Persisted{});
  EXPECT_TRUE(upload.step(SourceLost{}).empty());
  for (int part = 1; part <= 3; ++part) {
    EXPECT_TRUE(upload.step(PartDone{part, fail(ErrorCode::Cancelled, "cancelled")}).empty());
  }
  const auto actions = upload.step(PartDone{4, fail(ErrorCode::Cancelled, "cancelled")});
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(std::get<SendAbort>(actions[0]).upload_id, "id");
}

TEST(Multipart, AbortIsRepeatedUntilNoPartIsLeft) {
  auto journey = multipart(6);
  journey->lose_source_during(Operation::PutPart, 2);
  journey->fault(Operation::Abort, 1, Fault::FailBefore);
  journey->fault(Operation::Abort, 2, Fault::LostRequest);
  journey->expect<Dropped>();
  EXPECT_EQ(journey->count("ABORT"), 3U);

  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  upload.step(CreateDone{std::string("id")});
  upload.step(SourceLost{});
  auto actions = upload.step(AbortDone{Nothing{}});
  ASSERT_TRUE(std::holds_alternative<SendListParts>(actions.at(0)));
  while (quota.take(ErrorCode::RetryLater) > 0) {
  }
  actions = upload.step(PartsListed{std::vector<Part>{{1, "\"late\"", 4}}});
  EXPECT_TRUE(std::holds_alternative<Wait>(actions.at(0)));
  actions = upload.step(Resumed{});
  EXPECT_TRUE(std::holds_alternative<SendAbort>(actions.at(0)));
}

// The owner gives up its pauses with the source: none of them may be waited for.
TEST(Multipart, SourceLostInAPauseNeedsNoResumed) {
  auto journey = multipart(2);
  const auto last_of = [](std::vector<Action> actions) { return std::move(actions.back()); };
  Random dice(1);
  RetryQuota quota;
  Upload listing(journey->attempt, journey->capabilities, {}, quota, dice);
  listing.step(Begin{true});
  ASSERT_TRUE(std::holds_alternative<Wait>(
      last_of(listing.step(UploadsListed{fail(ErrorCode::RetryLater, "503")}))));
  ASSERT_TRUE(std::holds_alternative<SendListUploads>(last_of(listing.step(SourceLost{}))));
  const std::vector<ListedUpload> ours{{journey->attempt.key, "orphan", journey->store.now}};
  const Action abort = last_of(listing.step(UploadsListed{ours}));
  EXPECT_EQ(std::get<SendAbort>(abort).upload_id, "orphan");

  Upload aborting(journey->attempt, journey->capabilities, {}, quota, dice);
  aborting.step(Begin{});
  aborting.step(CreateDone{std::string("id")});
  aborting.step(Persisted{});
  aborting.step(PartDone{
      1, fail(Error{
             .code = ErrorCode::NeedsPerson, .http_status = 400, .s3_code = "EntityTooLarge"})});
  aborting.step(PartDone{2, fail(ErrorCode::RetryLater, "503")});
  ASSERT_TRUE(std::holds_alternative<Wait>(
      last_of(aborting.step(AbortDone{fail(ErrorCode::RetryLater, "503")}))));
  EXPECT_TRUE(std::holds_alternative<SendAbort>(last_of(aborting.step(SourceLost{}))));
  aborting.step(AbortDone{Nothing{}});
  const Action end = last_of(aborting.step(PartsListed{std::vector<Part>{}}));
  EXPECT_TRUE(std::holds_alternative<Refused>(std::get<Outcome>(end)));
}

// Its content is durable before its Complete is sent: with it, an earlier run may have sent that.
TEST(Multipart, SourceLostBeforeBeginAbortsNoUploadThatMayBeCompleted) {
  for (const bool may_be_completed : {true, false}) {
    auto journey = multipart(2);
    journey->attempt.upload_id = "id";
    if (may_be_completed) journey->attempt.sha256 = sha256(as_bytes(journey->content));
    Random dice(1);
    RetryQuota quota;
    Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
    const auto actions = upload.step(SourceLost{});
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_TRUE(upload.ambiguous());
    if (may_be_completed) {
      EXPECT_TRUE(std::get<Dropped>(std::get<Outcome>(actions[0])).may_still_land);
    } else {
      EXPECT_EQ(std::get<SendAbort>(actions[0]).upload_id, "id");
    }
  }
}

TEST(Multipart, AbortThatIsForbiddenIsLeftForLater) {
  auto journey = multipart(2);
  journey->lose_source_during(Operation::PutPart, 1);
  journey->faults_from(Operation::Abort, 1, Fault::Denied);
  journey->expect<Dropped>();
  EXPECT_THAT(journey->upload().left_behind(), ElementsAre("upload-1"));
}

TEST(Multipart, AbortThatFailsAgainAndAgainIsLeftForLater) {
  for (const Operation failing : {Operation::Abort, Operation::ListParts}) {
    auto journey = multipart(2);
    journey->lose_source_during(Operation::PutPart, 1);
    journey->faults_from(failing, 1, Fault::FailBefore);
    journey->expect<Dropped>();
    EXPECT_THAT(journey->upload().left_behind(), ElementsAre("upload-1"));
    EXPECT_LE(journey->count("ABORT"), 5U);
    EXPECT_LE(journey->count("LIST PARTS"), 5U);
    EXPECT_TRUE(journey->troubles.empty()) << "nothing waits for it";
  }
}

// What the store says of everything is no reason to hold an attempt that has lost its file.
TEST(Multipart, AbortThatAPersonMustAllowEndsALostAttempt) {
  auto journey = multipart(2);
  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  upload.step(CreateDone{std::string("id")});
  ASSERT_TRUE(std::holds_alternative<SendAbort>(upload.step(SourceLost{}).at(0)));
  const auto end = upload.step(AbortDone{fail(
      Error{.code = ErrorCode::NeedsPerson, .http_status = 403, .s3_code = "InvalidAccessKeyId"})});
  ASSERT_TRUE(std::holds_alternative<Outcome>(end.at(0)));
  EXPECT_TRUE(std::holds_alternative<Dropped>(std::get<Outcome>(end.at(0))));
  EXPECT_THAT(upload.left_behind(), ElementsAre("id"));
}

// A store that is still at a Complete would take the bytes away with the upload.
TEST(Multipart, UploadWhoseCompleteWasNotAnsweredIsNotAborted) {
  const auto lost = [](Fault then) {
    auto journey = multipart(2);
    journey->fault(Operation::Complete, 1, Fault::LostRequest);
    journey->fault(Operation::Complete, 2, then);
    return journey;
  };
  auto hidden = lost(Fault::None);
  hidden->faults_from(Operation::Head, 1, Fault::Denied);
  hidden->expect<CannotTell>();
  EXPECT_EQ(hidden->count("ABORT"), 0U);
  EXPECT_TRUE(hidden->upload().ambiguous());

  auto spoilt = lost(Fault::Conflict);
  spoilt->expect<Stored>();
  EXPECT_EQ(spoilt->count("ABORT"), 0U);
  EXPECT_THAT(spoilt->upload().left_behind(), ElementsAre("upload-1"));
}

// --- whose an upload is (PROTOCOL.md rule 12) ----------------------------------------------------

TEST(Multipart, AnUploadIsOursInTheWindowOfItsCreateOnly) {
  using std::chrono::minutes;
  const WallTime sent{std::chrono::hours(480'000)};
  EXPECT_TRUE(in_create_window(sent, sent));
  EXPECT_TRUE(in_create_window(sent - minutes(4), sent));
  EXPECT_TRUE(in_create_window(sent + minutes(24), sent));
  EXPECT_FALSE(in_create_window(sent - minutes(6), sent));
  EXPECT_FALSE(in_create_window(sent + minutes(26), sent));
}

TEST(Multipart, RestartTakesNoUploadThatWasBegunLongAfterItsCreate) {
  auto journey = multipart(2);
  journey->store.now = *journey->attempt.create_sent + std::chrono::hours(48);
  const std::string theirs = journey->store.create_foreign_upload(journey->attempt.key);
  journey->expect<Stored>(true);
  EXPECT_EQ(journey->count("ABORT"), 0U);
  ASSERT_EQ(journey->store.uploads_under_way().size(), 1U);
  EXPECT_EQ(journey->store.uploads_under_way()[0].upload_id, theirs);
}

TEST(Multipart, WindowIsThatOfTheLastCreate) {
  auto journey = multipart(2);
  Random dice(1);
  RetryQuota quota;
  Upload upload(journey->attempt, journey->capabilities, {}, quota, dice);
  upload.step(Begin{});
  const WallTime sent = *journey->attempt.create_sent + std::chrono::hours(48);
  upload.step(CreateDone{fail(ErrorCode::Ambiguous, "no answer"), sent});
  const std::vector<ListedUpload> listed{
      {journey->attempt.key, "theirs", *journey->attempt.create_sent},
      {journey->attempt.key, "ours", sent}};
  const auto actions = upload.step(UploadsListed{listed});
  EXPECT_EQ(std::get<PersistUploadId>(actions.at(0)).upload_id, "ours");
}

// Its upload may come to be in an outage, and be before the window of the next Create.
TEST(Multipart, UnansweredCreateIsLookedForAgainAfterAnOutage) {
  auto journey = multipart(2);
  journey->fault(Operation::Create, 1, Fault::LostRequest);
  journey->fault(Operation::Create, 2, Fault::FailBefore);
  journey->quota = RetryQuota(0);
  journey->expect<Stored>();
  EXPECT_FALSE(journey->troubles.empty());
  // After the Create that was not answered, and before each that follows an outage.
  EXPECT_EQ(journey->count("LIST UPLOADS"), 1 + journey->troubles.size())
      << testing::PrintToString(journey->requests);
}

// What is told is the file's end, and that does not wait for what it left behind.
TEST(Multipart, AnObjectIsStoredThoughAnEarlierUploadCannotBeAborted) {
  auto journey = multipart(2);
  journey->fault(Operation::Complete, 1, Fault::Conflict);
  journey->faults_from(Operation::Abort, 1, Fault::FailBefore);
  journey->expect<Stored>();
  EXPECT_THAT(journey->upload().left_behind(), ElementsAre("upload-1"));
}

}  // namespace
}  // namespace waybill::uploader
