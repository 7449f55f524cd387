// A copy in place of the bytes, on its way through a store that misbehaves: what it may not do, and
// that the file is sent where it does not work out (PROTOCOL.md section 4).
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

class Copy : public testing::Test {
 protected:
  void begin(StoreBehaviour behaviour = {}) {
    journey_.emplace(behaviour);
    journey_->make_copy();
  }
  Journey& journey() {
    if (!journey_) begin();
    return *journey_;
  }
  const std::vector<std::string>& requests() { return journey().requests; }
  const fakes::FakeStore::Object& there() { return *journey().store.find(journey().attempt.key); }
  void expect_from_file(bool by_store) {
    const Stored stored = journey().expect<Stored>();
    EXPECT_EQ(as_text(*there().body), journey().content);
    EXPECT_FALSE(there().copied);
    EXPECT_GE(stored.proof, ProofLevel::EtagRecomputed);
    ASSERT_TRUE(journey().not_copied);
    EXPECT_EQ(journey().not_copied->by_store, by_store);
  }

 private:
  std::optional<Journey> journey_;
};

TEST_F(Copy, GoesBetweenTwoLooksAndSendsNoBytes) {
  const Stored stored = journey().expect<Stored>();
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD"));
  EXPECT_TRUE(there().copied);
  EXPECT_EQ(there().attempt, journey().attempt.id) << "it is this attempt's, not the former one's";
  EXPECT_EQ(stored.proof, ProofLevel::StoreChecked);
  EXPECT_THAT(stored.proof_detail, HasSubstr("copied"));
  EXPECT_EQ(stored.sha256, sha256(as_bytes(journey().content)));
  EXPECT_EQ(stored.checksum, "sha256:" + to_base64(stored.sha256));
  EXPECT_EQ(stored.reply.etag, there().etag);
  EXPECT_FALSE(stored.may_land_again);
  EXPECT_FALSE(journey().upload().ambiguous());
}

TEST_F(Copy, IsProvenByTheEtagWhereThatIsAnMd5) {
  StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  begin(behaviour);
  EXPECT_EQ(journey().expect<Stored>().proof, ProofLevel::EtagRecomputed);
  EXPECT_EQ(journey().count("PUT"), 0U);
}

TEST_F(Copy, ThatNothingProvesIsReplacedByTheFile) {
  StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  behaviour.md5_etags = false;
  begin(behaviour);
  journey().expect<Stored>();
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD", "PUT if-match"));
  EXPECT_FALSE(there().copied);
  ASSERT_TRUE(journey().not_copied);
  EXPECT_TRUE(journey().not_copied->by_store);
  EXPECT_TRUE(journey().not_copied->may_land) << "it is there: whoever comes back knows it as one";
}

TEST_F(Copy, ThatWasMadeThoughTheStoreSaysItFailedIsProvenAsACopy) {
  StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  behaviour.md5_etags = false;
  begin(behaviour);
  journey().fault(Operation::Copy, 1, Fault::Throttle);
  journey().before(Operation::Head, 2, [&] {
    journey().store.put_foreign(journey().attempt.key, journey().content,
                                make_metadata(journey().attempt));
  });
  journey().expect<Stored>();
  EXPECT_EQ(journey().count("PUT"), 1U) << "nobody signed what was copied";
}

TEST_F(Copy, ThatFailsTimeAndAgainIsSentFromTheFile) {
  for (int i = 1; i <= 10; ++i) journey().fault(Operation::Copy, i, Fault::FailBefore);
  expect_from_file(false);
  EXPECT_EQ(journey().count("COPY"), 3U);
}

TEST_F(Copy, OfAnObjectThatIsAnotherOneByNowIsNotMade) {
  journey().store.put_foreign(journey().attempt.copy->key, "theirs");
  expect_from_file(false);
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD", "PUT if-absent"));
}

TEST_F(Copy, OfAnObjectThatIsGoneIsNotMade) {
  journey().store.erase(journey().attempt.copy->key);
  expect_from_file(false);
}

TEST_F(Copy, OfOtherBytesByAStoreThatDoesNotPinItsSourceIsReplaced) {
  StoreBehaviour behaviour;
  behaviour.pins_copies = false;
  begin(behaviour);
  journey().store.put_foreign(journey().attempt.copy->key, "theirs");
  expect_from_file(false);
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD", "PUT if-match"));
}

TEST_F(Copy, IsNotAskedForWhereAForeignObjectIs) {
  journey().store.put_foreign(journey().attempt.key, "theirs");
  journey().expect<ForeignObject>();
  EXPECT_THAT(requests(), ElementsAre("HEAD"));
}

