#include "agent/answers_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"

namespace waybill::agent {
namespace {

const std::string hostile =
    std::string("n\nl \"q\" \\x \x1b[31m \xff\xfe ü \xc2\x9b ") + std::string(1, '\x7f');

FileAnswer full_file() {
  return {.id = 7,
          .folder = "invoices",
          .folder_path = "/srv/drop",
          .path = hostile,
          .state = catalog::FileState::Blocked,
          .generation = 3,
          .size = 18446744073709551615ULL,
          .modified_at = 1'782'897'243'114'000'007,
          .arrived_at = 1,
          .sha256 = sha256(as_bytes("x")),
          .tries = 2,
          .reason = "because",
          .key = "in/" + hostile};
}

FileStory full_story() {
  FileStory story{
      .folder = "invoices", .folder_path = "/srv/drop", .path = hostile, .file = full_file()};
  story.object = ObjectAnswer{.endpoint = "https://s3.test",
                              .bucket = "acme",
                              .row = {.key = "in/" + hostile,
                                      .version = "v1",
                                      .etag = "\"5d4\"",
                                      .size = 9,
                                      .sha256 = sha256(as_bytes("y")),
                                      .checksum = "sha256:abc",
                                      .proof = catalog::ProofLevel::StoreChecked,
                                      .proof_detail = "checked",
                                      .owned = false,
                                      .sole = true,
                                      .generation = 2,
                                      .attempt = "aa",
                                      .proven_at = 5,
                                      .proof_due = 6,
                                      .metadata = R"({"mode":"100644","sample":"a \"b\""})"}};
  story.attempts = {{.id = "bb",
                     .generation = 3,
                     .key = "in/k",
                     .kind = catalog::AttemptKind::Multipart,
                     .sent_at = 77,
                     .upload_id = "u",
                     .metadata = R"({"sample":"%C3%A4"})"}};
  story.events = {{.seq = 2,
                   .at = 9,
                   .generation = 3,
                   .event = catalog::FileEvent::Foreign,
                   .reason = "r",
                   .attempt = "bb"},
                  {.seq = 1, .at = 8, .generation = 3, .event = catalog::FileEvent::Claim}};
  story.renamed = RenamedAnswer{.path = "other/" + hostile, .at = 10};
  story.now = {.phase = "settling", .explanation = "still", .due_in_ms = 1500};
  story.daemon = false;
  story.reasons = {{.code = "c",
                    .severity = Severity::Degraded,
                    .sentence = "s",
                    .help = "h",
                    .folder = "invoices",
                    .example = hostile,
                    .files = 4,
                    .since = 6}};
  return story;
}

Status full_status() {
  return {.version = "1",
          .agent_name = "a",
          .agent_id = "id",
          .pid = 42,
          .started_at = 10,
          .at = 20,
          .config_files = {"/etc/w.toml"},
          .state_dir = "/var/lib/waybill",
          .catalog_bytes = 5,
          .folders = {{.id = FolderId{3},
                       .name = "n",
                       .path = "/x/" + hostile,
                       .watched = "inotify",
                       .note = "note",
                       .pending = 1,
                       .uploading = 2,
                       .stored = 3,
                       .blocked = 4,
                       .retrying = 5,
                       .ignored = 6,
                       .stored_bytes = 7,
                       .oldest_pending_since = 8,
                       .last_stored_at = 9}},
          .stores = {{.endpoint = "e",
                      .bucket = "b",
                      .prefix = "p",
                      .state = "ok",
                      .guarded = true,
                      .notes = {"n1", "n2"},
                      .unknown_uploads = 12}},
          .reasons = {{.code = "c",
                       .severity = Severity::Blocked,
                       .sentence = "s",
                       .example = "e",
                       .files = 1}}};
}

TEST(AnswersJson, AStatusReadsBackWhole) {
  const std::string text = to_json(full_status(), true);
  const auto again = status_from_json(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again, true), text);
  EXPECT_EQ(again->folders[0].path, "/x/" + hostile);
  EXPECT_EQ(again->folders[0].id, FolderId{3});
  EXPECT_EQ(again->reasons[0].severity, Severity::Blocked);
  EXPECT_EQ(again->stores[0].unknown_uploads, 12);
}

TEST(AnswersJson, AStoryReadsBackWhole) {
  const std::string text = to_json(full_story());
  const auto again = file_story_from_json(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), text);
  EXPECT_EQ(again->path, hostile);
  EXPECT_EQ(again->file->key, "in/" + hostile);
  EXPECT_EQ(again->file->size, 18446744073709551615ULL);
  EXPECT_EQ(again->file->sha256, sha256(as_bytes("x")));
  EXPECT_EQ(again->events[0].event, catalog::FileEvent::Foreign);
  EXPECT_FALSE(again->object->row.owned);
  EXPECT_EQ(again->renamed->path, "other/" + hostile);
  EXPECT_EQ(again->now.due_in_ms, 1500);
  EXPECT_FALSE(again->daemon);
}

