#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "uploader/object_store.h"
#include "uploader/proof.h"
#include "uploader/upload.h"

// What every ObjectStore has to do: over the store in memory, the client with the test server and
// the client with a real server alike. Instantiate it with
//   INSTANTIATE_TEST_SUITE_P(Name, ObjectStoreContract, testing::Values(Subject…));
namespace waybill::contract {

// One store to be examined. Each test works on keys of its own below `prefix`.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual uploader::ObjectStore& store() = 0;
  // Lets requests under way end; nothing to do where a thread of the store's own does it.
  virtual void pump() {}
  // What it enforces; the suite holds it to that.
  [[nodiscard]] virtual uploader::Capabilities capabilities() const = 0;
  // If-None-Match on a copy, of which no probe tells.
  [[nodiscard]] virtual bool guards_copies() const { return capabilities().if_absent_on_put; }
  // The source's ETag, likewise.
  [[nodiscard]] virtual bool pins_copies() const { return true; }
  [[nodiscard]] virtual std::string prefix() const { return "contract/"; }
  // The least size of a part that is not the last; S3 asks for 5 MiB.
  [[nodiscard]] virtual std::size_t least_part() const { return 5U << 20U; }
};

struct Subject {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};
inline void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.name;
}

class ObjectStoreContract : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    subject_ = GetParam().make();
    ASSERT_NE(subject_, nullptr);
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = test->name();
    key_ = subject_->prefix() + name.substr(0, name.find('/')) + "/ä +%20~.pdf";
  }
  void TearDown() override {
    if (subject_ == nullptr) return;
    for (const std::string& key : {key_, key_ + "2"}) (void)remove(key);
  }

  template <typename Reply>
  Result<Reply> await(const std::function<void(uploader::Done<Reply>)>& start) {
    auto promise = std::make_shared<std::promise<Result<Reply>>>();
    auto future = promise->get_future();
    start([promise](Result<Reply> reply) { promise->set_value(std::move(reply)); });
    subject_->pump();
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return fail(ErrorCode::Internal, "no answer");
    }
    return future.get();
  }

  uploader::ObjectStore& store() { return subject_->store(); }
  [[nodiscard]] uploader::Capabilities capabilities() const { return subject_->capabilities(); }
  [[nodiscard]] const std::string& key() const { return key_; }

  static SharedBytes bytes_of(std::string_view text) {
    const auto bytes = as_bytes(text);
    return std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  }

  uploader::PutRequest put_request(std::string_view body, uploader::Condition condition = {}) {
    uploader::PutRequest request;
    request.key = key_;
    request.body = bytes_of(body);
    request.sha256 = sha256(*request.body);
    request.md5 = md5(*request.body);
    request.condition = std::move(condition);
    request.metadata = {{"waybill-attempt", "0123"}, {"mtime", "1.5"}};
    request.content_type = "application/pdf";
    return request;
  }
  Result<uploader::PutReply> put(uploader::PutRequest request) {
    return await<uploader::PutReply>(
        [&](auto done) { store().put(std::move(request), std::move(done)); });
  }
  Result<uploader::PutReply> put(std::string_view body, uploader::Condition condition = {}) {
    return put(put_request(body, std::move(condition)));
  }
  // To `key() + "2"`.
  Result<uploader::PutReply> copy(const uploader::PutReply& source,
                                  uploader::Condition condition = {}) {
    return await<uploader::PutReply>([&](auto done) {
      store().copy({.key = key_ + "2",
                    .source = {.key = key_, .version = source.version, .etag = source.etag},
                    .condition = std::move(condition),
                    .metadata = {{"waybill-attempt", "89ab"}},
                    .content_type = "text/csv"},
                   std::move(done));
    });
  }
  Result<uploader::HeadReply> head(const std::string& key) {
    return await<uploader::HeadReply>([&](auto done) { store().head(key, std::move(done)); });
  }
  Result<uploader::Nothing> remove(const std::string& key) {
    return await<uploader::Nothing>([&](auto done) { store().remove(key, std::move(done)); });
  }
  Result<std::string> create() { return create(key_); }
  Result<std::string> create(const std::string& key) {
    return await<std::string>([&](auto done) {
      store().create_upload(
          {.key = key, .metadata = {{"waybill-attempt", "4567"}}, .content_type = "text/csv"},
          std::move(done));
    });
  }
  Result<uploader::Part> put_part(const std::string& id, int number, std::string_view body) {
    const SharedBytes bytes = bytes_of(body);
    return await<uploader::Part>([&](auto done) {
      store().put_part({.key = key_,
                        .upload_id = id,
                        .number = number,
                        .body = bytes,
                        .sha256 = sha256(*bytes),
                        .md5 = md5(*bytes)},
                       std::move(done));
    });
  }
  Result<std::vector<uploader::Part>> list_parts(const std::string& id) {
    return await<std::vector<uploader::Part>>(
        [&](auto done) { store().list_parts(key_, id, std::move(done)); });
  }
  Result<uploader::PutReply> complete(const std::string& id, std::vector<uploader::Part> parts,
                                      uploader::Condition condition = {}) {
    return await<uploader::PutReply>([&](auto done) {
      store().complete_upload({.key = key_,
                               .upload_id = id,
                               .parts = std::move(parts),
                               .condition = std::move(condition)},
                              std::move(done));
    });
  }
  Result<uploader::Nothing> abort(const std::string& id) { return abort(key_, id); }
  Result<uploader::Nothing> abort(const std::string& key, const std::string& id) {
    return await<uploader::Nothing>(
        [&](auto done) { store().abort_upload(key, id, std::move(done)); });
  }
  Result<std::vector<uploader::ListedUpload>> list_uploads_below(const std::string& prefix,
                                                                 std::size_t most) {
    return await<std::vector<uploader::ListedUpload>>(
        [&](auto done) { store().list_uploads_below(prefix, most, std::move(done)); });
  }
  Result<std::vector<uploader::ListedUpload>> list_uploads(const std::string& key) {
    return await<std::vector<uploader::ListedUpload>>(
        [&](auto done) { store().list_uploads(key, std::move(done)); });
  }
  [[nodiscard]] std::string full_part(char letter) const {
    return std::string(subject_->least_part(), letter);
  }
  [[nodiscard]] bool guards_copies() const { return subject_->guards_copies(); }
  [[nodiscard]] bool pins_copies() const { return subject_->pins_copies(); }
  // The ETag as If-Match has to carry it here.
  [[nodiscard]] uploader::IfMatch if_match(const std::string& etag) const {
    return {capabilities().if_match_unquoted ? uploader::bare_etag(etag) : etag};
  }

  // The store's word on a request that a condition of `enforced` strength had to refuse.
  template <typename Reply>
  static void expect_refused(const Result<Reply>& reply, bool enforced) {
    if (!enforced) {
      EXPECT_TRUE(reply) << "a condition that is not enforced lets everything through";
      return;
    }
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::PreconditionFailed) << reply.error().describe();
  }
  template <typename Reply>
  static void expect_code(const Result<Reply>& reply, ErrorCode code) {
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, code) << reply.error().describe();
  }

 private:
  std::unique_ptr<StoreUnderTest> subject_;
  std::string key_;
};

