#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/fakes/pipeline_world.h"

// A file that changed under our reading was looked at again, and until the look was answered it was
// neither settling nor busy: `waybill wait` took it for gone, and said that all was stored (P8).
namespace waybill::agent {
namespace {

TEST(Regress, WaitKeepsAFileThatIsLookedAtAgain) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    fakes::PipelineWorld world(seed);
    world.write("result.csv", "one");
    world.start();
    const auto ticket = std::make_shared<WaitTicket>();
    world.command(StartWait{.ticket = ticket});
    const auto done = [&] { return ticket->wait(Nanoseconds::zero()).done(); };
    int rewrites = 3;
    world.run_until([&] {
      if (rewrites > 0 && world.random.next() % 8 == 0) {
        world.write("result.csv", "one more line " + std::to_string(rewrites--));
      }
      return done();
    });
    ASSERT_TRUE(done()) << "seed " << seed;
    EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 1) << "seed " << seed;
    const auto row = world.row("result.csv");
    ASSERT_TRUE(row) << "seed " << seed;
    EXPECT_EQ(row->state, catalog::FileState::Stored) << "seed " << seed;
  }
}

}  // namespace
}  // namespace waybill::agent
