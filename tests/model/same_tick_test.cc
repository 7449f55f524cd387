#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/digest.h"
#include "tests/model/world.h"

namespace waybill::model {
namespace {

// Scenario 17 of WATCHING.md 4, on a disk whose clock stands still while the test wants it to: the
// second write leaves size and times as they were, so that only the second look (PROTOCOL.md rule
// 9) can tell.
TEST(SameTick, ARewriteWithinOneTickOfTheUploadIsStoredAgain) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::string complaint;
    World world(seed, [&](const std::string& what) { complaint = what; });
    world.config.folders.front().settle = Nanoseconds::zero();
    world.start();
    world.run_until([&] { return world.resting(); });
    const Nanoseconds tick = std::chrono::milliseconds(10);
    world.clock.advance(tick - world.clock.wall().time_since_epoch() % tick);

    const std::string path = std::string(World::folder) + "/a";
    const auto fingerprint = [&] {
      return (*world.files.open_file(World::folder, "a"))->status()->fingerprint;
    };
    world.files.write(path, "first");
    const Fingerprint before = fingerprint();
    // No time passes but a nanosecond a step.
    while (world.bucket.find("drop/a") == nullptr) {
      ASSERT_TRUE(world.run_one()) << "seed " << seed;
    }
    ASSERT_EQ(world.bucket.find("drop/a")->sha256, sha256(as_bytes("first")));
    world.files.write(path, "other");
    ASSERT_EQ(fingerprint(), before) << "seed " << seed;

    const Sha256 wanted = sha256(as_bytes("other"));
    const BootTime patience = world.clock.boot() + std::chrono::hours(2);
    world.run_until([&] { return world.bucket.find("drop/a")->sha256 == wanted; }, patience);
    EXPECT_EQ(world.bucket.find("drop/a")->sha256, wanted) << "seed " << seed;
    EXPECT_EQ(complaint, "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace waybill::model
