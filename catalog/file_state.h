#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace waybill::catalog {

// PROTOCOL.md section 4. Settling lives in memory only; retrying is Queued with tries > 0.
//
//              complete                claim               acknowledged
//   (no row) ───────────▶ Queued ─────────────▶ Uploading ─────────────▶ Stored
//                           ▲  ▲ ◀───── absent ─────┘  │                  │  │
//               cause fixed │  └── new content ────────┼──────────────────┘  │ policy due, P5 holds
//                           │                          │ foreign             ▼
//                        Blocked ◀─────────────────────┘                  Removing ──▶ Removed
//
//   vanished, confirmed: any of them ─▶ Gone       found under another name: Gone ─▶ Queued
enum class FileState : std::uint8_t {
  Queued = 0,
  Uploading = 1,
  Blocked = 2,
  Stored = 3,
  Removing = 4,
  Removed = 5,
  Gone = 6,
};

// What can happen to a row. A late reply to an attempt that the row no longer runs is no event of
// the row: it goes to `attempts`.
enum class FileEvent : std::uint8_t {
  CompleteNewContent = 0,      // settled, and neither the object's nor the attempt's content
  CompleteObjectContent = 1,   // settled, and the stored object has these very bytes
  CompleteAttemptContent = 2,  // settled, and the attempt under way carries these very bytes
  Vanished = 3,                // confirmed absent at its path
  Claim = 4,                   // attempt id about to become durable
  Acknowledged = 5,            // S3 has our bytes: reply, or HEAD said mine
  Rebased = 6,                 // HEAD said prior or recovered: new condition, same attempt
  Absent = 7,                  // HEAD said absent after an unclear outcome
  EqualForeign = 8,            // HEAD: the same bytes, not ours
  Foreign = 9,                 // HEAD: other bytes, not ours
  Transient = 10,              // failed before the body was complete: certainly no effect
  NeedsPerson = 11,            // cannot tell, refused, key too long …
  CauseFixed = 12,             // what blocked it is gone, or a person asked for a retry
  RemovalDue = 13,             // policy due and P5 holds
  Unlinked = 14,
  RemovalRefused = 15,
  ScrubFoundBad = 16,   // object missing or damaged, and the disk still matches the receipt
  ScrubFoundLost = 17,  // object missing or damaged, and the disk no longer matches, or has no file
  Renamed = 18,         // found again under another path of its folder, with the same bytes
};

std::string_view to_string(FileState state);  // "queued", as the CLI and SQL readers see it
std::string_view to_string(FileEvent event);  // "complete-new-content"
std::optional<FileState> file_state_from(std::string_view name);
std::optional<FileEvent> file_event_from(std::string_view name);

inline constexpr auto all_file_states = std::to_array<FileState>(
    {FileState::Queued, FileState::Uploading, FileState::Blocked, FileState::Stored,
     FileState::Removing, FileState::Removed, FileState::Gone});
inline constexpr auto all_file_events = std::to_array<FileEvent>(
    {FileEvent::CompleteNewContent, FileEvent::CompleteObjectContent,
     FileEvent::CompleteAttemptContent, FileEvent::Vanished, FileEvent::Claim,
     FileEvent::Acknowledged, FileEvent::Rebased, FileEvent::Absent, FileEvent::EqualForeign,
     FileEvent::Foreign, FileEvent::Transient, FileEvent::NeedsPerson, FileEvent::CauseFixed,
     FileEvent::RemovalDue, FileEvent::Unlinked, FileEvent::RemovalRefused,
     FileEvent::ScrubFoundBad, FileEvent::ScrubFoundLost, FileEvent::Renamed});

// The row says that there is a file at its path: its absence is news.
bool at_its_path(FileState state);

// What must happen beside the change of state; the catalog does it in the same transaction, or the
// pipeline after it.
struct Step {
  FileState to = FileState::Queued;
  bool new_generation = false;       // gen + 1, tries = 0
  bool new_row = false;              // the old row ends (live = 0); a fresh row starts in `to`
  bool cancel_attempt = false;       // the attempt under way is no longer wanted; it may still land
  bool object_becomes_sole = false;  // its bytes are no longer at its path (PROTOCOL.md rule 5)
  bool count_try = false;            // tries + 1
  friend bool operator==(const Step&, const Step&) = default;
};

// The whole table. nullopt: illegal, a defect of the caller. Pure.
std::optional<Step> next(FileState state, FileEvent event);

}  // namespace waybill::catalog
