#pragma once

#include <string>

#include "agent/answers.h"
#include "agent/cli/format.h"

namespace waybill::agent::cli {

// One line of `waybill ls`: state, size, time of modification in UTC, path. Pure.
std::string render_file_line(const FileAnswer& file, const Style& style);

// The same for what the catalog has no row for; what is ignored comes with its reason.
std::string render_unrecorded_line(const UnrecordedAnswer& answer, const Style& style);

// The whole of `waybill show FILE`: what happened, why it waits, what would help, and the proof.
// `now`: ns since 1970. Pure.
std::string render_story(const FileStory& story, std::int64_t now, const Style& style);

// The proof for the stored generation: path, size, SHA-256, object, how and when it was verified.
std::string render_receipt(const FileStory& story);

}  // namespace waybill::agent::cli
