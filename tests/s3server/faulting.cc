#include <algorithm>
#include <cctype>

#include "tests/s3server/encoding.h"
#include "tests/s3server/service.h"

namespace waybill::s3server {
namespace {

// The same length and alphabet, in hex and in base64, and yet another value.
void falsify(std::string& text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (std::isalnum(static_cast<unsigned char>(text[i])) == 0) continue;
    text[i] = text[i] == '0' ? '1' : '0';
    return;
  }
}

void falsify_elements(std::string& body) {
  for (std::size_t at = body.find('<'); at != std::string::npos; at = body.find('<', at + 1)) {
    const std::string_view rest = std::string_view(body).substr(at);
    if (rest.starts_with("<ETag>&quot;")) falsify(body, at + 12);
    if (rest.starts_with("<ChecksumType>") || rest.starts_with("<ChecksumAlgorithm>")) continue;
    if (rest.starts_with("<Checksum")) falsify(body, body.find('>', at) + 1);
  }
}

}  // namespace

void plan_fault(const Fault& fault, Plan& plan) {
  plan.no_continue = fault.no_continue;
  plan.never_answer = fault.never_answer;
  plan.cut = fault.cut;
  plan.cut_after_bytes = fault.cut_after_bytes;
  plan.reset = fault.reset;
  plan.late_effect = fault.late_effect;
  plan.late_on_demand = fault.late_on_demand;
  plan.read_rate = fault.read_rate;
  plan.delay = fault.delay;
  plan.drip = fault.drip;
}

bool replaces_reply(const Fault& fault) {
  return fault.status != 0 || !fault.code.empty() || fault.body.has_value();
}

S3Error error_of(const Fault& fault) {
  S3Error error = s3_error(fault.code);
  if (!fault.message.empty()) error.message = fault.message;
  return error;
}

void write_fault_reply(const Fault& fault, Response& response,
                       const std::function<std::string(const S3Error&)>& error_document) {
  response = {};
  const S3Error error = error_of(fault);
  response.status = fault.status != 0 ? fault.status : fault.code.empty() ? 200 : error.status;
  if (fault.body) {
    response.body = *fault.body;
  } else if (!fault.code.empty()) {
    response.set_header("Content-Type", "application/xml");
    response.body = error_document(error);
  }
}

void distort(const Fault& fault, Response& response) {
  for (const auto& [name, value] : fault.headers) response.set_header(name, value);
  if (fault.wrong_checksum) {
    for (auto& [name, value] : response.headers) {
      const std::string lower = lower_case(name);
      const bool is_checksum =
          lower.starts_with("x-amz-checksum-") && lower != "x-amz-checksum-type";
      if (lower == "etag" || is_checksum) falsify(value, 0);
    }
    falsify_elements(response.body);
  }
  if (fault.truncate_body) {
    if (response.source) {
      response.source_size = std::min(response.source_size, *fault.truncate_body);
      std::string kept(static_cast<std::size_t>(response.source_size), '\0');
      kept.resize(response.source->read(kept.data(), kept.size()));
      response.source.reset();
      response.body = std::move(kept);
    } else if (response.body.size() > *fault.truncate_body) {
      response.body.resize(static_cast<std::size_t>(*fault.truncate_body));
    }
  }
}

}  // namespace waybill::s3server
