#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <ostream>
#include <string>

#include "base/unique_fd.h"
#include "tests/integration/watcher/disk.h"
#include "tests/unit/agent/pipeline/sidecar_of.h"

// A sidecar that is still written, or cannot be used: its file waits, or is blocked and told.
namespace waybill::agent {
namespace {

namespace disk = watcher::disk;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

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

}  // namespace
}  // namespace waybill::agent
