#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/object_store.h"

// The XML documents of S3's replies and requests. Pure. Errors: BadInput, for a document that is
// broken or not the one expected.
namespace waybill::uploader {

struct S3ErrorDocument {
  std::string code;
  std::string message;
  std::string region;
  std::string request_id;
};
// nullopt: not an <Error>. A document that breaks off after its <Code> still counts: the code is
// what decides.
std::optional<S3ErrorDocument> parse_error(std::string_view document);

Result<std::string> parse_upload_id(std::string_view document);
// Of the finished object.
struct Completed {
  std::string etag;
  std::optional<Crc> crc = std::nullopt;  // of the whole, where there is one
};
Result<Completed> parse_completed(std::string_view document);

Result<std::string> parse_copied(std::string_view document);  // its ETag

struct PartsPage {
  std::vector<Part> parts;
  bool truncated = false;
  std::string next_marker;
};
Result<PartsPage> parse_list_parts(std::string_view document);

struct UploadsPage {
  std::vector<ListedUpload> uploads;
  bool truncated = false;
  std::string next_key_marker;
  std::string next_upload_id_marker;
};
// Keys are decoded where the reply says that they are encoded: not every store that is asked to
// does.
Result<UploadsPage> parse_list_uploads(std::string_view document);

// `with`: of an upload whose parts carry that checksum. Each part's is named again, as far as the
// store gave it back: MinIO completes nothing without.
std::string complete_document(const std::vector<Part>& parts, std::optional<CrcKind> with);

// "2009-10-12T17:50:30.000Z"
std::optional<WallTime> parse_iso_time(std::string_view text);
// "+" and %XX, as encoding-type=url has them.
std::string uri_decode(std::string_view text);

}  // namespace waybill::uploader
