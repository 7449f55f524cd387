#pragma once

#include <string>
#include <string_view>

#include "uploader/mime_types.h"

namespace waybill::uploader {

// By the extension of the last component, whatever its case: what the machine's list says, else
// what we know without one; unknown to both: application/octet-stream. Pure.
std::string content_type_of(std::string_view path, const MimeTypes& machine = {});

}  // namespace waybill::uploader
