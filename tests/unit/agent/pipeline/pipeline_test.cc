#include "agent/pipeline.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <future>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "catalog/sqlite.h"
#include "tests/fakes/held_back.h"
#include "tests/fakes/pipeline_world.h"

namespace waybill::agent {
namespace {

using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using fakes::PipelineWorld;

bool about_a_file(const Call& call) {
  return call.key.find("_waybill/") == std::string::npos;
}

class PipelineTest : public testing::Test {
 protected:
  PipelineWorld world_;

  // The file is stored, and the object that its row names has its bytes.
  void expect_stored(const std::string& path, const std::string& content) {
    const auto row = world_.row(path);
    ASSERT_TRUE(row) << path;
    EXPECT_EQ(row->state, FileState::Stored) << path << ": " << row->reason;
    const auto object = world_.object_of(*row);
    ASSERT_TRUE(object) << path;
    EXPECT_EQ(object->sha256, sha256(as_bytes(content)));
    const auto* there = world_.bucket.find(object->key);
    ASSERT_NE(there, nullptr) << object->key;
    EXPECT_EQ(there->sha256, object->sha256);
    EXPECT_EQ(there->etag, object->etag);
  }

  int puts_of_files() const {
    int puts = 0;
    for (const auto& object : world_.bucket.history()) {
      if (object.key.find("_waybill/") == std::string::npos && object.body) ++puts;
    }
    return puts;
  }
};

TEST_F(PipelineTest, ADroppedFileBecomesAStoredRowAndItsObject) {
  world_.write("2026/q1.pdf", "first quarter");
  world_.start();
  world_.settle_down();
  expect_stored("2026/q1.pdf", "first quarter");
  world_.write("2026/q2.pdf", "second quarter");
  world_.settle_down();
  expect_stored("2026/q2.pdf", "second quarter");
  EXPECT_EQ(puts_of_files(), 2);
  EXPECT_EQ(world_.status().folders.front().stored, 2);
}

// S3.md 10.24
TEST_F(PipelineTest, AfterACrashOnlyThePartsThatAreMissingAreSent) {
  constexpr std::size_t part_size = 5U << 20U;
  world_.config().folders.front().s3.part_size = part_size;
  std::string content;
  for (const char c : {'a', 'b', 'c', 'd'}) content.append(part_size, c);
  world_.write("large.bin", content);
  std::vector<int> sent;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::PutPart) sent.push_back(call.part);
    return Fault::None;
  };
  world_.start();
  world_.run_until([&] { return sent.size() >= 3 && world_.bucket.waiting() <= 1; });
  world_.crash();

  const auto uploads = world_.bucket.uploads_under_way();
  ASSERT_EQ(uploads.size(), 1U);
  std::set<int> there;
  world_.bucket.list_parts(uploads.front().key, uploads.front().upload_id,
                           [&](const Result<std::vector<uploader::Part>>& parts) {
                             for (const uploader::Part& part : *parts) there.insert(part.number);
                           });
  world_.bucket.run_all();
  ASSERT_GE(there.size(), 2U);

  sent.clear();
  world_.start();
  world_.settle_down();
  expect_stored("large.bin", content);
  std::set<int> missing;
  for (int number = 1; number <= 4; ++number) {
    if (!there.contains(number)) missing.insert(number);
  }
  EXPECT_EQ(std::set<int>(sent.begin(), sent.end()), missing);
  EXPECT_TRUE(world_.bucket.uploads_under_way().empty());
}

TEST_F(PipelineTest, TheAttemptIsDurableBeforeS3HearsOfIt) {
  int checked = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::Put && about_a_file(call)) {
      // Another connection sees only what has been committed.
      const auto row = world_.row("a");
      EXPECT_TRUE(row && row->state == FileState::Uploading);
      ++checked;
    }
    return Fault::None;
  };
  world_.write("a", "content");
  world_.start();
  world_.settle_down();
  EXPECT_EQ(checked, 1);
}

TEST_F(PipelineTest, ALostReplyIsResolvedByALookAndNotByASecondBody) {
  bool lost = false;
  world_.fault = [&](const Call& call) {
    if (call.operation != Operation::Put || !about_a_file(call) || lost) return Fault::None;
    lost = true;
    return Fault::LostReply;
  };
  world_.write("a", "content");
  world_.start();
  world_.settle_down();
  EXPECT_TRUE(lost);
  expect_stored("a", "content");
  EXPECT_EQ(puts_of_files(), 1);
}