#define EXPECT_DONE(expression)                                       \
  do {                                                                \
    const auto& outcome_ = (expression);                              \
    EXPECT_TRUE(outcome_.has_value()) << outcome_.error().describe(); \
  } while (false)

// --- single objects -----------------------------------------------------------------------------

TEST_P(ObjectStoreContract, ObjectThatWasPutIsFoundAsItWasPut) {
  const auto put_reply = put("some bytes");
  ASSERT_TRUE(put_reply) << put_reply.error().describe();
  const auto found = head(key());
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->size, 10U);
  EXPECT_EQ(found->etag, put_reply->etag);
  EXPECT_EQ(found->etag.front(), '"');
  EXPECT_EQ(found->version, put_reply->version);
  const uploader::Metadata metadata = {{"mtime", "1.5"}, {"waybill-attempt", "0123"}};
  EXPECT_TRUE(std::is_permutation(metadata.begin(), metadata.end(), found->metadata.begin(),
                                  found->metadata.end()));
}

TEST_P(ObjectStoreContract, EmptyObjectIsAnObject) {
  EXPECT_DONE(put(""));
  const auto found = head(key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, 0U);
}

TEST_P(ObjectStoreContract, EtagIsTheMd5WhereThatIsPromised) {
  const auto reply = put("some bytes");
  ASSERT_TRUE(reply);
  EXPECT_EQ(uploader::bare_etag(reply->etag) == to_hex(md5(as_bytes("some bytes"))),
            capabilities().md5_etags);
}

