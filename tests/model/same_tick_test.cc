#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/digest.h"
#include "tests/model/planted.h"
#include "tests/model/world.h"

namespace waybill::model {
namespace {

using test_points::Defect;

// Scenario 17 of WATCHING.md 4, on a disk whose clock stands still while the test wants it to: the
// second write leaves size and times as they were, so that only the second look (PROTOCOL.md rule
// 9) can tell.
struct Rewrite {
  bool unseen = false;  // the second write left no trace, as it was meant to
  bool stored = false;  // and is in the bucket all the same
  std::string complaint;
};

Rewrite rewrite_within_one_tick(std::uint64_t seed) {
  Rewrite seen;
  World world(seed, [&seen](const std::string& what) { seen.complaint = what; });
  world.config.folders.front().settle = Nanoseconds::zero();
  world.start();
  world.run_until([&] { return world.resting(); });
  const Nanoseconds tick = std::chrono::milliseconds(10);
  world.clock.advance(tick - world.clock.wall().time_since_epoch() % tick);

  const std::string path = std::string(World::folder) + "/a";
  const auto fingerprint = [&world] {
    return (*world.files.open_file(World::folder, "a"))->status()->fingerprint;
  };
  world.files.write(path, "first");
  const Fingerprint before = fingerprint();
  // No time passes but a nanosecond a step.
  while (world.bucket.find("drop/a") == nullptr) {
    if (!world.run_one()) return seen;
  }
  const bool first_stored = world.bucket.find("drop/a")->sha256 == sha256(as_bytes("first"));
  world.files.write(path, "other");
  seen.unseen = first_stored && fingerprint() == before;

  const Sha256 wanted = sha256(as_bytes("other"));
  // No rescan comes in this time.
  const BootTime patience = world.clock.boot() + std::chrono::minutes(5);
  world.run_until([&] { return world.bucket.find("drop/a")->sha256 == wanted; }, patience);
  seen.stored = world.bucket.find("drop/a")->sha256 == wanted;
  return seen;
}

TEST(SameTick, ARewriteWithinOneTickOfTheUploadIsStoredAgain) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Rewrite seen = rewrite_within_one_tick(seed);
    ASSERT_TRUE(seen.unseen) << "seed " << seed;
    EXPECT_TRUE(seen.stored) << "seed " << seed;
    EXPECT_EQ(seen.complaint, "") << "seed " << seed;
  }
}

// The same, and that it can fail: what keeps a rewrite from being missed is taken away.
class SameTickWithout : public testing::TestWithParam<Defect> {};

TEST_P(SameTickWithout, TheSecondLookTheRewriteIsNeverStored) {
  const Planted planted(GetParam());
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Rewrite seen = rewrite_within_one_tick(seed);
    ASSERT_TRUE(seen.unseen) << "seed " << seed;
    EXPECT_FALSE(seen.stored) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Defects, SameTickWithout,
                         testing::Values(Defect::NoSecondLook, Defect::FutureTimesTrusted),
                         [](const auto& defect) {
                           return defect.param == Defect::NoSecondLook ? "NoSecondLook"
                                                                       : "FutureTimesTrusted";
                         });

}  // namespace
}  // namespace waybill::model
