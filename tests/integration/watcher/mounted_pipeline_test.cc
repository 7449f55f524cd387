#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "tests/fakes/pipeline_world.h"
#include "tests/integration/watcher/own_kernel.h"

// From a disk that is mounted in a folder to its objects: the whole core over the kernel's own
// mounts.
namespace waybill::agent {
namespace {

using catalog::FileState;
using watcher::expect;
using watcher::in_own_kernel;

class MountedWorld {
 public:
  MountedWorld() {
    world.config().folders.front().one_filesystem = false;
    std::filesystem::create_directory(world.folder() + "/m");
  }
  ~MountedWorld() {
    while (mounted_ > 0) unmount();
  }
  // A fresh disk, or, where it is there from before, another way to that one.
  void mount() {
    watcher::mount("tmpfs", "none", world.folder() + "/m");
    ++mounted_;
    world.mounts_changed();
  }
  void unmount() {
    watcher::unmount(world.folder() + "/m");
    --mounted_;
    world.mounts_changed();
  }
  // As an unmounted disk shows it, and as it is when it is mounted again.
  void cover() { mount(); }
  void uncover() { unmount(); }
  [[nodiscard]] std::optional<FileState> state(const std::string& path) {
    const auto row = world.row(path);
    return row ? std::optional(row->state) : std::nullopt;
  }
  [[nodiscard]] bool stored(const std::string& path) { return state(path) == FileState::Stored; }
  bool accept(const std::string& path) {
    AcceptMount question{.folder = FolderId{1}, .path = path, .reply = {}};
    auto reply = question.reply.get_future();
    world.command(std::move(question));
    world.pass(std::chrono::seconds(5));
    return reply.get();
  }

  fakes::PipelineWorld world;

 private:
  int mounted_ = 0;
};

TEST(MountedPipeline, AFileOnADiskInTheFolderIsStored) {
  EXPECT_EQ(in_own_kernel([] {
              MountedWorld mounted;
              mounted.mount();
              mounted.world.start();
              mounted.world.write("m/x", "content");
              mounted.world.settle_down();
              expect(mounted.stored("m/x"), "it is stored");
            }),
            0);
}

TEST(MountedPipeline, ADiskThatIsNotMountedLosesNoRowAndIsToldUntilItIsBack) {
  EXPECT_EQ(in_own_kernel([] {
              MountedWorld mounted;
              fakes::PipelineWorld& world = mounted.world;
              mounted.mount();
              world.start();
              world.write("m/x", "content");
              world.settle_down();
              mounted.cover();
              world.pass(std::chrono::seconds(5));
              expect(world.has_reason("mount-missing"), "it is told");
              world.crash();
              world.start();
              world.settle_down();
              world.pass(std::chrono::hours(3));
              expect(mounted.stored("m/x"), "nothing is concluded, by a new process neither");
              expect(world.has_reason("mount-missing"), "it is told still");
              mounted.uncover();
              world.pass(std::chrono::seconds(5));
              expect(!world.has_reason("mount-missing"), "it is back");
              world.write("m/y", "content");
              world.settle_down();
              expect(mounted.stored("m/x") && mounted.stored("m/y"), "and goes on");
              world.remove("m/x");
              world.pass(std::chrono::seconds(5));
              expect(mounted.state("m/x") == FileState::Gone, "what goes from it is gone");
            }),
            0);
}

TEST(MountedPipeline, AFileThatWaitedWhenItsDiskWentIsStoredOnceItIsBack) {
  EXPECT_EQ(in_own_kernel([] {
              MountedWorld mounted;
              fakes::PipelineWorld& world = mounted.world;
              mounted.mount();
              world.start();
              world.pass(std::chrono::seconds(5));
              world.bucket_hangs = true;
              world.write("m/x", "content");
              world.pass(std::chrono::seconds(10));
              mounted.cover();
              world.crash();
              world.bucket_hangs = false;
              world.start();
              world.pass(std::chrono::minutes(30));
              expect(mounted.state("m/x") != FileState::Gone, "it is not taken for gone");
              mounted.uncover();
              world.run_until([&] { return mounted.stored("m/x"); });
              expect(mounted.stored("m/x"), "it is stored");
            }),
            0);
}

// It would take the turns of what can be read.
TEST(MountedPipeline, WhatWaitsOnADiskThatIsAwayHasNoTurn) {
  EXPECT_EQ(in_own_kernel([] {
              MountedWorld mounted;
              fakes::PipelineWorld& world = mounted.world;
              mounted.mount();
              world.start();
              world.pass(std::chrono::seconds(5));
              world.bucket_hangs = true;
              for (int i = 0; i < 20; ++i) world.write("m/" + std::to_string(i), "content");
              world.pass(std::chrono::seconds(10));
              mounted.cover();
              world.crash();
              world.bucket_hangs = false;
              world.start();
              world.pass(std::chrono::minutes(1));
              const int before = world.reads;
              world.pass(std::chrono::minutes(10));
              expect(world.reads == before, "nobody tries to read it");
              world.write("other", "content");
              world.pass(std::chrono::seconds(5));
              expect(mounted.stored("other"), "the rest goes on");
              mounted.uncover();
              world.pass(std::chrono::seconds(10));
              for (int i = 0; i < 20; ++i) {
                expect(mounted.stored("m/" + std::to_string(i)), "it is stored once it is back");
              }
            }),
            0);
}

TEST(MountedPipeline, WhatAMountCoversIsNotGone) {
  EXPECT_EQ(in_own_kernel([] {
              MountedWorld mounted;
              fakes::PipelineWorld& world = mounted.world;
              world.start();
              world.write("m/x", "content");
              world.write("m/both", "one");
              world.settle_down();
              mounted.mount();
              world.write("m/both", "two");
              world.write("m/new", "content");
              world.settle_down();
              expect(mounted.stored("m/x") && mounted.stored("m/new"), "both are stored");
              expect(world.has_reason("files-covered"), "it is told");
              world.crash();
              world.start();
              world.settle_down();
              expect(mounted.stored("m/x"), "nor by a new process");
              // What the mount shows under the same name is what goes from it.
              world.remove("m/both");
              world.pass(std::chrono::seconds(5));
              expect(mounted.state("m/both") == FileState::Gone, "what was on the disk is gone");
            }),
            0);
}

TEST(MountedPipeline, WhatAPersonAcceptsTakesThePlaceOfTheDisk) {
  EXPECT_EQ(in_own_kernel([] {
              MountedWorld mounted;
              fakes::PipelineWorld& world = mounted.world;
              mounted.mount();
              world.start();
              world.write("m/x", "content");
              world.settle_down();
              expect(!mounted.accept("m"), "there is nothing to accept");
              mounted.cover();
              world.write("m/y", "content");
              world.pass(std::chrono::seconds(5));
              expect(mounted.state("m/y") == std::nullopt, "it is not taken unasked");
              expect(mounted.accept("m"), "it is accepted");
              world.settle_down();
              expect(mounted.stored("m/y"), "it is taken");
              expect(mounted.state("m/x") == FileState::Gone, "what is not on it is gone");
              expect(!world.has_reason("mount-missing"), "nothing is missing");
              expect(!world.has_reason("files-covered"), "nothing is covered");
            }),
            0);
}

}  // namespace
}  // namespace waybill::agent
