#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/pipeline_world.h"

// An upload that S3 had forgotten was begun anew while its last part was being read; the SHA-256
// that this reading told was dropped, and the file stayed "uploading" for ever.
namespace waybill::agent {
namespace {

using fakes::Call;
using fakes::Fault;
using fakes::Operation;

TEST(Regress, AnUploadThatIsBegunAnewWhileItsEndIsReadKnowsItsContent) {
  const std::string large(17U << 20U, 'x');
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    fakes::PipelineWorld world(seed);
    int sent = 0;
    world.fault = [&sent](const Call& call) {
      return call.operation == Operation::PutPart && ++sent == 1 ? Fault::Missing : Fault::None;
    };
    world.write("large", large);
    world.start();
    world.settle_down();
    EXPECT_EQ(world.row("large")->state, catalog::FileState::Stored) << "seed " << seed;
    EXPECT_GT(sent, 2) << "seed " << seed;
  }
}

}  // namespace
}  // namespace waybill::agent
