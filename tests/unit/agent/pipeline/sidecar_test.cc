#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/integration/watcher/disk.h"
#include "tests/unit/agent/pipeline/sidecar_of.h"

// What a sidecar says of its file travels with its object and stands in its row, whenever it came.
namespace waybill::agent {
namespace {

namespace disk = watcher::disk;
using catalog::FileState;
using fakes::Call;
using fakes::Fault;
using fakes::Operation;
using std::chrono::minutes;
using std::chrono::seconds;

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
