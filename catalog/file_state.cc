#include "catalog/file_state.h"

namespace waybill::catalog {

std::string_view to_string(FileState state) {
  switch (state) {
    case FileState::Queued:
      return "queued";
    case FileState::Uploading:
      return "uploading";
    case FileState::Blocked:
      return "blocked";
    case FileState::Stored:
      return "stored";
    case FileState::Removing:
      return "removing";
    case FileState::Removed:
      return "removed";
    case FileState::Gone:
      return "gone";
  }
  return "unknown";
}

std::string_view to_string(FileEvent event) {
  switch (event) {
    case FileEvent::CompleteNewContent:
      return "complete-new-content";
    case FileEvent::CompleteObjectContent:
      return "complete-object-content";
    case FileEvent::CompleteAttemptContent:
      return "complete-attempt-content";
    case FileEvent::Vanished:
      return "vanished";
    case FileEvent::Claim:
      return "claim";
    case FileEvent::Acknowledged:
      return "acknowledged";
    case FileEvent::Rebased:
      return "rebased";
    case FileEvent::Absent:
      return "absent";
    case FileEvent::EqualForeign:
      return "equal-foreign";
    case FileEvent::Foreign:
      return "foreign";
    case FileEvent::Transient:
      return "transient";
    case FileEvent::NeedsPerson:
      return "needs-person";
    case FileEvent::CauseFixed:
      return "cause-fixed";
    case FileEvent::RemovalDue:
      return "removal-due";
    case FileEvent::Unlinked:
      return "unlinked";
    case FileEvent::RemovalRefused:
      return "removal-refused";
    case FileEvent::ScrubFoundBad:
      return "scrub-found-bad";
    case FileEvent::ScrubFoundLost:
      return "scrub-found-lost";
    case FileEvent::Renamed:
      return "renamed";
  }
  return "unknown";
}

bool at_its_path(FileState state) {
  switch (state) {
    case FileState::Queued:
    case FileState::Uploading:
    case FileState::Blocked:
    case FileState::Stored:
    case FileState::Removing:
      return true;
    case FileState::Removed:
    case FileState::Gone:
      return false;
  }
  return false;
}

std::optional<FileState> file_state_from(std::string_view name) {
  for (const FileState state : all_file_states) {
    if (to_string(state) == name) return state;
  }
  return std::nullopt;
}

std::optional<FileEvent> file_event_from(std::string_view name) {
  for (const FileEvent event : all_file_events) {
    if (to_string(event) == name) return event;
  }
  return std::nullopt;
}

namespace {

using enum FileState;

std::optional<Step> complete_new_content(FileState from) {
  switch (from) {
    case Queued:
    case Uploading:
    case Blocked:
    case Stored:
      return Step{.to = Queued, .new_generation = true, .cancel_attempt = true};
    case Removing:
    case Removed:
    case Gone:
      return Step{.to = Queued, .new_row = true, .object_becomes_sole = true};
  }
  return std::nullopt;
}

std::optional<Step> complete_object_content(FileState from) {
  switch (from) {
    case Queued:
    case Blocked:
    case Stored:
    case Gone:
      return Step{.to = Stored};
    case Uploading:
      return Step{.to = Stored, .cancel_attempt = true};
    case Removed:  // a power loss undid the unlink (PROTOCOL.md section 6)
      return Step{.to = Removing};
    case Removing:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Step> vanished(FileState from) {
  switch (from) {
    case Queued:
    case Uploading:
    case Blocked:
    case Stored:
      return Step{.to = Gone, .cancel_attempt = true, .object_becomes_sole = true};
    case Removing:
    case Removed:
    case Gone:
      return Step{.to = from};
  }
  return std::nullopt;
}

std::optional<Step> only(FileState from, FileState required, Step step) {
  if (from != required) return std::nullopt;
  return step;
}

}  // namespace

std::optional<Step> next(FileState state, FileEvent event) {
  switch (event) {
    case FileEvent::CompleteNewContent:
      return complete_new_content(state);
    case FileEvent::CompleteObjectContent:
      return complete_object_content(state);
    case FileEvent::CompleteAttemptContent:
      return only(state, Uploading, {.to = Uploading});
    case FileEvent::Vanished:
      return vanished(state);
    case FileEvent::Claim:
      return only(state, Queued, {.to = Uploading});
    case FileEvent::Acknowledged:
    case FileEvent::EqualForeign:
      return only(state, Uploading, {.to = Stored});
    case FileEvent::Rebased:
      return only(state, Uploading, {.to = Uploading});
    case FileEvent::Absent:
    case FileEvent::Transient:
      return only(state, Uploading, {.to = Queued, .count_try = true});
    case FileEvent::Foreign:
      return only(state, Uploading, {.to = Blocked});
    case FileEvent::NeedsPerson:
      return only(state, state == Queued ? Queued : Uploading, {.to = Blocked});
    case FileEvent::CauseFixed:
      return only(state, Blocked, {.to = Queued, .count_try = true});
    case FileEvent::RemovalDue:
      return only(state, Stored, {.to = Removing});
    case FileEvent::Unlinked:
      return only(state, Removing, {.to = Removed, .object_becomes_sole = true});
    case FileEvent::RemovalRefused:
      return only(state, Removing, {.to = Stored});
    case FileEvent::ScrubFoundBad:
      return only(state, Stored, {.to = Queued});
    case FileEvent::ScrubFoundLost:
      if (state == Removing) return std::nullopt;
      return Step{.to = Blocked, .cancel_attempt = state == Uploading};
    case FileEvent::Renamed:
      return only(state, Gone, {.to = Queued, .new_generation = true});
  }
  return std::nullopt;
}

}  // namespace waybill::catalog
