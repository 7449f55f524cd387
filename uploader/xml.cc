#include "uploader/xml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace waybill::uploader {
namespace {

constexpr std::size_t deepest = 16;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == ':' || byte >= 0x80;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6U);
    add(0x80 | (code & 0x3FU));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12U);
    add(0x80 | (code >> 6U & 0x3FU));
    add(0x80 | (code & 0x3FU));
  } else {
    add(0xF0 | code >> 18U);
    add(0x80 | (code >> 12U & 0x3FU));
    add(0x80 | (code >> 6U & 0x3FU));
    add(0x80 | (code & 0x3FU));
  }
}

// What stands between & and ;.
bool append_entity(std::string& text, std::string_view entity) {
  struct Named {
    std::string_view name;
    char value;
  };
  constexpr std::array<Named, 5> named{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const Named& known : named) {
    if (entity == known.name) {
      text += known.value;
      return true;
    }
  }
  if (!entity.starts_with('#')) return false;
  entity.remove_prefix(1);
  const bool hexadecimal = entity.starts_with('x');
  if (hexadecimal) entity.remove_prefix(1);
  std::uint32_t code = 0;
  const char* const end = entity.data() + entity.size();
  const auto [at, error] = std::from_chars(entity.data(), end, code, hexadecimal ? 16 : 10);
  if (error != std::errc() || at != end || entity.empty()) return false;
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code == 0 || code > 0x10FFFF || surrogate) return false;
  append_utf8(text, code);
  return true;
}

class XmlReader {
 public:
  XmlReader(std::string_view document, const XmlVisitor& visit) : rest_(document), visit_(visit) {}

  bool read() {
    take("\xEF\xBB\xBF");
    while (!rest_.empty()) {
      if (!(rest_.front() == '<' ? markup() : characters())) return false;
    }
    return seen_root_ && open_.empty();
  }

 private:
  struct Element {
    std::string_view name;
    std::size_t path_length;  // of its parent
    std::string text;
  };

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  // Takes what stands before `token`, and `token`.
  bool take_until(std::string_view token, std::string_view& before) {
    const auto at = rest_.find(token);
    if (at == std::string_view::npos) return false;
    before = rest_.substr(0, at);
    rest_.remove_prefix(at + token.size());
    return true;
  }

  void skip_blanks() {
    const auto at = std::find_if_not(rest_.begin(), rest_.end(), is_blank);
    rest_.remove_prefix(static_cast<std::size_t>(at - rest_.begin()));
  }

  std::string_view take_name() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_name);
    const std::string_view name = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(name.size());
    return name;
  }

  bool markup() {
    std::string_view ignored;
    if (take("<?")) return take_until("?>", ignored);
    if (take("<!--")) return take_until("-->", ignored);
    if (take("<![CDATA[")) {
      if (open_.empty() || !take_until("]]>", ignored)) return false;
      open_.back().text += ignored;
      return true;
    }
    if (take("</")) return end_tag();
    return take("<") && start_tag();  // <!DOCTYPE has no name behind its <
  }

  bool start_tag() {
    const std::string_view name = take_name();
    // A prefix alone is no name.
    if (name.empty() || name.ends_with(':')) return false;
    if (open_.size() >= deepest || (open_.empty() && seen_root_)) return false;
    seen_root_ = true;
    skip_blanks();
    while (!rest_.starts_with('>') && !rest_.starts_with("/>")) {
      if (!attribute()) return false;
    }
    open_.push_back({name, path_.size(), {}});
    if (!path_.empty()) path_ += '/';
    const auto colon = name.rfind(':');
    path_ += colon == std::string_view::npos ? name : name.substr(colon + 1);
    if (take("/>")) return close();
    return take(">");
  }

  bool attribute() {
    if (take_name().empty()) return false;
    skip_blanks();
    if (!take("=")) return false;
    skip_blanks();
    std::string_view ignored;
    const bool taken =
        (take("\"") && take_until("\"", ignored)) || (take("'") && take_until("'", ignored));
    skip_blanks();
    return taken && ignored.find('<') == std::string_view::npos;
  }

  bool end_tag() {
    const std::string_view name = take_name();
    skip_blanks();
    return take(">") && !open_.empty() && open_.back().name == name && close();
  }

  bool close() {
    visit_(path_, open_.back().text);
    path_.resize(open_.back().path_length);
    open_.pop_back();
    return true;
  }

  bool characters() {
    const std::string_view text = rest_.substr(0, rest_.find('<'));
    rest_.remove_prefix(text.size());
    if (open_.empty()) return std::all_of(text.begin(), text.end(), is_blank);
    return append_decoded(open_.back().text, text);
  }

  static bool append_decoded(std::string& to, std::string_view text) {
    while (!text.empty()) {
      const auto ampersand = text.find('&');
      to += text.substr(0, ampersand);
      if (ampersand == std::string_view::npos) return true;
      text.remove_prefix(ampersand + 1);
      const auto end = text.find(';');
      if (end == std::string_view::npos || !append_entity(to, text.substr(0, end))) return false;
      text.remove_prefix(end + 1);
    }
    return true;
  }

  std::string_view rest_;
  const XmlVisitor& visit_;
  std::vector<Element> open_;
  std::string path_;
  bool seen_root_ = false;
};

}  // namespace

bool read_xml(std::string_view document, const XmlVisitor& visit) {
  return XmlReader(document, visit).read();
}

std::string xml_escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace waybill::uploader
