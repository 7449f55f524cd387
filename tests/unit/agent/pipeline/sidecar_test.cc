#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/integration/watcher/disk.h"
#include "tests/unit/agent/pipeline/said.h"

// What a sidecar says of its file travels with its object and stands in its row, whenever it came.
namespace waybill::agent {
namespace {

namespace disk = watcher::disk;
using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class SidecarOf : public WhatIsSaid {
 protected:
  SidecarOf() { folder().sidecar = "{name}.meta.json"; }

  // Of the file at `path`.
  void say(const std::string& path, const std::string& json) {
    disk::let_clock_tick(world_.folder());
    world_.write(path + ".meta.json", json);
  }
  // What changed has settled, and was looked at.
  void rest() {
    world_.pass(seconds(10));
    world_.settle_down();
  }

  void reload() {
    world_.edges().post([this] { world_.pipeline().reconfigure(world_.config()); });
    rest();
  }

  void expect_blocked(const std::string& path, std::string_view why) {
    const auto row = world_.row(path);
    ASSERT_TRUE(row) << path;
    EXPECT_EQ(row->state, FileState::Blocked);
    EXPECT_TRUE(row->reason.find(why) != std::string::npos) << row->reason;
  }
  std::string sentence_of(const std::string& code) {
    for (const Reason& reason : world_.status().reasons) {
      if (reason.code == code) return reason.sentence;
    }
    return "not told";
  }
  std::string ignored_as(const std::string& path) {
    for (const UnrecordedFile& file : world_.unrecorded({.ignored = true}).files) {
      if (file.path == path) return file.reason;
    }
    return "not listed";
  }
};

TEST_F(SidecarOf, AFileIsOnItsObjectAndInItsRow) {
  world_.write("d/scan.tif", "pixels");
  say("d/scan.tif",
      R"({"Sample": "HeLa 12", "operator": "Zoë", "run": 7, "gain": 1.50, "ok": true})");
  world_.start();
  rest();
  expect_said("d/scan.tif", {{"sample", "HeLa 12"},
                             {"operator", "Zo%C3%AB"},
                             {"run", "7"},
                             {"gain", "1.50"},
                             {"ok", "true"}});
  EXPECT_FALSE(world_.row("d/scan.tif.meta.json")) << "it is no file itself";
  EXPECT_EQ(ignored_as("d/scan.tif.meta.json"), "tells of scan.tif, as its sidecar");
}

TEST_F(SidecarOf, AnyFileIsAFileWhereNobodyAskedForSidecars) {
  folder().sidecar.clear();
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.start();
  rest();
  expect_said("f", {});
  expect_said("f.meta.json", {});
}

TEST_F(SidecarOf, AFileGoesBeforeItsAttributes) {
  world_.write("f", "bytes");
  disk::set_attribute(at("f"), "user.waybill.Sample", "by attribute");
  disk::set_attribute(at("f"), "user.waybill.operator", "Ada");
  say("f", R"({"sample": "by sidecar"})");
  world_.start();
  rest();
  expect_said("f", {{"sample", "by sidecar"}, {"operator", "Ada"}});
}

TEST_F(SidecarOf, AFileCountsWithoutAttributesToo) {
  folder().xattr_metadata = false;
  world_.write("f", "bytes");
  disk::set_attribute(at("f"), "user.waybill.operator", "Ada");
  say("f", R"({"sample": "1"})");
  world_.start();
  rest();
  expect_said("f", {{"sample", "1"}});
}

TEST_F(SidecarOf, ALargeFileGoesAlongInPartsToo) {
  world_.write("large", std::string(17U << 20U, 'x'));
  say("large", R"({"sample": "1"})");
  world_.start();
  rest();
  expect_said("large", {{"sample", "1"}});
  say("large", R"({"sample": "2"})");
  rest();
  expect_said("large", {{"sample", "2"}});
}

TEST_F(SidecarOf, NobodySaysNothing) {
  world_.write("f", "bytes");
  say("f", "{}");
  world_.start();
  rest();
  expect_said("f", {});
}

// --- one that comes, changes or goes after its file was stored -----------------------------------

TEST_F(SidecarOf, AStoredFileIsSentWithItWhenItComesChangesAndGoes) {
  world_.write("f", "bytes");
  world_.start();
  rest();
  expect_said("f", {});
  say("f", R"({"sample": "1"})");
  rest();
  expect_said("f", {{"sample", "1"}});
  EXPECT_EQ(world_.row("f")->generation, 2);
  say("f", R"({"sample": "2"})");
  rest();
  expect_said("f", {{"sample", "2"}});
  world_.remove("f.meta.json");
  rest();
  expect_said("f", {});
  EXPECT_EQ(world_.row("f")->generation, 4);
  EXPECT_EQ(ignored_as("f.meta.json"), "not listed");
}

TEST_F(SidecarOf, AStoredFileThatSaysTheSameSendsNothing) {
  world_.write("f", "bytes");
  say("f", R"({"a": "1", "b": "2"})");
  world_.start();
  rest();
  count_bodies();
  say("f", "{\n  \"b\": \"2\",\n  \"A\": \"1\"\n}\n");
  rest();
  expect_said("f", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(bodies_, 0);
  EXPECT_EQ(world_.row("f")->generation, 1);
}

TEST_F(SidecarOf, AStoredFileIsSentAnewForWhatHappenedWhileNobodyWatched) {
  for (const char* name : {"came", "changed", "went", "stayed"}) world_.write(name, "bytes");
  for (const char* name : {"changed", "went", "stayed"}) say(name, R"({"sample": "1"})");
  world_.start();
  rest();
  world_.crash();
  say("came", R"({"sample": "2"})");
  say("changed", R"({"sample": "2"})");
  world_.remove("went.meta.json");
  world_.start();
  rest();
  expect_said("came", {{"sample", "2"}});
  expect_said("changed", {{"sample", "2"}});
  expect_said("went", {});
  expect_said("stayed", {{"sample", "1"}});
  EXPECT_EQ(world_.row("stayed")->generation, 1);
}

// So many names at once that their directory is listed instead.
TEST_F(SidecarOf, AStoredFileIsSentAnewWhenOneGoesAmongManyOthers) {
  world_.write("d/f", "bytes");
  say("d/f", R"({"sample": "1"})");
  world_.start();
  rest();
  for (int i = 0; i < 1500; ++i) world_.write("d/" + std::to_string(i) + ".part", "");
  world_.remove("d/f.meta.json");
  rest();
  expect_said("d/f", {});
}

TEST_F(SidecarOf, ManyStoredFilesAreSentAnewForWhatHappenedWhileNobodyWatched) {
  constexpr int files = 300;  // more than are looked at together
  const auto name = [](int i) { return "d/" + std::to_string(i); };
  for (int i = 0; i < files; ++i) world_.write(name(i), "bytes");
  world_.start();
  rest();
  world_.crash();
  for (int i = 0; i < files; i += 100) say(name(i), R"({"sample": "1"})");
  world_.start();
  rest();
  for (int i = 0; i < files; i += 50) {
    expect_said(name(i), i % 100 == 0 ? Said{{"sample", "1"}} : Said{});
  }
}

TEST_F(SidecarOf, AFileThatIsUnderWayIsSentAnewAfterwards) {
  world_.write("large", std::string(40U << 20U, 'x'));
  int parts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::PutPart) ++parts;
    return Fault::None;
  };
  world_.start();
  world_.run_until([&] { return parts >= 1; });
  world_.bucket_hangs = true;
  say("large", R"({"sample": "1"})");
  world_.pass(seconds(10));
  ASSERT_EQ(world_.row("large")->state, FileState::Uploading);
  world_.bucket_hangs = false;
  rest();
  expect_said("large", {{"sample", "1"}});
}

TEST_F(SidecarOf, AnUploadThatIsTakenUpAgainIsFollowedByWhatIsSaidNow) {
  world_.write("large", std::string(40U << 20U, 'x'));
  say("large", R"({"sample": "1"})");
  int parts = 0;
  world_.fault = [&](const Call& call) {
    if (call.operation == Operation::PutPart) ++parts;
    return Fault::None;
  };
  world_.start();
  world_.run_until([&] { return parts >= 2; });
  world_.crash();
  say("large", R"({"sample": "2"})");
  world_.start();
  rest();
  expect_said("large", {{"sample", "2"}});
}

TEST_F(SidecarOf, WhoeverWaitsWaitsForIt) {
  world_.write("f", "bytes");
  world_.start();
  rest();
  say("f", R"({"sample": "1"})");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  expect_said("f", {{"sample", "1"}});
}

TEST_F(SidecarOf, WhoeverWaitsAfterAStartWaitsForItToo) {
  world_.write("f", "bytes");
  world_.start();
  rest();
  world_.crash();
  say("f", R"({"sample": "1"})");
  world_.start();
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  expect_said("f", {{"sample", "1"}});
}

// What was seen is forgotten with the session, and is known again once its scan is over.
TEST_F(SidecarOf, WhoeverWaitsWaitsForItOverAReloadToo) {
  folder().settle = minutes(1);
  world_.write("f", "bytes");
  world_.start();
  world_.pass(minutes(5));
  say("f", R"({"sample": "1"})");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).started; });
  ASSERT_EQ(ticket->wait(Nanoseconds::zero()).remaining, 1);
  world_.edges().post([this] { world_.pipeline().reconfigure(world_.config()); });
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  expect_said("f", {{"sample", "1"}});
}

