#include "agent/arrival.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>

#include "agent/pipeline.h"
#include "tests/fakes/pipeline_world.h"

// Folders where only what arrived by rename counts as complete (WATCHING.md 2.4): the decision, and
// then the whole core around it.
namespace waybill::agent {
namespace {

namespace fs = std::filesystem;
using catalog::FileRow;
using catalog::FileState;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// --- the decision --------------------------------------------------------------------------------

constexpr Fingerprint here{.dev = 1, .ino = 2, .btime = 3, .size = 4, .mtime = 5, .ctime = 6};
constexpr Fingerprint other{.dev = 1, .ino = 9, .btime = 3, .size = 4, .mtime = 5, .ctime = 6};

Fingerprint changed(Fingerprint fingerprint) {
  ++fingerprint.mtime;
  ++fingerprint.ctime;
  return fingerprint;
}

FileRow row_of(const Fingerprint& fingerprint, FileState state) {
  FileRow row;
  row.fingerprint = fingerprint;
  row.state = state;
  return row;
}

TEST(ArrivalVerdict, WhatARenamePutThereIsTakenAlsoIfItWasWrittenToSince) {
  const Traces traces{.arrived = arrival_of("a", here), .made = {}, .row = {}};
  EXPECT_EQ(judge(here, traces, ArrivedUnseen::Wait), Verdict::Take);
  EXPECT_EQ(judge(changed(here), traces, ArrivedUnseen::Wait), Verdict::Take);
}

TEST(ArrivalVerdict, AnArrivalSaysNothingOfAnotherInodeNorOfAnotherLifeOfIt) {
  const Traces traces{.arrived = arrival_of("a", here), .made = {}, .row = {}};
  EXPECT_EQ(judge(other, traces, ArrivedUnseen::Wait), Verdict::Unseen);
  Fingerprint reborn = here;
  reborn.btime = 7;
  EXPECT_EQ(judge(reborn, traces, ArrivedUnseen::Wait), Verdict::Unseen);
}

TEST(ArrivalVerdict, ADeviceNumberOfTodayIsNoOtherFileWhereThereIsABirthTime) {
  const Traces traces{.arrived = arrival_of("a", here), .made = {}, .row = {}};
  Fingerprint today = here;
  today.dev = 8;
  EXPECT_EQ(judge(today, traces, ArrivedUnseen::Wait), Verdict::Take);
  Fingerprint unborn = today;
  unborn.btime = 0;
  EXPECT_EQ(judge(unborn, traces, ArrivedUnseen::Wait), Verdict::Unseen);
}

TEST(ArrivalVerdict, WhatWasMadeInPlaceIsNeverTakenWhateverIsAskedForTheUnseen) {
  const Traces traces{.arrived = {}, .made = here, .row = {}};
  for (const auto unseen : {ArrivedUnseen::Wait, ArrivedUnseen::Take}) {
    EXPECT_EQ(judge(changed(here), traces, unseen), Verdict::MadeInPlace);
  }
  EXPECT_EQ(judge(other, traces, ArrivedUnseen::Take), Verdict::Take);
}

TEST(ArrivalVerdict, ARowTellsOfItsInode) {
  struct Case {
    FileState state;
    Verdict unchanged;
    Verdict changed;
  };
  constexpr Case cases[] = {
      {FileState::Queued, Verdict::Take, Verdict::Take},
      {FileState::Uploading, Verdict::Take, Verdict::Take},
      {FileState::Blocked, Verdict::Take, Verdict::Take},
      {FileState::Stored, Verdict::Take, Verdict::ChangedInPlace},
      {FileState::Removing, Verdict::Take, Verdict::ChangedInPlace},
      {FileState::Removed, Verdict::Take, Verdict::Unseen},
      {FileState::Gone, Verdict::Take, Verdict::Unseen},
  };
  for (const Case& it : cases) {
    const Traces traces{.arrived = {}, .made = {}, .row = row_of(here, it.state)};
    EXPECT_EQ(judge(here, traces, ArrivedUnseen::Wait), it.unchanged);
    EXPECT_EQ(judge(changed(here), traces, ArrivedUnseen::Wait), it.changed);
    EXPECT_EQ(judge(other, traces, ArrivedUnseen::Wait), Verdict::Unseen);
  }
}

TEST(ArrivalVerdict, EachWaitHasItsSentence) {
  EXPECT_EQ(why(Verdict::Take, false), "");
  EXPECT_NE(why(Verdict::Unseen, false), why(Verdict::Unseen, true));
  EXPECT_NE(why(Verdict::MadeInPlace, false), why(Verdict::ChangedInPlace, false));
}

// --- the core around it --------------------------------------------------------------------------

class ByRename : public testing::Test {
 protected:
  ByRename() { folder().complete = CompleteBy::Rename; }
  FolderConfig& folder() { return world_.config().folders.front(); }
  [[nodiscard]] std::string stage() const { return world_.folder() + ".stage"; }