TEST_F(PipelineTest, ANewContentReplacesItsOwnObjectUnderTheSameKey) {
  world_.write("a", "old");
  world_.start();
  world_.settle_down();
  const auto old_key = world_.object_of(*world_.row("a"))->key;
  world_.write("a", "new and longer");
  world_.settle_down();
  expect_stored("a", "new and longer");
  EXPECT_EQ(world_.object_of(*world_.row("a"))->key, old_key);
  EXPECT_EQ(world_.row("a")->generation, 2);
}

TEST_F(PipelineTest, TheOnlyCopyOfAnEarlierFileIsNeverReplaced) {
  world_.write("a.txt", "first");
  world_.start();
  world_.settle_down();
  const auto first = world_.object_of(*world_.row("a.txt"));
  world_.remove("a.txt");
  world_.settle_down();
  world_.write("a.txt", "second");
  world_.settle_down();
  expect_stored("a.txt", "second");
  ASSERT_NE(world_.bucket.find(first->key), nullptr);
  EXPECT_EQ(world_.bucket.find(first->key)->sha256, sha256(as_bytes("first")));
  EXPECT_NE(world_.object_of(*world_.row("a.txt"))->key, first->key);
}

TEST_F(PipelineTest, AForeignObjectIsNeverOverwrittenAndItsFileGoesOnOnceItIsGone) {
  world_.bucket.put_foreign("drop/a", "somebody else's");
  world_.write("a", "ours");
  world_.start();
  world_.settle_down();
  EXPECT_EQ(world_.row("a")->state, FileState::Blocked);
  EXPECT_TRUE(world_.has_reason("file-blocked"));
  EXPECT_EQ(world_.bucket.find("drop/a")->sha256, sha256(as_bytes("somebody else's")));

  world_.bucket.erase("drop/a");
  Retry retry{.path = "a"};
  auto released = retry.reply.get_future();
  world_.command(std::move(retry));
  world_.settle_down();
  EXPECT_EQ(released.get(), 1);
  expect_stored("a", "ours");
  EXPECT_FALSE(world_.has_reason("file-blocked"));
}

TEST_F(PipelineTest, AnOutageIsOneCauseAndEverythingGoesOnWhenItEnds) {
  bool out = true;
  world_.fault = [&](const Call&) { return out ? Fault::FailBefore : Fault::None; };
  for (int i = 0; i < 20; ++i)
    world_.write("file-" + std::to_string(i), "content " + std::to_string(i));
  world_.start();
  const BootTime until = world_.clock.boot() + std::chrono::hours(2);
  world_.run_until([&] { return world_.clock.boot() > until; });
  EXPECT_TRUE(world_.has_reason("store-unreachable"));
  EXPECT_EQ(world_.status().folders.front().pending, 20);
  out = false;
  world_.settle_down();
  for (int i = 0; i < 20; ++i)
    expect_stored("file-" + std::to_string(i), "content " + std::to_string(i));
  EXPECT_FALSE(world_.has_reason("store-unreachable"));
}

TEST_F(PipelineTest, AnOutageInTheMiddleChangesNoRowOfAFile) {
  world_.start();
  world_.settle_down();
  bool out = true;
  world_.fault = [&](const Call&) { return out ? Fault::FailBefore : Fault::None; };
  world_.write("a", "content");
  const BootTime until = world_.clock.boot() + std::chrono::hours(2);
  world_.run_until([&] { return world_.clock.boot() > until; });
  const auto row = world_.row("a");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->tries, 0);
  EXPECT_NE(row->state, FileState::Blocked);
  out = false;
  world_.settle_down();
  expect_stored("a", "content");
}

TEST_F(PipelineTest, AFileThatItsStoreAlwaysFailsDoesNotHoldTheOthers) {
  bool fails = true;
  int puts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation != Operation::Put || call.key != "drop/poison") return Fault::None;
    ++puts;
    return fails ? Fault::FailBefore : Fault::None;
  };
  world_.start();
  world_.write("poison", "never");
  int closed = 0;
  for (int i = 0; i < 360; ++i) {
    world_.write("file-" + std::to_string(i), "content " + std::to_string(i));
    world_.pass(std::chrono::seconds(10));
    if (world_.has_reason("store-unreachable")) ++closed;
  }
  EXPECT_EQ(world_.status().folders.front().stored, 360);
  EXPECT_LE(closed, 3) << "what one file meets is no outage once others got through";
  EXPECT_TRUE(world_.has_reason("file-failing"));
  EXPECT_LE(puts, 60) << "in an hour";

  fails = false;
  Retry retry{.path = "poison"};
  auto released = retry.reply.get_future();
  world_.command(std::move(retry));
  world_.pass(std::chrono::seconds(10));
  EXPECT_EQ(released.get(), 1);
  expect_stored("poison", "never");
  EXPECT_FALSE(world_.has_reason("file-failing"));
}

