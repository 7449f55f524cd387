#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/fakes/pipeline_world.h"
#include "uploader/mime_types.h"

namespace waybill::agent {
namespace {

using fakes::PipelineWorld;

TEST(ContentTypes, AreTheMachinesUntilTheConfigurationSaysOtherwise) {
  PipelineWorld world;
  world.config().mime_types = std::make_shared<const uploader::MimeTypes>(
      uploader::MimeTypes::parse("chemical/x-pdb pdb\n"));
  const auto type_of = [&](const std::string& key) {
    const auto* const object = world.bucket.find(key);
    return object == nullptr ? "no object" : object->content_type;
  };
  world.write("a.pdb", "x");
  world.write("a.pdf", "x");
  world.start();
  world.settle_down();
  EXPECT_EQ(type_of("drop/a.pdb"), "chemical/x-pdb");
  EXPECT_EQ(type_of("drop/a.pdf"), "application/pdf");
  world.config().folders.front().s3.write.content_type = "text/x-own";
  world.pipeline().reconfigure(world.config());
  world.write("b.pdb", "x");
  world.settle_down();
  EXPECT_EQ(type_of("drop/b.pdb"), "text/x-own");
}

}  // namespace
}  // namespace waybill::agent
