#include "tests/unit/agent/pipeline/renames.h"

#include <filesystem>
#include <memory>
#include <string>

#include "tests/fakes/held_back.h"

// A file that is renamed inside its folder: its row goes on, under a key of its new name, and the
// old object is held until the new one is stored (PROTOCOL.md section 4).
namespace waybill::agent {
namespace {

using catalog::FileState;

class Rename : public Renames {
 protected:
  // What `waybill wait` waits for is known.
  std::shared_ptr<WaitTicket> wait() {
    auto ticket = std::make_shared<WaitTicket>();
    world_.command(StartWait{.ticket = ticket});
    world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).started; });
    return ticket;
  }
};

TEST_F(Rename, OfAStoredFileKeepsItsRowAndStoresItUnderTheNewName) {
  const FileId id = stored("a", "bytes");
  world_.rename("a", "dir-b");
  world_.settle_down();
  expect_renamed(id, "a", "dir-b");
  EXPECT_EQ(key_of("dir-b"), "in/dir-b");
  expect_in_bucket("in/dir-b", "bytes");
  expect_in_bucket("in/a", "bytes");
}

TEST_F(Rename, WhileTheDaemonWasDownIsRecognisedAtItsStart) {
  const FileId id = stored("a", "bytes");
  world_.crash();
  world_.rename("a", "b");
  start_and_settle();
  expect_renamed(id, "a", "b");
}

TEST_F(Rename, OfADirectoryKeepsAllRows) {
  world_.write("old/1", "first");
  world_.write("old/2", "second");
  const FileId third = stored("old/3", "third");
  const FileId first = world_.row("old/1")->id;
  world_.rename("old", "new");
  world_.settle_down();
  expect_renamed(first, "old/1", "new/1");
  expect_renamed(third, "old/3", "new/3");
  EXPECT_EQ(key_of("new/2"), "in/new/2");
}

TEST_F(Rename, OfALargeFileIsToldByReadingIt) {
  const std::string large(17U << 20U, 'x');
  const FileId id = stored("large", large);
  world_.rename("large", "moved");
  world_.settle_down();
  expect_renamed(id, "large", "moved");
  expect_in_bucket("in/moved", large);
}

TEST_F(Rename, AgainAndAgainBeforeAnythingIsStoredIsOneRow) {
  const FileId id = stored("a", "bytes");
  refuse_ = true;
  world_.rename("a", "b");
  world_.run_until([&] { return world_.row("b") && world_.row("b")->state != FileState::Queued; });
  world_.rename("b", "c");
  world_.run_until([&] { return world_.row("c") && world_.row("c")->id == id; });
  refuse_ = false;
  world_.settle_down();
  expect_renamed(id, "a", "c");
  expect_renamed(id, "b", "c");
}

TEST_F(Rename, BackIsTheSameRow) {
  const FileId id = stored("a", "bytes");
  world_.rename("a", "b");
  world_.settle_down();
  world_.rename("b", "a");
  world_.settle_down();
  expect_renamed(id, "b", "a");
  expect_in_bucket(key_of("a"), "bytes");
}

TEST_F(Rename, OfAPendingFileIsFollowedByWhoeverWaitsForIt) {
  refuse_ = true;
  world_.write("queued", "first");
  start_for(std::chrono::seconds(10));
  world_.write("settling", "second");
  const auto ticket = wait();
  world_.rename("queued", "later");
  world_.rename("settling", "a");
  world_.pass(std::chrono::seconds(60));
  EXPECT_FALSE(ticket->wait(Nanoseconds::zero()).done());
  refuse_ = false;
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 2);
  expect_in_bucket("in/later", "first");
  expect_in_bucket("in/a", "second");
}