  // Renamed into the folder; its directory there must be.
  void arrive(const std::string& path, const std::string& content) {
    std::ofstream(stage()) << content;
    fs::rename(stage(), world_.folder() + "/" + path);
  }
  [[nodiscard]] bool stored(const std::string& path) {
    const auto row = world_.row(path);
    return row && row->state == FileState::Stored;
  }
  void becomes_stored(const std::string& path) {
    world_.run_until([&] { return stored(path); });
    EXPECT_TRUE(stored(path)) << path << ": " << explained(path).explanation;
    world_.pass(seconds(1));  // until the status says so
  }
  FileView explained(const std::string& path) { return world_.explain(path); }
  std::int64_t retry(const std::string& path) {
    Retry wish{.folder = world_.status().folders.front().id, .path = path};
    auto answer = wish.reply.get_future();
    world_.command(std::move(wish));
    world_.run();
    return answer.get();
  }
  [[nodiscard]] const Reason* reason(std::string_view code) const {
    for (const Reason& reason : world_.status().reasons) {
      if (reason.code == code) return &reason;
    }
    return nullptr;
  }
  std::size_t arrivals() {
    const FolderId folder = world_.status().folders.front().id;
    world_.crash();
    const auto catalog = world_.open_catalog();
    return catalog->arrivals(folder, "", 100).value().size();
  }