TEST_F(PipelineTest, AFileOfWhichNoHeadIsAnsweredIsToldWhileOthersGetThrough) {
  bool fails = true;
  world_.fault = [&](const Call& call) {
    if (!fails || call.key != "drop/poison") return Fault::None;
    if (call.operation == Operation::Put) return Fault::LostReply;
    return call.operation == Operation::Head ? Fault::FailBefore : Fault::None;
  };
  world_.start();
  world_.write("poison", "never");
  for (int i = 0; i < 60; ++i) {
    world_.write("file-" + std::to_string(i), "content " + std::to_string(i));
    world_.pass(std::chrono::seconds(10));
  }
  EXPECT_EQ(world_.status().folders.front().stored, 60);
  EXPECT_TRUE(world_.has_reason("file-failing"));
  // Nor after a restart.
  world_.crash();
  world_.start();
  for (int i = 60; i < 120; ++i) {
    world_.write("file-" + std::to_string(i), "content " + std::to_string(i));
    world_.pass(std::chrono::seconds(10));
  }
  EXPECT_TRUE(world_.has_reason("file-failing"));
  fails = false;
  world_.pass(std::chrono::minutes(61));
  expect_stored("poison", "never");
  EXPECT_FALSE(world_.has_reason("file-failing"));
}

TEST_F(PipelineTest, FilesThatTheirStoreFailsForOneCauseAreOneLineOfTheStatus) {
  world_.fault = [&](const Call& call) {
    return call.key.starts_with("drop/poison") ? Fault::FailBefore : Fault::None;
  };
  world_.start();
  for (int i = 0; i < 3; ++i) world_.write("poison-" + std::to_string(i), "never");
  for (int i = 0; i < 60; ++i) {
    world_.write("file-" + std::to_string(i), "content");
    world_.pass(std::chrono::seconds(10));
  }
  std::vector<std::int64_t> files;
  for (const auto& reason : world_.status().reasons) {
    if (reason.code == "file-failing") files.push_back(reason.files);
  }
  EXPECT_EQ(files, std::vector<std::int64_t>{3});
}

TEST_F(PipelineTest, AFileThatItsStoreForbidsIsBlockedOnceAnotherGetsThrough) {
  int refused = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation != Operation::Put || call.key != "drop/forbidden") return Fault::None;
    ++refused;
    return Fault::Denied;
  };
  world_.start();
  world_.write("forbidden", "never");
  world_.run_until([&] { return refused > 0; });
  // Others get through whenever its store is open.
  for (int i = 0; i < 60 && world_.row("forbidden")->state != FileState::Blocked; ++i) {
    world_.write("file-" + std::to_string(i), "content");
    world_.pass(std::chrono::seconds(1));
  }
  EXPECT_EQ(world_.row("forbidden")->state, FileState::Blocked);
  EXPECT_LE(refused, 5) << "sooner than a file that is alone";
  EXPECT_FALSE(world_.has_reason("file-failing"));
}

TEST_F(PipelineTest, EachOutageIsToldInTheLogThoughNoFileCameBetweenThem) {
  bool out = true;
  world_.fault = [&](const Call&) { return out ? Fault::FailBefore : Fault::None; };
  world_.start();
  world_.pass(std::chrono::minutes(10));
  out = false;
  world_.pass(std::chrono::hours(2));
  EXPECT_EQ(world_.logged("store closed"), 1);
  EXPECT_EQ(world_.logged("store open again"), 1);
  out = true;
  world_.write("a", "content");
  world_.pass(std::chrono::minutes(10));
  EXPECT_EQ(world_.logged("store closed"), 2);
  out = false;
  world_.pass(std::chrono::minutes(10));
  expect_stored("a", "content");
  EXPECT_EQ(world_.logged("store open again"), 2);
}

TEST_F(PipelineTest, AStoreThatTakesItsProbesAndNothingElseIsAskedEverMoreSeldom) {
  bool fails = true;
  int calls = 0;
  world_.fault = [&](const Call& call) {
    ++calls;
    return fails && call.operation == Operation::Put && call.key.starts_with("drop/file")
               ? Fault::FailBefore
               : Fault::None;
  };
  for (int i = 0; i < 20; ++i) world_.write("file-" + std::to_string(i), "content");
  world_.start();
  world_.pass(std::chrono::minutes(10));
  calls = 0;
  world_.pass(std::chrono::hours(1));
  EXPECT_LT(calls, 6000) << "half a minute apart; 20 files in flight, and the probe";
  fails = false;
  world_.pass(std::chrono::minutes(2));
  for (int i = 0; i < 20; ++i) expect_stored("file-" + std::to_string(i), "content");
}

