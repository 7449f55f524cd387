#include "tests/fuzz/uploader/targets.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include "uploader/checksum.h"
#include "uploader/content_type.h"
#include "uploader/credentials_documents.h"
#include "uploader/credentials_file.h"
#include "uploader/key.h"
#include "uploader/metadata.h"
#include "uploader/own_metadata.h"
#include "uploader/s3_documents.h"
#include "uploader/s3_errors.h"
#include "uploader/sidecar.h"
#include "uploader/signer.h"
#include "uploader/xml.h"

namespace waybill::fuzz {
namespace {

using namespace uploader;

void promise(bool kept, const char* what) {
  if (kept) return;
  std::cerr << "broken promise: " << what << '\n';
  std::abort();
}

// The bytes up to the next zero, which then goes: several texts of one input.
std::string_view take(std::string_view& input) {
  const std::string_view text = input.substr(0, input.find('\0'));
  input.remove_prefix(std::min(text.size() + 1, input.size()));
  return text;
}

std::string json_text(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || c == '"' || c == '\\') {
      quoted += {'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 0xfU]};
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

void xml(std::string_view input) {
  std::size_t elements = 0;
  const bool whole = read_xml(input, [&](std::string_view path, std::string_view text) {
    ++elements;
    promise(!path.empty(), "an element has a name");
    promise(std::count(path.begin(), path.end(), '/') < 16, "depth is bounded");
    promise(text.size() <= input.size(), "nothing in a document expands");
  });
  promise(!whole || elements > 0, "a whole document has its root");
  promise(
      read_xml("<a>" + xml_escape(input) + "</a>", [&](std::string_view, std::string_view) {}) ||
          input.find_first_of(std::string_view("\0\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e"
                                               "\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"
                                               "\x1a\x1b\x1c\x1d\x1e\x1f",
                                               29)) != std::string_view::npos,
      "escaped text is text");
  static_cast<void>(parse_error(input));
  static_cast<void>(parse_upload_id(input));
  static_cast<void>(parse_completed(input));
  if (const auto page = parse_list_parts(input)) {
    for (const Part& part : page->parts) {
      promise(part.number >= 1 && part.number <= 10'000, "parts are numbered from 1 to 10,000");
    }
  }
  static_cast<void>(parse_list_uploads(input));
  static_cast<void>(parse_iso_time(input));
  static_cast<void>(uri_decode(input));
}

void replies(std::string_view input) {
  HttpReply reply;
  reply.status = input.empty() ? 200 : 100 + static_cast<unsigned char>(input.front()) * 2;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    reply.headers.add_line(line);
    if (line.empty()) break;
  }
  reply.body = input;
  reply.request_sent = reply.status % 4 == 0;
  for (const char* name : {"etag", "x-amz-request-id", "content-length"}) {
    promise(reply.headers.find(name).find('\n') == std::string_view::npos, "a header is a line");
  }
  for (const HttpHeader& header : reply.headers.with_prefix("x-amz-meta-")) {
    promise(header.name.find_first_of(":\n") == std::string::npos, "a header's name is a name");
  }
  const S3Place place{.endpoint = "s3.example", .bucket = "b", .region = "r", .ca_file = ""};
  const S3ErrorDocument document = parse_error(reply.body).value_or(S3ErrorDocument{});
  for (const Operation operation : {Operation::PutObject, Operation::HeadObject,
                                    Operation::CompleteMultipartUpload, Operation::ListParts}) {
    const Error error = refusal_error(place, operation, reply, document);
    promise(error.message.find('\n') == std::string::npos, "a server's words stay on one line");
    promise(!is_read(operation) || error.code != ErrorCode::Ambiguous,
            "what only reads is never in doubt");
  }
  Metadata metadata;
  for (HttpHeader& header : reply.headers.with_prefix("x-amz-meta-")) {
    metadata.emplace_back(std::move(header.name), std::move(header.value));
  }
  static_cast<void>(parse_metadata(metadata));
}

void credentials(std::string_view input) {
  for (const char* profile : {"default", "work", ""}) {
    const auto found = find_profile(input, profile);
    if (found) {
      promise(
          found->credentials.access_key_id.empty() == found->credentials.secret_access_key.empty(),
          "both keys or neither");
    }
  }
  for (const auto parse :
       {&parse_metadata_credentials, &parse_process_credentials, &parse_sts_credentials}) {
    const auto found = parse(input);
    if (found) {
      promise(!found->credentials.access_key_id.empty(), "credentials have an id");
      promise(!found->credentials.secret_access_key.empty(), "and a secret");
    } else {
      promise(found.error().message.size() < 200, "an error does not hold the document");
    }
  }
}

void signing(std::string_view input) {
  for (const Slash slash : {Slash::Keep, Slash::Encode}) {
    const std::string encoded = uri_encode(input, slash);
    promise(uri_decode(encoded) == input, "what is encoded comes back");
    promise(encoded.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-._~%/") == std::string::npos,
            "nothing but what a URL may have");
  }
  Query query;
  std::vector<HttpHeader> headers;
  while (!input.empty()) {
    const std::string_view name = take(input);
    query.emplace_back(name, take(input));
    std::string lower(query.back().first);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    headers.push_back({std::move(lower), query.back().second});
  }
  const std::string canonical = canonical_query(query);
  std::reverse(query.begin(), query.end());
  promise(canonical == canonical_query(query), "the order of a query does not matter");
  promise(canonical.find_first_of(" \n+") == std::string::npos, "a query is one word");
  const RequestToSign request{.method = HttpMethod::Put,
                              .path = "/",
                              .query = canonical,
                              .headers = headers,
                              .payload_hash = "UNSIGNED-PAYLOAD"};
  const std::string names = signed_headers(request);
  promise(names.find("authorization") == std::string::npos ||
              std::any_of(headers.begin(), headers.end(),
                          [](const HttpHeader& header) {
                            return header.name != "authorization" &&
                                   header.name.find("authorization") != std::string::npos;
                          }),
          "the signature does not sign itself");
  promise(canonical_request(request).ends_with("UNSIGNED-PAYLOAD"), "the payload is at the end");
}

void keys(std::string_view input) {
  const std::string_view path = take(input);
  const std::string encoded = encode_path(path);
  promise(decode_path(encoded) == path, "a key leads back to its path");
  static_cast<void>(check_prefix(std::string(input)));
  static_cast<void>(literal_prefix(std::string(input)));
  static_cast<void>(check_key_template(std::string(input)));
  const KeyFacts facts{.agent = "a", .folder = "f", .path = path};
  for (const auto& made : {make_key(input, "{path}", facts), make_key("", input, facts)}) {
    if (made) promise(made->size() <= longest_key, "a key has at most 1024 bytes");
  }
}

void checksums(std::string_view input) {
  for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c}) {
    const std::size_t length = kind == CrcKind::Crc32c ? 8 : 12;
    // Any such window of the input, so that a short text among others is met as well.
    for (std::size_t at = 0; at < input.size(); at += length) {
      const std::string_view text = input.substr(at, length);
      const auto crc = parse_crc(kind, text);
      if (!crc) continue;
      promise(text.size() == length, "a CRC has one length");
      promise(crc->kind == kind, "and is of the kind that was asked for");
      promise(parse_crc(kind, base64_of(*crc)) == crc, "what is written is read again");
    }
    const auto whole = parse_crc(kind, input);
    promise(!whole || input.size() == length, "nothing stands before or after a CRC");
  }
}

void mime_types(std::string_view input) {
  const MimeTypes machine = MimeTypes::parse(input);
  promise(machine.size() <= input.size() / 2, "nothing is listed that is not there");
  while (!input.empty()) {
    std::string path("f.");
    path += input.substr(0, input.find_first_of(std::string_view(" \t\n\0", 4)));
    input.remove_prefix(std::min(path.size() - 1, input.size()));
    const std::string type = content_type_of(path, machine);
    promise(std::count(type.begin(), type.end(), '/') == 1, "a type has two parts");
    promise(std::all_of(type.begin(), type.end(), [](char c) { return c > ' ' && c < 0x7f; }),
            "what goes out as a header is one");
  }
}

void sidecars(std::string_view input) {
  const auto said = parse_sidecar(input);
  if (!said) {
    promise(said.error().message.size() < 6 * input.size() + 100, "a refusal is a sentence");
    return;
  }
  std::size_t bytes = 0;
  std::string again;
  for (const auto& [name, value] : *said) {
    bytes += name.size() + value.size();
    again += (again.empty() ? "" : ",") + json_text(name) + ":" + json_text(value);
  }
  promise(bytes <= input.size(), "nothing in it expands");
  promise(parse_sidecar("{" + again + "}") == *said, "what was said can be said again");
  const auto metadata = own_metadata(*said, {"taken"});
  if (!metadata) return;
  for (const auto& [name, value] : *metadata) {
    promise(!name.empty() && !is_reserved_name(name) && name != "taken", "ours stay ours");
    promise(std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < 0x7f; }),
            "what goes out as a header is one");
  }
}

}  // namespace waybill::fuzz
