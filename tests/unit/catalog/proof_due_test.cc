#include <optional>
#include <string>
#include <vector>

#include "tests/unit/catalog/catalog_fixture.h"

// An upload that was given up has landed over what is recorded: a HEAD is due, and what it shows
// becomes of the row (PROTOCOL.md section 4).
namespace waybill::catalog {
namespace {

class ProofDue : public CatalogTest {
 protected:
  // "two" is stored, and the upload of "one" has landed after it.
  FileRow stored_and_landed_over() {
    const FileRow row = upload("f", "one");
    late_ = last_;
    const FileRow second = must(catalog_->complete(again(row, "two")));
    last_ = attempt_for(second);
    must(catalog_->claim(last_));
    const FileRow done = must(catalog_->acknowledge(last_.id, stored("two"), true));
    must(catalog_->acknowledge(late_.id, stored("one"), true));
    must(catalog_->commit());
    return done;
  }
  // Its former key has its bytes, too.
  FileRow stored_and_renamed() {
    const FileRow before = store("f", "one");
    must(catalog_->vanished(before.id));
    CompleteFile now = seen("g", "one");
    now.fingerprint = before.fingerprint;
    last_ = attempt_for(must(catalog_->renamed(before.id, now)));
    must(catalog_->claim(last_));
    return must(catalog_->acknowledge(last_.id, stored("one"), true));
  }
  CompleteFile again(const FileRow& row, std::string_view bytes) { return seen(row.path, bytes); }
  ObjectRow object_of(const FileRow& row) { return must(catalog_->object(*row.object)).value(); }
  Catalog::Replaced replaced(const FileRow& row, std::string_view by) {
    return must(catalog_->object_replaced(*row.object, by, "it was replaced"));
  }

