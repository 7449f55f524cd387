#include "agent/cli/render_status.h"

#include <gtest/gtest.h>

namespace waybill::agent::cli {
namespace {

constexpr std::int64_t a_second = 1'000'000'000;
constexpr std::int64_t asked_at = 1'782'897'243 * a_second;

Status sample() {
  return {.version = "1.0.0",
          .started_at = asked_at - 12 * 86'400 * a_second,
          .catalog_bytes = 412'000'000,
          .folders = {{.name = "invoices",
                       .path = "/srv/drop/invoices",
                       .watched = "inotify",
                       .pending = 12,
                       .uploading = 4,
                       .stored = 1204530,
                       .blocked = 1,
                       .oldest_pending_since = asked_at - 3 * a_second,
                       .last_stored_at = asked_at - a_second},
                      {.name = "scans",
                       .path = "/srv/drop/scans",
                       .watched = "polling",
                       .note = "FUSE reports no events",
                       .stored = 21,
                       .last_stored_at = asked_at - 2 * 3600 * a_second}}};
}

Reason foreign() {
  return {.code = "file-blocked",
          .severity = Severity::Blocked,
          .sentence = "an object that is not ours has this key",
          .folder = "invoices",
          .example = "2026/q3.pdf",
          .files = 1};
}

TEST(RenderStatus, IsATableAndTheCausesWithTheirCommands) {
  Status status = sample();
  status.reasons = {foreign()};
  EXPECT_EQ(render_status(status, true, asked_at, {}),
            R"(waybilld 1.0.0, up 12 days, 1,204,568 files in the catalog (412 MB)

FOLDER              WATCHED  PENDING  UPLOADING     STORED  BLOCKED  OLDEST  LAST STORED
/srv/drop/invoices  inotify       12          4  1,204,530        1     3 s  just now
/srv/drop/scans     polling        0          0         21        0       -  2 h ago      FUSE reports no events

1 cause, 1 file waits for you:
  an object that is not ours has this key    invoices/2026/q3.pdf    waybill show invoices/2026/q3.pdf
)");
}

TEST(RenderStatus, WhatIsWellSaysNoMore) {
  Status status = sample();
  status.folders.resize(1);
  EXPECT_EQ(render_status(status, true, asked_at, {}).find("\n\n1"), std::string::npos);
  EXPECT_TRUE(render_status(status, true, asked_at, {}).ends_with("just now\n"));
}

TEST(RenderStatus, SeveralFilesOfOneCauseAreCountedAndOneIsNamed) {
  Status status;
  Reason many = foreign();
  many.files = 1200;
  status.reasons = {
      many,
      {.severity = Severity::Blocked, .sentence = "the bucket is not there", .help = "make it"}};
  EXPECT_EQ(render_status(status, false, asked_at, {}),
            R"(0 files in the catalog (0 B)

2 causes, 1,200 files wait for you:
  an object that is not ours has this key    1,200 files, like invoices/2026/q3.pdf    waybill show invoices/2026/q3.pdf
  the bucket is not there
      make it
)");
}

TEST(RenderStatus, WorstComesFirstAndEachKindHasItsHeading) {
  Status status;
  status.reasons = {
      {.severity = Severity::Notice, .sentence = "no folder is configured", .help = "name one"},
      {.severity = Severity::Degraded,
       .sentence = "the store does not answer",
       .help = "nothing is lost",
       .since = asked_at - 180 * a_second},
      {.severity = Severity::Blocked, .sentence = "the disk is not ours", .folder = "scans"}};
  EXPECT_EQ(render_status(status, true, asked_at, {})
                .substr(render_status(status, true, asked_at, {}).find('\n')),
            R"(

1 cause waits for you:
  scans: the disk is not ours

It works, but not as it should:
  the store does not answer, for 3 min
      nothing is lost

Worth knowing:
  no folder is configured
      name one
)");
}

TEST(RenderStatus, AHostileNameStaysOneHarmlessWord) {
  Status status;
  Reason reason = foreign();
  reason.example = "a b\n\x1b[2Jc";
  status.reasons = {reason};
  const std::string text = render_status(status, true, asked_at, {});
  EXPECT_NE(text.find("waybill show 'invoices/a b\\x0a\\x1b[2Jc'"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(RenderStatus, ASentenceFromAServerCannotDriveTheTerminal) {
  Status status;
  status.reasons = {
      {.severity = Severity::Degraded, .sentence = "S3 said \x1b[2J\n", .help = "\x1b"}};
  EXPECT_EQ(render_status(status, true, asked_at, {}).find('\x1b'), std::string::npos);
}

TEST(RenderStatus, ColourChangesNoWord) {
  Status status = sample();
  status.reasons = {foreign()};
  std::string coloured = render_status(status, true, asked_at, {.colour = true});
  for (std::size_t at = 0; (at = coloured.find('\x1b')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  EXPECT_EQ(coloured, render_status(status, true, asked_at, {}));
}

}  // namespace
}  // namespace waybill::agent::cli
