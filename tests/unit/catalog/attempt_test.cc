#include "tests/unit/catalog/catalog_fixture.h"

// claim(), acknowledge(), late landings, and who may have which key.
namespace waybill::catalog {
namespace {

class Attempt : public CatalogTest {
 protected:
  CompleteFile again(const FileRow& row, std::string_view bytes) { return seen(row.path, bytes); }
};

TEST_F(Attempt, ClaimRecordsTheAttemptBeforeAnythingIsSent) {
  const FileRow row = queue("f", "one");
  NewAttempt attempt = attempt_for(row);
  attempt.kind = AttemptKind::Multipart;
  attempt.part_size = 8 << 20;
  must(catalog_->claim(attempt));
  const AttemptRow kept = must(catalog_->attempt(attempt.id)).value();
  EXPECT_EQ(kept.file, row.id);
  EXPECT_EQ(kept.generation, 1);
  EXPECT_EQ(kept.store, store_);
  EXPECT_EQ(kept.key, "p/f");
  EXPECT_EQ(kept.kind, AttemptKind::Multipart);
  EXPECT_EQ(kept.state, AttemptState::Creating);
  EXPECT_EQ(kept.condition, "absent");
  EXPECT_EQ(kept.fingerprint, row.fingerprint);
  EXPECT_EQ(kept.sha256, content("one"));
  EXPECT_EQ(kept.part_size, 8U << 20U);
}

TEST_F(Attempt, ClaimOfAFileThatIsNotQueuedIsADefect) {
  const FileRow row = store("f", "one");
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(row))), ErrorCode::Internal);
  EXPECT_EQ(reread(row).state, FileState::Stored);
}

TEST_F(Attempt, IdThatIsNoIdIsRefused) {
  NewAttempt attempt = attempt_for(queue("f", "one"));
  for (const char* id : {"", "abc", "ABCDEFABCDEFABCDEFABCDEFABCDEFAB"}) {
    attempt.id = id;
    EXPECT_EQ(code_of(catalog_->claim(attempt)), ErrorCode::BadInput) << id;
  }
}

TEST_F(Attempt, RetryGoesOnWithItsAttempt) {
  NewAttempt attempt = attempt_for(queue("f", "one"));
  attempt.kind = AttemptKind::Multipart;
  must(catalog_->claim(attempt));
  AttemptRow created = must(catalog_->attempt(attempt.id)).value();
  created.state = AttemptState::Uploading;
  created.upload_id = "upload-1";
  created.sent_at = 17;
  must(catalog_->save_attempt(created));
  must(catalog_->apply(attempt.file, FileEvent::Transient, "connection reset"));
  EXPECT_EQ(must(catalog_->claim(attempt)).state, FileState::Uploading);
  const AttemptRow kept = must(catalog_->attempt(attempt.id)).value();
  EXPECT_EQ(kept.upload_id, "upload-1");
  EXPECT_EQ(kept.state, AttemptState::Uploading);
  EXPECT_EQ(kept.sent_at, 17);
}

TEST_F(Attempt, IdOfAnotherGenerationIsNeverReused) {
  const FileRow row = upload("f", "one");
  const NewAttempt first = last_;
  const FileRow second = must(catalog_->complete(again(row, "two")));
  NewAttempt reused = attempt_for(second);
  reused.id = first.id;
  EXPECT_EQ(code_of(catalog_->claim(reused)), ErrorCode::Internal);
  EXPECT_EQ(reread(row).state, FileState::Queued);
}

TEST_F(Attempt, SavedAttemptStaysAbandoned) {
  upload("f", "one");
  AttemptRow stale = must(catalog_->attempt(last_.id)).value();
  must(catalog_->vanished(stale.file));
  stale.state = AttemptState::Uploading;
  stale.upload_id = "u";
  must(catalog_->save_attempt(stale));
  const AttemptRow kept = must(catalog_->attempt(last_.id)).value();
  EXPECT_EQ(kept.state, AttemptState::Abandoned);
  EXPECT_EQ(kept.upload_id, "u") << "whoever resolves it needs the id to abort";
}

TEST_F(Attempt, SavingAnUnknownAttemptSaysSo) {
  AttemptRow row{.id = "00000000000000000000000000000001"};
  EXPECT_EQ(code_of(catalog_->save_attempt(row)), ErrorCode::NotFound);
}

