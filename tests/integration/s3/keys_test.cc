#include "tests/integration/s3/s3_client.h"

// S3.md 10.39: what a key may hold, the signature and the listing must survive.
namespace waybill::integration {
namespace {

std::vector<std::string> odd_keys() {
  std::vector<std::string> keys{"a//b",
                                "//a",
                                "/",
                                "../x",
                                "a/./b/../c",
                                "+ %20~\xC3\xA9",
                                "a+b",
                                "a b",
                                "a%2Fb",
                                "a?b=c&d#e",
                                "a;b:c@d$e,f!g*h'i(j)k",
                                "a\\b|c^d`e{f}g[h]i<j>k\"l",
                                "tail/",
                                "\xF0\x9F\x93\x84",
                                "e\xCC\x81"};
  keys.push_back(std::string(1024, 'k'));
  return keys;
}

class S3Keys : public S3Client, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) != "host") return;
    connect({.endpoint = "http://localhost:" + std::to_string(server().port())});
  }
};

TEST_P(S3Keys, OddOnesAreSignedRightAndArriveAsTheyAre) {
  for (const std::string& key : odd_keys()) {
    const auto reply = put(key, key);
    ASSERT_TRUE(reply) << printable(key) << ": " << reply.error().describe();
    const auto object = server().object(bucket, key);
    ASSERT_TRUE(object) << printable(key);
    EXPECT_EQ(object->body, key);
    const auto found = head(key);
    ASSERT_TRUE(found) << printable(key) << ": " << found.error().describe();
    EXPECT_EQ(found->size, key.size());
  }
  EXPECT_EQ(server().keys(bucket).size(), odd_keys().size());
}

TEST_P(S3Keys, UploadsOfOddOnesAreListed) {
  for (const std::string& key : odd_keys()) {
    const auto id = create(key);
    ASSERT_TRUE(id) << printable(key) << ": " << id.error().describe();
    const auto listed = list_uploads(key);
    ASSERT_TRUE(listed) << printable(key) << ": " << listed.error().describe();
    ASSERT_EQ(listed->size(), 1U) << printable(key);
    EXPECT_EQ(listed->front().key, key);
    EXPECT_EQ(listed->front().upload_id, *id);
    ASSERT_DONE(abort(key, *id));
  }
}

INSTANTIATE_TEST_SUITE_P(Bucket, S3Keys, testing::Values("path", "host"),
                         [](const auto& each) { return std::string(each.param); });

TEST_F(S3Client, KeyOfInvalidUtf8IsSignedRight) {
  const std::string key = "a\xFF\xFE";
  ASSERT_DONE(put(key, "content"));
  ASSERT_DONE(head(key));
  EXPECT_TRUE(server().object(bucket, key));
}

}  // namespace
}  // namespace waybill::integration