// It waits in memory for a moment before it has a row.
TEST_F(Rename, OfAFileThatWaitsForItsTurnWithoutARowIsFollowedByWhoeverWaitsForIt) {
  bool out = true;
  world_.fault = [&](const fakes::Call&) {
    return out ? fakes::Fault::FailBefore : fakes::Fault::None;
  };
  world_.write("first", "finds out");
  world_.start();
  world_.run_until([&] { return world_.has_reason("store-unreachable"); });
  world_.write("ready", "bytes");
  world_.run_until([&] {
    const auto list = world_.unrecorded({.path = "ready"});
    return !list.files.empty() && list.files.front().reason == "it waits for its turn";
  });
  const auto ticket = wait();
  ASSERT_FALSE(world_.row("ready"));
  world_.rename("ready", "a");
  out = false;
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 2);
  expect_in_bucket("in/a", "bytes");
}

TEST_F(Rename, OfADirectoryWithManyPendingFilesIsFollowedByWhoeverWaitsForThem) {
  constexpr int many = 300;
  refuse_ = true;
  for (int i = 0; i < many; ++i) {
    const std::string number = std::to_string(i);
    world_.write("old/" + number, number);
  }
  start_for(std::chrono::seconds(10));
  const auto ticket = wait();
  // Out of the folder and in again: the old names are missed before the new ones are seen.
  const std::string outside = world_.folder() + "-outside";
  std::filesystem::rename(world_.folder() + "/old", outside);
  world_.run();
  std::filesystem::rename(outside, world_.folder() + "/new");
  refuse_ = false;
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, many);
}

TEST_F(Rename, OfAFileThatIsReadIsFollowedByWhoeverWaitsForIt) {
  fakes::HeldBack readings(world_.edges().read);
  start_and_settle();
  world_.write("read", "bytes");
  readings.hold();
  world_.run_until([&] { return readings.any(); });
  const auto ticket = wait();
  world_.rename("read", "a");
  world_.run();
  readings.let_go();
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 1);
  expect_in_bucket("in/a", "bytes");
}

TEST_F(Rename, OutOfTheFolderOfAPendingFileEndsTheWaitForIt) {
  refuse_ = true;
  world_.write("a", "bytes");
  start_for(std::chrono::seconds(10));
  const auto ticket = wait();
  std::filesystem::rename(world_.folder() + "/a", world_.folder() + "-outside");
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 0);
}

TEST_F(Rename, OfOneThatChangedOnManyEarlierWaysKeepsItsLastRow) {
  stored("0", "x");
  for (int i = 1; i <= 5; ++i) {
    world_.rename(std::to_string(i - 1), std::to_string(i));
    world_.write(std::to_string(i), std::string(1U + static_cast<std::size_t>(i), 'x'));
    world_.settle_down();
  }
  const FileId id = world_.row("5")->id;
  world_.rename("5", "6");
  world_.settle_down();
  EXPECT_EQ(world_.row("6")->id, id);
}

TEST_F(Rename, OntoAnotherFileIsNewContentOfThatOne) {
  const FileId target = stored("b", "former");
  world_.write("a", "new");
  world_.settle_down();
  world_.rename("a", "b");
  world_.settle_down();
  EXPECT_EQ(world_.row("b")->id, target);
  EXPECT_EQ(world_.row("b")->generation, 2);
  EXPECT_EQ(world_.row("a")->state, FileState::Gone);
  expect_in_bucket("in/b", "new");
}

TEST_F(Rename, HardLinkIsAFileOfItsOwn) {
  const FileId id = stored("a", "bytes");
  std::filesystem::create_hard_link(world_.folder() + "/a", world_.folder() + "/b");
  world_.settle_down();
  ASSERT_TRUE(world_.row("b"));
  EXPECT_NE(world_.row("b")->id, id);
  EXPECT_EQ(world_.row("a")->id, id);
  EXPECT_EQ(world_.row("a")->state, FileState::Stored);
  EXPECT_EQ(world_.row("b")->state, FileState::Stored);
}

TEST_F(Rename, ChangedOnTheWayIsAnotherFile) {
  const FileId id = stored("a", "bytes");
  world_.crash();
  world_.rename("a", "b");
  world_.write("b", "other");
  start_and_settle();
  EXPECT_NE(world_.row("b")->id, id);
  EXPECT_EQ(world_.row("a")->state, FileState::Gone);
  expect_in_bucket("in/b", "other");
}

