#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "agent/pipeline.h"
#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {
namespace {

// P8: a hard NFS mount without its server holds the thread that looks, and with it every folder.
TEST(SilentDisk, IsToldWhileItIsAndNotLonger) {
  fakes::PipelineWorld world;
  world.start();
  world.settle_down();
  const auto reason = [&world]() -> std::optional<Reason> {
    const auto& reasons = world.status().reasons;
    const auto found =
        std::ranges::find_if(reasons, [](const auto& one) { return one.code == "disk-silent"; });
    return found == reasons.end() ? std::nullopt : std::optional(*found);
  };
  const auto look = [&world] {
    world.pipeline().refresh([] {});
    static_cast<void>(world.pipeline().step());
  };
  std::optional<Reason> early;
  std::optional<Reason> late;
  bool asked = false;
  world.disk.meanwhile = [&] {
    if (std::exchange(asked, true)) return;
    world.clock.advance(std::chrono::seconds(50));
    look();
    early = reason();
    world.clock.advance(std::chrono::seconds(50));
    look();
    late = reason();
  };
  world.write("file", "content");
  world.settle_down();
  ASSERT_TRUE(asked);
  EXPECT_FALSE(early);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->severity, Severity::Blocked);
  EXPECT_EQ(late->folder, "drop");
  EXPECT_FALSE(reason());
}

}  // namespace
}  // namespace waybill::agent