  fakes::PipelineWorld world_;
};

TEST_F(ByRename, WhatArrivesIsStoredAndLeavesNoTrace) {
  world_.start();
  world_.run();
  arrive("a", "whole");
  becomes_stored("a");
  EXPECT_EQ(world_.status().folders.front().pending, 0);
  EXPECT_TRUE(world_.status().reasons.empty());
  EXPECT_EQ(arrivals(), 0U);
}

TEST_F(ByRename, WhatIsMadeInPlaceWaitsUntilItIsRenamed) {
  folder().stuck_after = hours(1);
  world_.start();
  world_.run();
  world_.write("a.new", "whole, for all anybody knows");
  world_.pass(minutes(10));
  EXPECT_FALSE(world_.row("a.new"));
  EXPECT_EQ(explained("a.new").phase, "waiting-for-rename");
  EXPECT_EQ(world_.status().folders.front().pending, 1);
  EXPECT_EQ(reason("file-stuck"), nullptr);
  world_.pass(hours(2));
  ASSERT_NE(reason("file-stuck"), nullptr);
  EXPECT_NE(reason("file-stuck")->sentence.find("made in place"), std::string::npos);
  world_.rename("a.new", "a");
  becomes_stored("a");
  EXPECT_FALSE(world_.row("a.new"));
  EXPECT_EQ(reason("file-stuck"), nullptr);
}

TEST_F(ByRename, ALinkIsNoRename) {
  world_.start();
  world_.run();
  std::ofstream(stage()) << "whole";
  fs::create_hard_link(stage(), world_.folder() + "/a");
  world_.pass(hours(1));
  EXPECT_FALSE(world_.row("a"));
  EXPECT_EQ(explained("a").phase, "waiting-for-rename");
}

TEST_F(ByRename, AnArrivalThatNobodyHasTakenYetOutlivesTheProcess) {
  folder().settle = minutes(5);
  world_.start();
  world_.run();
  arrive("a", "whole");
  world_.pass(seconds(1));
  ASSERT_FALSE(world_.row("a"));
  world_.crash();
  world_.start();
  becomes_stored("a");
  EXPECT_EQ(arrivals(), 0U);
}

TEST_F(ByRename, AnArrivalWhoseFileWentMeanwhileIsForgotten) {
  folder().settle = minutes(5);
  world_.start();
  world_.run();
  arrive("a", "whole");
  arrive("b", "whole");
  world_.pass(seconds(1));
  world_.crash();
  world_.remove("a");
  world_.remove("b");
  world_.write("b", "made while nobody looked");
  world_.start();
  world_.pass(minutes(10));
  EXPECT_FALSE(world_.row("a"));
  EXPECT_FALSE(world_.row("b"));
  EXPECT_EQ(explained("b").phase, "waiting-for-person");
  EXPECT_LE(arrivals(), 1U) << "of b only, and of another file";
}

TEST_F(ByRename, WhatNobodySawWaitsForAPersonAndIsCountedAtOnce) {
  fs::create_directories(world_.folder() + "/d");
  arrive("d/a", "whole");
  arrive("b", "whole");
  world_.start();
  world_.pass(minutes(1));
  EXPECT_FALSE(world_.row("d/a"));
  EXPECT_EQ(explained("d/a").phase, "waiting-for-person");
  ASSERT_NE(reason("arrival-unseen"), nullptr);
  EXPECT_EQ(reason("arrival-unseen")->files, 2);
  EXPECT_EQ(reason("arrival-unseen")->severity, Severity::Blocked);
  EXPECT_EQ(retry("d"), 1);
  becomes_stored("d/a");
  EXPECT_FALSE(world_.row("b"));
  ASSERT_NE(reason("arrival-unseen"), nullptr);
  EXPECT_EQ(reason("arrival-unseen")->files, 1);
  EXPECT_EQ(retry(""), 1);
  becomes_stored("b");
  EXPECT_EQ(reason("arrival-unseen"), nullptr);
}

TEST_F(ByRename, APersonsWordOutlivesTheProcessToo) {
  folder().settle = minutes(5);
  arrive("a", "whole");
  world_.start();
  world_.pass(minutes(10));
  ASSERT_EQ(retry("a"), 1);
  world_.crash();
  world_.start();
  becomes_stored("a");
}

TEST_F(ByRename, WhatNobodySawIsTakenWhereTheConfigurationSaysSo) {
  folder().arrived_unseen = ArrivedUnseen::Take;
  arrive("before", "whole");
  world_.start();
  becomes_stored("before");
  world_.write("made", "in place, while it watched");
  world_.pass(minutes(10));
  EXPECT_FALSE(world_.row("made"));
}

TEST_F(ByRename, ADirectoryThatIsMovedInBringsItsFiles) {
  world_.start();
  world_.run();
  fs::create_directories(stage() + "/deep");
  std::ofstream(stage() + "/a") << "1";
  std::ofstream(stage() + "/deep/b") << "2";
  fs::rename(stage(), world_.folder() + "/d");
  becomes_stored("d/a");
  becomes_stored("d/deep/b");
}

TEST_F(ByRename, WhatIsWrittenToBeforeItIsStoredIsStoredAsItIsInTheEnd) {
  folder().settle = minutes(5);
  world_.start();
  world_.run();
  arrive("a", "whole");
  world_.pass(minutes(1));
  world_.write("a", "whole, and more");
  becomes_stored("a");
  EXPECT_EQ(world_.row("a")->fingerprint.size, 15U);
}

TEST_F(ByRename, WhatIsChangedInPlaceAfterItWasStoredWaitsForARename) {
  world_.start();
  world_.run();
  arrive("a", "whole");
  becomes_stored("a");
  world_.write("a", "half of the next");
  world_.pass(hours(3));
  EXPECT_EQ(world_.row("a")->generation, 1);
  EXPECT_EQ(explained("a").phase, "waiting-for-rename");
  world_.crash();
  world_.start();
  world_.pass(hours(3));
  EXPECT_EQ(world_.row("a")->generation, 1) << "a restart does not make it whole";
  arrive("a", "the next");
  world_.run_until([&] { return world_.row("a")->generation == 2 && stored("a"); });
  EXPECT_TRUE(stored("a"));
  EXPECT_EQ(world_.row("a")->generation, 2);
}

TEST_F(ByRename, WhatIsStoredAlreadyNeedsNothingAfterARestart) {
  world_.start();
  world_.run();
  arrive("a", "whole");
  becomes_stored("a");
  world_.crash();
  world_.start();
  world_.pass(minutes(10));
  EXPECT_TRUE(stored("a"));
  EXPECT_EQ(world_.status().folders.front().pending, 0);
  EXPECT_EQ(reason("arrival-unseen"), nullptr);
}

TEST_F(ByRename, AFolderThatIsPolledSaysThatItCannotKnow) {
  folder().poll = PollUse::On;
  world_.start();
  world_.run();
  arrive("a", "whole");
  world_.pass(minutes(10));
  EXPECT_FALSE(world_.row("a"));
  EXPECT_EQ(explained("a").phase, "waiting-for-person");
  ASSERT_NE(reason("renames-unseen"), nullptr);
  EXPECT_EQ(reason("renames-unseen")->severity, Severity::Degraded);
  EXPECT_EQ(retry("a"), 1);
  becomes_stored("a");
}

}  // namespace
}  // namespace waybill::agent
