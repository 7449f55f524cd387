// The core under seeds: each draws a store, file operations, faults and deaths of process and
// machine; an oracle with its own history checks the promises. WAYBILL_SEEDS=N runs N of them,
// WAYBILL_SEED=K just one.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/model/model.h"

namespace waybill::model {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// A share of the seeds each, so that all processors have some.
constexpr std::uint64_t shares = 8;
class PipelineModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(PipelineModel, RowAndObjectAgreeWhateverFailsAndWheneverProcessOrMachineDies) {
  const std::uint64_t only = setting("WAYBILL_SEED", 0);
  const std::uint64_t last = only != 0 ? only : setting("WAYBILL_SEEDS", default_seeds);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
    if (seed % shares != GetParam()) continue;
    const Verdict verdict = run_seed(seed);
    ASSERT_EQ(verdict.complaint, "") << "seed " << seed << " (again: WAYBILL_SEED=" << seed << ")\n"
                                     << verdict.trace;
  }
}

INSTANTIATE_TEST_SUITE_P(Share, PipelineModel, testing::Range(std::uint64_t{0}, shares));

TEST(PipelineModelItself, RenamesAreDrawnAndRecognisedAndSomeAreCopied) {
  std::size_t renames = 0;
  std::size_t copies = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Verdict verdict = run_seed(seed);
    renames += verdict.renames;
    copies += verdict.copies;
  }
  EXPECT_GE(renames, 10U);
  EXPECT_GE(copies, 3U);
}

TEST(PipelineModelItself, ASeedReplaysExactly) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(run_seed(seed).trace, run_seed(seed).trace);
  }
}

}  // namespace
}  // namespace waybill::model
