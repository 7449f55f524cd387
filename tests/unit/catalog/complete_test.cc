#include "tests/unit/catalog/catalog_fixture.h"

// complete(), vanished(), set_content(): what the disk tells a row.
namespace waybill::catalog {
namespace {

class Complete : public CatalogTest {
 protected:
  std::vector<FileEvent> events(const FileRow& row) {
    must(catalog_->commit());
    std::vector<FileEvent> result;
    for (const EventRow& event : must(must(Reader::open(state_dir()))->events_of(row.id, 100))) {
      result.insert(result.begin(), event.event);
    }
    return result;
  }
  ObjectRow object_of(const FileRow& row) { return must(catalog_->object(*row.object)).value(); }
  CompleteFile again(const FileRow& row, std::optional<Sha256> sha256) {
    return {.folder = folder_, .path = row.path, .fingerprint = print(), .sha256 = sha256};
  }
};

TEST_F(Complete, SameFingerprintIsNoNews) {
  const FileRow row = store("f", "one");
  must(catalog_->commit());
  const FileRow same = must(catalog_->complete(
      {.folder = folder_, .path = "f", .fingerprint = row.fingerprint, .sha256 = row.sha256}));
  EXPECT_EQ(same.state, FileState::Stored);
  EXPECT_EQ(same.generation, 1);
  EXPECT_FALSE(catalog_->dirty());
  // A scan that did not read the bytes says as much.
  must(catalog_->complete({.folder = folder_, .path = "f", .fingerprint = row.fingerprint}));
  EXPECT_FALSE(catalog_->dirty());
}

TEST_F(Complete, OtherBytesUnderTheSameFingerprintAreANewGeneration) {
  const FileRow row = store("f", "one");
  const FileRow now = must(catalog_->complete(
      {.folder = folder_, .path = "f", .fingerprint = row.fingerprint, .sha256 = content("two")}));
  EXPECT_EQ(now.state, FileState::Queued);
  EXPECT_EQ(now.generation, 2);
  EXPECT_EQ(now.sha256, content("two"));
}

TEST_F(Complete, RacyFlagAloneIsKeptWithoutAnEvent) {
  const FileRow row = queue("f", "one");
  const auto before = events(row).size();
  const FileRow racy = must(catalog_->complete({.folder = folder_,
                                                .path = "f",
                                                .fingerprint = row.fingerprint,
                                                .racy = true,
                                                .sha256 = row.sha256}));
  EXPECT_TRUE(racy.racy);
  EXPECT_TRUE(reread(row).racy);
  EXPECT_EQ(events(row).size(), before);
}

TEST_F(Complete, ScanThatDidNotReadTheBytesTakesNoDoubtBack) {
  for (const bool stored : {false, true}) {
    const std::string path = stored ? "stored" : "queued";
    const FileRow row = stored ? store(path, "one") : queue(path, "one");
    CompleteFile seen{
        .folder = folder_, .path = path, .fingerprint = row.fingerprint, .racy = true};
    seen.sha256 = row.sha256;
    must(catalog_->complete(seen));
    seen.racy = false;
    seen.sha256.reset();
    EXPECT_TRUE(must(catalog_->complete(seen)).racy) << path;
    seen.sha256 = row.sha256;
    EXPECT_FALSE(must(catalog_->complete(seen)).racy) << path;
  }
}

TEST_F(Complete, NewContentOfAStoredFileRaisesTheGenerationAndKeepsKeyAndObject) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, content("two"))));
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.state, FileState::Queued);
  EXPECT_EQ(second.generation, 2);
  EXPECT_EQ(second.key, "p/f");
  EXPECT_EQ(second.object, first.object);
  EXPECT_EQ(reread(second).key, "p/f");
  EXPECT_EQ(reread(second).sha256, content("two"));
  EXPECT_FALSE(object_of(second).sole);
}

TEST_F(Complete, UnreadContentUnderANewFingerprintCountsAsNew) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, std::nullopt)));
  EXPECT_EQ(second.state, FileState::Queued);
  EXPECT_EQ(second.generation, 2);
  EXPECT_EQ(reread(second).sha256, std::nullopt);
}