// --- one that is not finished --------------------------------------------------------------------

TEST_F(SidecarOf, AFileThatIsHalfWrittenIsWaitedFor) {
  world_.start();
  rest();
  UniqueFd writer(::open(at("f.meta.json").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(writer.get(), R"({"sample":)", 10), 10);
  world_.write("f", "bytes");
  world_.pass(minutes(5));
  EXPECT_FALSE(world_.row("f"));
  ASSERT_EQ(::write(writer.get(), R"( "1"})", 6), 6);
  writer.reset();
  rest();
  expect_said("f", {{"sample", "1"}});
}

// The same size, so that its hash would tell whether it is what is stored.
TEST_F(SidecarOf, AFileThatIsStillWrittenHasNothingHashedForIt) {
  const std::string large(17U << 20U, 'x');
  folder().stuck_after = minutes(10);
  world_.write("large", large);
  say("large", R"({"sample": "1"})");
  world_.start();
  rest();
  UniqueFd writer(::open(at("large.meta.json").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  disk::let_clock_tick(world_.folder());
  world_.write("large", large);
  world_.disk.bytes_read = 0;
  world_.pass(seconds(5));
  for (int i = 0; i < 20; ++i) {
    world_.pass(milliseconds(700));
    EXPECT_EQ(world_.explain("large").phase, "settling");
    EXPECT_EQ(world_.explain("large").explanation,
              "its sidecar large.meta.json cannot be read yet: somebody has the file open for "
              "writing");
  }
  world_.pass(minutes(10));
  EXPECT_EQ(world_.disk.bytes_read, 0U);
  EXPECT_EQ(sentence_of("file-stuck"),
            "not complete for longer than stuck_after: its sidecar large.meta.json cannot be read "
            "yet: somebody has the file open for writing");
  writer.reset();
  rest();
  expect_said("large", {{"sample", "1"}});
  EXPECT_GE(world_.disk.bytes_read, large.size());
  EXPECT_FALSE(world_.has_reason("file-stuck"));
}

TEST_F(SidecarOf, AFileThatIsStillWrittenIsLookedAtNowAndThenThoughNothingSettles) {
  folder().settle = Nanoseconds::zero();
  world_.write("stored", "bytes");
  say("stored", R"({"sample": "1"})");
  world_.start();
  rest();
  const auto write_on = [this](const std::string& path) {
    return UniqueFd(::open(at(path).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  };
  const UniqueFd of_one = write_on("stored.meta.json");
  UniqueFd of_another = write_on("f.meta.json");
  ASSERT_EQ(::write(of_one.get(), " ", 1), 1);
  world_.write("f", "bytes");
  world_.reads = 0;
  world_.pass(minutes(1));
  EXPECT_LE(world_.reads, 70) << "every two seconds, for each";
  EXPECT_FALSE(world_.row("f"));
  ASSERT_EQ(::write(of_another.get(), R"({"sample": "2"})", 15), 15);
  of_another.reset();
  world_.pass(seconds(3));
  expect_said("f", {{"sample", "2"}});
}

TEST_F(SidecarOf, AFileThatCannotBeReachedForTheMomentIsWaitedFor) {
  world_.start();
  for (const int code : {ESTALE, EIO, EMFILE}) {
    const std::string name = std::to_string(code);
    world_.disk.opens_fail[name + ".meta.json"] = system_error("open it", code);
    world_.write(name, "bytes");
    say(name, R"({"sample": "1"})");
    world_.pass(minutes(5));
    EXPECT_FALSE(world_.row(name)) << "it would go without what is said of it";
    world_.disk.opens_fail.clear();
    rest();
    expect_said(name, {{"sample", "1"}});
  }
}

TEST_F(SidecarOf, AFileThatCannotBeReadForAnotherReasonBlocksIt) {
  world_.disk.opens_fail["f.meta.json"] = system_error("open it", EOVERFLOW);
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.start();
  world_.pass(seconds(10));
  expect_blocked("f", "its sidecar f.meta.json cannot be used: cannot open it (");
  world_.disk.opens_fail.clear();
  world_.pass(minutes(5));
  expect_said("f", {{"sample", "1"}});
}

TEST_F(SidecarOf, AFileSettlesAsAFileDoes) {
  folder().settle = minutes(1);
  world_.start();
  rest();
  world_.write("f", "bytes");
  for (int i = 0; i < 10; ++i) {
    say("f", std::string("{\"sample\": \"") + std::to_string(i) + "\"");
    world_.pass(seconds(40));
    EXPECT_FALSE(world_.row("f"));
  }
  EXPECT_EQ(world_.explain("f").phase, "settling");
  say("f", R"({"sample": "whole"})");
  world_.pass(minutes(3));
  expect_said("f", {{"sample", "whole"}});
}

TEST_F(SidecarOf, AFileWithoutALeaseIsBelievedAfterALongSilence) {
  world_.write("f", "bytes");
  world_.start();
  rest();
  world_.disk.leases = false;
  folder().settle_nolease = hours(2);  // the world's clock is an hour ahead of the disk's
  reload();
  say("f", R"({"sample": "1"})");
  world_.pass(minutes(50));
  EXPECT_EQ(on_object("f"), Said{});
  folder().lease = LeaseUse::Off;
  reload();
  EXPECT_EQ(on_object("f"), (Said{{"sample", "1"}}));
}

// --- what cannot be sent -------------------------------------------------------------------------

struct Bad {
  const char* name;
  std::string json;
  std::string why;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

class BadSidecarOf : public SidecarOf, public testing::WithParamInterface<Bad> {};

TEST_P(BadSidecarOf, AFileBlocksItUntilItIsMended) {
  world_.write("f", "bytes");
  say("f", GetParam().json);
  world_.start();
  rest();
  expect_blocked("f", GetParam().why);
  EXPECT_TRUE(world_.has_reason("file-blocked"));
  say("f", R"({"sample": "1"})");
  world_.pass(seconds(10));
  expect_said("f", {{"sample", "1"}});
}

INSTANTIATE_TEST_SUITE_P(
    OfEachKind, BadSidecarOf,
    testing::Values(
        Bad{"NoJson", "{\"sample\":", "its sidecar f.meta.json cannot be used: it is no JSON"},
        Bad{"Empty", "", "its sidecar f.meta.json cannot be used: it is no JSON"},
        Bad{"Nested", R"({"a": {"b": "c"}})", "the value of \"a\" is neither text nor"},
        Bad{"Null", R"({"a": null})", "the value of \"a\" is neither text nor"},
        Bad{"Twice", R"({"a": "1", "a": "2"})", "\"a\" is there twice"},
        Bad{"Reserved", R"({"waybill-attempt": "mine"})",
            "its metadata cannot be stored: \"waybill-attempt\" is written by waybilld itself"},
        Bad{"TooMuch", "{\"a\": \"" + std::string(2000, 'x') + "\"}", "at most 1024 find room"},
        Bad{"TooLarge", "{}" + std::string(20'000, ' '), "it has more than 16384 bytes"}),
    [](const auto& bad) { return bad.param.name; });

TEST_F(SidecarOf, AFileThatIsALinkIsNotFollowed) {
  world_.write("f", "bytes");
  world_.write("elsewhere", R"({"sample": "stolen"})");
  std::filesystem::create_symlink("elsewhere", at("f.meta.json"));
  world_.start();
  rest();
  expect_blocked("f", "its sidecar f.meta.json cannot be used: ");
  world_.remove("f.meta.json");
  world_.pass(seconds(10));
  expect_said("f", {});
}

TEST_F(SidecarOf, AStoredFileThatIsSpoiltBlocksItRatherThanLeavingItWithLess) {
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.start();
  rest();
  say("f", "rubbish");
  rest();
  expect_blocked("f", "it is no JSON");
  count_bodies();
  say("f", R"({"sample": "1"})");
  world_.pass(seconds(10));
  expect_said("f", {{"sample", "1"}});
  EXPECT_EQ(bodies_, 0) << "it is what is stored";
}

TEST_F(SidecarOf, AFileThatWasMendedWhileNobodyWatchedIsTaken) {
  world_.write("f", "bytes");
  say("f", "rubbish");
  world_.start();
  rest();
  world_.crash();
  say("f", R"({"sample": "1"})");
  world_.start();
  rest();
  expect_said("f", {{"sample", "1"}});
}

// --- more of them than are known -----------------------------------------------------------------

class VeryManySidecars : public SidecarOf {
 protected:
  static constexpr int many = 10;
  VeryManySidecars() { world_.edges().most_sidecars = 2; }

  static std::string name(int i) { return "d/" + std::to_string(i); }
  void store_many() {
    for (int i = 0; i < many; ++i) {
      world_.write(name(i), "bytes");
      say(name(i), R"({"sample": "1"})");
    }
    world_.start();
    rest();
  }
  void expect_all(const Said& said) {
    for (int i = 0; i < many; ++i) expect_said(name(i), said);
  }
};

TEST_F(VeryManySidecars, AreOnTheirObjectsAsTheyComeChangeAndGo) {
  store_many();
  expect_all({{"sample", "1"}});
  for (int i = 0; i < many; ++i) say(name(i), R"({"sample": "2"})");
  rest();
  expect_all({{"sample", "2"}});
  for (int i = 0; i < many; ++i) world_.remove(name(i) + ".meta.json");
  rest();
  expect_all({});
}

TEST_F(VeryManySidecars, ThatGoUnseenAreMissedByTheNextListing) {
  store_many();
  for (int i = 0; i < many; ++i) world_.remove(name(i) + ".meta.json");
  world_.lose_events();
  rest();
  expect_all({});
}

TEST_F(VeryManySidecars, AreNotHeldUpByOnesThatAreWrittenAllTheTime) {
  store_many();
  std::vector<UniqueFd> writers;
  for (int i = 0; i < 3; ++i) {
    const std::string sidecar = at(name(i)) + ".meta.json";
    writers.emplace_back(::open(sidecar.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    ASSERT_EQ(::write(writers.back().get(), " ", 1), 1);
  }
  world_.pass(seconds(10));
  for (int i = 3; i < many; ++i) say(name(i), R"({"sample": "2"})");
  world_.pass(minutes(2));
  for (int i = 3; i < many; ++i) expect_said(name(i), {{"sample", "2"}});
}

TEST_F(VeryManySidecars, AreWaitedFor) {
  store_many();
  for (int i = 0; i < many; ++i) say(name(i), R"({"sample": "2"})");
  const auto ticket = std::make_shared<WaitTicket>();
  world_.command(StartWait{.ticket = ticket});
  world_.run_until([&] { return ticket->wait(Nanoseconds::zero()).done(); });
  EXPECT_TRUE(ticket->wait(Nanoseconds::zero()).done());
  expect_all({{"sample", "2"}});
}

// --- names ---------------------------------------------------------------------------------------

TEST_F(SidecarOf, AFileMayComeBeforeIt) {
  world_.start();
  say("f", R"({"sample": "1"})");
  rest();
  EXPECT_FALSE(world_.row("f"));
  EXPECT_FALSE(world_.row("f.meta.json"));
  EXPECT_EQ(ignored_as("f.meta.json"), "tells of f, as its sidecar");
  world_.write("f", "bytes");
  rest();
  expect_said("f", {{"sample", "1"}});
}

TEST_F(SidecarOf, AFileStaysWithItsNameWhenTheFileGoes) {
  world_.write("a", "bytes");
  say("a", R"({"sample": "a's"})");
  world_.start();
  rest();
  world_.rename("a", "b");
  rest();
  expect_said("b", {});
  world_.rename("a.meta.json", "b.meta.json");
  rest();
  expect_said("b", {{"sample", "a's"}});
}

TEST_F(SidecarOf, AFileGoesAlongWithItsDirectory) {
  world_.write("d/a", "bytes");
  say("d/a", R"({"sample": "1"})");
  world_.start();
  rest();
  world_.rename("d", "e");
  rest();
  expect_said("e/a", {{"sample", "1"}});
  say("e/a", R"({"sample": "2"})");
  rest();
  expect_said("e/a", {{"sample", "2"}});
}

TEST_F(SidecarOf, AnotherSidecarIsNobodys) {
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  say("f.meta.json", "rubbish, which nobody reads");
  world_.start();
  rest();
  expect_said("f", {{"sample", "1"}});
  EXPECT_FALSE(world_.row("f.meta.json.meta.json"));
  EXPECT_EQ(ignored_as("f.meta.json.meta.json"), "tells of f.meta.json, as its sidecar");
}

TEST_F(SidecarOf, AFileWithAMarkerNeedsNone) {
  folder().complete = CompleteBy::Marker;
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.start();
  world_.pass(seconds(10));
  EXPECT_FALSE(world_.row("f"));
  world_.write("f.done", "");
  say("f.done", "rubbish, which nobody reads");
  rest();
  expect_said("f", {{"sample", "1"}});
  EXPECT_EQ(ignored_as("f.meta.json"), "tells of f, as its sidecar");
  EXPECT_EQ(ignored_as("f.done"), "marks f as complete");
}

TEST_F(SidecarOf, AFileWithALongNameHasNone) {
  const std::string longest(255, 'n');
  world_.write(longest, "bytes");
  world_.start();
  rest();
  expect_said(longest, {});
}

// --- another configuration -----------------------------------------------------------------------

TEST_F(SidecarOf, AStoredFileCountsOnceItIsAskedFor) {
  folder().sidecar.clear();
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.start();
  rest();
  expect_said("f.meta.json", {});
  folder().sidecar = "{name}.meta.json";
  reload();
  expect_said("f", {{"sample", "1"}});
  EXPECT_EQ(world_.row("f.meta.json")->state, FileState::Gone);
}

TEST_F(SidecarOf, AFileIsAFileOnceNobodyAsksForIt) {
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.start();
  rest();
  count_bodies();
  folder().sidecar.clear();
  reload();
  expect_said("f.meta.json", {});
  expect_said("f", {{"sample", "1"}});
  EXPECT_EQ(bodies_, 1) << "what is stored stays as it is";
}

TEST_F(SidecarOf, AFileUnderAnotherPatternIsAnotherOne) {
  world_.write("f", "bytes");
  say("f", R"({"sample": "1"})");
  world_.write(".f.json", R"({"sample": "2"})");
  world_.start();
  rest();
  expect_said("f", {{"sample", "1"}});
  folder().sidecar = ".{name}.json";
  reload();
  expect_said("f", {{"sample", "2"}});
  expect_said("f.meta.json", {});
}

}  // namespace
}  // namespace waybill::agent
