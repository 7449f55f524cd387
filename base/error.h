#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace waybill {

// Named by what the caller does about it, not by what went wrong: the cause stands beside it.
enum class ErrorCode : std::uint8_t {
  RetryLater,     // the same call may succeed by itself later; it certainly had no effect
  Throttled,      // as RetryLater, and the other side asks for a lower rate
  Ambiguous,      // the effect is unknown: look first (HEAD, reopen and read), never just repeat
  SourceChanged,  // the file is not the one that was asked for any more: settle it again
  SourceGone,     // the file is not there
  SourceBusy,     // somebody has the file open for writing
  NotFound,       // the other side says with authority that it is not there
  PreconditionFailed,  // a condition (If-None-Match, If-Match) did not hold
  NeedsPerson,         // nothing will change until a person changes something
  BadConfig,           // a configured value cannot be used
  BadInput,            // the caller's data is malformed
  DiskFull,            // stop taking on work, go on when there is room
  Damaged,             // stored data is not what was written
  NewerVersion,        // written by a later version of this program: leave it untouched
  Cancelled,           // the caller asked for it to stop
  Internal,            // a rule of our own was broken: a defect
};

std::string_view to_string(ErrorCode code);

// A value. `message` is a sentence for a person; the rest is the cause as the world reported it.
struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;
  int os_errno = 0;             // 0: none
  int http_status = 0;          // 0: no response
  std::string s3_code = {};     // "AccessDenied"; empty: none
  std::string request_id = {};  // the server's; empty: none

  // "message (errno text, HTTP 403 AccessDenied, request id …)"
  [[nodiscard]] std::string describe() const;
};

// The error of a failed system call: `code` follows errno (ENOENT → SourceGone, ENOSPC → DiskFull,
// EACCES → NeedsPerson, EINTR, EAGAIN … → RetryLater, else Internal).
Error system_error(std::string_view doing, int os_errno);

}  // namespace waybill