TEST_F(Attempt, EndedAttemptLeavesItsEvents) {
  const FileRow row = upload("f", "one");
  must(catalog_->apply(row.id, FileEvent::NeedsPerson, "why"));
  must(catalog_->end_attempt(last_.id));
  must(catalog_->commit());
  EXPECT_EQ(must(catalog_->attempt(last_.id)), std::nullopt);
  const auto events = must(must(Reader::open(state_dir()))->events_of(row.id, 10));
  EXPECT_EQ(events.at(1).event, FileEvent::Claim);
  EXPECT_EQ(events.at(1).attempt, last_.id);
}

TEST_F(Attempt, AcknowledgedWithOtherContentThanTheRowIsADefect) {
  const FileRow row = upload("f", "one");
  EXPECT_EQ(code_of(catalog_->acknowledge(last_.id, stored("two"), true)), ErrorCode::Internal);
  EXPECT_EQ(reread(row).state, FileState::Uploading);
}

TEST_F(Attempt, UnknownAttemptCannotBeAcknowledged) {
  EXPECT_EQ(code_of(catalog_->acknowledge("00000000000000000000000000000001", stored("one"), true)),
            ErrorCode::NotFound);
}

TEST_F(Attempt, EqualForeignObjectIsStoredButNotOurs) {
  const FileRow row = upload("f", "one");
  const FileRow done = must(catalog_->acknowledge(last_.id, stored("one"), false));
  EXPECT_EQ(done.state, FileState::Stored);
  EXPECT_FALSE(must(catalog_->object(*done.object))->owned);
  const FileRow second = must(catalog_->complete(again(row, "two")));
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(second))), ErrorCode::PreconditionFailed)
      << "an object of somebody else is never replaced";
}

TEST_F(Attempt, NextGenerationReplacesItsOwnObject) {
  const FileRow first = store("f", "one");
  const FileRow queued = must(catalog_->complete(again(first, "two")));
  const NewAttempt attempt = attempt_for(queued);
  must(catalog_->claim(attempt));
  const FileRow second = must(catalog_->acknowledge(attempt.id, stored("two"), true));
  EXPECT_NE(second.object, first.object);
  EXPECT_FALSE(must(catalog_->object(*first.object))->live);
  EXPECT_FALSE(must(catalog_->object(*first.object))->sole);
  EXPECT_EQ(must(catalog_->live_object_at(store_, "p/f"))->id, *second.object);
}

TEST_F(Attempt, ObjectUnderAnEarlierKeyBecomesSole) {
  const FileRow first = store("f", "one");
  must(catalog_->complete(again(first, "two")));
  const FileRow moved = must(catalog_->set_key(first.id, "p/f-2"));
  EXPECT_EQ(moved.key, "p/f-2");
  const NewAttempt attempt = attempt_for(moved, "p/f-2");
  must(catalog_->claim(attempt));
  must(catalog_->acknowledge(attempt.id, stored("two"), true));
  const ObjectRow left = must(catalog_->object(*first.object)).value();
  EXPECT_TRUE(left.live);
  EXPECT_TRUE(left.sole);
}

TEST_F(Attempt, KeyIsFrozenOnceStored) {
  const FileRow row = store("f", "one");
  EXPECT_EQ(code_of(catalog_->set_key(row.id, "p/other")), ErrorCode::Internal);
}

TEST_F(Attempt, TwoFilesCannotHaveOneKey) {
  store("a", "one");
  const FileRow b = queue("b", "two");
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(b, "p/a"))), ErrorCode::PreconditionFailed);
  EXPECT_EQ(reread(b).state, FileState::Queued);
  must(catalog_->claim(attempt_for(b, "p/b")));
}

TEST_F(Attempt, KeyUnderWayElsewhereIsTaken) {
  upload("a", "one");
  const FileRow b = queue("b", "two");
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(b, "p/a"))), ErrorCode::PreconditionFailed);
}

TEST_F(Attempt, KeyOfAnotherStoreIsAnotherKey) {
  store("a", "one");
  const StoreId other = must(catalog_->ensure_store("https://s3.test", "bucket-2", "p/")).id;
  NewAttempt attempt = attempt_for(queue("b", "two"), "p/a");
  attempt.store = other;
  EXPECT_EQ(must(catalog_->claim(attempt)).state, FileState::Uploading);
}

