#include "agent/root_identity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "agent/pipeline.h"
#include "tests/fakes/pipeline_world.h"

// By what a folder's root is known from one start to the next (WATCHING.md 1).
namespace waybill::agent {
namespace {

using catalog::FileState;
using std::chrono::minutes;

TEST(RootIdentity, OfARowIsABirthTimeOrAMarkAndNeverTakenForTheOther) {
  catalog::FolderRow row{.path = {}, .dev = 7, .ino = 8, .btime = 1'700'000'000'000'000'000};
  watcher::FolderSpec spec;
  know_root(spec, row);
  EXPECT_EQ(spec.known_btime, row.btime);
  EXPECT_EQ(spec.known_mark, 0U);
  row.btime = -1;  // born before 1970
  know_root(spec, row);
  EXPECT_EQ(spec.known_btime, -1);
  EXPECT_EQ(spec.known_mark, 0U);
  for (const std::uint64_t mark : {watcher::least_mark, 2 * watcher::least_mark - 1}) {
    note_root(row, {.dev = 7, .ino = 8, .mark = mark});
    know_root(spec, row);
    EXPECT_EQ(spec.known_btime, 0);
    EXPECT_EQ(spec.known_mark, mark);
    EXPECT_EQ(spec.known_ino, 8U);
  }
}

class WithoutBirths : public testing::Test {
 protected:
  WithoutBirths() { world_.disk.births = false; }

  [[nodiscard]] FileState state(const std::string& path) { return world_.row(path)->state; }
  [[nodiscard]] std::string place_of_mark() const { return world_.folder() + "/.waybill/disk"; }
  [[nodiscard]] std::string help_of(const std::string& code) const {
    const auto& reasons = world_.status().reasons;
    const auto found =
        std::ranges::find_if(reasons, [&](const Reason& one) { return one.code == code; });
    return found == reasons.end() ? "not told" : found->help;
  }
  bool accept(std::string path) {
    AcceptMount word{
        .folder = world_.status().folders.front().id, .path = std::move(path), .reply = {}};
    auto answer = word.reply.get_future();
    world_.command(std::move(word));
    world_.run();
    return answer.get();
  }

  fakes::PipelineWorld world_;
};

TEST_F(WithoutBirths, AnotherDiskIsToldByItsMarkAfterARestartAndAPersonAcceptsIt) {
  world_.write("file", "content");
  world_.start();
  world_.settle_down();
  ASSERT_EQ(state("file"), FileState::Stored);
  EXPECT_FALSE(accept("")) << "nothing is missing";
  world_.crash();
  // The same directory, as far as its numbers go, and nothing of what was in it.
  world_.remove("file");
  std::filesystem::remove(place_of_mark());

  world_.start();
  world_.pass(minutes(5));
  EXPECT_TRUE(world_.has_reason("folder-suspended"));
  EXPECT_EQ(state("file"), FileState::Stored);
  EXPECT_NE(help_of("folder-suspended").find("waybill accept " + world_.folder()),
            std::string::npos);

  EXPECT_TRUE(accept(""));
  world_.pass(minutes(5));
  EXPECT_FALSE(world_.has_reason("folder-suspended"));
  EXPECT_EQ(state("file"), FileState::Gone);
  EXPECT_TRUE(std::filesystem::exists(place_of_mark()));
}

TEST_F(WithoutBirths, ARootThatIsNotSuspendedIsNotAcceptedAndWhatIsKnownOfItStays) {
  world_.write("d/file", "content");
  world_.start();
  world_.settle_down();
  for (const char* path : {"", "d", "d/file", "elsewhere"}) EXPECT_FALSE(accept(path)) << path;
  world_.pass(minutes(5));
  EXPECT_EQ(state("d/file"), FileState::Stored);
  EXPECT_FALSE(world_.has_reason("folder-suspended"));
  world_.crash();
  std::filesystem::remove(place_of_mark());  // another disk
  world_.start();
  world_.pass(minutes(5));
  EXPECT_TRUE(world_.has_reason("folder-suspended")) << "it is held against what was known before";
  EXPECT_EQ(state("d/file"), FileState::Stored);
}

TEST_F(WithoutBirths, TheSameDiskIsKnownAgainAfterARestartAndTheMarkIsNoUpload) {
  world_.write("file", "content");
  world_.start();
  world_.settle_down();
  world_.crash();
  world_.write("more", "content of another");
  world_.start();
  world_.settle_down();
  EXPECT_EQ(state("file"), FileState::Stored);
  EXPECT_EQ(state("more"), FileState::Stored);
  EXPECT_FALSE(world_.row(".waybill/disk"));
  EXPECT_FALSE(world_.has_reason("root-unmarked"));
}

TEST_F(WithoutBirths, WhereNoMarkCanBeLeftStatusSaysSo) {
  world_.write(".waybill", "somebody's file");
  world_.start();
  world_.settle_down();
  EXPECT_TRUE(world_.has_reason("root-unmarked"));
  world_.remove(".waybill");
  world_.pass(minutes(2));
  world_.pipeline().refresh([] {});
  world_.write("file", "content");
  world_.settle_down();
  EXPECT_FALSE(world_.has_reason("root-unmarked"));
}

}  // namespace
}  // namespace waybill::agent
