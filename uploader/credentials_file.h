#pragma once

#include <string_view>

#include "base/result.h"
#include "uploader/credentials.h"

namespace waybill::uploader {

// The profile of a file in AWS's INI format (`[default]`, also `[profile name]`). Pure. Errors:
// NeedsPerson, in words that follow "the credentials file … " and never hold a value of the file.
Result<Credentials> parse_credentials_file(std::string_view text, std::string_view profile);

}  // namespace waybill::uploader
