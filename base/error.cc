#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace waybill {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::RetryLater:
      return "RetryLater";
    case ErrorCode::Throttled:
      return "Throttled";
    case ErrorCode::Ambiguous:
      return "Ambiguous";
    case ErrorCode::SourceChanged:
      return "SourceChanged";
    case ErrorCode::SourceGone:
      return "SourceGone";
    case ErrorCode::SourceBusy:
      return "SourceBusy";
    case ErrorCode::NotFound:
      return "NotFound";
    case ErrorCode::PreconditionFailed:
      return "PreconditionFailed";
    case ErrorCode::NeedsPerson:
      return "NeedsPerson";
    case ErrorCode::BadConfig:
      return "BadConfig";
    case ErrorCode::BadInput:
      return "BadInput";
    case ErrorCode::DiskFull:
      return "DiskFull";
    case ErrorCode::Damaged:
      return "Damaged";
    case ErrorCode::NewerVersion:
      return "NewerVersion";
    case ErrorCode::Cancelled:
      return "Cancelled";
    case ErrorCode::Internal:
      return "Internal";
  }
  return "Internal";
}

std::string Error::describe() const {
  std::string cause;
  const auto add = [&cause](const std::string& part) {
    if (!cause.empty()) cause += ", ";
    cause += part;
  };
  if (os_errno != 0) add(std::generic_category().message(os_errno));
  if (http_status != 0) {
    add("HTTP " + std::to_string(http_status) + (s3_code.empty() ? "" : " " + s3_code));
  } else if (!s3_code.empty()) {
    add(s3_code);
  }
  if (!request_id.empty()) add("request id " + request_id);
  return cause.empty() ? message : message + " (" + cause + ")";
}

namespace {

ErrorCode code_for(int os_errno) {
  switch (os_errno) {
    case ENOENT:
    case ENOTDIR:
    case ESTALE:
      return ErrorCode::SourceGone;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::DiskFull;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case EXDEV:
      return ErrorCode::NeedsPerson;
    case EINTR:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EBUSY:
    case EIO:
      return ErrorCode::RetryLater;
    default:
      return ErrorCode::Internal;
  }
}

}  // namespace

Error system_error(std::string_view doing, int os_errno) {
  return Error{
      .code = code_for(os_errno), .message = "cannot " + std::string(doing), .os_errno = os_errno};
}

}  // namespace waybill
