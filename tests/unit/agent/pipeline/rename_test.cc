#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "catalog/sqlite.h"
#include "tests/fakes/pipeline_world.h"
#include "uploader/key.h"

// A file that is renamed inside its folder: its row goes on, under a key of its new name, and the
// old object is held until the new one is stored (PROTOCOL.md section 4).
namespace waybill::agent {
namespace {

using catalog::FileEvent;
using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;

class Rename : public testing::Test {
 protected:
  Rename() {
    folder().prefix = "in/";
    world_.fault = [this](const Call& call) {
      const bool of_a_file = call.key.find("_waybill/") == std::string::npos;
      const bool body = call.operation == Operation::Put || call.operation == Operation::PutPart;
      if (!of_a_file || !body) return Fault::None;
      ++sent_;
      const auto* there = world_.bucket.find(call.key);
      for (const Sha256& kept : kept_) {
        if (there == nullptr || there->sha256 != kept) continue;
        EXPECT_GT(copies_of(kept), 1) << call.key << " is written over";
      }
      if (call.key == forbid_) return Fault::Denied;
      if (lose_) return Fault::LostReply;
      return refuse_ ? Fault::FailBefore : Fault::None;
    };
  }
  FolderConfig& folder() { return world_.config().folders.front(); }
  void start_and_settle() {
    world_.start();
    world_.settle_down();
  }
  void start_for(Nanoseconds time) {
    world_.start();
    world_.pass(time);
  }
  // As after write, start and settling down.
  FileId stored(const std::string& path, const std::string& content) {
    world_.write(path, content);
    start_and_settle();
    EXPECT_EQ(world_.row(path)->state, FileState::Stored);
    return world_.row(path)->id;
  }
  std::string key_of(const std::string& path) {
    const auto row = world_.row(path);
    const auto object = row ? world_.object_of(*row) : std::nullopt;
    return object ? object->key : "none";
  }
  void expect_renamed(FileId id, const std::string& from, const std::string& to) {
    const auto row = world_.row(to);
    ASSERT_TRUE(row) << "no row of " << to;
    EXPECT_EQ(row->id, id) << "its history is that of another file";
    EXPECT_EQ(row->state, FileState::Stored);
    EXPECT_FALSE(world_.row(from)) << from;
    bool told = false;
    auto reader = catalog::Reader::open(world_.config().state_dir);
    const auto events = (*reader)->events_of(id, 100);
    for (const auto& event : *events) {
      told = told || (event.event == FileEvent::Renamed && event.reason == from);
    }
    EXPECT_TRUE(told) << "its history does not say that it was " << from;
  }
  // a is stored and renamed to b; while that cannot be sent, another file comes as a, which may
  // overwrite and waits.
  void renamed_with_another_at_its_name() {
    folder().on_replace = OnReplace::Overwrite;
    const FileId id = stored("a", "bytes");
    refuse_ = true;
    world_.rename("a", "b");
    world_.run_until([&] { return world_.row("b") && world_.row("b")->id == id; });
    world_.write("a", "another file");
    world_.run_until([&] { return phase("a") == "waiting-for-renamed-file"; });
  }
  std::string phase(const std::string& path) {
    Explain question{.folder = world_.status().folders.front().id, .path = path};
    auto answer = question.reply.get_future();
    world_.command(std::move(question));
    world_.run();
    return answer.get().phase;
  }
  // No key of `content` is written over while no other one has it.
  void expect_always_in_bucket(const std::string& content) {
    kept_.push_back(sha256(as_bytes(content)));
  }
  std::optional<catalog::ObjectRow> object_at(const std::string& key) {
    auto catalog = catalog::Connection::open(world_.config().state_dir + "/catalog.db",
                                             catalog::Connection::Mode::ReadOnly);
    auto found = catalog->prepare("SELECT id FROM objects WHERE live = 1 AND key = ?");
    auto rows = found->query({catalog::Value::blob(key)});
    if (!*rows->next()) return std::nullopt;
    auto reader = catalog::Reader::open(world_.config().state_dir);
    return *(*reader)->object(rows->id<ObjectId>(0));
  }
  void expect_in_bucket(const std::string& key, const std::string& content) {
    const auto* there = world_.bucket.find(key);
    ASSERT_NE(there, nullptr) << key;
    EXPECT_EQ(there->sha256, sha256(as_bytes(content))) << key;
  }

  int copies_of(const Sha256& content) {
    std::set<std::string> keys;
    for (const auto& version : world_.bucket.history()) {
      const auto* now = world_.bucket.find(version.key);
      if (now != nullptr && now->sha256 == content) keys.insert(version.key);
    }
    return static_cast<int>(keys.size());
  }

  fakes::PipelineWorld world_;
  std::vector<Sha256> kept_;
  std::string forbid_;
  int sent_ = 0;
  bool refuse_ = false;
  bool lose_ = false;
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

TEST_F(Rename, NewFileUnderTheOldNameNeverTakesTheKeyBeforeTheOldObjectIsReleased) {
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

TEST_F(Rename, NewFileUnderTheOldNameGoesBesideWhereTheRenamedOneCannotBeStored) {
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

TEST_F(Rename, WithANewFileAtTheOldNameAtOnceKeepsTheRow) {
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

TEST_F(Rename, OfRotatedLogsAtOnceKeepsAllRows) {
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

TEST_F(Rename, WithANewFileAtTheOldNameIsNotWaitedForWhereItIsNotComplete) {
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

TEST_F(Rename, OfAPendingFileIsFollowedByWhoeverWaitsForIt) {
  refuse_ = true;
  world_.write("queued", "first");
  start_for(std::chrono::seconds(10));
  world_.write("settling", "second");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).started; });
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

TEST_F(Rename, OutOfTheFolderOfAPendingFileEndsTheWaitForIt) {
  refuse_ = true;
  world_.write("a", "bytes");
  start_for(std::chrono::seconds(10));
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).started; });
  std::filesystem::rename(world_.folder() + "/a", world_.folder() + "-outside");
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 0);
}

TEST_F(Rename, OfALogThatWasAppendedToLeavesWhatIsStoredOfIt) {
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

TEST_F(Rename, TwoThatWantEachOthersFormerKeyDoNotWaitForEachOther) {
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

TEST_F(Rename, WhoeverWaitsWaitsForWhatHasComeToTheOldNameToo) {
  stored("log", "the first day");
  world_.rename("log", "log.1");
  world_.write("log", "the second day");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_GT(copies_of(sha256(as_bytes(std::string("the second day")))), 0);
  EXPECT_GT(copies_of(sha256(as_bytes(std::string("the first day")))), 0);
}

TEST_F(Rename, OfOnceIsNoneOfALaterFileOfThatName) {
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

TEST_F(Rename, ThatIsFollowedSaysOfWhatSettlesThatItSettles) {
  folder().settle = std::chrono::seconds(30);
  stored("a", "bytes");
  world_.rename("a", "b");
  world_.write("a", "another file");
  world_.pass(std::chrono::seconds(2));
  EXPECT_EQ(phase("a"), "settling");
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
