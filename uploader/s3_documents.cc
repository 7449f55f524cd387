#include "uploader/s3_documents.h"

#include <charconv>
#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "uploader/checksum.h"
#include "uploader/xml.h"

namespace waybill::uploader {
namespace {

template <typename Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

Failure broken(std::string_view what) {
  return fail(ErrorCode::BadInput, "the reply is no whole " + std::string(what) + " document");
}

// The text of one element of a document that must have it.
Result<std::string> only(std::string_view document, std::string_view root, std::string_view name) {
  std::string found;
  const std::string wanted = std::string(root) + "/" + std::string(name);
  const bool whole = read_xml(document, [&](std::string_view path, std::string_view text) {
    if (path == wanted) found = text;
  });
  if (!whole || found.empty()) return broken(root);
  return found;
}

}  // namespace

std::optional<S3ErrorDocument> parse_error(std::string_view document) {
  S3ErrorDocument error;
  const auto take = [&error](std::string_view path, std::string_view text) {
    if (path == "Error/Code") error.code = text;
    if (path == "Error/Message") error.message = text;
    if (path == "Error/Region") error.region = text;
    if (path == "Error/RequestId") error.request_id = text;
  };
  const bool whole = read_xml(document, take);
  if (error.code.empty() && !(whole && !error.message.empty())) return std::nullopt;
  return error;
}

Result<std::string> parse_upload_id(std::string_view document) {
  return only(document, "InitiateMultipartUploadResult", "UploadId");
}

Result<Completed> parse_completed(std::string_view document) {
  constexpr std::string_view root = "CompleteMultipartUploadResult/";
  Completed completed;
  bool composite = false;
  const bool whole = read_xml(document, [&](std::string_view path, std::string_view text) {
    if (!path.starts_with(root)) return;
    const std::string_view name = path.substr(root.size());
    if (name == "ETag") completed.etag = text;
    if (name == "ChecksumType") composite = text == "COMPOSITE";
    for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c}) {
      if (name == element_of(kind)) completed.crc = parse_crc(kind, text);
    }
  });
  if (!whole || completed.etag.empty()) return broken("CompleteMultipartUploadResult");
  if (composite) completed.crc.reset();
  return completed;
}

Result<std::string> parse_copied(std::string_view document) {
  std::string etag;
  const bool whole = read_xml(document, [&](std::string_view path, std::string_view text) {
    if (path == "CopyObjectResult/ETag") etag = text;
  });
  if (!whole || etag.empty()) return broken("CopyObjectResult");
  return etag;
}

Result<PartsPage> parse_list_parts(std::string_view document) {
  PartsPage page;
  Part part;
  bool right = true;
  bool seen = false;
  const bool whole = read_xml(document, [&](std::string_view path, std::string_view text) {
    if (path == "ListPartsResult/Part/PartNumber") {
      const auto value = number<int>(text);
      right = right && value && *value > 0;
      part.number = value.value_or(0);
    } else if (path == "ListPartsResult/Part/Size") {
      const auto value = number<std::uint64_t>(text);
      right = right && value.has_value();
      part.size = value.value_or(0);
    } else if (path == "ListPartsResult/Part/ETag") {
      part.etag = text;
    } else if (path.starts_with("ListPartsResult/Part/Checksum")) {
      const std::string_view name = path.substr(path.rfind('/') + 1);
      for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c}) {
        if (name == element_of(kind)) part.crc = parse_crc(kind, text);
      }
    } else if (path == "ListPartsResult/Part") {
      right = right && part.number > 0 && !part.etag.empty();
      page.parts.push_back(std::exchange(part, {}));
    } else if (path == "ListPartsResult/IsTruncated") {
      page.truncated = text == "true";
    } else if (path == "ListPartsResult/NextPartNumberMarker") {
      page.next_marker = text;
    } else if (path == "ListPartsResult") {
      seen = true;
    }
  });
  if (!whole || !right || !seen) return broken("ListPartsResult");
  return page;
}

Result<UploadsPage> parse_list_uploads(std::string_view document) {
  UploadsPage page;
  ListedUpload upload;
  bool right = true;
  bool seen = false;
  bool encoded = false;  // said before the keys, or after them
  const std::string root = "ListMultipartUploadsResult";
  const bool whole = read_xml(document, [&](std::string_view path, std::string_view text) {
    if (!path.starts_with(root)) return;
    path.remove_prefix(root.size());
    if (path.empty()) {
      seen = true;
    } else if (path == "/Upload/Key") {
      upload.key = text;
    } else if (path == "/Upload/UploadId") {
      upload.upload_id = text;
    } else if (path == "/Upload/Initiated") {
      const auto time = parse_iso_time(text);
      right = right && time.has_value();
      upload.initiated = time.value_or(WallTime{});
    } else if (path == "/Upload") {
      right = right && !upload.upload_id.empty();
      page.uploads.push_back(std::exchange(upload, {}));
    } else if (path == "/EncodingType") {
      encoded = text == "url";
    } else if (path == "/IsTruncated") {
      page.truncated = text == "true";
    } else if (path == "/NextKeyMarker") {
      page.next_key_marker = text;
    } else if (path == "/NextUploadIdMarker") {
      page.next_upload_id_marker = text;
    }
  });
  if (!whole || !right || !seen) return broken(root);
  if (encoded) {
    for (ListedUpload& listed : page.uploads) listed.key = uri_decode(listed.key);
    page.next_key_marker = uri_decode(page.next_key_marker);
  }
  return page;
}

std::string complete_document(const std::vector<Part>& parts, std::optional<CrcKind> with) {
  constexpr std::size_t usual_part = 100;
  std::string text = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  text.reserve(text.size() + parts.size() * usual_part);
  for (const Part& part : parts) {
    text.append("<Part><PartNumber>").append(std::to_string(part.number));
    text.append("</PartNumber><ETag>").append(xml_escape(part.etag)).append("</ETag>");
    if (part.crc && part.crc->kind == with) {
      const std::string_view element = element_of(*with);
      text.append("<").append(element).append(">").append(base64_of(*part.crc));
      text.append("</").append(element).append(">");
    }
    text.append("</Part>");
  }
  return text.append("</CompleteMultipartUpload>");
}

std::optional<WallTime> parse_iso_time(std::string_view text) {
  constexpr std::size_t without_fraction = 19;
  if (text.size() <= without_fraction || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':' || !text.ends_with('Z')) {
    return std::nullopt;
  }
  const auto year = number<int>(text.substr(0, 4));
  const auto month = number<unsigned>(text.substr(5, 2));
  const auto day = number<unsigned>(text.substr(8, 2));
  const auto hour = number<unsigned>(text.substr(11, 2));
  const auto minute = number<unsigned>(text.substr(14, 2));
  const auto second = number<unsigned>(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  const bool representable = *year >= 1970 && *year < 2200;  // in nanoseconds
  if (!representable || !date.ok() || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  // Fractions of a second decide nothing here.
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::string uri_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (const auto byte = from_hex(text.substr(i + 1, 2))) {
        decoded += as_text(*byte);
        i += 2;
        continue;
      }
    }
    decoded += text[i] == '+' ? ' ' : text[i];
  }
  return decoded;
}

}  // namespace waybill::uploader
