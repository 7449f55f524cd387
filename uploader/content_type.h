#pragma once

#include <string>
#include <string_view>

namespace waybill::uploader {

// By the extension of the last component, whatever its case; unknown: application/octet-stream.
std::string content_type_of(std::string_view path);

}  // namespace waybill::uploader