TEST_F(PipelineTest, AFileThatItsStoreFailedIsStoredByItselfWithinTheHourAfterItIsTaken) {
  bool fails = true;
  world_.fault = [&](const Call& call) {
    return fails && call.key == "drop/poison" ? Fault::FailBefore : Fault::None;
  };
  world_.start();
  world_.write("poison", "never");
  for (int i = 0; i < 36; ++i) {
    world_.write("file-" + std::to_string(i), "content " + std::to_string(i));
    world_.pass(std::chrono::minutes(10));
  }
  EXPECT_TRUE(world_.has_reason("file-failing"));
  fails = false;
  world_.pass(std::chrono::minutes(61));
  expect_stored("poison", "never");
}

TEST_F(PipelineTest, AMultipartFileSurvivesACrashBetweenItsParts) {
  const std::string large(40U << 20U, 'x');
  world_.write("large.bin", large);
  world_.start();
  int parts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::PutPart) ++parts;
    return Fault::None;
  };
  world_.run_until([&] { return parts >= 2; });
  world_.crash();
  world_.start();
  world_.settle_down();
  expect_stored("large.bin", large);
  EXPECT_TRUE(world_.bucket.uploads_under_way().empty());
}

TEST_F(PipelineTest, AfterACrashBetweenPutAndRowALookDecides) {
  world_.write("a", "content");
  world_.start();
  world_.run_until([&] { return puts_of_files() == 1; });
  world_.crash();
  world_.start();
  world_.settle_down();
  expect_stored("a", "content");
  EXPECT_EQ(puts_of_files(), 1);
}

TEST_F(PipelineTest, AFileThatWentWhileTheProcessWasDownIsGone) {
  world_.write("a/b/c", "content");
  world_.write("stays", "content 2");
  world_.start();
  world_.settle_down();
  world_.crash();
  world_.remove("a");
  world_.start();
  world_.settle_down();
  world_.run_until([&] { return world_.row("a/b/c")->state == FileState::Gone; });
  EXPECT_EQ(world_.row("a/b/c")->state, FileState::Gone);
  expect_stored("stays", "content 2");
  EXPECT_NE(world_.bucket.find("drop/a/b/c"), nullptr);  // the object stays, sole now
}

TEST_F(PipelineTest, NothingIsDueOfAFileWhoseFolderIsNotConfiguredAnyMore) {
  world_.start();
  world_.settle_down();
  Explain question{.folder = FolderId{1000}, .path = "a"};
  auto answer = question.reply.get_future();
  world_.command(std::move(question));
  world_.run();
  EXPECT_EQ(answer.get().phase, "");
}

// It was listed while nobody could keep the names that went from it.
TEST_F(PipelineTest, OfADirectoryThatIsThereOnlyWhatHasGoneIsGone) {
  world_.write("d/stays", "content");
  world_.write("d/below/stays", "content 2");
  world_.write("d/went", "content 3");
  std::filesystem::create_symlink("stays", world_.folder() + "/d/link");
  world_.start();
  world_.settle_down();
  const auto ignored = [this] {
    const Unrecorded list = world_.unrecorded({.ignored = true});
    return list.files.size() == 1 && list.files.front().path == "d/link";
  };
  ASSERT_TRUE(ignored());
  world_.edges().post([this] {
    world_.pipeline().observe(watcher::DirectoryGone{
        .folder = world_.status().folders.front().id, .directory = "d", .there = true});
  });
  world_.remove("d/went");
  world_.pass(std::chrono::seconds(10));
  expect_stored("d/stays", "content");
  expect_stored("d/below/stays", "content 2");
  EXPECT_EQ(world_.row("d/went")->state, FileState::Gone);
  EXPECT_TRUE(ignored()) << "what is said of names below it stands";
}

TEST_F(PipelineTest, WaitEndsWhenWhatWasThereIsStored) {
  world_.start();
  world_.settle_down();
  world_.write("a", "content");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  EXPECT_EQ(ticket->wait(Nanoseconds::zero()).stored, 1);
  expect_stored("a", "content");
}

// Scenario 45 of WATCHING.md 4: settling counts no wall time.
TEST_F(PipelineTest, AWallClockThatIsSetInMidSettleChangesNoWait) {
  world_.start();
  world_.settle_down();
  const auto due_in = [this] {
    const Unrecorded list = world_.unrecorded({});
    return list.files.empty() ? -1 : list.files.front().due_in_ms;
  };
  world_.write("new", "12345");
  world_.run();
  const std::int64_t wait = due_in();
  EXPECT_GT(wait, 0);
  world_.clock.set_wall(world_.clock.wall() - std::chrono::hours(1));
  world_.run();
  EXPECT_EQ(due_in(), wait);
  world_.clock.set_wall(world_.clock.wall() + std::chrono::hours(25));
  world_.run();
  EXPECT_EQ(due_in(), wait);
  world_.settle_down();
  expect_stored("new", "12345");
}

