#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "catalog/sqlite.h"
#include "tests/fakes/pipeline_world.h"

// on_rename = "copy": the object of a renamed file is copied inside the store, with an attempt as
// durable and a proof as good as those of an upload; else the file is sent (PROTOCOL.md section 4).
namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;

class RenameByCopy : public testing::Test {
 protected:
  RenameByCopy() {
    folder().prefix = "in/";
    folder().on_rename = OnRename::Copy;
    world_.fault = [this](const Call& call) {
      if (call.key.find("_waybill/") != std::string::npos) return Fault::None;
      if (carries_a_file(call)) ++bodies_;
      if (call.operation != Operation::Copy) return Fault::None;
      ++copies_;
      return copies_ == strikes_at_ || strikes_at_ == 0 ? fault_ : Fault::None;
    };
  }
  FolderConfig& folder() { return world_.config().folders.front(); }
  FileId stored_as_a(const std::string& content) {
    world_.write("a", content);
    world_.start();
    world_.settle_down();
    bodies_ = 0;
    return world_.row("a")->id;
  }
  // Stored under that name, and then called b.
  FileId renamed(const std::string& content) {
    const FileId id = stored_as_a(content);
    world_.rename("a", "b");
    return id;
  }
  catalog::ObjectRow object() { return *world_.object_of(*world_.row("b")); }
  void expect_stored(FileId id, const std::string& content, bool copied) {
    const auto row = world_.row("b");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->id, id);
    ASSERT_EQ(row->state, FileState::Stored);
    EXPECT_EQ(object().key, "in/b");
    EXPECT_EQ(object().sha256, sha256(as_bytes(content)));
    EXPECT_GE(object().proof, catalog::ProofLevel::EtagRecomputed);
    const auto* there = world_.bucket.find("in/b");
    ASSERT_NE(there, nullptr);
    EXPECT_EQ(there->copied, copied);
    EXPECT_EQ(there->sha256, sha256(as_bytes(content)));
    EXPECT_EQ(there->attempt, object().attempt);
    EXPECT_EQ(there->etag, object().etag);
    // The former one is the only copy under its name, and stays.
    const auto* former = world_.bucket.find("in/a");
    ASSERT_NE(former, nullptr);
    EXPECT_EQ(former->sha256, sha256(as_bytes(content)));
    EXPECT_EQ(bodies_, copied ? 0 : 1);
  }
  std::int64_t attempt_kind() {
    auto catalog = catalog::Connection::open(world_.config().state_dir + "/catalog.db",
                                             catalog::Connection::Mode::ReadOnly);
    auto found = catalog->prepare("SELECT kind FROM attempts");
    auto rows = found->query({});
    return *rows->next() ? rows->integer(0) : -1;
  }

  static constexpr const char* not_copied = "renamed files are sent again, not copied";

  fakes::PipelineWorld world_;
  Fault fault_ = Fault::None;
  int strikes_at_ = 0;  // which copy; 0: each
  int copies_ = 0;
  int bodies_ = 0;
};

TEST_F(RenameByCopy, SendsNoBytes) {
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", true);
  EXPECT_EQ(copies_, 1);
  EXPECT_NE(object().proof_detail.find("copied"), std::string::npos);
  EXPECT_TRUE(world_.row("b")->reason.empty());
}

TEST_F(RenameByCopy, IsNotWhatHappensUnlessAskedFor) {
  folder().on_rename = OnRename::Store;
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", false);
  EXPECT_EQ(copies_, 0);
}

TEST_F(RenameByCopy, OfALargeFileReadsItOnceAndSendsNoParts) {
  const std::string content(20U << 20U, 'x');
  const FileId id = renamed(content);
  world_.settle_down();
  expect_stored(id, content, true);
}

TEST_F(RenameByCopy, NewMetadataGoesWithTheCopy) {
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", true);
  const auto* there = world_.bucket.find("in/b");
  bool named = false;
  for (const auto& [name, value] : there->metadata) {
    named = named || (name == "waybill-path" && value == "b");
  }
  EXPECT_TRUE(named) << "the object tells of its former name";
}

TEST_F(RenameByCopy, IsAnAttemptThatIsDurableBeforeItIsAskedFor) {
  stored_as_a("bytes");
  world_.bucket_hangs = true;
  world_.rename("a", "b");
  world_.run_until([&] { return world_.bucket.waiting() > 0; });
  EXPECT_EQ(attempt_kind(), 2);
}

TEST_F(RenameByCopy, WhoseReplyIsLostIsFound) {
  fault_ = Fault::LostReply;
  strikes_at_ = 1;
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", true);
}

TEST_F(RenameByCopy, ThatTheStoreRefusesIsSentAndNotAskedForAgainForAWhile) {
  world_.bucket.behaviour.copies = false;
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", false);
  const int asked = copies_;
  EXPECT_GT(asked, 0);
  world_.rename("b", "c");
  world_.settle_down();
  EXPECT_EQ(world_.row("c")->state, FileState::Stored);
  EXPECT_EQ(copies_, asked);
  EXPECT_EQ(world_.logged(not_copied), 1);
  world_.pass(std::chrono::hours(2));
  world_.rename("c", "d");
  world_.settle_down();
  EXPECT_EQ(world_.row("d")->state, FileState::Stored);
  EXPECT_GT(copies_, asked);
  EXPECT_EQ(world_.logged(not_copied), 1);
}

