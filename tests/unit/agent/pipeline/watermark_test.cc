#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "tests/fakes/pipeline_world.h"

// `seen_until`: nothing older than that is unseen, what has gone included (WATCHING.md section 3).
namespace waybill::agent {
namespace {

using catalog::FileState;

std::int64_t seen_until(fakes::PipelineWorld& world) {
  world.pipeline().refresh([] {});
  static_cast<void>(world.pipeline().step());
  const auto& folders = world.status().folders;
  return folders.empty() ? 0 : folders.front().seen_until;
}

// The scan has ended by then, but nobody has looked at the name that it has not shown.
TEST(Watermark, WaitsUntilWhatAScanHasNotShownWasLookedAt) {
  constexpr int patience = 10'000;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    fakes::PipelineWorld world(seed);
    world.write("d/a", "content");
    world.write("b", "content");
    world.start();
    world.settle_down();
    world.crash();
    world.remove("d/a");
    world.start();
    int steps = 0;
    while (seen_until(world) == 0 && ++steps < patience) {
      if (!world.run_one()) world.pass(std::chrono::milliseconds(10));
    }
    ASSERT_NE(seen_until(world), 0);
    EXPECT_EQ(world.row("d/a")->state, FileState::Gone);
    EXPECT_EQ(world.row("b")->state, FileState::Stored);
  }
}

}  // namespace
}  // namespace waybill::agent
