#include <algorithm>

#include "tests/integration/s3/s3_client.h"

namespace waybill::integration {
namespace {

using s3server::Cut;
using uploader::Part;

class S3Multipart : public S3Client {
 protected:
  void SetUp() override {
    auto options = server_options();
    options.behaviour.smallest_part = 1;
    serve(std::move(options));
  }
  // An upload with two parts, ready to be completed.
  void prepare() {
    const auto id = create("k");
    ASSERT_DONE(id);
    id_ = *id;
    for (int number = 1; number <= 2; ++number) {
      const auto part = put_part("k", id_, number, "part " + std::to_string(number));
      ASSERT_DONE(part);
      parts_.push_back(*part);
    }
  }
  Result<uploader::PutReply> finish() { return complete("k", id_, parts_); }

  std::string id_;
  std::vector<Part> parts_;
};

TEST_F(S3Multipart, PartsBecomeTheObject) {
  prepare();
  const auto reply = finish();
  ASSERT_DONE(reply);
  EXPECT_EQ(server().object(bucket, "k")->body, "part 1part 2");
  EXPECT_EQ(head("k")->etag, reply->etag);
}

// 17
TEST_F(S3Multipart, ReplyThatTakesLongButMovesIsNotASilentOne) {
  connect({.complete_timeout = std::chrono::milliseconds(500)});
  prepare();
  server().add_fault(
      {.operation = "CompleteMultipartUpload", .drip = std::chrono::milliseconds(1500)});
  ASSERT_DONE(finish());
}

// 17
TEST_F(S3Multipart, CompleteMayBeSilentForLongerThanAnythingElse) {
  connect({.stall_timeout = std::chrono::milliseconds(200),
           .complete_timeout = std::chrono::seconds(60)});
  prepare();
  server().add_fault(
      {.operation = "CompleteMultipartUpload", .delay = std::chrono::milliseconds(600)});
  ASSERT_DONE(finish());
}

// 18
TEST_F(S3Multipart, ErrorInsideTheReplyToCompleteIsNoSuccess) {
  prepare();
  server().add_fault(
      {.operation = "CompleteMultipartUpload", .count = 1, .status = 200, .code = "InternalError"});
  const auto reply = finish();
  expect_code(reply, ErrorCode::Ambiguous);
  EXPECT_EQ(reply.error().s3_code, "InternalError");
  ASSERT_DONE(finish());
}

// 8
TEST_F(S3Multipart, ConflictOfCompleteIsToldByItsStatus) {
  prepare();
  server().add_fault({.operation = "CompleteMultipartUpload",
                      .status = 409,
                      .code = "ConditionalRequestConflict"});
  const auto reply = finish();
  expect_code(reply, ErrorCode::RetryLater);
  EXPECT_EQ(reply.error().http_status, 409);
}

// 19
TEST_F(S3Multipart, ReplyToCompleteThatBreaksOffIsAmbiguous) {
  prepare();
  server().add_fault({.operation = "CompleteMultipartUpload", .truncate_body = 60});
  expect_code(finish(), ErrorCode::Ambiguous);
  ASSERT_DONE(head("k"));
}

TEST_F(S3Multipart, ConnectionCutInTheReplyToCompleteIsAmbiguous) {
  prepare();
  server().add_fault({.operation = "CompleteMultipartUpload", .cut = Cut::InReply});
  expect_code(finish(), ErrorCode::Ambiguous);
  ASSERT_DONE(head("k"));
}

// 20, 21
TEST_F(S3Multipart, CompleteOfAnUploadThatIsGoneIsNotFound) {
  auto behaviour = server().behaviour();
  behaviour.completed_replay_is_200 = false;
  server().set_behaviour(behaviour);
  prepare();
  ASSERT_DONE(finish());
  const auto replay = finish();
  expect_code(replay, ErrorCode::NotFound);
  EXPECT_EQ(replay.error().s3_code, "NoSuchUpload");
  ASSERT_DONE(head("k"));
}

// 22
TEST_F(S3Multipart, PartOfAnUploadThatIsGoneIsNotFound) {
  prepare();
  server().forget_uploads(bucket);
  expect_code(put_part("k", id_, 3, "late"), ErrorCode::NotFound);
}

// 23
TEST_F(S3Multipart, PartsAreListedOverAllPages) {
  auto behaviour = server().behaviour();
  behaviour.list_parts_page = 3;
  server().set_behaviour(behaviour);
  const auto id = create("k");
  ASSERT_DONE(id);
  for (int number = 1; number <= 10; ++number) {
    ASSERT_DONE(put_part("k", *id, number, std::string(static_cast<std::size_t>(number), 'x')));
  }
  server().clear_log();
  const auto listed = list_parts("k", *id);
  ASSERT_DONE(listed);
  ASSERT_EQ(listed->size(), 10U);
  for (int number = 1; number <= 10; ++number) {
    const Part& part = listed->at(static_cast<std::size_t>(number) - 1);
    EXPECT_EQ(part.number, number);
    EXPECT_EQ(part.size, static_cast<std::uint64_t>(number));
  }
  EXPECT_EQ(server().request_count(), 4U);
}

TEST_F(S3Multipart, ListingThatNeverEndsIsGivenUp) {
  const auto id = create("k");
  ASSERT_DONE(id);
  server().add_fault({.operation = "ListParts",
                      .status = 200,
                      .body = "<ListPartsResult><IsTruncated>true</IsTruncated>"
                              "<NextPartNumberMarker>1</NextPartNumberMarker><Part>"
                              "<PartNumber>1</PartNumber><ETag>\"a\"</ETag><Size>1</Size></Part>"
                              "</ListPartsResult>"});
  expect_code(list_parts("k", *id), ErrorCode::RetryLater);
  EXPECT_EQ(server().count("ListParts"), 2U);
}

// 26
TEST_F(S3Multipart, AbortedUploadIsGoneAndAbortingItAgainIsNoError) {
  prepare();
  ASSERT_DONE(abort("k", id_));
  EXPECT_TRUE(server().uploads(bucket).empty());
  expect_code(list_parts("k", id_), ErrorCode::NotFound);
  ASSERT_DONE(abort("k", id_));
}

TEST_F(S3Multipart, UploadsOfLongerKeysAreNotOurs) {
  const auto ours = create("k");
  const auto other = create("k2");
  ASSERT_DONE(ours);
  ASSERT_DONE(other);
  const auto listed = list_uploads("k");
  ASSERT_DONE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().upload_id, *ours);
}

TEST_F(S3Multipart, UploadsBelowAPrefixAreListedOverAllPages) {
  connect({}, 16);
  constexpr int count = 1'100;
  std::vector<Answer<std::string>> created;
  for (int i = 0; i < count; ++i) {
    created.push_back(begin<std::string>([&](auto done) {
      store().create_upload({.key = "in/k" + std::to_string(i), .content_type = ""}, done);
    }));
  }
  for (auto& answer : created) ASSERT_DONE(await(std::move(answer)));
  ASSERT_DONE(create("other"));
  ASSERT_DONE(create("in"));
  const auto all = list_uploads_below("in/", 5'000);
  ASSERT_DONE(all);
  EXPECT_EQ(all->size(), std::size_t{count});
  EXPECT_EQ(server().count("ListMultipartUploads"), 2U);
  EXPECT_TRUE(
      std::ranges::all_of(*all, [](const auto& upload) { return upload.key.starts_with("in/"); }));
  const auto some = list_uploads_below("in/", 10);
  ASSERT_DONE(some);
  EXPECT_EQ(some->size(), 10U);
  const auto everywhere = list_uploads_below("", 5'000);
  ASSERT_DONE(everywhere);
  EXPECT_EQ(everywhere->size(), std::size_t{count + 2});
}

// MinIO
TEST_F(S3Multipart, StoreThatListsUploadsOfWholeKeysListsThoseOfOurs) {
  auto behaviour = server().behaviour();
  behaviour.uploads_of_whole_keys = true;
  server().set_behaviour(behaviour);
  ASSERT_DONE(create("in/k"));
  const auto of_key = list_uploads("in/k");
  ASSERT_DONE(of_key);
  EXPECT_EQ(of_key->size(), 1U);
  const auto below = list_uploads_below("in/", 10);
  ASSERT_DONE(below);
  EXPECT_TRUE(below->empty());
}

TEST_F(S3Multipart, ListingOfUploadsThatComesBackToItsPlaceEndsAsAnError) {
  const std::string upload =
      "<Upload><Key>in/k</Key><UploadId>id</UploadId>"
      "<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>";
  const auto page = [&](const std::string& key, const std::string& id) {
    return "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>" + key +
           "</NextKeyMarker><NextUploadIdMarker>" + id + "</NextUploadIdMarker>" + upload +
           "</ListMultipartUploadsResult>";
  };
  // The same place at once; a place that was passed; one before it.
  const std::vector<std::vector<std::string>> walks = {
      {page("in/k", "1"), page("in/k", "1")},
      {page("in/k", "1"), page("in/k", "2"), page("in/k", "1")},
      {page("in/k", "1"), page("in/a", "2")}};
  for (const auto& walk : walks) {
    server().clear_faults();
    const std::size_t before = server().count("ListMultipartUploads");
    for (std::size_t i = 0; i < walk.size(); ++i) {
      server().add_fault({.operation = "ListMultipartUploads",
                          .count = i + 1 < walk.size() ? 1ULL : 1000ULL,
                          .status = 200,
                          .body = walk[i]});
    }
    expect_code(list_uploads_below("in/", 5'000), ErrorCode::RetryLater);
    EXPECT_EQ(server().count("ListMultipartUploads") - before, walk.size());
  }
}

TEST_F(S3Multipart, ListingOfPartsThatComesBackToItsPlaceEndsAsAnError) {
  const auto id = create("k");
  ASSERT_DONE(id);
  const auto page = [](int number) {
    return "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>7"
           "</NextPartNumberMarker><Part><PartNumber>" +
           std::to_string(number) +
           "</PartNumber><ETag>\"e\"</ETag><Size>1</Size></Part></ListPartsResult>";
  };
  server().add_fault({.operation = "ListParts", .count = 1, .status = 200, .body = page(7)});
  server().add_fault({.operation = "ListParts", .status = 200, .body = page(8)});
  expect_code(list_parts("k", *id), ErrorCode::RetryLater);
  EXPECT_EQ(server().count("ListParts"), 2U);
}

TEST_F(S3Multipart, StoresClockIsKnownByItsReplies) {
  auto behaviour = server().behaviour();
  behaviour.clock_offset_seconds = 840;
  server().set_behaviour(behaviour);
  ASSERT_DONE(create("k"));
  const auto listed = list_uploads("k");
  ASSERT_DONE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_GE(store().ahead(), std::chrono::seconds(400));
  EXPECT_LE(store().ahead(), std::chrono::seconds(840));
}

TEST_F(S3Multipart, StoreThatDoesNotListUploadsSaysSo) {
  auto behaviour = server().behaviour();
  behaviour.may_list = false;
  server().set_behaviour(behaviour);
  expect_code(list_uploads_below("in/", 10), ErrorCode::NeedsPerson);
  behaviour.may_list = true;
  server().set_behaviour(behaviour);
  server().add_fault(
      {.operation = "ListMultipartUploads", .status = 501, .code = "NotImplemented"});
  expect_code(list_uploads_below("in/", 10), ErrorCode::NeedsPerson);
}

// Create's reply is lost: one orphan, not two.
TEST_F(S3Multipart, CreateIsNotRepeatedByItself) {
  ASSERT_DONE(put("warm", "the connection is reused"));
  server().add_fault({.operation = "CreateMultipartUpload", .cut = Cut::AfterCommit});
  expect_code(create("k"), ErrorCode::Ambiguous);
  EXPECT_EQ(server().uploads(bucket).size(), 1U);
  EXPECT_EQ(server().count("CreateMultipartUpload"), 1U);
}

}  // namespace
}  // namespace waybill::integration