TEST_F(Complete, TouchedStoredFileStaysStored) {
  const FileRow first = store("f", "one");
  const FileRow touched = must(catalog_->complete(again(first, content("one"))));
  EXPECT_EQ(touched.state, FileState::Stored);
  EXPECT_EQ(touched.generation, 1);
  EXPECT_NE(touched.fingerprint, first.fingerprint);
  EXPECT_EQ(reread(touched).fingerprint, touched.fingerprint);
  EXPECT_EQ(events(first).back(), FileEvent::CompleteObjectContent);
}

TEST_F(Complete, ReadAtLastAndEqualToTheObjectIsStoredWithoutAnUpload) {
  const FileRow first = store("f", "one");
  const FileRow unread = must(catalog_->complete(again(first, std::nullopt)));
  const FileRow read = must(catalog_->complete({.folder = folder_,
                                                .path = "f",
                                                .fingerprint = unread.fingerprint,
                                                .sha256 = content("one")}));
  EXPECT_EQ(read.state, FileState::Stored);
  EXPECT_EQ(read.object, first.object);
}

TEST_F(Complete, BackToTheObjectsContentWaitsWhileAnAttemptMayStillLand) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, content("two"))));
  const NewAttempt attempt = attempt_for(second);
  must(catalog_->claim(attempt));
  const FileRow back = must(catalog_->complete(again(first, content("one"))));
  EXPECT_EQ(back.state, FileState::Queued) << "stored would lie as soon as the PUT of two lands";
  EXPECT_EQ(back.generation, 3);
  EXPECT_EQ(must(catalog_->attempt(attempt.id))->state, AttemptState::Abandoned);
}

TEST_F(Complete, AnObjectThatALateLandingMayHaveReplacedStandsForNothing) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, content("two"))));
  const NewAttempt late = attempt_for(second);
  must(catalog_->claim(late));
  must(catalog_->vanished(first.id));
  must(catalog_->acknowledge(late.id, stored("two"), true));
  EXPECT_NE(object_of(first).proof_due, 0)
      << "which of the two the key shows, only a HEAD can tell";
  const FileRow back = must(catalog_->complete(again(first, content("one"))));
  EXPECT_EQ(back.state, FileState::Queued);
}

TEST_F(Complete, BackToTheObjectsContentCancelsAMultipartThatCannotLand) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, content("two"))));
  NewAttempt attempt = attempt_for(second);
  attempt.kind = AttemptKind::Multipart;
  must(catalog_->claim(attempt));
  const FileRow back = must(catalog_->complete(again(first, content("one"))));
  EXPECT_EQ(back.state, FileState::Stored);
  EXPECT_EQ(must(catalog_->attempt(attempt.id))->state, AttemptState::Abandoned)
      << "its upload is still to be aborted";
}

TEST_F(Complete, TouchedWhileUploadingKeepsTheAttempt) {
  const FileRow row = upload("f", "one");
  const FileRow touched = must(catalog_->complete(again(row, content("one"))));
  EXPECT_EQ(touched.state, FileState::Uploading);
  EXPECT_EQ(touched.generation, 1);
  EXPECT_EQ(must(catalog_->attempt(last_.id))->state, AttemptState::Open);
  EXPECT_EQ(events(row).back(), FileEvent::CompleteAttemptContent);
  EXPECT_EQ(must(catalog_->acknowledge(last_.id, stored("one"), true)).state, FileState::Stored);
}

TEST_F(Complete, NewContentWhileUploadingAbandonsTheAttemptButKeepsIt) {
  const FileRow row = upload("f", "one");
  const FileRow second = must(catalog_->complete(again(row, content("two"))));
  EXPECT_EQ(second.state, FileState::Queued);
  EXPECT_EQ(second.generation, 2);
  const auto attempts = must(catalog_->open_attempts());
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_EQ(attempts[0].id, last_.id);
  EXPECT_EQ(attempts[0].generation, 1);
  EXPECT_EQ(attempts[0].state, AttemptState::Abandoned);
}

TEST_F(Complete, TouchedWhileQueuedIsTheSameGeneration) {
  const FileRow row = queue("f", "one");
  const FileRow touched = must(catalog_->complete(again(row, content("one"))));
  EXPECT_EQ(touched.generation, 1);
  EXPECT_EQ(touched.state, FileState::Queued);
  EXPECT_EQ(reread(row).fingerprint, touched.fingerprint);
  EXPECT_EQ(events(row), std::vector{FileEvent::CompleteNewContent});
}

