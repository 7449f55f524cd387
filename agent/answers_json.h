#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "agent/answers.h"
#include "base/result.h"

// The answers as JSON: the stable promise of JSON.md. Pure; what is written reads back as the same
// value. Bytes that are no plain UTF-8 stand beside their printable form as base64.
namespace waybill::agent {

// `daemon` false: made from the catalog alone.
std::string to_json(const Status& status, bool daemon);
std::string to_json(const FileAnswer& file);
std::string to_json(const FileList& list);
std::string to_json(const UnrecordedAnswer& answer);
std::string to_json(const UnrecordedList& list);
std::string to_json(const FileStory& story);
std::string to_json(const WaitAnswer& wait);
std::string to_json(const RetryAnswer& retry);
std::string to_json(const AcceptAnswer& accept);
std::string to_json(const Error& error);  // {"error": {"code", "sentence"}}
// A small document of names and texts.
std::string to_json(std::initializer_list<std::pair<std::string_view, std::string_view>> texts);

// BadInput: not what this version writes.
Result<Status> status_from_json(std::string_view text);
Result<FileList> file_list_from_json(std::string_view text);
Result<UnrecordedList> unrecorded_list_from_json(std::string_view text);
Result<FileStory> file_story_from_json(std::string_view text);
Result<WaitAnswer> wait_from_json(std::string_view text);
Result<RetryAnswer> retry_from_json(std::string_view text);
Result<AcceptAnswer> accept_from_json(std::string_view text);
// The sentence of an error answer; empty where the text is none.
std::string error_sentence_from_json(std::string_view text);

}  // namespace waybill::agent