TEST_F(Rename, BackBeforeAnythingWasStoredSendsNothing) {
  const FileId id = stored("a", "bytes");
  refuse_ = true;
  world_.rename("a", "b");
  world_.run_until([&] { return world_.row("b") && world_.row("b")->id == id; });
  world_.rename("b", "a");
  world_.run_until([&] { return world_.row("a") && world_.row("a")->id == id; });
  refuse_ = false;
  sent_ = 0;
  world_.settle_down();
  expect_renamed(id, "b", "a");
  EXPECT_EQ(key_of("a"), "in/a");
  EXPECT_EQ(sent_, 0);
}

TEST_F(Rename, WhileItsFirstUploadIsUnansweredLeavesNoObjectUnknown) {
  lose_ = true;
  world_.write("a", "bytes");
  world_.start();
  world_.run_until([&] { return sent_ > 0; });
  const FileId id = world_.row("a")->id;
  world_.rename("a", "b");
  world_.run_until([&] { return world_.row("b") && world_.row("b")->id == id; });
  lose_ = false;
  world_.settle_down();
  expect_renamed(id, "a", "b");
  expect_in_bucket("in/b", "bytes");
  expect_in_bucket("in/a", "bytes");
  world_.pass(std::chrono::minutes(21));
  const auto former = object_at("in/a");
  ASSERT_TRUE(former) << "what landed under the former name is not known";
  EXPECT_TRUE(former->sole);
}

TEST_F(Rename, ThroughAnotherNameExchangesContents) {
  stored("a", "first");
  world_.write("b", "second");
  world_.settle_down();
  world_.rename("a", "t");
  world_.run_until([&] { return world_.row("t") != std::nullopt; });
  world_.rename("b", "a");
  world_.run_until([&] { return world_.row("b")->state == FileState::Gone; });
  world_.rename("t", "b");
  world_.settle_down();
  EXPECT_EQ(world_.row("a")->state, FileState::Stored);
  EXPECT_EQ(world_.row("b")->state, FileState::Stored);
  EXPECT_FALSE(world_.row("t") && world_.row("t")->state != FileState::Gone);
  expect_in_bucket(key_of("a"), "second");
  expect_in_bucket(key_of("b"), "first");
}

TEST_F(Rename, AtOnceThroughAnotherNameIsNewContentOfBoth) {
  const FileId first = stored("a", "first");
  world_.write("b", "second");
  world_.settle_down();
  const FileId second = world_.row("b")->id;
  world_.rename("a", "t");
  world_.rename("b", "a");
  world_.rename("t", "b");
  world_.settle_down();
  EXPECT_EQ(world_.row("a")->id, first);
  EXPECT_EQ(world_.row("b")->id, second);
  expect_in_bucket("in/a", "second");
  expect_in_bucket("in/b", "first");
}

TEST_F(Rename, OutOfTheFolderAndBackUnderAnotherNameKeepsTheRow) {
  const FileId id = stored("a", "bytes");
  const std::string outside = world_.folder() + "-outside";
  std::filesystem::rename(world_.folder() + "/a", outside);
  world_.settle_down();
  EXPECT_EQ(world_.row("a")->state, FileState::Gone);
  std::filesystem::rename(outside, world_.folder() + "/b");
  world_.settle_down();
  expect_renamed(id, "a", "b");
}

TEST_F(Rename, IntoAnotherFolderIsAFileOfItsOwn) {
  FolderConfig other = folder();
  other.name = "other";
  other.path = world_.folder() + "-other";
  other.prefix = "other/";
  std::filesystem::create_directory(other.path);
  world_.config().folders.push_back(other);
  const FileId id = stored("a", "bytes");
  std::filesystem::rename(world_.folder() + "/a", other.path + "/a");
  world_.run_until([&] { return world_.bucket.find("other/a") != nullptr; });
  world_.settle_down();
  EXPECT_EQ(world_.row("a")->id, id);
  EXPECT_EQ(world_.row("a")->state, FileState::Gone);
  expect_in_bucket("other/a", "bytes");
  expect_in_bucket("in/a", "bytes");
}