TEST_F(Complete, TouchedWhileBlockedIsTriedAgain) {
  const FileRow row = queue("f", "one");
  must(catalog_->apply(row.id, FileEvent::NeedsPerson, "no permission to read it"));
  const FileRow touched = must(catalog_->complete(again(row, content("one"))));
  EXPECT_EQ(touched.state, FileState::Queued);
  EXPECT_TRUE(touched.reason.empty());
}

TEST_F(Complete, ScannedAgainWhileBlockedStaysBlocked) {
  const FileRow row = queue("f", "one");
  must(catalog_->apply(row.id, FileEvent::NeedsPerson, "why"));
  const FileRow same = must(catalog_->complete(
      {.folder = folder_, .path = "f", .fingerprint = row.fingerprint, .sha256 = content("one")}));
  EXPECT_EQ(same.state, FileState::Blocked);
  EXPECT_EQ(same.reason, "why");
}

TEST_F(Complete, NewContentForgetsTheTries) {
  const FileRow row = upload("f", "one");
  EXPECT_EQ(must(catalog_->apply(row.id, FileEvent::Absent, "not there")).tries, 1);
  EXPECT_EQ(must(catalog_->complete(again(row, content("two")))).tries, 0);
}

TEST_F(Complete, VanishedFileLeavesASoleObject) {
  const FileRow row = store("f", "one");
  const FileRow gone = must(catalog_->vanished(row.id));
  EXPECT_EQ(gone.state, FileState::Gone);
  EXPECT_TRUE(gone.live);
  EXPECT_TRUE(object_of(gone).sole);
  EXPECT_EQ(events(row).back(), FileEvent::Vanished);
}

TEST_F(Complete, VanishedAgainSaysNothingNew) {
  const FileRow row = store("f", "one");
  must(catalog_->vanished(row.id));
  const auto before = events(row).size();
  EXPECT_EQ(must(catalog_->vanished(row.id)).state, FileState::Gone);
  EXPECT_FALSE(catalog_->dirty());
  EXPECT_EQ(events(row).size(), before);
}

TEST_F(Complete, VanishedWhileUploadingAbandonsTheAttempt) {
  const FileRow row = upload("f", "one");
  EXPECT_EQ(must(catalog_->vanished(row.id)).state, FileState::Gone);
  EXPECT_EQ(must(catalog_->attempts_of(row.id)).at(0).state, AttemptState::Abandoned);
}

TEST_F(Complete, GoneFileThatComesBackAsItWasIsStoredAgain) {
  const FileRow row = store("f", "one");
  must(catalog_->vanished(row.id));
  const FileRow back = must(catalog_->complete(again(row, content("one"))));
  EXPECT_EQ(back.id, row.id);
  EXPECT_EQ(back.state, FileState::Stored);
  EXPECT_FALSE(object_of(back).sole);
}

TEST_F(Complete, GoneFileThatComesBackUnderItsOldFingerprintNeedsNoReading) {
  const FileRow row = store("f", "one");
  must(catalog_->vanished(row.id));
  const FileRow back =
      must(catalog_->complete({.folder = folder_, .path = "f", .fingerprint = row.fingerprint}));
  EXPECT_EQ(back.id, row.id);
  EXPECT_EQ(back.state, FileState::Stored);
}

TEST_F(Complete, SameNameAfterItsFileWentIsANewIncarnation) {
  const FileRow old = store("f", "one");
  must(catalog_->vanished(old.id));
  clock_.advance(std::chrono::hours(1));
  const FileRow fresh = must(catalog_->complete(again(old, content("two"))));
  EXPECT_NE(fresh.id, old.id);
  EXPECT_EQ(fresh.state, FileState::Queued);
  EXPECT_EQ(fresh.generation, 1);
  EXPECT_TRUE(fresh.key.empty()) << "a new incarnation has a key of its own";
  EXPECT_EQ(fresh.object, std::nullopt);
  EXPECT_EQ(fresh.arrived, clock_.wall().time_since_epoch().count());
  EXPECT_FALSE(reread(old).live);
  EXPECT_TRUE(object_of(old).sole);
  EXPECT_TRUE(object_of(old).live) << "the only copy of the old content is still there";
  EXPECT_EQ(must(catalog_->find_live(folder_, "f"))->id, fresh.id);
}