TEST_F(Attempt, SoleObjectKeepsItsKey) {
  const FileRow old = store("f", "one");
  must(catalog_->vanished(old.id));
  const FileRow fresh = must(catalog_->complete(again(old, "two")));
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(fresh, "p/f"))), ErrorCode::PreconditionFailed);
  const FileRow uploading = must(catalog_->claim(attempt_for(fresh, "p/f.2")));
  EXPECT_EQ(uploading.key, "p/f.2");
}

TEST_F(Attempt, SoleObjectSharesItsKeyWhereTheBucketKeepsVersions) {
  const FileRow old = store("f", "one");
  must(catalog_->vanished(old.id));
  const FileRow fresh = must(catalog_->complete(again(old, "two")));
  NewAttempt attempt = attempt_for(fresh, "p/f");
  attempt.new_version = true;
  must(catalog_->claim(attempt));
  const FileRow done = must(catalog_->acknowledge(attempt.id, stored("two", "v2"), true));
  EXPECT_EQ(done.state, FileState::Stored);
  EXPECT_EQ(must(catalog_->live_object_at(store_, "p/f"))->version, "v2");
  const ObjectRow first = must(catalog_->object(*reread(old).object)).value();
  EXPECT_FALSE(first.live);
  EXPECT_TRUE(first.sole);
}

TEST_F(Attempt, AbandonedAttemptOfAnEarlierIncarnationHoldsItsKey) {
  const FileRow old = upload("f", "one");
  must(catalog_->vanished(old.id));
  const FileRow fresh = must(catalog_->complete(again(old, "two")));
  EXPECT_EQ(code_of(catalog_->claim(attempt_for(fresh, "p/f"))), ErrorCode::PreconditionFailed);
  must(catalog_->end_attempt(last_.id));
  EXPECT_EQ(must(catalog_->claim(attempt_for(fresh, "p/f"))).state, FileState::Uploading);
}

TEST_F(Attempt, LateLandingIsRecordedAndTheRowStays) {
  const FileRow old = upload("f", "one");
  const NewAttempt late = last_;
  const FileRow second = must(catalog_->complete(again(old, "two")));
  const FileRow after = must(catalog_->acknowledge(late.id, stored("one"), true));
  EXPECT_EQ(after.state, FileState::Queued);
  EXPECT_EQ(after.generation, second.generation);
  EXPECT_EQ(after.object, std::nullopt);
  EXPECT_EQ(must(catalog_->attempt(late.id)), std::nullopt) << "resolved";
  const ObjectRow object = must(catalog_->live_object_at(store_, "p/f")).value();
  EXPECT_EQ(object.sha256, content("one"));
  EXPECT_EQ(object.generation, 1);
  EXPECT_FALSE(object.sole);
  // The next generation of the same incarnation goes on top of it.
  EXPECT_EQ(must(catalog_->claim(attempt_for(second))).state, FileState::Uploading);
}

TEST_F(Attempt, LateLandingOfAGoneFileIsASoleObject) {
  const FileRow row = upload("f", "one");
  must(catalog_->vanished(row.id));
  EXPECT_EQ(must(catalog_->acknowledge(last_.id, stored("one"), true)).state, FileState::Gone);
  const ObjectRow object = must(catalog_->live_object_at(store_, "p/f")).value();
  EXPECT_TRUE(object.sole);
  EXPECT_TRUE(object.owned);
}

TEST_F(Attempt, LateLandingThatMayLandAgainStaysKnownUntilThatIsSettled) {
  const FileRow row = upload("f", "one");
  must(catalog_->vanished(row.id));
  EXPECT_EQ(must(catalog_->acknowledge(last_.id, stored("one"), true, true)).state,
            FileState::Gone);
  const auto still_out = must(catalog_->attempt(last_.id));
  ASSERT_TRUE(still_out);
  EXPECT_EQ(still_out->state, AttemptState::Abandoned);
  const ObjectRow object = must(catalog_->live_object_at(store_, "p/f")).value();
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  EXPECT_EQ(must(catalog_->attempt(last_.id)), std::nullopt);
  EXPECT_EQ(must(catalog_->live_object_at(store_, "p/f"))->id, object.id) << "no second one";
}

TEST_F(Attempt, LateLandingBeforeTheFileWentBecomesSoleWithIt) {
  const FileRow row = upload("f", "one");
  must(catalog_->complete(again(row, "two")));
  must(catalog_->acknowledge(last_.id, stored("one"), true));
  must(catalog_->vanished(row.id));
  EXPECT_TRUE(must(catalog_->live_object_at(store_, "p/f"))->sole);
}

