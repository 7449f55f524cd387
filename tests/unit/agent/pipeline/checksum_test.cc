#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/crc.h"
#include "tests/fakes/pipeline_world.h"
#include "uploader/checksum.h"

// Which digests the core has computed of a large file's parts, and what comes of them (S3.md 2).
namespace waybill::agent {
namespace {

using fakes::Call;
using fakes::Fault;
using fakes::Operation;

constexpr std::uint64_t mib = 1U << 20U;

class PartChecksums : public ::testing::Test {
 protected:
  PartChecksums() {
    world_.config().folders.front().s3.part_size = 6 * mib;
    world_.bucket.behaviour.returns_crcs = true;
  }
  void store(const std::string& name) {
    world_.bucket.parts_with_md5 = world_.bucket.parts_without_md5 = 0;
    world_.write(name, std::string(17 * mib, name.front()));
    world_.settle_down();
  }
  catalog::ObjectRow object(const std::string& name) {
    const auto row = world_.row(name);
    if (!row || row->state != catalog::FileState::Stored) {
      ADD_FAILURE() << name << " is not stored";
      return {};
    }
    return world_.object_of(*row).value_or(catalog::ObjectRow{});
  }

  fakes::PipelineWorld world_;
};

TEST_F(PartChecksums, NoMd5IsMadeOnceTheStoreWasSeenToGiveBackTheCrc) {
  world_.start();
  store("a");
  EXPECT_EQ(world_.bucket.parts_with_md5, 3);
  EXPECT_EQ(world_.bucket.parts_without_md5, 0);
  store("b");
  EXPECT_EQ(world_.bucket.parts_with_md5, 0);
  EXPECT_EQ(world_.bucket.parts_without_md5, 3);
  for (const char* name : {"a", "b"}) {
    const auto stored = object(name);
    EXPECT_EQ(stored.proof, catalog::ProofLevel::StoreChecked) << name;
    const std::string content(17 * mib, name[0]);
    EXPECT_EQ(stored.checksum,
              "crc64nvme:" + uploader::base64_of(crc_of(CrcKind::Crc64Nvme, as_bytes(content))));
  }
}

TEST_F(PartChecksums, Md5sAreMadeForAStoreThatGivesBackNoCrc) {
  world_.bucket.behaviour.returns_crcs = false;
  world_.start();
  store("a");
  store("b");
  EXPECT_EQ(world_.bucket.parts_without_md5, 0);
  EXPECT_EQ(object("b").proof, catalog::ProofLevel::EtagRecomputed);
}

TEST_F(PartChecksums, Md5sAreMadeForAStoreThatStopsGivingItBack) {
  world_.start();
  store("a");
  world_.bucket.behaviour.returns_crcs = false;
  store("b");
  EXPECT_EQ(world_.bucket.parts_without_md5, 3);
  store("c");
  EXPECT_EQ(world_.bucket.parts_without_md5, 0);
  EXPECT_EQ(object("c").proof, catalog::ProofLevel::EtagRecomputed);
}

TEST_F(PartChecksums, NoneIsAskedForWhereTheFolderWantsNone) {
  world_.config().folders.front().s3.checksum = uploader::ChecksumHeader::None;
  world_.start();
  store("a");
  store("b");
  EXPECT_EQ(world_.bucket.parts_without_md5, 0);
  EXPECT_EQ(object("b").checksum, "");
}

// Where the reply to Complete is lost it is HEAD that must prove the object.
TEST_F(PartChecksums, ALostReplyIsProvenAsWellWithoutMd5s) {
  world_.start();
  store("a");
  bool lost = false;
  world_.fault = [&lost](const Call& call) {
    if (call.operation != Operation::Complete || lost) return Fault::None;
    lost = true;
    return Fault::LostReply;
  };
  store("b");
  EXPECT_TRUE(lost);
  EXPECT_EQ(world_.bucket.parts_without_md5, 3);
  EXPECT_EQ(object("b").proof, catalog::ProofLevel::StoreChecked);
}

}  // namespace
}  // namespace waybill::agent