TEST(AnswersJson, AStoryOfAnUnknownFileHasNulls) {
  const FileStory story{
      .folder = "f", .folder_path = "/p", .path = "x", .now = {.phase = "settling"}};
  const auto json = nlohmann::json::parse(to_json(story));
  EXPECT_TRUE(json.at("file").is_null());
  EXPECT_TRUE(json.at("object").is_null());
  EXPECT_TRUE(json.at("renamed").is_null());
  EXPECT_TRUE(json.at("now").at("due_in_ms").is_null());
  const auto again = file_story_from_json(to_json(story));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->file);
  EXPECT_FALSE(again->renamed);
  EXPECT_EQ(again->now.due_in_ms, -1);
}

TEST(AnswersJson, ListsAndSmallAnswersReadBack) {
  const FileList list{.files = {full_file()}, .next = 9};
  const auto again = file_list_from_json(to_json(list));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(list));
  EXPECT_EQ(file_list_from_json(to_json(FileList{}))->next, 0);
  const WaitAnswer wait{.id = "ab",
                        .progress = {.started = true, .remaining = 1, .blocked = 2, .stored = 3}};
  EXPECT_EQ(to_json(*wait_from_json(to_json(wait))), to_json(wait));
  EXPECT_EQ(retry_from_json(to_json(RetryAnswer{.files = 12}))->files, 12);
  EXPECT_TRUE(accept_from_json(to_json(AcceptAnswer{.accepted = true}))->accepted);
}

TEST(AnswersJson, WhatTheCatalogHasNoRowForReadsBack) {
  const UnrecordedList list{.files = {{.folder = "inbox",
                                       .folder_path = "/srv/inbox",
                                       .file = {.path = "a\xff.part",
                                                .state = "settling",
                                                .reason = "it has just changed",
                                                .size = 7,
                                                .modified_at = 1'700'000'000'000'000'000,
                                                .due_in_ms = 1500}}},
                            .complete = false};
  const auto again = unrecorded_list_from_json(to_json(list));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(list));
  EXPECT_EQ(again->files.front().file.path, "a\xff.part");
  EXPECT_FALSE(again->complete);
}

TEST(AnswersJson, APlainNameStandsOnceAndAHostileOneAlsoAsBytes) {
  FileAnswer file = full_file();
  file.path = "2026/q3 ü.pdf";
  auto json = nlohmann::json::parse(to_json(file));
  EXPECT_EQ(json.at("path"), "2026/q3 ü.pdf");
  EXPECT_FALSE(json.contains("path_base64"));
  file.path = "back\\slash";
  json = nlohmann::json::parse(to_json(file));
  EXPECT_EQ(json.at("path"), "back\\\\slash") << "so that the printable form is always reversible";
  EXPECT_TRUE(json.contains("path_base64"));
}

TEST(AnswersJson, AnyBytesMakeAPathThatSurvives) {
  std::mt19937 random(11);
  for (int i = 0; i < 500; ++i) {
    FileAnswer file = full_file();
    file.path.clear();
    for (auto n = random() % 40; n > 0; --n) file.path += static_cast<char>(random() % 255 + 1);
    const auto list = file_list_from_json(to_json(FileList{.files = {file}}));
    ASSERT_TRUE(list);
    EXPECT_EQ(list->files[0].path, file.path);
  }
}

TEST(AnswersJson, ASentenceThatIsNoUtf8IsStillJson) {
  Status status = full_status();
  status.reasons[0].sentence = "the server said \xff\xfe";
  EXPECT_TRUE(nlohmann::json::accept(to_json(status, true)));
  EXPECT_TRUE(status_from_json(to_json(status, true)));
}

TEST(AnswersJson, WhatIsNoAnswerIsAnErrorNotAnException) {
  for (const char* text : {"", "{", "[]", "null", "{}", "\"x\"", R"({"files":"x","next":null})",
                           R"({"files":[{"id":"x"}],"next":null})", R"({"id":5})"}) {
    EXPECT_FALSE(status_from_json(text)) << text;
    EXPECT_FALSE(file_list_from_json(text)) << text;
    EXPECT_FALSE(file_story_from_json(text)) << text;
    EXPECT_FALSE(wait_from_json(text)) << text;
    EXPECT_FALSE(retry_from_json(text)) << text;
    EXPECT_FALSE(accept_from_json(text)) << text;
    EXPECT_EQ(error_sentence_from_json(text), "") << text;
  }
}

TEST(AnswersJson, ErrorsCarryTheirSentence) {
  const Error error{.code = ErrorCode::NotFound, .message = "no such file", .os_errno = 2};
  EXPECT_EQ(
      to_json(error),
      R"x({"error":{"code":"NotFound","sentence":"no such file (No such file or directory)"}})x");
  EXPECT_EQ(error_sentence_from_json(to_json(error)), "no such file (No such file or directory)");
}

}  // namespace
}  // namespace waybill::agent