TEST_F(RenameByCopy, OfAnObjectThatSomebodyReplacedIsSent) {
  stored_as_a("bytes");
  world_.bucket.put_foreign("in/a", "theirs");
  world_.rename("a", "b");
  world_.settle_down();
  EXPECT_EQ(world_.row("b")->state, FileState::Stored);
  EXPECT_EQ(as_text(*world_.bucket.find("in/b")->body), "bytes");
  EXPECT_EQ(bodies_, 1);
  EXPECT_EQ(world_.logged(not_copied), 0);
}

TEST_F(RenameByCopy, DoesNotTakeThePlaceOfAForeignObject) {
  stored_as_a("bytes");
  world_.bucket.put_foreign("in/b", "theirs");
  world_.rename("a", "b");
  world_.settle_down();
  EXPECT_EQ(world_.row("b")->state, FileState::Blocked);
  EXPECT_EQ(as_text(*world_.bucket.find("in/b")->body), "theirs");
}

TEST_F(RenameByCopy, OfAFileThatChangesMeanwhileEndsInWhatItIsNow) {
  stored_as_a("bytes");
  world_.bucket_hangs = true;
  world_.rename("a", "b");
  world_.run_until([&] { return world_.bucket.waiting() > 0; });
  world_.write("b", "other bytes");
  world_.bucket_hangs = false;
  world_.settle_down();
  EXPECT_EQ(world_.row("b")->state, FileState::Stored);
  EXPECT_EQ(as_text(*world_.bucket.find("in/b")->body), "other bytes");
}

// Nobody knows of a store that it guards copies: one that lands late would win over what was put
// under a condition (rule 2).
TEST_F(RenameByCopy, LaterContentWaitsUntilNoCopyCanLandAnyMore) {
  fault_ = Fault::LandsLater;
  strikes_at_ = 1;
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", true);
  world_.write("b", "other bytes");
  world_.pass(std::chrono::minutes(5));
  EXPECT_EQ(world_.row("b")->state, FileState::Queued);
  world_.land_late_requests();
  world_.settle_down();
  EXPECT_EQ(world_.row("b")->state, FileState::Stored);
  EXPECT_EQ(as_text(*world_.bucket.find("in/b")->body), "other bytes");
}

// Somebody else has put other bytes in the place of the source meanwhile, and the store heeds no
// condition: it lands over our own, with our attempt's id.
TEST_F(RenameByCopy, OneThatLandsLateOverWhatIsStoredIsLookedAtAndReplaced) {
  fault_ = Fault::LandsLater;
  strikes_at_ = 1;
  const FileId id = renamed("bytes");
  world_.settle_down();
  expect_stored(id, "bytes", true);
  world_.bucket.behaviour.pins_copies = false;
  world_.bucket.behaviour.if_absent_on_copy = fakes::StoreBehaviour::OnCondition::Ignores;
  world_.bucket.put_foreign("in/a", "BYTES");
  world_.land_late_requests();
  ASSERT_EQ(as_text(*world_.bucket.find("in/b")->body), "BYTES");
  world_.pass(std::chrono::minutes(25));
  ASSERT_EQ(world_.row("b")->state, FileState::Stored);
  EXPECT_EQ(as_text(*world_.bucket.find("in/b")->body), "bytes");
  EXPECT_EQ(world_.bucket.find("in/b")->attempt, object().attempt);
  EXPECT_GE(bodies_, 1) << "from the file";
}

// Whatever the step at which the process dies.
TEST_F(RenameByCopy, SurvivesADeathAtEveryStep) {
  for (int steps = 0; steps < 60; ++steps) {
    SCOPED_TRACE(steps);
    fakes::PipelineWorld world(static_cast<std::uint64_t>(steps) + 1);
    world.config().folders.front().prefix = "in/";
    world.config().folders.front().on_rename = OnRename::Copy;
    world.write("a", "bytes");
    world.start();
    world.settle_down();
    const FileId id = world.row("a")->id;
    world.rename("a", "b");
    for (int i = 0; i < steps; ++i) {
      if (!world.run_one()) world.pass(std::chrono::milliseconds(500));
    }
    world.crash();
    world.start();
    world.settle_down();
    const auto row = world.row("b");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->id, id);
    ASSERT_EQ(row->state, FileState::Stored);
    const auto object = world.object_of(*row);
    ASSERT_TRUE(object);
    const auto* there = world.bucket.find(object->key);
    ASSERT_NE(there, nullptr);
    EXPECT_EQ(as_text(*there->body), "bytes");
    EXPECT_EQ(there->attempt, object->attempt);
  }
}

}  // namespace
}  // namespace waybill::agent
