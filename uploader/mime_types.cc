#include "uploader/mime_types.h"

#include <algorithm>
#include <cctype>

namespace waybill::uploader {
namespace {

// Longer ones are rubbish, and would go out with every object.
constexpr std::size_t longest_type = 127;
constexpr std::size_t longest_extension = 64;

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$&-^_.+").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_type(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && text.size() <= longest_type &&
         is_token(text.substr(0, slash)) && is_token(text.substr(slash + 1));
}

bool is_extension(std::string_view text) {
  return text.size() <= longest_extension && is_token(text);
}

// The next word, which then goes; empty: there is none.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view blanks = " \t\r\v\f";
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

MimeTypes MimeTypes::parse(std::string_view list) {
  MimeTypes mime;
  list = list.substr(0, most_bytes);
  while (!list.empty()) {
    std::string_view line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(line.size() + 1, list.size()));
    line = line.substr(0, line.find('#'));
    const std::string_view type = take_word(line);
    if (!is_type(type)) continue;
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
      if (!is_extension(word)) continue;
      std::string extension(word);
      for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      mime.types_.try_emplace(std::move(extension), type);
    }
  }
  return mime;
}

std::string_view MimeTypes::of(std::string_view extension) const {
  const auto found = types_.find(extension);
  return found == types_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace waybill::uploader
