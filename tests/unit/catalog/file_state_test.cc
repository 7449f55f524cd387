#include "catalog/file_state.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

namespace waybill::catalog {
namespace {

using enum FileState;
using enum FileEvent;

// PROTOCOL.md section 4, written out once more and by hand: the rows are the events, the columns
// the states, in the order of the enumerations.
constexpr std::nullopt_t no = std::nullopt;

constexpr Step to(FileState state) {
  return {.to = state};
}
constexpr Step again = {.to = Queued, .new_generation = true, .cancel_attempt = true};
constexpr Step fresh_row = {.to = Queued, .new_row = true, .object_becomes_sole = true};
constexpr Step gone = {.to = Gone, .cancel_attempt = true, .object_becomes_sole = true};
constexpr Step stored_cancel = {.to = Stored, .cancel_attempt = true};
constexpr Step lost_cancel = {.to = Blocked, .cancel_attempt = true};
constexpr Step elsewhere = {.to = Queued, .new_generation = true};
constexpr Step one_more_try = {.to = Queued, .count_try = true};
constexpr Step unlinked = {.to = Removed, .object_becomes_sole = true};

struct Line {
  FileEvent event;
  std::array<std::optional<Step>, 7> expected;
};

// clang-format off
const std::array<Line, 19> table{{
  //                        Queued        Uploading       Blocked     Stored        Removing     Removed       Gone
  {CompleteNewContent,     {again,        again,          again,      again,        fresh_row,   fresh_row,    fresh_row}},
  {CompleteObjectContent,  {to(Stored),   stored_cancel,  to(Stored), to(Stored),   no,          to(Removing), to(Stored)}},
  {CompleteAttemptContent, {no,           to(Uploading),  no,         no,           no,          no,           no}},
  {Vanished,               {gone,         gone,           gone,       gone,         to(Removing), to(Removed), to(Gone)}},
  {Claim,                  {to(Uploading), no,            no,         no,           no,          no,           no}},
  {Acknowledged,           {no,           to(Stored),     no,         no,           no,          no,           no}},
  {Rebased,                {no,           to(Uploading),  no,         no,           no,          no,           no}},
  {Absent,                 {no,           one_more_try,   no,         no,           no,          no,           no}},
  {EqualForeign,           {no,           to(Stored),     no,         no,           no,          no,           no}},
  {Foreign,                {no,           to(Blocked),    no,         no,           no,          no,           no}},
  {Transient,              {no,           one_more_try,   no,         no,           no,          no,           no}},
  {NeedsPerson,            {to(Blocked),  to(Blocked),    no,         no,           no,          no,           no}},
  {CauseFixed,             {no,           no,             one_more_try, no,          no,           no,          no}},
  {RemovalDue,             {no,           no,             no,         to(Removing), no,          no,           no}},
  {Unlinked,               {no,           no,             no,         no,           unlinked,    no,           no}},
  {RemovalRefused,         {no,           no,             no,         no,           to(Stored),  no,           no}},
  {ScrubFoundBad,          {no,           no,             no,         to(Queued),   no,          no,           no}},
  {ScrubFoundLost,         {to(Blocked),  lost_cancel,    to(Blocked), to(Blocked), no,          to(Blocked),  to(Blocked)}},
  {Renamed,                {no,           no,             no,         no,           no,          no,           elsewhere}},
}};
// clang-format on

TEST(FileState, EveryPairOfStateAndEventIsAsTheProtocolSays) {
  int pairs = 0;
  std::map<FileEvent, int> seen;
  for (const Line& line : table) {
    ++seen[line.event];
    for (const FileState state : all_file_states) {
      EXPECT_EQ(next(state, line.event), line.expected.at(static_cast<std::size_t>(state)))
          << to_string(line.event) << " in " << to_string(state);
      ++pairs;
    }
  }
  EXPECT_EQ(pairs, 7 * 19);
  EXPECT_EQ(seen.size(), all_file_events.size()) << "an event has no line, or two";
}

TEST(FileState, NamesOfStatesReadBack) {
  std::map<std::string, FileState, std::less<>> names;
  for (const FileState state : all_file_states) {
    EXPECT_EQ(file_state_from(to_string(state)), state);
    names.emplace(to_string(state), state);
  }
  EXPECT_EQ(names.size(), all_file_states.size());
  EXPECT_EQ(to_string(Queued), "queued");
  EXPECT_EQ(file_state_from("unknown"), std::nullopt);
}

TEST(FileState, NamesOfEventsReadBack) {
  std::map<std::string, FileEvent, std::less<>> names;
  for (const FileEvent event : all_file_events) {
    EXPECT_EQ(file_event_from(to_string(event)), event);
    names.emplace(to_string(event), event);
  }
  EXPECT_EQ(names.size(), all_file_events.size());
  EXPECT_EQ(to_string(CompleteNewContent), "complete-new-content");
  EXPECT_EQ(file_event_from("Claim"), std::nullopt);
}

TEST(FileState, NumbersInTheDatabaseNeverChange) {
  // They are stored: a renumbered state would reinterpret every catalog there is.
  for (std::size_t i = 0; i < all_file_states.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_file_states.at(i)), i);
  }
  for (std::size_t i = 0; i < all_file_events.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_file_events.at(i)), i);
  }
}

}  // namespace
}  // namespace waybill::catalog
