#include "agent/cli/render_files.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/digest.h"

namespace waybill::agent::cli {
namespace {

using catalog::FileEvent;
using catalog::FileState;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t moment = 1'782'897'243'114'000'000;  // 2026-07-01 09:14:03.114
constexpr std::int64_t now = moment + 60 * second;

FileStory sample(FileState state) {
  FileStory story{.folder = "invoices", .folder_path = "/srv/drop/invoices", .path = "2026/q2.pdf"};
  story.file = FileAnswer{.folder = "invoices",
                          .folder_path = "/srv/drop/invoices",
                          .path = "2026/q2.pdf",
                          .state = state,
                          .size = 48213,
                          .modified_at = moment,
                          .key = "invoices/dt=2026-07-01/2026/q2.pdf"};
  return story;
}

ObjectAnswer object() {
  return {.endpoint = "aws:eu-central-1",
          .bucket = "acme-inbox",
          .row = {.key = "invoices/dt=2026-07-01/2026/q2.pdf",
                  .version = "3sL4k",
                  .etag = "\"5d4\"",
                  .size = 48213,
                  .sha256 = sha256(as_bytes("test")),
                  .proof = catalog::ProofLevel::StoreChecked,
                  .proof_detail =
                      "S3 checked the signed SHA-256; HEAD returned the same size and checksum",
                  .proven_at = moment}};
}

TEST(RenderStory, AFormerNameTellsTheNewOne) {
  const FileStory story{.folder_path = "/srv",
                        .path = "old name",
                        .renamed = RenamedAnswer{.path = "new name", .at = moment}};
  EXPECT_EQ(render_story(story, now, {}), R"(/srv/old name
It was renamed to /srv/new name, 2026-07-01 09:14:03.114 UTC:
    waybill show '/srv/new name'
)");
}

TEST(RenderStory, AFileUnderAFormerNameOfAnotherHasItsOwnStoryToo) {
  FileStory story = sample(FileState::Stored);
  story.object = object();
  story.renamed = RenamedAnswer{.path = "2026/final.pdf", .at = moment};
  const std::string text = render_story(story, now, {});
  EXPECT_EQ(text.find("/srv/drop/invoices/2026/q2.pdf: stored\nIt is stored.\nBefore, another file "
                      "had this name; it is now /srv/drop/invoices/2026/final.pdf"),
            0U)
      << text;
}

TEST(RenderStory, ARenamedFileSaysWhatItWasAndWaitsForItsNewObject) {
  FileStory story = sample(FileState::Queued);
  story.object = object();
  story.file->sha256 = story.object->row.sha256;
  story.events = {
      {.at = moment, .generation = 2, .event = FileEvent::Renamed, .reason = "2026/draft.pdf"}};
  const std::string text = render_story(story, now, {});
  EXPECT_NE(text.find("It was renamed and waits to be stored under its new name."),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("renamed; before, it was: 2026/draft.pdf"), std::string::npos) << text;
}

TEST(RenderStory, AStoredFileHasItsReceiptAndItsHistory) {
  FileStory story = sample(FileState::Stored);
  story.object = object();
  story.events = {
      {.at = moment, .generation = 1, .event = FileEvent::Acknowledged},
      {.at = moment - 100'000'000, .generation = 1, .event = FileEvent::Claim},
      {.at = moment - 200'000'000, .generation = 1, .event = FileEvent::CompleteNewContent}};
  EXPECT_EQ(render_story(story, now, {}), R"(/srv/drop/invoices/2026/q2.pdf: stored
It is stored.

path      /srv/drop/invoices/2026/q2.pdf        size 48,213
sha256    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
object    s3://acme-inbox/invoices/dt=2026-07-01/2026/q2.pdf   etag "5d4"   version 3sL4k
proven    2026-07-01 09:14:03.114 UTC, level 3: S3 checked the signed SHA-256; HEAD returned the same size and checksum

What happened:
  2026-07-01 09:14:02.914 UTC  complete, with new content
  2026-07-01 09:14:03.014 UTC  upload begun
  2026-07-01 09:14:03.114 UTC  S3 has it: stored
)");
}

TEST(RenderStory, WhatIsSaidOfAFileStandsInItsReceiptAndWithItsAttempt) {
  FileStory story = sample(FileState::Uploading);
  story.object = object();
  story.object->row.metadata = R"({"operator":"Zo%C3%AB","sample":"HeLa 12"})";
  story.attempts = {{.id = "ab12", .metadata = R"({"sample":"HeLa 13"})"}};
  const std::string text = render_story(story, now, {});
  EXPECT_NE(text.find("HEAD returned the same size and checksum\n"
                      "metadata  operator: Zo%C3%AB\n"
                      "          sample: HeLa 12\n"
                      "attempt   ab12\n"
                      "metadata  sample: HeLa 13\n"),
            std::string::npos)
      << text;
}

TEST(RenderStory, ABlockedFileSaysWhyAndWhatHelps) {
  FileStory story = sample(FileState::Blocked);
  story.file->reason =
      "an object that is not ours has this key: invoices/dt=2026-07-01/2026/q2.pdf";
  story.events = {
      {.at = moment, .generation = 1, .event = FileEvent::Foreign, .reason = story.file->reason}};
  EXPECT_EQ(render_story(story, now, {}), R"(/srv/drop/invoices/2026/q2.pdf: blocked
It waits for you: an object that is not ours has this key: invoices/dt=2026-07-01/2026/q2.pdf.

What would help:
  Move that object away, or give this file another name; it is never overwritten.
  Once that is put right it goes on by itself; to have it go at once:
      waybill retry /srv/drop/invoices/2026/q2.pdf

key       invoices/dt=2026-07-01/2026/q2.pdf

What happened:
  2026-07-01 09:14:03.114 UTC  blocked: an object that is not ours has this key: invoices/dt=2026-07-01/2026/q2.pdf
)");
}

TEST(RenderStory, AFileThatWaitsForTimeSaysForHowLong) {
  FileStory story = sample(FileState::Queued);
  story.file->key.clear();
  story.now = {.phase = "settling", .explanation = "it has just changed", .due_in_ms = 1500};
  EXPECT_EQ(render_story(story, now, {}), R"(/srv/drop/invoices/2026/q2.pdf: queued
It waits to be uploaded.
Now: it has just changed (1 s from now).
)");
}

TEST(RenderStory, AnOutageIsNamedWithItsHelp) {
  FileStory story = sample(FileState::Queued);
  story.file->tries = 2;
  story.file->reason = "connection reset";
  story.reasons = {{.severity = Severity::Degraded,
                    .sentence = "the store does not answer",
                    .help = "nothing is lost"}};
  const std::string text = render_story(story, now, {});
  EXPECT_NE(
      text.find("It is tried again by itself, 2 tries so far. The last one: connection reset.\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("What would help:\n  the store does not answer\n      nothing is lost\n"),
            std::string::npos)
      << text;
}

TEST(RenderStory, AChangedFileShowsWhatIsStoredOfIt) {
  FileStory story = sample(FileState::Queued);
  story.object = object();
  const std::string text = render_story(story, now, {});
  EXPECT_NE(text.find("It has changed and waits to be uploaded again.\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\nWhat is stored of it, 60 s ago:\npath      "), std::string::npos) << text;
}

TEST(RenderStory, AFileThatIsNotInTheCatalogYetSaysWhatIsDone) {
  const FileStory story{.folder_path = "/srv",
                        .path = "new",
                        .now = {.explanation = "somebody has it open for writing"}};
  EXPECT_EQ(render_story(story, now, {}),
            "/srv/new\nIt is not in the catalog yet.\nNow: somebody has it open for writing.\n");
}

TEST(RenderStory, WithoutTheDaemonNothingHappensAndThatIsSaid) {
  FileStory story = sample(FileState::Queued);
  story.daemon = false;
  EXPECT_NE(render_story(story, now, {})
                .find("waybilld is not running: nothing happens to it until it is.\n"),
            std::string::npos);
}

TEST(RenderStory, EveryStateHasASentence) {
  for (const FileState state : catalog::all_file_states) {
    const std::string text = render_story(sample(state), now, {});
    const std::size_t line = text.find('\n') + 1;
    EXPECT_TRUE(text.substr(line).starts_with("It ")) << text;
  }
}

TEST(RenderStory, EveryEventHasASentence) {
  for (const FileEvent event : catalog::all_file_events) {
    FileStory story = sample(FileState::Queued);
    story.events = {{.at = moment, .generation = 1, .event = event}};
    EXPECT_EQ(render_story(story, now, {}).find("UTC\n"), std::string::npos)
        << catalog::to_string(event) << " has none";
  }
}

TEST(RenderStory, NewGenerationsAreMarked) {
  FileStory story = sample(FileState::Queued);
  story.events = {{.at = moment, .generation = 2, .event = FileEvent::CompleteNewContent},
                  {.at = moment, .generation = 1, .event = FileEvent::Acknowledged}};
  EXPECT_NE(render_story(story, now, {}).find("complete, with new content (generation 2)"),
            std::string::npos);
}

TEST(RenderStory, HostileBytesAreHarmless) {
  FileStory story = sample(FileState::Blocked);
  story.path = "a\x1b[2J\nb\xff";
  story.file->reason = "\x1b]0;owned\x07";
  story.object = object();
  story.object->row.key = "k\x1b";
  const std::string text = render_story(story, now, {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_TRUE(is_valid_utf8(text));
}

TEST(RenderFileLine, HasStateSizeTimeAndPath) {
  EXPECT_EQ(render_file_line(*sample(FileState::Stored).file, {}),
            "stored             48,213  2026-07-01 09:14:03  /srv/drop/invoices/2026/q2.pdf\n");
  FileAnswer file = *sample(FileState::Uploading).file;
  file.size = 123'456'789'012'345;
  EXPECT_EQ(render_file_line(file, {}),
            "uploading 123,456,789,012,345  2026-07-01 09:14:03  /srv/drop/invoices/2026/q2.pdf\n");
}

}  // namespace
}  // namespace waybill::agent::cli
