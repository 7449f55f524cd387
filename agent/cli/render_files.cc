#include "agent/cli/render_files.h"

#include <algorithm>

#include "agent/health.h"
#include "agent/metadata_text.h"
#include "base/bytes.h"

namespace waybill::agent::cli {
namespace {

using catalog::FileEvent;
using catalog::FileState;

std::string full_path(const std::string& folder, const std::string& path) {
  return printable(folder + "/" + path);
}

std::string coloured(FileState state, std::string_view text, const Style& style) {
  switch (state) {
    case FileState::Stored:
    case FileState::Removed:
      return style.good(text);
    case FileState::Blocked:
      return style.bad(text);
    case FileState::Queued:
    case FileState::Uploading:
    case FileState::Removing:
    case FileState::Gone:
      break;
  }
  return std::string(text);
}

// Its content is what is stored under its former name.
bool renamed_lately(const FileStory& story) {
  return story.object && story.file->sha256 == story.object->row.sha256 && !story.events.empty() &&
         story.events.front().event == FileEvent::Renamed;
}

// How it stands, in one sentence.
std::string standing(const FileStory& story) {
  const FileAnswer& file = *story.file;
  const bool earlier = story.object.has_value();
  switch (file.state) {
    case FileState::Queued:
      if (file.tries > 0 && !file.reason.empty()) {
        return "It is tried again by itself, " + plural(file.tries, "try", "tries") +
               " so far. The last one: " + printable(file.reason) + ".";
      }
      if (renamed_lately(story)) return "It was renamed and waits to be stored under its new name.";
      return earlier ? "It has changed and waits to be uploaded again."
                     : "It waits to be uploaded.";
    case FileState::Uploading:
      return "It is being uploaded.";
    case FileState::Blocked:
      return "It waits for you: " + printable(file.reason) + ".";
    case FileState::Stored:
      return story.object && !story.object->row.owned
                 ? "It is stored: the same bytes were there already, put by somebody else."
                 : "It is stored.";
    case FileState::Removing:
      return "It is stored, and is being removed from its folder.";
    case FileState::Removed:
      return "It is stored, and was removed from its folder.";
    case FileState::Gone:
      return earlier ? "It is no longer at its path; what was stored of it stays."
                     : "It is no longer at its path, and nothing of it was stored.";
  }
  return "";
}

std::string due_text(std::int64_t due_in_ms) {
  if (due_in_ms < 0) return "";
  return due_in_ms == 0 ? " (due now)"
                        : " (" + duration_text(std::chrono::milliseconds(due_in_ms)) + " from now)";
}

std::string now_text(const FileStory& story) {
  if (!story.daemon) return "waybilld is not running: nothing happens to it until it is.\n";
  if (story.now.explanation.empty()) return "";
  return "Now: " + printable(story.now.explanation) + due_text(story.now.due_in_ms) + ".\n";
}

bool in_the_way(const FileStory& story) {
  return !story.events.empty() && story.events.front().event == FileEvent::Foreign;
}

std::string help_text(const FileStory& story) {
  std::string text;
  for (const Reason& reason : story.reasons) {
    // What is said of this very file stands above already.
    if (reason.files > 0) continue;
    text += "  " + printable(reason.sentence) + "\n";
    if (!reason.help.empty()) text += "      " + printable(reason.help) + "\n";
  }
  if (story.file && story.file->state == FileState::Blocked) {
    if (in_the_way(story)) {
      text += "  Move that object away, or give this file another name; it is never overwritten.\n";
    }
    text +=
        "  Once that is put right it goes on by itself; to have it go at once:\n      waybill "
        "retry " +
        shell_word(full_path(story.folder_path, story.path)) + "\n";
  }
  return text.empty() ? "" : "\nWhat would help:\n" + text;
}

std::string renamed_text(const FileStory& story) {
  const std::string now = full_path(story.folder_path, story.renamed->path);
  return (story.file ? "Before, another file had this name; it is now " : "It was renamed to ") +
         now + ", " + utc_text(story.renamed->at) + ":\n    waybill show " + shell_word(now) + "\n";
}

std::string_view event_text(FileEvent event) {
  switch (event) {
    case FileEvent::CompleteNewContent:
      return "complete, with new content";
    case FileEvent::CompleteObjectContent:
      return "complete, with the content that is stored";
    case FileEvent::CompleteAttemptContent:
      return "complete, with the content that is being uploaded";
    case FileEvent::Vanished:
      return "gone from its path";
    case FileEvent::Claim:
      return "upload begun";
    case FileEvent::Acknowledged:
      return "S3 has it: stored";
    case FileEvent::Rebased:
      return "an earlier upload of ours was found there: sent again on top of it";
    case FileEvent::Absent:
      return "the answer was unclear and the object is not there: queued again";
    case FileEvent::EqualForeign:
      return "the same bytes are there already, put by somebody else: stored";
    case FileEvent::Foreign:
      return "blocked";
    case FileEvent::Transient:
      return "the upload did not get through: queued again";
    case FileEvent::NeedsPerson:
      return "blocked";
    case FileEvent::CauseFixed:
      return "goes again";
    case FileEvent::RemovalDue:
      return "to be removed, by policy";
    case FileEvent::Unlinked:
      return "removed, by policy";
    case FileEvent::RemovalRefused:
      return "removal refused, the file stays";
    case FileEvent::ScrubFoundBad:
      return "the object was missing or damaged: queued again";
    case FileEvent::ScrubFoundLost:
      return "the object was missing or damaged, and the file has changed since: lost";
    case FileEvent::Renamed:
      return "renamed; before, it was";
  }
  return "";
}

std::string history(const FileStory& story) {
  if (story.events.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (auto event = story.events.rbegin(); event != story.events.rend(); ++event) {
    std::string what(event_text(event->event));
    if (!event->reason.empty()) what += ": " + printable(event->reason);
    const bool first = event == story.events.rbegin();
    if (!first && event->generation != std::prev(event)->generation) {
      what += " (generation " + std::to_string(event->generation) + ")";
    }
    rows.push_back({utc_text(event->at), what});
  }
  return "\nWhat happened:\n" + table({{""}, {""}}, rows, "  ");
}

// One line each, as the object has it.
std::string metadata_lines(const std::string& metadata) {
  std::string text;
  for (const auto& [name, value] : metadata_pairs(metadata).value_or(MetadataPairs{})) {
    text.append(text.empty() ? "metadata  " : "          ").append(name).append(": ");
    text.append(value).append("\n");
  }
  return text;
}

std::string attempts_text(const FileStory& story) {
  std::string text;
  for (const catalog::AttemptRow& attempt : story.attempts) {
    text +=
        "attempt   " + attempt.id +
        (attempt.sent_at == 0 ? "" : ", sent " + utc_text(attempt.sent_at)) +
        (attempt.upload_id.empty() ? "" : ", multipart upload " + printable(attempt.upload_id)) +
        "\n" + metadata_lines(attempt.metadata);
  }
  return text;
}

}  // namespace

std::string render_file_line(const FileAnswer& file, const Style& style) {
  const std::string state(catalog::to_string(file.state));
  const std::string size = with_thousands(static_cast<std::int64_t>(file.size));
  return coloured(file.state, state, style) +
         std::string(10 - std::min<std::size_t>(10, state.size()), ' ') +
         std::string(15 - std::min<std::size_t>(15, size.size()), ' ') + size + "  " +
         utc_seconds_text(file.modified_at) + "  " + full_path(file.folder_path, file.path) + "\n";
}

std::string render_receipt(const FileStory& story) {
  const catalog::ObjectRow& object = story.object->row;
  std::string text = "path      " + full_path(story.folder_path, story.path) + "        size " +
                     with_thousands(static_cast<std::int64_t>(object.size)) + "\n";
  text += "sha256    " + to_hex(object.sha256) + "\n";
  text += "object    s3://" + printable(story.object->bucket) + "/" + printable(object.key);
  if (!object.etag.empty()) text += "   etag " + printable(object.etag);
  if (!object.version.empty()) text += "   version " + printable(object.version);
  text += "\nproven    " + utc_text(object.proven_at) + ", level " +
          std::to_string(static_cast<int>(object.proof));
  if (!object.proof_detail.empty()) text += ": " + printable(object.proof_detail);
  text += "\n";
  if (object.proof_due != 0) {
    text += "in doubt  since " + utc_text(object.proof_due) +
            ": an upload of ours came late and may have replaced it; it is being looked at\n";
  }
  return text + metadata_lines(object.metadata);
}

std::string render_unrecorded_line(const UnrecordedAnswer& answer, const Style& style) {
  const UnrecordedFile& file = answer.file;
  const std::string path = full_path(answer.folder_path, file.path);
  const auto padded = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ');
  };
  if (file.state == "settling") {
    const std::string size = with_thousands(static_cast<std::int64_t>(file.size));
    return file.state + padded(file.state, 10) + padded(size, 15) + size + "  " +
           utc_seconds_text(file.modified_at) + "  " + path + "\n";
  }
  const std::string state =
      file.state == "unreadable" ? style.bad(file.state) : std::string(file.state);
  return state + padded(file.state, 10) + "  " + path + "  " + printable(file.reason) + "\n";
}

std::string render_story(const FileStory& story, std::int64_t now, const Style& style) {
  const std::string path = full_path(story.folder_path, story.path);
  std::string text;
  if (!story.file) {
    // What is under way under this name now is another file.
    const bool only_renamed = story.renamed && story.now.explanation.empty();
    text = style.strong(path) + "\n";
    if (story.renamed) text += renamed_text(story);
    if (!only_renamed) text += "It is not in the catalog yet.\n" + now_text(story);
    return text + help_text(story);
  }
  text = style.strong(path) + ": " +
         coloured(story.file->state, catalog::to_string(story.file->state), style) + "\n" +
         standing(story) + "\n";
  if (story.renamed) text += renamed_text(story);
  // Of a stored file nothing is to be added, unless newer content of it is on its way.
  const bool newer_content = story.now.phase == "settling" || story.now.phase == "uploading";
  if (newer_content ||
      (story.file->state != FileState::Stored && story.file->state != FileState::Removed)) {
    text += now_text(story);
    text += help_text(story);
  }
  if (story.object) {
    const bool current = story.file->state == FileState::Stored ||
                         story.file->state == FileState::Removing ||
                         story.file->state == FileState::Removed;
    text += current ? "\n"
                    : "\nWhat is stored of it, " +
                          ago_text(Nanoseconds(now - story.object->row.proven_at)) + ":\n";
    text += render_receipt(story);
  } else if (!story.file->key.empty()) {
    text += "\nkey       " + printable(story.file->key) + "\n";
  }
  text += attempts_text(story);
  return text + history(story);
}

}  // namespace waybill::agent::cli
