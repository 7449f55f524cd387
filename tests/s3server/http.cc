#include "tests/s3server/http.h"

#include <algorithm>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr int kBadRequest = 400;
constexpr int kVersionNotSupported = 505;

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() && lower_case(left) == lower_case(right);
}

bool parse_request_line(Request& request, std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  if (request.method.empty() || !request.target.starts_with('/')) return false;
  const std::size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  request.query =
      mark == std::string_view::npos ? std::string_view{} : request.target.substr(mark + 1);
  return true;
}

// What the framing of the body and the life of the connection depend on.
bool note_framing(Request& request, const Header& header) {
  if (header.name == "content-length") {
    const auto length = to_number(header.value);
    if (!length || (request.has_content_length && *length != request.content_length)) return false;
    request.content_length = *length;
    request.has_content_length = true;
  } else if (header.name == "transfer-encoding") {
    request.chunked = true;
  } else if (header.name == "expect") {
    request.expects_continue = equals_ignoring_case(header.value, "100-continue");
  } else if (header.name == "connection") {
    if (equals_ignoring_case(header.value, "close")) request.keep_alive = false;
    if (equals_ignoring_case(header.value, "keep-alive")) request.keep_alive = true;
  }
  return true;
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

void Response::set_header(std::string_view name, std::string value) {
  for (auto& [known, old] : headers) {
    if (equals_ignoring_case(known, name)) {
      old = std::move(value);
      return;
    }
  }
  headers.emplace_back(name, std::move(value));
}

const std::string* Response::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (equals_ignoring_case(known, name)) return &value;
  }
  return nullptr;
}

std::optional<int> parse_head(Request& request) {
  request.headers.clear();
  request.content_length = 0;
  request.has_content_length = request.chunked = request.expects_continue = false;

  char* const base = request.head.data();
  const std::string_view head = request.head;
  std::size_t end = head.find("\r\n");
  if (end == std::string_view::npos) return kBadRequest;
  const std::string_view line = head.substr(0, end);
  const std::string_view version = line.size() < 8 ? line : line.substr(line.size() - 8);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return kVersionNotSupported;
  request.keep_alive = version == "HTTP/1.1";
  if (!parse_request_line(request, line)) return kBadRequest;

  for (std::size_t at = end + 2; at < head.size(); at = end + 2) {
    end = head.find("\r\n", at);
    if (end == std::string_view::npos) return kBadRequest;
    if (end == at) break;
    const std::size_t colon = head.find(':', at);
    // White space before the colon, or a folded line, is how requests are smuggled.
    if (colon == std::string_view::npos || colon >= end || colon == at || head[at] == ' ' ||
        head[at] == '\t' || head[colon - 1] == ' ') {
      return kBadRequest;
    }
    std::for_each(base + at, base + colon, [](char& c) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    });
    const Header header{.name = head.substr(at, colon - at),
                        .value = trim(head.substr(colon + 1, end - colon - 1))};
    if (!note_framing(request, header)) return kBadRequest;
    request.headers.push_back(header);
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

std::string serialize_head(const Response& response, std::string_view date, bool chunked,
                           bool keep_alive) {
  std::string out;
  out.reserve(512);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nDate: ";
  out += date;
  out += "\r\nServer: waybill-s3server\r\n";
  for (const auto& [name, value] : response.headers) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  const bool may_have_body = response.status != 204 && response.status != 304;
  if (chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (may_have_body) {
    const std::uint64_t size = response.bodyless_size ? *response.bodyless_size
                               : response.source      ? response.source_size
                                                      : response.body.size();
    out += "Content-Length: ";
    out += std::to_string(size);
    out += "\r\n";
  }
  if (!keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
  return out;
}

}  // namespace waybill::s3server
