#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/fakes/pipeline_world.h"

// A Create that was refused, or never sent, cannot come to be later; it was taken for one that may,
// and on a store without conditions the file's next content waited 20 minutes for it.
namespace waybill::agent {
namespace {

using fakes::Call;
using fakes::Fault;
using fakes::Operation;

TEST(Regress, ACreateThatCannotHaveHappenedDelaysNothing) {
  fakes::PipelineWorld world;
  world.bucket.behaviour.if_absent_on_put = fakes::StoreBehaviour::OnCondition::Ignores;
  world.bucket.behaviour.if_match = fakes::StoreBehaviour::OnCondition::Ignores;
  int creates = 0;
  world.fault = [&creates](const Call& call) {
    return call.operation == Operation::Create && ++creates == 1 ? Fault::FailBefore : Fault::None;
  };
  const std::string large(17U << 20U, 'x');
  world.write("large", large);
  world.start();
  world.settle_down();
  ASSERT_EQ(world.row("large")->state, catalog::FileState::Stored);
  ASSERT_EQ(creates, 2);

  const BootTime before = world.clock.boot();
  world.write("large", large + "y");
  world.settle_down();
  ASSERT_EQ(world.row("large")->generation, 2);
  EXPECT_EQ(world.row("large")->state, catalog::FileState::Stored);
  EXPECT_LT(world.clock.boot() - before, std::chrono::minutes(20));
}

}  // namespace
}  // namespace waybill::agent