TEST_P(ObjectStoreContract, ChecksumIsThatOfTheObjectWhereOneIsReturned) {
  const auto reply = put("some bytes");
  ASSERT_TRUE(reply);
  const auto found = head(key());
  ASSERT_TRUE(found);
  const std::string right = to_base64(sha256(as_bytes("some bytes")));
  for (const std::string& shown : {reply->checksum_sha256, found->checksum_sha256}) {
    EXPECT_TRUE(shown.empty() || shown == right) << shown;
  }
}

TEST_P(ObjectStoreContract, ObjectThatWasNeverPutIsNotFound) {
  const auto found = head(key() + "-never");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code,
            capabilities().head_tells_absent ? ErrorCode::NotFound : ErrorCode::NeedsPerson);
}

TEST_P(ObjectStoreContract, OtherBytesThanSignedAreRefused) {
  auto request = put_request("some bytes");
  request.sha256 = sha256(as_bytes("other bytes"));
  request.md5 = md5(as_bytes("other bytes"));
  EXPECT_FALSE(put(std::move(request)));
  EXPECT_FALSE(head(key()));
}

TEST_P(ObjectStoreContract, RemovedObjectIsGoneAndRemovingNothingIsNoError) {
  EXPECT_DONE(put("some bytes"));
  EXPECT_DONE(remove(key()));
  EXPECT_FALSE(head(key()));
  EXPECT_DONE(remove(key()));
}

TEST_P(ObjectStoreContract, OddKeysAreDifferentKeys) {
  auto request = put_request("one");
  EXPECT_DONE(put(request));
  request.key = key() + "2";
  request.body = bytes_of("another");
  request.sha256 = sha256(*request.body);
  request.md5 = md5(*request.body);
  EXPECT_DONE(put(request));
  const auto first = head(key());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size, 3U);
}

// --- copies -------------------------------------------------------------------------------------

TEST_P(ObjectStoreContract, CopyHasTheBytesOfItsSourceAndWhatIsSaidOfItself) {
  const auto source = put("some bytes");
  ASSERT_TRUE(source);
  const auto reply = copy(*source);
  ASSERT_TRUE(reply) << reply.error().describe();
  const auto found = head(key() + "2");
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->size, 10U);
  EXPECT_EQ(found->etag, reply->etag);
  EXPECT_EQ(found->version, reply->version);
  EXPECT_EQ(found->metadata, (uploader::Metadata{{"waybill-attempt", "89ab"}}));
  if (capabilities().md5_etags) {
    EXPECT_EQ(found->etag, source->etag);
  }
  const std::string right = to_base64(sha256(as_bytes("some bytes")));
  EXPECT_TRUE(found->checksum_sha256.empty() || found->checksum_sha256 == right);
  EXPECT_EQ(head(key())->etag, source->etag) << "the source stays as it is";
}

TEST_P(ObjectStoreContract, CopyOfWhatIsNotThereAnyMoreIsNone) {
  const auto source = put("some bytes");
  ASSERT_TRUE(source);
  uploader::PutReply other = *source;
  other.etag = "\"00000000000000000000000000000000\"";
  expect_refused(copy(other), pins_copies());
  EXPECT_DONE(remove(key() + "2"));
  EXPECT_DONE(remove(key()));
  other = *source;
  other.version.clear();
  expect_code(copy(other), ErrorCode::NotFound);
  EXPECT_FALSE(head(key() + "2"));
}

TEST_P(ObjectStoreContract, CopyIfAbsentRefusesAnExistingKeyWhereThatIsEnforced) {
  auto there = put_request("what is there");
  there.key = key() + "2";
  EXPECT_DONE(put(there));
  const auto source = put("some bytes");
  ASSERT_TRUE(source);
  expect_refused(copy(*source, uploader::IfAbsent{}), guards_copies());
  const auto found = head(key() + "2");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, guards_copies() ? 13U : 10U);
  EXPECT_DONE(remove(key() + "2"));
  EXPECT_DONE(copy(*source, uploader::IfAbsent{}));
}

// --- conditions ---------------------------------------------------------------------------------

