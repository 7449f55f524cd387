#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "base/clock.h"
#include "tests/fakes/pipeline_world.h"

// A file whose times could not tell it from a write at the same instant is read once more after it
// was stored. Nobody was told when that had ended: a `waybill wait` that began meanwhile went on
// until it looked at everything, a second later.
namespace waybill::agent {
namespace {

TEST(Regress, WaitEndsWithTheSecondLookAtAFile) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    fakes::PipelineWorld world(seed);
    world.write("result.csv", "one");
    // By this clock it was changed in the future: no time can tell it from another write.
    world.clock.set_wall(SystemClock().wall() - std::chrono::hours(1));
    world.start();
    const auto second_look = [&] {
      if (world.pipeline().idle()) return false;
      const auto row = world.row("result.csv");
      return row && row->state == catalog::FileState::Stored;
    };
    world.run_until(second_look);
    ASSERT_TRUE(second_look()) << "seed " << seed;
    const auto ticket = std::make_shared<WaitTicket>();
    const BootTime begun = world.clock.boot();
    world.command(StartWait{.ticket = ticket});
    const auto done = [&] { return ticket->wait(Nanoseconds::zero()).done(); };
    world.run_until(done);
    ASSERT_TRUE(done()) << "seed " << seed;
    EXPECT_LT(world.clock.boot() - begun, std::chrono::seconds(1)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace waybill::agent