// Scenario 16: neither size nor mtime tell of it.
TEST_F(PipelineTest, ARewriteOfTheSameSizeWithItsOldTimeWhileDownIsStoredAgain) {
  world_.write("a", "12345");
  world_.start();
  world_.settle_down();
  expect_stored("a", "12345");
  world_.crash();
  const std::filesystem::path file = world_.folder() + "/a";
  const auto time = std::filesystem::last_write_time(file);
  world_.write("a", "54321");
  std::filesystem::last_write_time(file, time);
  world_.start();
  world_.settle_down();
  expect_stored("a", "54321");
}

TEST_F(PipelineTest, WhatWasSeenIsToldByTheTimeUntilWhichNothingIsMissed) {
  world_.start();
  world_.settle_down();
  EXPECT_GT(world_.status().folders.front().seen_until, 0);
}

TEST_F(PipelineTest, WhatNeverBecomesAFileIsListedWithItsReasonUntilItGoes) {
  world_.write("a.part", "half");
  world_.write("gone/b.part", "half");
  world_.write("whole", "x");
  world_.start();
  world_.settle_down();
  const auto ignored = [this](const std::string& path) {
    std::string names;
    for (const auto& file : world_.unrecorded({.path = path, .ignored = true}).files) {
      names += file.path + ": " + file.reason + "\n";
    }
    return names;
  };
  EXPECT_EQ(ignored(""), "a.part: matches *.part\ngone/b.part: matches *.part\n");
  EXPECT_EQ(ignored("gone"), "gone/b.part: matches *.part\n");
  EXPECT_EQ(world_.status().folders.front().ignored, 2);
  world_.rename("a.part", "a");
  world_.remove("gone/b.part");
  world_.remove("gone");
  world_.settle_down();
  expect_stored("a", "half");
  EXPECT_EQ(ignored(""), "");
}

TEST_F(PipelineTest, AFileThatSettlesIsListedThoughItHasNoRow) {
  world_.start();
  world_.settle_down();
  world_.write("new", "12345");
  world_.run();
  const Unrecorded list = world_.unrecorded({});
  ASSERT_EQ(list.files.size(), 1U);
  EXPECT_EQ(list.files.front().path, "new");
  EXPECT_EQ(list.files.front().state, "settling");
  EXPECT_EQ(list.files.front().size, 5U);
  EXPECT_GT(list.files.front().due_in_ms, 0);
}

TEST_F(PipelineTest, AConfigurationThatWasRefusedIsSaidUntilItIsPutRight) {
  world_.start();
  world_.settle_down();
  world_.pipeline().config_refused("waybill.toml:3: bukket is unknown");
  world_.pipeline().step();
  EXPECT_TRUE(world_.has_reason("config-refused"));
  world_.pipeline().reconfigure(world_.config());
  world_.pipeline().step();
  EXPECT_FALSE(world_.has_reason("config-refused"));
}

// Its reading has ended well, and nobody has heard of that yet when it is missed.
TEST_F(PipelineTest, FileThatGoesJustAfterItWasReadIsGoneOnceItIsStored) {
  fakes::HeldBack answers(world_.edges().post);
  world_.start();
  world_.settle_down();
  world_.write("short-lived", "here and gone");
  answers.hold();
  world_.run_until([&] { return answers.any(); });
  world_.remove("short-lived");
  world_.run();
  answers.let_go();
  world_.settle_down();
  const auto row = world_.row("short-lived");
  EXPECT_TRUE(!row || row->state == FileState::Gone) << "its row says that it is there";
}

// Readers and their checkpoints would wait for it (PROTOCOL.md section 5).
TEST_F(PipelineTest, HoldsNoSnapshotOfTheCatalogBetweenTwoSteps) {
  world_.start();
  world_.write("a", "one");
  world_.settle_down();
  world_.explain("a");
  world_.run();
  auto reader = catalog::Connection::open(world_.config().state_dir + "/catalog.db",
                                          catalog::Connection::Mode::ReadWrite);
  ASSERT_TRUE(reader);
  const auto held = reader->integer("PRAGMA wal_checkpoint(RESTART)");
  ASSERT_TRUE(held);
  EXPECT_EQ(*held, 0);
}

}  // namespace
}  // namespace waybill::agent
