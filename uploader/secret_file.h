#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace waybill::uploader {

// At most its first 64 KiB. Errors: as the system call that failed.
Result<Secret> read_secret_file(const std::string& path);

// Without the blanks at its end.
std::string_view first_line(std::string_view text);

}  // namespace waybill::uploader
