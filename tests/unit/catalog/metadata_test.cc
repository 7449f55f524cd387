#include "tests/unit/catalog/catalog_fixture.h"

// What is said of a file is part of what its row promises: it is durable with the attempt, stands
// in the receipt, and another one is new content.
namespace waybill::catalog {
namespace {

constexpr const char* first_said = R"({"sample":"1"})";
constexpr const char* then_said = R"({"sample":"2"})";

class MetadataOfRows : public CatalogTest {
 protected:
  CompleteFile said(const std::string& path, std::string_view bytes, const std::string& metadata) {
    CompleteFile file = seen(path, bytes);
    file.metadata = metadata;
    return file;
  }
  FileRow upload_with(const std::string& path, std::string_view bytes,
                      const std::string& metadata) {
    last_ = attempt_for(must(catalog_->complete(said(path, bytes, metadata))));
    last_.metadata = metadata;
    return must(catalog_->claim(last_));
  }
  FileRow store_with(const std::string& path, std::string_view bytes, const std::string& metadata) {
    upload_with(path, bytes, metadata);
    return must(catalog_->acknowledge(last_.id, stored(bytes), true));
  }
};

TEST_F(MetadataOfRows, AnAttemptKeepsWhatItWasBegunWithOverARestart) {
  upload_with("f", "one", first_said);
  must(catalog_->commit());
  reopen();
  AttemptRow attempt = must(catalog_->attempt(last_.id)).value();
  EXPECT_EQ(attempt.metadata, first_said);
  attempt.metadata = then_said;
  attempt.upload_id = "an id";
  must(catalog_->save_attempt(attempt));
  EXPECT_EQ(must(catalog_->attempt(last_.id))->metadata, first_said)
      << "retries and resumed uploads send the same";
}

TEST_F(MetadataOfRows, TheReceiptTellsWhatTheObjectHas) {
  const FileRow row = store_with("f", "one", first_said);
  must(catalog_->commit());
  reopen();
  EXPECT_EQ(must(catalog_->object(*reread(row).object))->metadata, first_said);
}

TEST_F(MetadataOfRows, SomebodyElsesObjectHasNoneOfOurs) {
  upload_with("f", "one", first_said);
  const FileRow row = must(catalog_->acknowledge(last_.id, stored("one"), false));
  EXPECT_EQ(must(catalog_->object(*row.object))->metadata, "");
  EXPECT_EQ(must(catalog_->complete(said("f", "one", first_said))).state, FileState::Stored)
      << "it is not ours to be replaced";
}

TEST_F(MetadataOfRows, SameBytesWithOtherMetadataAreNewContent) {
  const FileRow first = store_with("f", "one", first_said);
  const FileRow same = must(catalog_->complete(said("f", "one", first_said)));
  EXPECT_EQ(same.state, FileState::Stored);
  EXPECT_EQ(same.generation, 1);
  const FileRow other = must(catalog_->complete(said("f", "one", then_said)));
  EXPECT_EQ(other.state, FileState::Queued);
  EXPECT_EQ(other.generation, 2);
  EXPECT_EQ(other.sha256, first.sha256);
  EXPECT_EQ(other.object, first.object);
}

TEST_F(MetadataOfRows, OtherMetadataUnderTheSameFingerprintIsNewContentToo) {
  const FileRow first = store_with("f", "one", first_said);
  CompleteFile again = said("f", "one", then_said);
  again.fingerprint = first.fingerprint;
  EXPECT_EQ(must(catalog_->complete(again)).state, FileState::Queued);
}

TEST_F(MetadataOfRows, WhoDidNotLookAtItChangesNothing) {
  store_with("f", "one", first_said);
  EXPECT_EQ(must(catalog_->complete(seen("f", "one"))).state, FileState::Stored);
}

TEST_F(MetadataOfRows, OtherMetadataWhileItIsUploadedCancelsTheAttempt) {
  upload_with("f", "one", first_said);
  const std::string attempt = last_.id;
  EXPECT_EQ(must(catalog_->complete(said("f", "one", first_said))).state, FileState::Uploading);
  const FileRow other = must(catalog_->complete(said("f", "one", then_said)));
  EXPECT_EQ(other.state, FileState::Queued);
  EXPECT_EQ(other.generation, 2);
  EXPECT_EQ(must(catalog_->attempt(attempt))->state, AttemptState::Abandoned);
}

TEST_F(MetadataOfRows, AnObjectWithOtherMetadataDoesNotStandForTheRow) {
  store_with("f", "one", first_said);
  const FileRow queued = must(catalog_->complete(said("f", "one", then_said)));
  EXPECT_EQ(must(catalog_->take_object(queued.id, then_said)).state, FileState::Queued);
  EXPECT_EQ(must(catalog_->take_object(queued.id, first_said)).state, FileState::Stored);
}

TEST_F(MetadataOfRows, BackToWhatIsStoredWaitsWhileOtherMetadataMayStillLand) {
  store_with("f", "one", first_said);
  upload_with("f", "one", then_said);
  const FileRow back = must(catalog_->complete(said("f", "one", first_said)));
  EXPECT_EQ(back.state, FileState::Queued)
      << "stored would lie as soon as the other attempt's PUT lands";
}

}  // namespace
}  // namespace waybill::catalog
