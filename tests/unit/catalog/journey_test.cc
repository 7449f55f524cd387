#include "tests/unit/catalog/catalog_fixture.h"

namespace waybill::catalog {
namespace {

using Journey = CatalogTest;

TEST_F(Journey, FromADroppedFileToAProvenObject) {
  const FileRow queued = queue("a/b.txt", "one");
  EXPECT_EQ(queued.state, FileState::Queued);
  EXPECT_EQ(queued.generation, 1);
  EXPECT_EQ(queued.arrived, clock_.wall().time_since_epoch().count());

  const NewAttempt attempt = attempt_for(queued);
  const FileRow uploading = must(catalog_->claim(attempt));
  EXPECT_EQ(uploading.state, FileState::Uploading);
  EXPECT_EQ(uploading.key, "p/a/b.txt");
  must(catalog_->commit());

  const FileRow done = must(catalog_->acknowledge(attempt.id, stored("one"), true));
  EXPECT_EQ(done.state, FileState::Stored);
  must(catalog_->commit());
  reopen();

  const FileRow row = must(catalog_->find_live(folder_, "a/b.txt")).value();
  EXPECT_EQ(row.state, FileState::Stored);
  EXPECT_EQ(row.sha256, content("one"));
  EXPECT_EQ(row.key, "p/a/b.txt");
  EXPECT_EQ(row.fingerprint, queued.fingerprint);
  const ObjectRow object = must(catalog_->object(*row.object)).value();
  EXPECT_EQ(object.key, "p/a/b.txt");
  EXPECT_EQ(object.attempt, attempt.id);
  EXPECT_EQ(object.checksum, "sha256:" + to_base64(content("one")));
  EXPECT_EQ(object.proof, ProofLevel::StoreChecked);
  EXPECT_EQ(object.proof_detail, "S3 checked the signed SHA-256");
  EXPECT_TRUE(object.owned);
  EXPECT_FALSE(object.sole);
  EXPECT_TRUE(must(catalog_->open_attempts()).empty());
  EXPECT_EQ(catalog_->counts(folder_).by_state[3], 1);
}

}  // namespace
}  // namespace waybill::catalog