  NewAttempt late_;
};

TEST_F(ProofDue, IsFoundAgainAfterARestart) {
  const FileRow row = stored_and_landed_over();
  store("g", "one");
  must(catalog_->commit());
  reopen();
  EXPECT_EQ(must(catalog_->proofs_due()), std::vector{*row.object});
}

TEST_F(ProofDue, IsSettledByWhatIsProvenAnew) {
  const FileRow row = stored_and_landed_over();
  const std::int64_t before = object_of(row).proven_at;
  clock_.advance(std::chrono::minutes(1));
  StoredObject seen = stored("two", "v2");
  seen.etag = "\"another\"";
  seen.proof = ProofLevel::None;
  must(catalog_->proven_again(*row.object, seen));
  const ObjectRow object = object_of(row);
  EXPECT_EQ(object.proof_due, 0);
  EXPECT_GT(object.proven_at, before);
  EXPECT_EQ(object.proof, ProofLevel::StoreChecked) << "what was proven of it holds";
  EXPECT_EQ(object.etag, "\"another\"");
  EXPECT_EQ(object.version, "v2");
  EXPECT_TRUE(must(catalog_->proofs_due()).empty());
  EXPECT_EQ(must(catalog_->complete(again(row, "two"))).state, FileState::Stored);
}

TEST_F(ProofDue, WhatWasStoredAndIsNoMoreIsQueuedAgain) {
  const FileRow row = stored_and_landed_over();
  const auto told = replaced(row, late_.id);
  ASSERT_TRUE(told.row);
  EXPECT_EQ(told.row->state, FileState::Queued);
  EXPECT_EQ(told.row->reason, "it was replaced");
  EXPECT_FALSE(told.only_copy_lost);
  EXPECT_FALSE(object_of(row).live);
  EXPECT_TRUE(must(catalog_->proofs_due()).empty());
  // Its content no longer stands for the file's, and its key is free for the next attempt.
  EXPECT_EQ(must(catalog_->complete(again(row, "two"))).state, FileState::Queued);
  must(catalog_->claim(attempt_for(reread(row))));
}

TEST_F(ProofDue, LostWithItsFileIsToldUntilSomebodyTakesNote) {
  const FileRow row = stored_and_landed_over();
  replaced(row, late_.id);
  const FileRow lost = must(catalog_->vanished(row.id));
  EXPECT_EQ(lost.state, FileState::Blocked);
  EXPECT_EQ(lost.reason, lost_reason);
  must(catalog_->commit());
  reopen();
  EXPECT_EQ(must(catalog_->vanished(row.id)).state, FileState::Blocked);
  EXPECT_FALSE(catalog_->dirty()) << "there is no more news in that";
  EXPECT_EQ(must(catalog_->apply(row.id, FileEvent::CauseFixed, "seen")).state, FileState::Queued);
  EXPECT_EQ(must(catalog_->vanished(row.id)).state, FileState::Gone);
}

TEST_F(ProofDue, LostAndBackAgainIsSent) {
  const FileRow row = stored_and_landed_over();
  replaced(row, late_.id);
  must(catalog_->vanished(row.id));
  EXPECT_EQ(must(catalog_->complete(again(row, "two"))).state, FileState::Queued);
}

TEST_F(ProofDue, WhatIsSentAgainAndLandsAfterItsFileHasGoneIsNotLost) {
  const FileRow row = stored_and_landed_over();
  replaced(row, late_.id);
  last_ = attempt_for(reread(row));
  must(catalog_->claim(last_));
  ASSERT_EQ(must(catalog_->vanished(row.id)).reason, lost_reason);
  must(catalog_->acknowledge(last_.id, stored("two"), true));
  const FileRow gone = reread(row);
  EXPECT_EQ(gone.state, FileState::Gone);
  EXPECT_EQ(gone.reason, "");
  EXPECT_EQ(object_of(gone).attempt, last_.id);
  EXPECT_TRUE(object_of(gone).sole);
}

TEST_F(ProofDue, WhatIsReplacedAsItWasMeantIsInNoDoubt) {
  const FileRow row = stored_and_landed_over();
  const FileRow third = must(catalog_->complete(again(row, "three")));
  last_ = attempt_for(third);
  must(catalog_->claim(last_));
  must(catalog_->acknowledge(last_.id, stored("three"), true));
  EXPECT_EQ(object_of(row).proof_due, 0);
  EXPECT_FALSE(object_of(row).live);
}

TEST_F(ProofDue, TheOnlyCopyOfAFileThatHasGoneIsLost) {
  const FileRow row = stored_and_landed_over();
  must(catalog_->vanished(row.id));
  const auto told = replaced(row, late_.id);
  EXPECT_TRUE(told.only_copy_lost);
  ASSERT_TRUE(told.row);
  EXPECT_EQ(told.row->state, FileState::Blocked);
  EXPECT_EQ(told.row->reason, lost_reason);
  // What has come over it is what there is now.
  const auto there = must(catalog_->live_object_at(store_, "p/f"));
  ASSERT_TRUE(there);
  EXPECT_EQ(there->attempt, late_.id);
  EXPECT_TRUE(there->sole);
}

TEST_F(ProofDue, WhatWasToReplaceItIsTheObjectOfAFileThatHasGone) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, "two")));
  const NewAttempt attempt = attempt_for(second);
  must(catalog_->claim(attempt));
  must(catalog_->vanished(first.id));
  must(catalog_->acknowledge(attempt.id, stored("two"), true));
  const auto told = replaced(first, attempt.id);
  EXPECT_FALSE(told.only_copy_lost);
  EXPECT_FALSE(told.row);
  const FileRow gone = reread(first);
  EXPECT_EQ(gone.state, FileState::Gone);
  EXPECT_EQ(object_of(gone).attempt, attempt.id);
  EXPECT_TRUE(object_of(gone).live);
  // Back with it, nothing is to be sent.
  EXPECT_EQ(must(catalog_->complete(again(first, "two"))).state, FileState::Stored);
}

TEST_F(ProofDue, OfTheCopyOfARenamedFileLeavesWhatWasStoredBefore) {
  const FileRow row = stored_and_renamed();
  must(catalog_->vanished(row.id));
  const auto told = replaced(row, late_.id);
  EXPECT_FALSE(told.only_copy_lost);
  EXPECT_FALSE(told.row);
  const FileRow gone = reread(row);
  EXPECT_EQ(gone.state, FileState::Gone);
  EXPECT_EQ(gone.key, "p/g") << "back under its name, it is sent there";
  EXPECT_EQ(object_of(gone).key, "p/f");
  EXPECT_TRUE(object_of(gone).sole);
  // Until that is lost, too.
  EXPECT_TRUE(replaced(gone, late_.id).only_copy_lost);
  EXPECT_EQ(reread(row).reason, lost_reason);
}

