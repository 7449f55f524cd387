#pragma once

#include <string>
#include <string_view>

// %XX, as keys and metadata carry bytes that would not travel as they are. Pure.
namespace waybill::uploader {

bool is_hex(char digit);
// `rest` begins with a percent sign and two hex digits: it would be read as one byte.
bool starts_escape(std::string_view rest);
void append_escaped(std::string& text, unsigned char byte);

}  // namespace waybill::uploader
