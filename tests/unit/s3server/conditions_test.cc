#include <gtest/gtest.h>

#include "tests/s3server/server.h"
#include "tests/unit/s3server/client.h"

namespace waybill::s3server {
namespace {

using testing::call;
using testing::put;
using testing::remove;

class Conditional : public ::testing::Test {
 protected:
  // What the PUT of "new" over `key` under this condition is answered with.
  testing::Reply put_if(const std::string& key, const std::string& name, const std::string& value) {
    return call(server.port(), put("/bucket/" + key, "new", {{name, value}}));
  }
  std::string content(const std::string& key) {
    const auto object = server.object("bucket", key);
    return object ? object->body : "absent";
  }

  Server server{Options{.buckets = {"bucket"}}};
  std::string etag = server.put_object("bucket", "there", "old");
};

TEST_F(Conditional, IfNoneMatchStoresOnlyWhatIsAbsent) {
  const auto refused = put_if("there", "if-none-match", "*");
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(refused.code(), "PreconditionFailed");
  EXPECT_EQ(content("there"), "old");
  EXPECT_EQ(put_if("absent", "if-none-match", "*").status, 200);
  EXPECT_EQ(content("absent"), "new");
  EXPECT_EQ(put_if("absent", "if-none-match", etag).status, 501);
}

TEST_F(Conditional, IfMatchReplacesOnlyWhatIsNamed) {
  EXPECT_EQ(put_if("there", "if-match", "\"0123\"").status, 412);
  EXPECT_EQ(content("there"), "old");
  EXPECT_EQ(put_if("there", "if-match", "\"" + etag + "\"").status, 200);
  EXPECT_EQ(content("there"), "new");
  server.put_object("bucket", "there", "old");
  EXPECT_EQ(put_if("there", "if-match", etag).status, 200);
}

TEST_F(Conditional, IfMatchOfAnAbsentKeyIsAnsweredAsTheServerLikes) {
  EXPECT_EQ(put_if("absent", "if-match", etag).code(), "NoSuchKey");
  server.set_behaviour({.if_match_absent_is_404 = false});
  EXPECT_EQ(put_if("absent", "if-match", etag).code(), "PreconditionFailed");
  EXPECT_EQ(content("absent"), "absent");
}

TEST_F(Conditional, Ceph16MatchesBareEtagsAlone) {
  server.set_behaviour(ceph_16());
  EXPECT_EQ(put_if("there", "if-match", "\"" + etag + "\"").status, 412);
  EXPECT_EQ(put_if("there", "if-match", etag).status, 200);
}

TEST_F(Conditional, WhatIsIgnoredOverwrites) {
  server.set_behaviour({.put_if_none_match = Support::Ignored, .put_if_match = Support::Ignored});
  EXPECT_EQ(put_if("there", "if-none-match", "*").status, 200);
  EXPECT_EQ(put_if("there", "if-match", "\"0123\"").status, 200);
}

TEST_F(Conditional, WhatIsRejectedIs501AndNamesTheHeader) {
  server.set_behaviour({.put_if_none_match = Support::Rejected, .put_if_match = Support::Rejected});
  const auto refused = put_if("absent", "if-none-match", "*");
  EXPECT_EQ(refused.status, 501);
  EXPECT_EQ(refused.element("Header"), "If-None-Match");
  EXPECT_EQ(put_if("there", "if-match", etag).status, 501);
  EXPECT_EQ(content("there"), "old");
}

TEST_F(Conditional, DeleteHonoursIfMatch) {
  const auto remove_if = [&](const std::string& value) {
    return call(server.port(), remove("/bucket/there", {{"if-match", value}})).status;
  };
  EXPECT_EQ(remove_if("\"0123\""), 412);
  EXPECT_EQ(content("there"), "old");
  server.set_behaviour({.delete_if_match = Support::Rejected});
  EXPECT_EQ(remove_if(etag), 501);
  server.set_behaviour({});
  EXPECT_EQ(remove_if("\"" + etag + "\""), 204);
  EXPECT_EQ(content("there"), "absent");
  server.put_object("bucket", "there", "old");
  server.set_behaviour({.delete_if_match = Support::Ignored});
  EXPECT_EQ(remove_if("\"0123\""), 204);
}

TEST_F(Conditional, ReadsHonourTheirConditions) {
  const auto get_if = [&](const std::string& name, const std::string& value) {
    return call(server.port(), testing::get("/bucket/there", {{name, value}})).status;
  };
  EXPECT_EQ(get_if("if-none-match", "\"" + etag + "\""), 304);
  EXPECT_EQ(get_if("if-none-match", "\"0123\""), 200);
  EXPECT_EQ(get_if("if-match", "\"0123\""), 412);
  EXPECT_EQ(get_if("if-match", "\"" + etag + "\""), 200);
}

TEST_F(Conditional, OfManyRacersForOneKeyOneWins) {
  constexpr int kRacers = 8;
  const testing::Call wanted = put("/bucket/raced", "new", {{"if-none-match", "*"}});
  std::vector<std::unique_ptr<testing::Connection>> racers;
  for (int i = 0; i < kRacers; ++i) {
    racers.push_back(std::make_unique<testing::Connection>(server.port()));
    ASSERT_TRUE(racers.back()->send(signed_head(wanted, "127.0.0.1") + wanted.body));
  }
  int won = 0;
  for (const auto& racer : racers) won += racer->receive().status == 200 ? 1 : 0;
  EXPECT_EQ(won, 1);
  EXPECT_EQ(server.history("bucket", "raced").size(), 1U);
}

}  // namespace
}  // namespace waybill::s3server