TEST_F(Complete, GoneFileWhoseAttemptMayStillLandIsANewIncarnation) {
  const FileRow first = store("f", "one");
  const FileRow second = must(catalog_->complete(again(first, content("two"))));
  must(catalog_->claim(attempt_for(second)));
  must(catalog_->vanished(first.id));
  const FileRow back = must(catalog_->complete(again(first, content("one"))));
  EXPECT_NE(back.id, first.id);
  EXPECT_EQ(back.state, FileState::Queued);
}

TEST_F(Complete, WhateverArrivesDuringARemovalIsAnotherFile) {
  const FileRow row = store("f", "one");
  must(catalog_->apply(row.id, FileEvent::RemovalDue, "policy"));
  const FileRow fresh = must(catalog_->complete(again(row, content("one"))));
  EXPECT_NE(fresh.id, row.id);
  EXPECT_TRUE(object_of(row).sole);
}

TEST_F(Complete, RemovalThatAPowerLossUndidIsDueAgain) {
  const FileRow row = store("f", "one");
  must(catalog_->apply(row.id, FileEvent::RemovalDue, "policy"));
  EXPECT_EQ(must(catalog_->apply(row.id, FileEvent::Unlinked, "")).state, FileState::Removed);
  EXPECT_TRUE(object_of(row).sole);
  const FileRow back =
      must(catalog_->complete({.folder = folder_, .path = "f", .fingerprint = row.fingerprint}));
  EXPECT_EQ(back.state, FileState::Removing);
  EXPECT_FALSE(object_of(row).sole);
}

TEST_F(Complete, DamagedObjectNoLongerStandsForItsContent) {
  const FileRow row = store("f", "one");
  const FileRow again_queued =
      must(catalog_->apply(row.id, FileEvent::ScrubFoundBad, "the object is missing"));
  EXPECT_EQ(again_queued.state, FileState::Queued);
  EXPECT_FALSE(object_of(row).live);
  const FileRow touched = must(catalog_->complete(again(row, content("one"))));
  EXPECT_EQ(touched.state, FileState::Queued) << "an equal hash must not skip this upload";
  must(catalog_->claim(attempt_for(touched)));
}

TEST_F(Complete, SetContentTellsWhatReadingFound) {
  const FileRow row =
      must(catalog_->complete({.folder = folder_, .path = "f", .fingerprint = print()}));
  EXPECT_EQ(row.sha256, std::nullopt);
  const FileRow read = must(catalog_->set_content(row.id, row.fingerprint, content("one")));
  EXPECT_EQ(read.sha256, content("one"));
  EXPECT_EQ(read.generation, 1);
  EXPECT_EQ(events(row), std::vector{FileEvent::CompleteNewContent});
}

TEST_F(Complete, SetContentThatContradictsTheRowIsANewGeneration) {
  const FileRow row = upload("f", "one");
  must(catalog_->apply(row.id, FileEvent::Transient, "connection refused"));
  const FileRow other = must(catalog_->set_content(row.id, print(), content("two")));
  EXPECT_EQ(other.generation, 2);
  EXPECT_EQ(other.state, FileState::Queued);
  EXPECT_EQ(must(catalog_->attempt(last_.id))->state, AttemptState::Abandoned);
}

TEST_F(Complete, SetContentOfAStoredFileIsRefused) {
  const FileRow row = store("f", "one");
  EXPECT_EQ(code_of(catalog_->set_content(row.id, print(), content("two"))), ErrorCode::Internal);
}

TEST_F(Complete, RefreshedFingerprintIsNoEvent) {
  const FileRow row = store("f", "one");
  const auto before = events(row);
  const Fingerprint touched = print();
  must(catalog_->refresh_fingerprint(row.id, touched, false));
  EXPECT_EQ(reread(row).fingerprint, touched);
  EXPECT_EQ(reread(row).state, FileState::Stored);
  EXPECT_EQ(events(row), before);
}

}  // namespace
}  // namespace waybill::catalog
