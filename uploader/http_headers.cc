#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "uploader/http.h"

namespace waybill::uploader {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_name(std::string_view line, std::string_view name) {
  return line.size() >= name.size() &&
         std::equal(name.begin(), name.end(), line.begin(),
                    [](char wanted, char there) { return wanted == lower(there); });
}

// Takes the first line off `text`.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

std::string_view to_string(HttpMethod method) {
  constexpr std::array<std::string_view, 5> names{"GET", "HEAD", "PUT", "POST", "DELETE"};
  return names.at(static_cast<std::size_t>(method));
}

void HttpHeaders::add_line(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with("HTTP/")) {
    text_.clear();
    return;
  }
  if (!line.empty()) text_.append(line).append("\n");
}

std::string_view HttpHeaders::find(std::string_view name) const {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.size() > name.size() && line[name.size()] == ':' && starts_with_name(line, name)) {
      return trimmed(line.substr(name.size() + 1));
    }
  }
  return {};
}

std::vector<HttpHeader> HttpHeaders::with_prefix(std::string_view prefix) const {
  std::vector<HttpHeader> found;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon <= prefix.size()) continue;
    if (!starts_with_name(line, prefix)) continue;
    HttpHeader header{std::string(line.substr(prefix.size(), colon - prefix.size())),
                      std::string(trimmed(line.substr(colon + 1)))};
    std::transform(header.name.begin(), header.name.end(), header.name.begin(), lower);
    found.push_back(std::move(header));
  }
  return found;
}

}  // namespace waybill::uploader
