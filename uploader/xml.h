#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

// The XML that S3 speaks: elements and text. Pure. A document type, an unknown entity or more than
// 16 levels make a document broken, so nothing in it can grow or reach out.
namespace waybill::uploader {

// Called at the end of each element, inner ones first. `path` is "Root/Part/Size", without name
// space prefixes; `text` is what stands directly in it, decoded.
using XmlVisitor = std::function<void(std::string_view path, std::string_view text)>;

// False: not a whole, well-formed document. The visitor may have been called all the same.
bool read_xml(std::string_view document, const XmlVisitor& visit);

std::string xml_escape(std::string_view text);

}  // namespace waybill::uploader
