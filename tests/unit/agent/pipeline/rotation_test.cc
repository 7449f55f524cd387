#include "tests/unit/agent/pipeline/renames.h"

#include <fcntl.h>

#include <string>

#include "base/unique_fd.h"

// A renamed file's old name is taken by another file, perhaps at once, as logs are rotated: which
// waits for which, and that no object is written over that is the only copy of something.
namespace waybill::agent {
namespace {

using catalog::FileState;

class Rotation : public Renames {};

TEST_F(Rotation, NewFileUnderTheOldNameNeverTakesTheKeyBeforeTheOldObjectIsReleased) {
  renamed_with_another_at_its_name();
  EXPECT_EQ(world_.row("a")->state, FileState::Queued);
  expect_in_bucket("in/a", "bytes");
  refuse_ = false;
  world_.run_until([&] {
    return world_.row("a")->state == FileState::Stored &&
           world_.row("b")->state == FileState::Stored;
  });
  expect_in_bucket("in/b", "bytes");
}

TEST_F(Rotation, NewFileUnderTheOldNameGoesBesideWhereTheRenamedOneCannotBeStored) {
  const FileId id = stored("a", "bytes");
  forbid_ = "in/b";
  world_.rename("a", "b");
  world_.run_until([&] { return world_.row("b") && world_.row("b")->state == FileState::Blocked; });
  world_.write("a", "another file");
  world_.run_until([&] { return world_.row("a") && world_.row("a")->state == FileState::Stored; });
  EXPECT_EQ(world_.row("b")->id, id);
  expect_in_bucket("in/a", "bytes");
  expect_in_bucket(key_of("a"), "another file");
}

TEST_F(Rotation, WithANewFileAtTheOldNameAtOnceKeepsTheRow) {
  folder().on_replace = OnReplace::Overwrite;
  const FileId id = stored("a", "bytes");
  expect_always_in_bucket("bytes");
  world_.rename("a", "b");
  world_.write("a", "another file");
  world_.settle_down();
  world_.run_until([&] { return world_.row("a") && world_.row("a")->state == FileState::Stored; });
  EXPECT_EQ(world_.row("b")->id, id);
  EXPECT_NE(world_.row("a")->id, id);
  expect_in_bucket("in/b", "bytes");
  expect_in_bucket("in/a", "another file");
}

TEST_F(Rotation, OfRotatedLogsAtOnceKeepsAllRows) {
  folder().on_replace = OnReplace::Overwrite;
  world_.write("log.1", "the first day");
  const FileId second = stored("log", "the second day");
  const FileId first = world_.row("log.1")->id;
  expect_always_in_bucket("the first day");
  expect_always_in_bucket("the second day");
  world_.rename("log.1", "log.2");
  world_.rename("log", "log.1");
  world_.write("log", "the third day");
  world_.settle_down();
  world_.run_until(
      [&] { return world_.row("log") && world_.row("log")->state == FileState::Stored; });
  EXPECT_EQ(world_.row("log.2")->id, first);
  EXPECT_EQ(world_.row("log.1")->id, second);
  expect_in_bucket("in/log.2", "the first day");
  expect_in_bucket("in/log.1", "the second day");
  expect_in_bucket("in/log", "the third day");
}

TEST_F(Rotation, WithANewFileAtTheOldNameIsNotWaitedForWhereItIsNotComplete) {
  const FileId id = stored("a", "bytes");
  world_.rename("a", "b");
  const UniqueFd writer(::open((world_.folder() + "/b").c_str(), O_WRONLY | O_CLOEXEC));
  world_.write("a", "another file");
  world_.run_until([&] { return copies_of(sha256(as_bytes(std::string("another file")))) > 0; });
  world_.run();
  EXPECT_NE(world_.row("a")->id, id);
  EXPECT_EQ(world_.row("a")->state, FileState::Stored);
  expect_in_bucket("in/a", "bytes");
}

TEST_F(Rotation, OfALogThatWasAppendedToLeavesWhatIsStoredOfIt) {
  folder().on_replace = OnReplace::Suffix;
  stored("log", "one");
  expect_always_in_bucket("one");
  world_.write("log", "one, two");
  world_.rename("log", "log.1");
  world_.write("log", "three");
  world_.settle_down();
  world_.run_until([&] { return world_.row("log") && key_of("log") != "none"; });
  expect_in_bucket("in/log", "one");
  expect_in_bucket("in/log.1", "one, two");
  expect_in_bucket(key_of("log"), "three");
}

TEST_F(Rotation, TwoThatWantEachOthersFormerKeyDoNotWaitForEachOther) {
  const FileId first = stored("a", "first");
  world_.write("b", "second");
  world_.settle_down();
  const FileId second = world_.row("b")->id;
  refuse_ = true;
  world_.rename("a", "t");
  world_.run_until([&] { return world_.row("t") && world_.row("t")->id == first; });
  world_.rename("b", "a");
  world_.run_until([&] { return world_.row("a") && world_.row("a")->id == second; });
  world_.rename("t", "b");
  world_.run_until([&] { return world_.row("b") && world_.row("b")->id == first; });
  world_.pass(std::chrono::minutes(2));
  refuse_ = false;
  world_.settle_down();
  expect_in_bucket(key_of("a"), "second");
  expect_in_bucket(key_of("b"), "first");
}

TEST_F(Rotation, WhoeverWaitsWaitsForWhatHasComeToTheOldNameToo) {
  stored("log", "the first day");
  world_.rename("log", "log.1");
  world_.write("log", "the second day");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_GT(copies_of(sha256(as_bytes(std::string("the second day")))), 0);
  EXPECT_GT(copies_of(sha256(as_bytes(std::string("the first day")))), 0);
}

TEST_F(Rotation, OfOnceIsNoneOfALaterFileOfThatName) {
  folder().complete = CompleteBy::Marker;
  folder().marker = "{name}.done";
  world_.write("a.done", "");
  stored("a", "first");
  world_.rename("a", "b");  // for which no marker comes
  world_.write("a", "second");
  world_.run_until([&] { return copies_of(sha256(as_bytes(std::string("second")))) > 0; });
  world_.run();
  const FileId second = world_.row("a")->id;
  world_.write("a.new", "third");
  world_.rename("a.new", "a");
  world_.run_until([&] { return copies_of(sha256(as_bytes(std::string("third")))) > 0; });
  world_.run();
  EXPECT_EQ(world_.row("a")->id, second);
}

TEST_F(Rotation, ThatIsFollowedSaysOfWhatSettlesThatItSettles) {
  folder().settle = std::chrono::seconds(30);
  stored("a", "bytes");
  world_.rename("a", "b");
  world_.write("a", "another file");
  world_.pass(std::chrono::seconds(2));
  EXPECT_EQ(phase("a"), "settling");
}

}  // namespace
}  // namespace waybill::agent