TEST_F(Copy, DoesNotOverwriteWhatComesBetweenLookAndCopy) {
  journey().before(Operation::Copy, 1,
                   [&] { journey().store.put_foreign(journey().attempt.key, "theirs"); });
  journey().expect<ForeignObject>();
  EXPECT_EQ(as_text(*there().body), "theirs");
}

TEST_F(Copy, LooksBeforeEachTry) {
  journey().fault(Operation::Copy, 1, Fault::FailBefore);
  journey().fault(Operation::Copy, 2, Fault::Throttle);
  journey().expect<Stored>();
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD", "COPY if-absent", "HEAD",
                                      "COPY if-absent", "HEAD"));
}

TEST_F(Copy, WhoseReplyIsLostIsFoundByAHead) {
  journey().fault(Operation::Copy, 1, Fault::LostReply);
  const Stored stored = journey().expect<Stored>();
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD"));
  EXPECT_FALSE(stored.may_land_again);
}

TEST_F(Copy, ThatWasNeverAnsweredMayLandAfterTheNextOne) {
  journey().fault(Operation::Copy, 1, Fault::LandsLater);
  EXPECT_TRUE(journey().expect<Stored>().may_land_again);
  EXPECT_EQ(journey().count("COPY"), 2U);
}

TEST_F(Copy, ThatTheStoreDoesNotKnowIsSentFromTheFile) {
  StoreBehaviour behaviour;
  behaviour.copies = false;
  begin(behaviour);
  expect_from_file(true);
  // The first 501 may have been about the condition.
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD", "COPY unconditional",
                                      "HEAD", "PUT if-absent"));
}

TEST_F(Copy, ThatIsNotAllowedIsSentFromTheFile) {
  journey().fault(Operation::Copy, 1, Fault::Denied);
  expect_from_file(true);
  EXPECT_TRUE(journey().troubles.empty());
}

TEST_F(Copy, ConditionThatIsUnknownOnCopiesAloneIsLeftOut) {
  StoreBehaviour behaviour;
  behaviour.if_absent_on_copy = OnCondition::Unknown;
  begin(behaviour);
  journey().expect<Stored>();
  EXPECT_THAT(requests(),
              ElementsAre("HEAD", "COPY if-absent", "HEAD", "COPY unconditional", "HEAD"));
}

TEST_F(Copy, IsNotTriedWhereNobodyMayLook) {
  StoreBehaviour behaviour;
  behaviour.head_hides_absence = true;
  begin(behaviour);
  expect_from_file(false);
  EXPECT_THAT(requests(), ElementsAre("HEAD", "PUT if-absent"));
}

TEST_F(Copy, OfALargeFileNeedsNoParts) {
  journey().make_multipart(5);
  journey().make_copy();
  journey().expect<Stored>();
  EXPECT_THAT(requests(), ElementsAre("HEAD", "COPY if-absent", "HEAD"));
}

TEST_F(Copy, OfALargeFileThatIsRefusedIsSentInParts) {
  journey().make_multipart(3);
  journey().make_copy();
  journey().fault(Operation::Copy, 1, Fault::Denied);
  expect_from_file(true);
  EXPECT_EQ(journey().count("PART"), 3U);
  EXPECT_TRUE(journey().store.uploads_under_way().empty());
}

TEST_F(Copy, AfterARestartIsLookedForFirst) {
  journey().expect<Stored>();
  journey().requests.clear();
  journey().outcome.reset();
  journey().expect<Stored>(true);
  EXPECT_THAT(requests(), ElementsAre("HEAD"));
}

TEST_F(Copy, ThatMayLandThoughTheFileWasSentIsNotTakenForIt) {
  StoreBehaviour behaviour;
  behaviour.returns_checksums = false;
  behaviour.md5_etags = false;
  begin(behaviour);
  journey().fault(Operation::Copy, 1, Fault::LandsLater);
  journey().fault(Operation::Copy, 2, Fault::Denied);
  // It lands before the PUT, which is refused then: what is there nobody has signed.
  journey().before(Operation::Put, 1, [&] {
    journey().faulty().land_zombies();
    journey().store.run_all();
  });
  journey().expect<Stored>();
  EXPECT_FALSE(there().copied);
}

TEST_F(Copy, OfWhatIsNoLongerWantedIsLeftToItsQuarantine) {
  journey().lose_source_during(Operation::Copy, 1);
  EXPECT_TRUE(journey().expect<Dropped>().may_still_land);
}

}  // namespace
}  // namespace waybill::uploader
