#include "tests/s3server/xml.h"

#include <cstddef>
#include <utility>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

constexpr int kDeepest = 16;

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
          // As S3 does, though XML 1.0 has no such character: hence encoding-type=url.
          out += "&#x" + to_hex({&c, 1}) + ";";
        } else {
          out.push_back(c);
        }
    }
  }
}

bool append_entity(std::string& out, std::string_view name) {
  if (name == "amp") return out.push_back('&'), true;
  if (name == "lt") return out.push_back('<'), true;
  if (name == "gt") return out.push_back('>'), true;
  if (name == "quot") return out.push_back('"'), true;
  if (name == "apos") return out.push_back('\''), true;
  if (name.size() < 2 || name[0] != '#') return false;
  std::uint32_t code = 0;
  const bool hex = name[1] == 'x';
  for (const char c : name.substr(hex ? 2 : 1)) {
    const std::string_view digits = "0123456789abcdef";
    const std::size_t digit = digits.find(lower_case({&c, 1}));
    if (digit == std::string_view::npos || (!hex && digit > 9)) return false;
    code = code * (hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
    if (code > 0x10ffff) return false;
  }
  const auto push = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xc0 | (code >> 6));
    push(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    push(0xe0 | (code >> 12));
    push(0x80 | ((code >> 6) & 0x3f));
    push(0x80 | (code & 0x3f));
  } else {
    push(0xf0 | (code >> 18));
    push(0x80 | ((code >> 12) & 0x3f));
    push(0x80 | ((code >> 6) & 0x3f));
    push(0x80 | (code & 0x3f));
  }
  return true;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<XmlNode> document() {
    if (!skip_misc()) return std::nullopt;
    XmlNode root;
    if (!element(root, 0) || !skip_misc() || at_ != text_.size()) return std::nullopt;
    return root;
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  bool skip_past(std::string_view what) {
    const std::size_t found = text_.find(what, at_);
    if (found == std::string_view::npos) return false;
    at_ = found + what.size();
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  // White space, declarations and comments outside the root.
  bool skip_misc() {
    for (;;) {
      skip_space();
      if (starts("<?")) {
        if (!skip_past("?>")) return false;
      } else if (starts("<!--")) {
        if (!skip_past("-->")) return false;
      } else {
        return true;
      }
    }
  }
  std::string_view name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n/>=<").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return text_.substr(begin, at_ - begin);
  }
  static std::string_view local(std::string_view qualified) {
    const std::size_t colon = qualified.find(':');
    return colon == std::string_view::npos ? qualified : qualified.substr(colon + 1);
  }
  bool attributes() {
    for (;;) {
      skip_space();
      if (at_ >= text_.size() || text_[at_] == '<') return false;
      if (text_[at_] == '>' || starts("/>")) return true;
      if (name().empty()) return false;
      skip_space();
      if (!starts("=")) return false;
      ++at_;
      skip_space();
      if (!starts("\"") && !starts("'")) return false;
      const std::string quote(1, text_[at_++]);
      if (!skip_past(quote)) return false;
    }
  }
  bool element(XmlNode& node, int depth) {
    if (depth > kDeepest || !starts("<")) return false;
    ++at_;
    const std::string_view qualified = name();
    if (qualified.empty() || !attributes()) return false;
    node.name = local(qualified);
    if (starts("/>")) {
      at_ += 2;
      return true;
    }
    ++at_;
    return content(node, qualified, depth);
  }
  bool content(XmlNode& node, std::string_view qualified, int depth) {
    while (at_ < text_.size()) {
      if (starts("</")) {
        at_ += 2;
        if (name() != qualified) return false;
        skip_space();
        if (!starts(">")) return false;
        ++at_;
        return true;
      }
      if (starts("<!--")) {
        if (!skip_past("-->")) return false;
      } else if (starts("<")) {
        if (!element(node.children.emplace_back(), depth + 1)) return false;
      } else if (starts("&")) {
        const std::size_t end = text_.find(';', at_);
        if (end == std::string_view::npos) return false;
        if (!append_entity(node.text, text_.substr(at_ + 1, end - at_ - 1))) return false;
        at_ = end + 1;
      } else {
        node.text.push_back(text_[at_++]);
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

XmlWriter::XmlWriter(std::string_view root, bool with_namespace)
    : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<") {
  out_ += root;
  if (with_namespace) out_ += " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
  out_ += '>';
  open_.emplace_back(root);
}

void XmlWriter::open(std::string_view name) {
  out_ += '<';
  out_ += name;
  out_ += '>';
  open_.emplace_back(name);
}

void XmlWriter::close() {
  out_ += "</";
  out_ += open_.back();
  out_ += '>';
  open_.pop_back();
}

void XmlWriter::element(std::string_view name, std::string_view text) {
  open(name);
  append_escaped(out_, text);
  close();
}

void XmlWriter::element(std::string_view name, std::uint64_t value) {
  element(name, std::string_view(std::to_string(value)));
}

std::string XmlWriter::finish() {
  while (!open_.empty()) close();
  return std::move(out_);
}

const XmlNode* XmlNode::child(std::string_view wanted) const {
  for (const XmlNode& node : children) {
    if (node.name == wanted) return &node;
  }
  return nullptr;
}

std::string XmlNode::text_of(std::string_view child_name) const {
  const XmlNode* node = child(child_name);
  return node != nullptr ? node->text : std::string();
}

std::optional<XmlNode> parse_xml(std::string_view document) {
  return Parser(document).document();
}

}  // namespace waybill::s3server
