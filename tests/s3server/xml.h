#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The little XML that S3 speaks: elements and text; no attributes but the name space on the root.
namespace waybill::s3server {

class XmlWriter {
 public:
  explicit XmlWriter(std::string_view root, bool with_namespace = true);
  void open(std::string_view name);
  void close();
  void element(std::string_view name, std::string_view text);
  void element(std::string_view name, std::uint64_t value);
  std::string finish();  // closes what is open

 private:
  std::string out_;
  std::vector<std::string> open_;
};

struct XmlNode {
  std::string name;  // without a prefix
  std::string text;  // of this element alone, entities resolved
  std::vector<XmlNode> children;

  const XmlNode* child(std::string_view name) const;
  std::string text_of(std::string_view child_name) const;  // empty: there is none
};

// nullopt: not well-formed, or deeper than any document of S3.
std::optional<XmlNode> parse_xml(std::string_view document);

}  // namespace waybill::s3server
