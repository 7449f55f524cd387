#include "agent/session.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {
namespace {

class SessionTest : public testing::Test {
 protected:
  fakes::PipelineWorld world_;
  Session session_{world_.edges(), world_.config(), world_.open_catalog()};

  void write_something() {
    ASSERT_TRUE(session_.catalog->ensure_store("https://s3.lab", "bucket", ""));
  }
};

TEST_F(SessionTest, EffectsRunOnlyOnceWhatWasWrittenIsDurable) {
  bool durable_when_run = false;
  write_something();
  session_.after_commit([&] { durable_when_run = !session_.catalog->dirty(); });
  EXPECT_FALSE(durable_when_run);
  ASSERT_TRUE(session_.commit());
  EXPECT_TRUE(durable_when_run);
}

TEST_F(SessionTest, WhatAnEffectWritesIsCommittedBeforeItsOwnEffects) {
  std::string order;
  session_.after_commit([&] {
    order += 'a';
    write_something();
    session_.after_commit([&] { order += session_.catalog->dirty() ? '?' : 'b'; });
  });
  ASSERT_TRUE(session_.commit());
  EXPECT_EQ(order, "ab");
}

TEST_F(SessionTest, AFailedCatalogStopsTheEffects) {
  bool ran = false;
  session_.after_commit([&] { ran = true; });
  session_.fail({.code = ErrorCode::DiskFull, .message = "full"});
  const auto committed = session_.commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::DiskFull);
  EXPECT_FALSE(ran);
}

TEST_F(SessionTest, ATaskOfAnEndedSessionIsDropped) {
  int ran = 0;
  Task guarded;
  {
    const Session ended(world_.edges(), world_.config(), nullptr);
    guarded = ended.guard([&] { ++ran; });
    guarded();
  }
  guarded();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace waybill::agent