TEST_F(Attempt, LateLandingOnAStoredFileAsksForAHead) {
  const FileRow row = upload("f", "one");
  const NewAttempt late = last_;
  const FileRow second = must(catalog_->complete(again(row, "two")));
  const NewAttempt attempt = attempt_for(second);
  must(catalog_->claim(attempt));
  const FileRow done = must(catalog_->acknowledge(attempt.id, stored("two"), true));
  const FileRow after = must(catalog_->acknowledge(late.id, stored("one"), true));
  EXPECT_EQ(after.state, FileState::Stored);
  EXPECT_EQ(after.object, done.object);
  EXPECT_NE(must(catalog_->object(*done.object))->proof_due, 0);
  EXPECT_EQ(must(catalog_->live_object_at(store_, "p/f"))->id, *done.object);
}

TEST_F(Attempt, FailuresGoWhereTheTableSays) {
  const FileRow row = upload("f", "one");
  EXPECT_EQ(must(catalog_->apply(row.id, FileEvent::Rebased, "an earlier attempt")).state,
            FileState::Uploading);
  const FileRow absent = must(catalog_->apply(row.id, FileEvent::Absent, "it never arrived"));
  EXPECT_EQ(absent.state, FileState::Queued);
  EXPECT_EQ(absent.tries, 1);
  EXPECT_EQ(absent.reason, "it never arrived");
  EXPECT_EQ(catalog_->counts(folder_).retrying, 1);
  const FileRow claimed = must(catalog_->claim(last_));
  EXPECT_EQ(claimed.tries, 1);
  EXPECT_EQ(catalog_->counts(folder_).retrying, 0);
  const FileRow foreign = must(catalog_->apply(row.id, FileEvent::Foreign, "not ours"));
  EXPECT_EQ(foreign.state, FileState::Blocked);
  EXPECT_EQ(foreign.reason, "not ours");
  const FileRow fixed = must(catalog_->apply(row.id, FileEvent::CauseFixed, "retry"));
  EXPECT_EQ(fixed.state, FileState::Queued);
  EXPECT_TRUE(fixed.reason.empty());
  must(catalog_->claim(last_));
  const FileRow done = must(catalog_->acknowledge(last_.id, stored("one"), true));
  EXPECT_EQ(done.tries, 0);
}

TEST_F(Attempt, RefusedRemovalTellsWhy) {
  const FileRow row = store("f", "one");
  must(catalog_->apply(row.id, FileEvent::RemovalDue, "policy"));
  const FileRow kept = must(catalog_->apply(row.id, FileEvent::RemovalRefused, "it is open"));
  EXPECT_EQ(kept.state, FileState::Stored);
  EXPECT_EQ(kept.reason, "it is open");
}

TEST_F(Attempt, LostContentNeedsAPerson) {
  const FileRow row = store("f", "one");
  must(catalog_->vanished(row.id));
  const FileRow lost = must(catalog_->apply(row.id, FileEvent::ScrubFoundLost, "lost"));
  EXPECT_EQ(lost.state, FileState::Blocked);
  EXPECT_FALSE(must(catalog_->object(*row.object))->live);
}

TEST_F(Attempt, IllegalEventChangesNothing) {
  const FileRow row = queue("f", "one");
  must(catalog_->commit());
  EXPECT_EQ(code_of(catalog_->apply(row.id, FileEvent::Unlinked, "")), ErrorCode::Internal);
  EXPECT_EQ(code_of(catalog_->apply(row.id, FileEvent::Claim, "")), ErrorCode::Internal);
  EXPECT_EQ(code_of(catalog_->apply(row.id, FileEvent::Acknowledged, "")), ErrorCode::Internal);
  EXPECT_EQ(code_of(catalog_->apply(FileId{4711}, FileEvent::Absent, "")), ErrorCode::Internal);
  EXPECT_FALSE(catalog_->dirty());
  EXPECT_EQ(reread(row).state, FileState::Queued);
}

TEST_F(Attempt, EndedRowTakesNoMoreEvents) {
  const FileRow old = store("f", "one");
  must(catalog_->vanished(old.id));
  must(catalog_->complete(again(old, "two")));
  EXPECT_EQ(code_of(catalog_->apply(old.id, FileEvent::ScrubFoundLost, "lost")),
            ErrorCode::Internal);
}

}  // namespace
}  // namespace waybill::catalog
