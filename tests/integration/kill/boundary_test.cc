#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>

#include "tests/integration/kill/mortal_journey.h"

// The daemon dies at each boundary of a file's way, and meanwhile the file stays, changes, goes or
// moves: the next start ends in the right state, by what lies in folder, catalog and bucket.
namespace waybill::test {
namespace {

enum class Size { Small, Large };

struct Boundary {
  const char* name;
  Size size = Size::Small;
  const char* at = "";  // as test_points.cc reads it
  // The deciding thread stands still there, and the daemon is killed once the server has applied
  // this many of these requests: their replies are lost.
  const char* applied = "";
  std::size_t times = 0;
  // Its Complete may have been sent: the upload stays for a quarantine where nobody wants it.
  bool may_complete = false;
  // Its copy goes on after the restart, when nobody knows how often it was asked for: the next
  // content waits until that is settled (PROTOCOL.md rule 2).
  bool copy_goes_on = false;
  // Its object is there: no body may be sent again.
  bool landed = false;

  friend std::ostream& operator<<(std::ostream& to, const Boundary& boundary) {
    return to << boundary.name;
  }
};

constexpr Boundary boundaries[] = {
    {.name = "RowWritten", .at = "queued-durable"},
    {.name = "AttemptRecorded", .at = "attempt-recorded"},
    {.name = "CommitOfTheAttempt", .at = "attempt-recorded,commit-begun"},
    {.name = "AttemptDurable", .at = "attempt-durable"},
    {.name = "PutSent", .at = "put-sent"},
    {.name = "ReplyLost", .at = "put-sent", .applied = "PutObject", .times = 1, .landed = true},
    {.name = "ReplyArrived", .at = "reply-arrived", .landed = true},
    {.name = "RowUpdated", .at = "acknowledgement-recorded", .landed = true},
    {.name = "CommitOfTheRow", .at = "acknowledgement-recorded,commit-begun", .landed = true},
    {.name = "RowDurable", .at = "stored-durable", .landed = true},

    {.name = "LargeAttemptRecorded", .size = Size::Large, .at = "attempt-recorded"},
    {.name = "LargeAttemptDurable", .size = Size::Large, .at = "attempt-durable"},
    {.name = "CreateSent", .size = Size::Large, .at = "create-sent"},
    {.name = "CreateReplyLost",
     .size = Size::Large,
     .at = "create-sent",
     .applied = "CreateMultipartUpload",
     .times = 1},
    {.name = "CreateAnswered", .size = Size::Large, .at = "create-answered"},
    {.name = "UploadIdDurable", .size = Size::Large, .at = "upload-id-durable"},
    {.name = "Part1Sent", .size = Size::Large, .at = "part-sent"},
    {.name = "Part2Sent", .size = Size::Large, .at = "part-sent,part-sent"},
    {.name = "Part3Sent", .size = Size::Large, .at = "part-sent,part-sent,part-sent"},
    {.name = "PartRepliesLost",
     .size = Size::Large,
     .at = "part-sent,part-sent,part-sent",
     .applied = "UploadPart",
     .times = 3},
    {.name = "Part1Answered", .size = Size::Large, .at = "part-answered"},
    {.name = "Part2Answered", .size = Size::Large, .at = "part-answered,part-answered"},
    {.name = "Part3Answered",
     .size = Size::Large,
     .at = "part-answered,part-answered,part-answered"},
    {.name = "ContentDurable", .size = Size::Large, .at = "content-durable", .may_complete = true},
    {.name = "CompleteSent", .size = Size::Large, .at = "complete-sent", .may_complete = true},
    {.name = "CompleteReplyLost",
     .size = Size::Large,
     .at = "complete-sent",
     .applied = "CompleteMultipartUpload",
     .times = 1,
     .landed = true},
    {.name = "LargeReplyArrived", .size = Size::Large, .at = "reply-arrived", .landed = true},
    {.name = "LargeRowUpdated",
     .size = Size::Large,
     .at = "acknowledgement-recorded",
     .landed = true},
    {.name = "LargeRowDurable", .size = Size::Large, .at = "stored-durable", .landed = true},
};

// Of a renamed file that is copied inside the store.
constexpr Boundary boundaries_of_copies[] = {
    {.name = "AttemptRecorded", .at = "attempt-recorded"},
    {.name = "CommitOfTheAttempt", .at = "attempt-recorded,commit-begun"},
    {.name = "AttemptDurable", .at = "attempt-durable", .copy_goes_on = true},
    {.name = "CopySent", .at = "copy-sent", .copy_goes_on = true},
    {.name = "CopyReplyLost",
     .at = "copy-sent",
     .applied = "CopyObject",
     .times = 1,
     .copy_goes_on = true,
     .landed = true},
    {.name = "CopyAnswered", .at = "copy-answered", .copy_goes_on = true, .landed = true},
    {.name = "CopyProven", .at = "reply-arrived", .copy_goes_on = true, .landed = true},
    {.name = "RowUpdated", .at = "acknowledgement-recorded", .copy_goes_on = true, .landed = true},
    {.name = "CommitOfTheRow",
     .at = "acknowledgement-recorded,commit-begun",
     .copy_goes_on = true,
     .landed = true},
    {.name = "RowDurable", .at = "stored-durable", .landed = true},

    {.name = "LargeAttemptDurable",
     .size = Size::Large,
     .at = "attempt-durable",
     .copy_goes_on = true},
    {.name = "LargeCopyReplyLost",
     .size = Size::Large,
     .at = "copy-sent",
     .applied = "CopyObject",
     .times = 1,
     .copy_goes_on = true,
     .landed = true},
    {.name = "LargeCopyAnswered",
     .size = Size::Large,
     .at = "copy-answered",
     .copy_goes_on = true,
     .landed = true},
    {.name = "LargeRowUpdated",
     .size = Size::Large,
     .at = "acknowledgement-recorded",
     .copy_goes_on = true,
     .landed = true},
};

enum class Meanwhile { Stays, IsReplaced, Goes, Moves };

std::string_view name_of(Meanwhile meanwhile) {
  switch (meanwhile) {
    case Meanwhile::Stays:
      return "Stays";
    case Meanwhile::IsReplaced:
      return "IsReplaced";
    case Meanwhile::Goes:
      return "Goes";
    case Meanwhile::Moves:
      return "Moves";
  }
  return "";
}

class KilledAt : public MortalJourney,
                 public testing::WithParamInterface<std::tuple<Boundary, Meanwhile>> {
 protected:
  void SetUp() override {
    with_test_points();
    folder["settle"] = toml_string("10ms");
  }

  // The file's content; `n` tells one from the other.
  static std::string content_of(Size size, std::uint64_t n) {
    constexpr std::size_t small = 2000;
    return bytes(size == Size::Small ? small : 2 * part_size + small, n);
  }

  // Runs until the daemon has died at the boundary, under way with `path`.
  void die_at(const Boundary& boundary, const std::string& path, const std::string& content) {
    die_at(boundary, path, [&] { drop(path, content); });
  }
  void die_at(const Boundary& boundary, const std::string& path,
              const std::function<void()>& appears) {
    daemon_environment.push_back(std::string("WAYBILL_TEST_AT=") + boundary.at);
    daemon_environment.push_back(boundary.times == 0 ? "WAYBILL_TEST_END=die"
                                                     : "WAYBILL_TEST_END=halt");
    const bool backlog = std::string_view(boundary.at) == "queued-durable";
    if (backlog) {
      // A row of its own has only what gets no slot soon.
      agent["uploads"] = "1";
      server().add_fault({.operation = "PutObject", .key = "in/in-the-way", .never_answer = true});
    }
    start();
    if (backlog) {
      drop("in-the-way", "in the way");
      ASSERT_TRUE(eventually([&] { return requests("PutObject", "in/in-the-way") > 0; }));
    }
    const std::size_t before = boundary.times == 0 ? 0 : applied(boundary.applied, path);
    appears();
    if (boundary.times == 0) {
      await_its_end();
    } else {
      ASSERT_TRUE(eventually([&] {
        return applied(boundary.applied, path) == before + boundary.times;
      })) << boundary.applied;
      ASSERT_TRUE(eventually([&] { return daemon_log().find("halts at ") != std::string::npos; }));
      kill();
    }
    server().clear_faults();
    daemon_environment.resize(daemon_environment.size() - 2);
  }

  [[nodiscard]] std::size_t applied(const std::string& operation, const std::string& path) {
    std::size_t count = 0;
    for (const s3server::RequestRecord& request : server().log()) {
      if (request.operation == operation && request.key == prefix + path && request.effect) ++count;
    }
    return count;
  }

  void something_happens(Meanwhile meanwhile, const std::string& path, Size size) {
    switch (meanwhile) {
      case Meanwhile::Stays:
        return;
      case Meanwhile::IsReplaced:
        return drop(path, content_of(size, 9));
      case Meanwhile::Goes:
        return remove(path);
      case Meanwhile::Moves:
        return move(path, "moved/" + path);
    }
  }

  void heals() {
    start();
    const Answer wait = waybill({"wait"});
    EXPECT_EQ(wait.code, 0) << wait.output << wait.error;
  }

  // No condition guards what a copy may still do (PROTOCOL.md section 4).
  void waits(const std::string& path) {
    start();
    EXPECT_TRUE(eventually([&] {
      return waybill({"show", local(path)}).says("was never answered and may still arrive");
    })) << waybill({"show", local(path)}).output;
    EXPECT_LE(server().history(bucket, prefix + path).size(), 1U);
  }

  void check(const std::string& path) {
    const auto& [boundary, meanwhile] = GetParam();
    no_row_lies();
    something_happens(meanwhile, path, boundary.size);
    if (meanwhile == Meanwhile::IsReplaced && boundary.copy_goes_on) return waits(path);
    heals();
    if (meanwhile == Meanwhile::Goes || meanwhile == Meanwhile::Moves) {
      EXPECT_TRUE(show(path).state == "gone" || !show(path).known) << show(path).state;
      everything_agrees_but_for_quarantine();
    } else if (meanwhile == Meanwhile::IsReplaced && boundary.may_complete) {
      everything_agrees_but_for_quarantine();
    } else {
      everything_agrees();
    }
  }
};

class KilledWithFirstContentAt : public KilledAt {};
class KilledWithNextContentAt : public KilledAt {};
class KilledWithCopyAt : public KilledAt {};

TEST_P(KilledWithFirstContentAt, EndsInTheRightState) {
  const auto& [boundary, meanwhile] = GetParam();
  die_at(boundary, "file", content_of(boundary.size, 1));
  if (HasFatalFailure()) return;
  check("file");
  if (meanwhile != Meanwhile::Stays) return;
  const char* last = boundary.size == Size::Small ? "PutObject" : "CompleteMultipartUpload";
  EXPECT_EQ(applied(last, "file"), 1U);
  if (boundary.landed) {
    EXPECT_EQ(requests(last, "in/file"), 1U);
  }
}

TEST_P(KilledWithNextContentAt, EndsInTheRightState) {
  const auto& [boundary, meanwhile] = GetParam();
  start();
  drop("file", "the content before");
  wait_until_all_stored();
  stop();
  die_at(boundary, "file", content_of(boundary.size, 1));
  if (HasFatalFailure()) return;
  check("file");
}

TEST_P(KilledWithCopyAt, EndsInTheRightState) {
  const auto& [boundary, meanwhile] = GetParam();
  folder["on_rename"] = toml_string("copy");
  server_options.behaviour.copy_keeps_etag = true;  // else nothing proves the large one
  start();
  drop("before", content_of(boundary.size, 1));
  wait_until_all_stored();
  stop();
  die_at(boundary, "file", [&] { move("before", "file"); });
  if (HasFatalFailure()) return;
  check("file");
  if (meanwhile != Meanwhile::Stays) return;
  EXPECT_EQ(applied("CopyObject", "file"), 1U);
  EXPECT_EQ(requests("PutObject", "in/file") + requests("CreateMultipartUpload", "in/file"), 0U);
  if (boundary.landed) {
    EXPECT_EQ(requests("CopyObject", "in/file"), 1U);
  }
}

std::string read_program(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

TEST(TestPoints, AreInTheTestsDaemonAndNotInTheReleasedOne) {
  const std::string released = read_program(WAYBILLD);
  const std::string ours = read_program(WAYBILLD_WITH_TEST_POINTS);
  ASSERT_FALSE(released.empty());
  for (const char* word : {"attempt-durable", "acknowledgement-recorded", "WAYBILL_TEST_AT"}) {
    EXPECT_EQ(released.find(word), std::string::npos) << word;
    EXPECT_NE(ours.find(word), std::string::npos) << word;
  }
}

std::string title(const testing::TestParamInfo<std::tuple<Boundary, Meanwhile>>& test) {
  return std::string(std::get<Boundary>(test.param).name) +
         std::string(name_of(std::get<Meanwhile>(test.param)));
}

INSTANTIATE_TEST_SUITE_P(Boundary, KilledWithFirstContentAt,
                         testing::Combine(testing::ValuesIn(boundaries),
                                          testing::Values(Meanwhile::Stays, Meanwhile::IsReplaced,
                                                          Meanwhile::Goes, Meanwhile::Moves)),
                         title);
INSTANTIATE_TEST_SUITE_P(Boundary, KilledWithNextContentAt,
                         testing::Combine(testing::ValuesIn(boundaries),
                                          testing::Values(Meanwhile::Stays, Meanwhile::IsReplaced)),
                         title);
INSTANTIATE_TEST_SUITE_P(Boundary, KilledWithCopyAt,
                         testing::Combine(testing::ValuesIn(boundaries_of_copies),
                                          testing::Values(Meanwhile::Stays, Meanwhile::IsReplaced,
                                                          Meanwhile::Goes, Meanwhile::Moves)),
                         title);

}  // namespace
}  // namespace waybill::test