TEST_P(ObjectStoreContract, IfAbsentPutsANewKeyAndRefusesAnExistingOne) {
  EXPECT_DONE(put("first", uploader::IfAbsent{}));
  expect_refused(put("second", uploader::IfAbsent{}), capabilities().if_absent_on_put);
  const auto found = head(key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, capabilities().if_absent_on_put ? 5U : 6U);
}

TEST_P(ObjectStoreContract, IfMatchReplacesOnlyThatObject) {
  const auto first = put("first");
  ASSERT_TRUE(first);
  EXPECT_DONE(put("second", if_match(first->etag)));
  expect_refused(put("third one", if_match(first->etag)), capabilities().if_match_on_put);
  const auto found = head(key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, capabilities().if_match_on_put ? 6U : 9U);
}

TEST_P(ObjectStoreContract, IfMatchNeverCreates) {
  const auto reply = put("first", if_match("\"00000000000000000000000000000000\""));
  if (!capabilities().if_match_on_put) {
    EXPECT_DONE(reply);
    return;
  }
  // AWS says 404, Ceph 412.
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().code == ErrorCode::NotFound ||
              reply.error().code == ErrorCode::PreconditionFailed)
      << reply.error().describe();
  EXPECT_FALSE(head(key()));
}

// --- multipart ----------------------------------------------------------------------------------

TEST_P(ObjectStoreContract, PartsBecomeOneObject) {
  const auto id = create();
  ASSERT_TRUE(id) << id.error().describe();
  const std::string first = full_part('a');
  const auto part1 = put_part(*id, 1, first);
  const auto part2 = put_part(*id, 2, "the last part");
  ASSERT_TRUE(part1) << part1.error().describe();
  ASSERT_TRUE(part2) << part2.error().describe();
  EXPECT_FALSE(head(key())) << "no object before Complete";
  const auto reply = complete(*id, {*part1, *part2});
  ASSERT_TRUE(reply) << reply.error().describe();
  const auto found = head(key());
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->size, first.size() + 13);
  EXPECT_EQ(found->etag, reply->etag);
  EXPECT_EQ(found->metadata, (uploader::Metadata{{"waybill-attempt", "4567"}}));
  if (capabilities().md5_etags) {
    const Md5 parts[] = {md5(as_bytes(first)), md5(as_bytes("the last part"))};
    EXPECT_EQ(uploader::bare_etag(found->etag), uploader::etag_of(parts));
  }
}

TEST_P(ObjectStoreContract, PartSentTwiceCountsOnceAndTheLastOne) {
  const auto id = create();
  ASSERT_TRUE(id);
  EXPECT_DONE(put_part(*id, 1, "an earlier try"));
  const auto part = put_part(*id, 1, "the last try");
  ASSERT_TRUE(part);
  EXPECT_DONE(complete(*id, {*part}));
  const auto found = head(key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, 12U);
}

TEST_P(ObjectStoreContract, PartsAreListedWithTheirSizesAndEtags) {
  const auto id = create();
  ASSERT_TRUE(id);
  const auto none = list_parts(*id);
  ASSERT_TRUE(none) << none.error().describe();
  EXPECT_TRUE(none->empty());
  const auto part2 = put_part(*id, 2, "two");
  const auto part1 = put_part(*id, 1, "first");
  ASSERT_TRUE(part1);
  ASSERT_TRUE(part2);
  const auto listed = list_parts(*id);
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ(listed->at(0).number, 1);
  EXPECT_EQ(listed->at(0).size, 5U);
  EXPECT_EQ(uploader::bare_etag(listed->at(0).etag), uploader::bare_etag(part1->etag));
  EXPECT_EQ(listed->at(1).number, 2);
  EXPECT_DONE(abort(*id));
}

TEST_P(ObjectStoreContract, UploadThatDoesNotExistIsNotFound) {
  const auto id = create();
  ASSERT_TRUE(id);
  EXPECT_DONE(abort(*id));
  expect_code(put_part(*id, 1, "late"), ErrorCode::NotFound);
  expect_code(list_parts(*id), ErrorCode::NotFound);
  expect_code(complete(*id, {{.number = 1, .etag = "\"x\"", .size = 4}}), ErrorCode::NotFound);
  EXPECT_DONE(abort(*id));
  EXPECT_FALSE(head(key()));
}