TEST_F(ProofDue, OfWhatWasStoredBeforeARenamingLosesNothing) {
  const FileRow row = stored_and_renamed();
  must(catalog_->vanished(row.id));
  const auto before = must(catalog_->live_object_at(store_, "p/f"));
  ASSERT_TRUE(before);
  EXPECT_FALSE(must(catalog_->object_replaced(before->id, "", "it is not there")).only_copy_lost);
  EXPECT_EQ(object_of(reread(row)).key, "p/g");
}

TEST_F(ProofDue, LostAndFoundUnderATakenNameIsLostAsBefore) {
  const FileRow row = stored_and_landed_over();
  replaced(row, late_.id);
  must(catalog_->vanished(row.id));
  store("g", "other");
  CompleteFile found = seen("g", "two");
  found.fingerprint = row.fingerprint;
  EXPECT_EQ(code_of(catalog_->renamed(row.id, found)), ErrorCode::PreconditionFailed);
  EXPECT_EQ(reread(row).reason, lost_reason);
  must(catalog_->vanished(must(catalog_->find_live(folder_, "g"))->id));
  EXPECT_EQ(must(catalog_->renamed(row.id, found)).state, FileState::Queued);
}

TEST_F(ProofDue, LostWithItsFileIsNotSaidWhereItWasStoredBefore) {
  const FileRow row = stored_and_renamed();
  ASSERT_EQ(replaced(row, late_.id).row->state, FileState::Queued);
  const FileRow gone = must(catalog_->vanished(row.id));
  EXPECT_EQ(gone.state, FileState::Gone);
  EXPECT_EQ(object_of(gone).key, "p/f");
}

TEST_F(ProofDue, OfAnEndedRowIsToldUntilSomebodyTakesNote) {
  const FileRow row = stored_and_landed_over();
  must(catalog_->vanished(row.id));
  must(catalog_->complete(again(row, "three")));
  EXPECT_EQ(must(catalog_->lost_objects()).objects, 0);
  const auto told = replaced(row, late_.id);
  EXPECT_TRUE(told.only_copy_lost);
  EXPECT_FALSE(told.row);
  must(catalog_->commit());
  reopen();
  const auto lost = must(catalog_->lost_objects());
  EXPECT_EQ(lost.objects, 1);
  EXPECT_EQ(lost.first_key, "p/f");
  EXPECT_EQ(lost.since, clock_.wall().time_since_epoch().count());
  must(catalog_->note_lost_objects());
  EXPECT_EQ(must(catalog_->lost_objects()).objects, 0);
}

TEST_F(ProofDue, LostWithItsFileIsToldByItsRowAlone) {
  const FileRow row = stored_and_landed_over();
  must(catalog_->vanished(row.id));
  ASSERT_TRUE(replaced(row, late_.id).row);
  EXPECT_EQ(must(catalog_->lost_objects()).objects, 0);
}

TEST_F(ProofDue, ACopyThatLandsOverWhatItsAttemptHasSentIsLookedAt) {
  const FileRow queued = queue("f", "one");
  last_ = attempt_for(queued);
  last_.kind = AttemptKind::Copy;
  must(catalog_->claim(last_));
  const FileRow row = must(catalog_->acknowledge(last_.id, stored("one"), true, true));
  StoredObject landed = stored("one");
  must(catalog_->acknowledge(last_.id, landed, true, true));
  EXPECT_EQ(object_of(row).proof_due, 0) << "it is that very object";
  landed.etag = "\"of the copy\"";
  must(catalog_->acknowledge(last_.id, landed, true));
  EXPECT_NE(object_of(row).proof_due, 0);
}

}  // namespace
}  // namespace waybill::catalog
