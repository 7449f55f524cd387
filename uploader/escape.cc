#include "uploader/escape.h"

#include <cctype>

namespace waybill::uploader {

bool is_hex(char digit) {
  return std::isxdigit(static_cast<unsigned char>(digit)) != 0;
}

bool starts_escape(std::string_view rest) {
  return rest.size() >= 3 && rest[0] == '%' && is_hex(rest[1]) && is_hex(rest[2]);
}

void append_escaped(std::string& text, unsigned char byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  text += {'%', digits[byte >> 4U], digits[byte & 0xfU]};
}

}  // namespace waybill::uploader