TEST_P(ObjectStoreContract, PartsThatWereNeverSentCannotBeCompleted) {
  const auto id = create();
  ASSERT_TRUE(id);
  EXPECT_DONE(put_part(*id, 1, "one"));
  EXPECT_FALSE(
      complete(*id, {{.number = 1, .etag = "\"00000000000000000000000000000000\"", .size = 3}}));
  EXPECT_FALSE(head(key()));
  EXPECT_DONE(abort(*id));
}

TEST_P(ObjectStoreContract, CompleteIfAbsentRefusesAnExistingKey) {
  const auto id = create();
  ASSERT_TRUE(id);
  const auto part = put_part(*id, 1, "of the multipart");
  ASSERT_TRUE(part);
  EXPECT_DONE(put("first"));
  expect_refused(complete(*id, {*part}, uploader::IfAbsent{}),
                 capabilities().if_absent_on_complete);
  const auto found = head(key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, capabilities().if_absent_on_complete ? 5U : 16U);
  EXPECT_DONE(abort(*id));
}

TEST_P(ObjectStoreContract, UploadsUnderWayAreListedForExactlyTheirKey) {
  const auto id = create();
  ASSERT_TRUE(id);
  const auto listed = list_uploads(key());
  ASSERT_TRUE(listed) << listed.error().describe();
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->at(0).key, key());
  EXPECT_EQ(listed->at(0).upload_id, *id);
  // The key's beginning is no key.
  const auto others = list_uploads(key().substr(0, key().size() - 1));
  ASSERT_TRUE(others);
  EXPECT_TRUE(others->empty());
  EXPECT_DONE(abort(*id));
  const auto after = list_uploads(key());
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->empty());
}

TEST_P(ObjectStoreContract, UploadsUnderWayAreListedBelowTheirPrefix) {
  const auto id = create();
  ASSERT_TRUE(id);
  const auto below = list_uploads_below(key().substr(0, key().size() - 1), 10);
  ASSERT_TRUE(below) << below.error().describe();
  ASSERT_EQ(below->size(), 1U);
  EXPECT_EQ(below->at(0).key, key());
  EXPECT_EQ(below->at(0).upload_id, *id);
  const auto others = list_uploads_below(key() + "/", 10);
  ASSERT_TRUE(others);
  EXPECT_TRUE(others->empty());
  EXPECT_DONE(abort(*id));
}

TEST_P(ObjectStoreContract, UploadsBelowAPrefixAreListedSorted) {
  std::map<std::string, std::string> begun;
  for (const char* name : {"b", "c/d", "a", "c"}) {
    const auto id = create(key() + "/" + name);
    ASSERT_TRUE(id);
    begun[key() + "/" + name] = *id;
  }
  const auto names_of = [](const auto& uploads) {
    std::vector<std::string> names;
    for (const auto& upload : uploads) names.push_back(upload.key);
    return names;
  };
  const auto all = list_uploads_below(key() + "/", 10);
  ASSERT_TRUE(all) << all.error().describe();
  const std::vector<std::string> sorted{key() + "/a", key() + "/b", key() + "/c", key() + "/c/d"};
  EXPECT_EQ(names_of(*all), sorted);
  const auto first = list_uploads_below(key() + "/", 2);
  ASSERT_TRUE(first);
  EXPECT_EQ(names_of(*first), std::vector<std::string>(sorted.begin(), sorted.begin() + 2));
  for (const auto& [name, id] : begun) EXPECT_DONE(abort(name, id));
}

TEST_P(ObjectStoreContract, UploadIsStampedWithTheTimeOfItsCreation) {
  const auto id = create();
  ASSERT_TRUE(id);
  const auto listed = list_uploads(key());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_GT(listed->at(0).initiated, WallTime(std::chrono::hours(24 * 365)));
  EXPECT_DONE(abort(*id));
}

TEST_P(ObjectStoreContract, CancelledRequestIsAnsweredOnce) {
  const auto answers = std::make_shared<std::atomic<int>>(0);
  auto promise = std::make_shared<std::promise<void>>();
  auto future = promise->get_future();
  const auto id = store().put(put_request("cancelled"), [answers, promise](auto) {
    if (++*answers == 1) promise->set_value();
  });
  store().cancel(id);
  store().cancel(id);
  // A second request ends after the first, so a second answer would have come by then.
  (void)head(key());
  ASSERT_EQ(future.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_EQ(answers->load(), 1);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreContract);

}  // namespace waybill::contract