TEST_F(Rename, OfADirectoryUnderAKeyThatDoesNotTellItSendsNothing) {
  folder().key = "{name}";
  const FileId id = stored("old/f", "bytes");
  sent_ = 0;
  world_.rename("old", "new");
  world_.settle_down();
  expect_renamed(id, "old/f", "new/f");
  EXPECT_EQ(key_of("new/f"), "in/f");
  EXPECT_FALSE(object_at("in/f")->sole);
  EXPECT_EQ(sent_, 0);
}

TEST_F(Rename, OldObjectIsReplacedByPolicyOnlyOnceTheNewOneIsStored) {
  renamed_with_another_at_its_name();
  EXPECT_FALSE(object_at("in/a")->sole) << "it is held for the file that was renamed";
  refuse_ = false;
  world_.run_until([&] {
    return world_.row("a")->state == FileState::Stored &&
           world_.row("b")->state == FileState::Stored;
  });
  expect_in_bucket("in/b", "bytes");
  expect_in_bucket("in/a", "another file");
}

TEST_F(Rename, UnderAKeyThatDoesNotTellTheNameSendsNothing) {
  folder().key = "{sha256}";
  const FileId id = stored("a", "bytes");
  const std::string key = key_of("a");
  sent_ = 0;
  world_.rename("a", "b");
  world_.settle_down();
  expect_renamed(id, "a", "b");
  EXPECT_EQ(key_of("b"), key);
  EXPECT_EQ(sent_, 0);
}

TEST_F(Rename, UnderAKeyThatDoesNotTellTheNameKeepsItsSuffix) {
  folder().key = "{name}";
  stored("old/f", "former");
  std::filesystem::remove(world_.folder() + "/old/f");
  world_.run_until([&] { return world_.row("old/f")->state == FileState::Gone; });
  world_.write("old/f", "bytes");
  world_.settle_down();
  const std::string key = key_of("old/f");
  EXPECT_NE(key, "in/f");
  sent_ = 0;
  world_.rename("old", "new");
  world_.settle_down();
  EXPECT_EQ(key_of("new/f"), key);
  EXPECT_EQ(sent_, 0);
}

// Stored as "a", renamed to "b", and dead after so many steps; true: it was stored as "b" by then.
bool dies_after(int steps, std::uint64_t seed) {
  fakes::PipelineWorld world(seed);
  FolderConfig& folder = world.config().folders.front();
  folder.prefix = "in/";
  folder.settle = Nanoseconds::zero();
  world.write("a", "bytes");
  world.start();
  world.settle_down();
  const FileId id = world.row("a")->id;
  world.rename("a", "b");
  bool arrived = false;
  for (int i = 0; i < steps && !arrived; ++i) {
    if (!world.run_one()) world.pass(std::chrono::milliseconds(10));
    const auto row = world.row("b");
    arrived = row && row->state == FileState::Stored;
  }
  world.crash();
  world.start();
  world.settle_down();
  const auto row = world.row("b");
  EXPECT_TRUE(row && row->state == FileState::Stored);
  EXPECT_TRUE(row && row->id == id);
  EXPECT_FALSE(world.row("a"));
  for (const char* key : {"in/a", "in/b"}) {
    const auto* there = world.bucket.find(key);
    EXPECT_TRUE(there != nullptr && there->sha256 == sha256(as_bytes(std::string_view("bytes"))))
        << key;
  }
  return arrived;
}

// What it sends and commits goes on or is lost, wherever it dies on the way.
TEST(RenameAndDeath, EndsStoredUnderTheNewNameWhereverTheProcessDies) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    int steps = 1;
    while (!dies_after(steps, seed) && !testing::Test::HasFailure()) ++steps;
    EXPECT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", after step " << steps;
    EXPECT_GT(steps, 3) << "it has more steps than that";
  }
}

}  // namespace
}  // namespace waybill::agent
