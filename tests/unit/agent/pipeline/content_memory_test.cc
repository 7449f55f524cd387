#include "agent/content_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {
namespace {

using fakes::Call;
using fakes::Fault;
using fakes::Operation;

constexpr std::uint64_t one_mib = 1U << 20U;

TEST(ContentMemory, LeavesAQuarterToSmallFiles) {
  ContentMemory memory;
  memory.take(40 * one_mib);
  EXPECT_TRUE(memory.fits_part(8 * one_mib, 64 * one_mib));
  EXPECT_FALSE(memory.fits_part(8 * one_mib + 1, 64 * one_mib));
  memory.take(8 * one_mib);
  EXPECT_FALSE(memory.fits_part(1, 64 * one_mib));
  memory.give_back(1);
  EXPECT_TRUE(memory.fits_part(1, 64 * one_mib));
}

TEST(ContentMemory, LetsInOnePartThatIsLargerThanAll) {
  ContentMemory memory;
  EXPECT_TRUE(memory.fits_part(100 * one_mib, 64 * one_mib));
  memory.take(100 * one_mib);
  EXPECT_FALSE(memory.fits_part(1, 64 * one_mib));
}

// However many large files come at once: each of them once held a part, whatever there was.
TEST(ContentMemory, ManyLargeFilesAtOnceStayWithinIt) {
  fakes::PipelineWorld world;
  world.config().memory = 16 * one_mib;
  world.config().folders.front().s3.part_size = 5 * one_mib;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    world.write(std::string(1, name), std::string(17 * one_mib, name));
  }
  std::uint64_t most = 0;
  world.fault = [&](const Call& call) {
    // Counted before the part that is being sent: the fourth and last has 2 MiB.
    const std::uint64_t sent = (call.part == 4 ? 2 : 5) * one_mib;
    if (call.operation == Operation::PutPart) {
      most = std::max(most, world.bucket.bytes_waiting() + sent);
    }
    return Fault::None;
  };
  world.start();
  world.settle_down();
  for (const char name : {'a', 'b', 'c', 'd'}) {
    const auto row = world.row(std::string(1, name));
    ASSERT_TRUE(row);
    EXPECT_EQ(row->state, catalog::FileState::Stored);
  }
  EXPECT_GT(most, 5 * one_mib);
  EXPECT_LE(most, 12 * one_mib);
}

}  // namespace
}  // namespace waybill::agent
