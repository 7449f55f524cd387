#include "tests/s3server/service.h"

#include <algorithm>
#include <utility>

#include "tests/s3server/encoding.h"
#include "tests/s3server/handlers.h"
#include "tests/s3server/signature.h"
#include "tests/s3server/xml.h"

namespace waybill::s3server {
namespace {

constexpr std::size_t kLongestKey = 1024;
constexpr std::uint64_t kLargestPut = 5ULL << 30;
constexpr std::string_view kControlPath = "/_control/";

S3Exchange& s3(Exchange& exchange) {
  return static_cast<S3Exchange&>(exchange);
}

bool writes_bytes(Operation operation) {
  return operation == Operation::PutObject || operation == Operation::UploadPart;
}

bool needs_bucket(Operation operation) {
  return operation != Operation::ListBuckets && operation != Operation::CreateBucket;
}

std::string error_document(const S3Error& error, const Request& request,
                           const std::string& request_id) {
  XmlWriter xml("Error", false);
  xml.element("Code", error.code);
  xml.element("Message", error.message);
  for (const auto& [name, value] : error.details) xml.element(name, value);
  xml.element("Resource", request.path);
  xml.element("RequestId", request_id);
  xml.element("HostId", "waybill-s3server");
  return xml.finish();
}

// Sixteen digits that differ from reply to reply, as S3's do.
std::string make_request_id(std::uint64_t number) {
  std::string raw;
  for (int shift = 56; shift >= 0; shift -= 8) {
    raw.push_back(static_cast<char>(((number * 0x9e3779b97f4a7c15) >> shift) & 0xff));
  }
  std::string id = to_hex(raw);
  std::transform(id.begin(), id.end(), id.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return id;
}

}  // namespace

std::shared_ptr<Exchange> S3Service::make_exchange() {
  return std::make_shared<S3Exchange>();
}

void S3Service::head(Exchange& base) {
  S3Exchange& exchange = s3(base);
  exchange.behaviour = world.behaviour();
  if (world.options.control && exchange.request.path.starts_with(kControlPath)) {
    exchange.control = true;
    exchange.body.emplace(BodyReceiver::Keep::Text, std::vector<Algorithm>{}, nullptr);
    return;
  }
  auto route = find_route(exchange.request, world.options.virtual_host_suffix);
  if (route.ok()) exchange.route = std::move(route.value());
  exchange.fault =
      world.faults.strike(operation_name(exchange.route.operation), exchange.request.method,
                          exchange.route.bucket, exchange.route.key);
  begin_record(exchange);
  const Fault* fault = exchange.fault.get();
  if (fault != nullptr) {
    plan_fault(*fault, exchange.plan);
    if (fault->refuse_expect && exchange.request.expects_continue) {
      exchange.response.status = 417;
      exchange.plan.reply_now = true;
      return finish(exchange);
    }
    if (fault->early && replaces_reply(*fault) && !fault->after_effect) {
      exchange.plan.reply_now = true;
      return end(exchange);
    }
  }
  const auto admitted = route.ok() ? admit(exchange) : Outcome<Done>(route.error());
  if (!admitted.ok()) {
    refuse(exchange, admitted.error());
    exchange.plan.reply_now = true;
    return finish(exchange);
  }
  prepare_body(exchange);
}

void S3Service::begin_record(S3Exchange& exchange) {
  const Operation operation = exchange.route.operation;
  if (!world.log.keeps_records()) {
    exchange.number = world.log.begin(operation);
    return;
  }
  const Request& request = exchange.request;
  RequestRecord record{.method = std::string(request.method),
                       .operation = std::string(operation_name(operation)),
                       .bucket = exchange.route.bucket,
                       .key = exchange.route.key,
                       .query = std::string(request.query),
                       .faulted = exchange.fault != nullptr,
                       .connection = exchange.connection};
  for (const Header& header : request.headers) {
    record.headers.emplace_back(header.name, header.value);
  }
  exchange.number = world.log.begin(operation, std::move(record));
}

// What can be refused before the body was read.
Outcome<Done> S3Service::admit(S3Exchange& exchange) {
  const Request& request = exchange.request;
  const Options& options = world.options;
  const Operation operation = exchange.route.operation;
  if (!options.free) {
    const auto verified =
        verify_signature(request,
                         {.access_key = options.access_key,
                          .secret_key = options.secret_key,
                          .session_token = options.session_token,
                          .region = options.region},
                         exchange.now(), exchange.behaviour->wrong_region_redirects,
                         operation == Operation::HeadBucket);
    if (!verified.ok()) return verified.error();
    exchange.payload_hash = verified.value().payload_hash;
  }
  if (request.chunked || (request.method == "PUT" && !request.has_content_length)) {
    // Where such a body ends cannot be told without reading it as chunks.
    exchange.response.close = request.chunked;
    return s3_error("MissingContentLength");
  }
  if (operation == Operation::Unknown) return s3_error("NotImplemented");
  if (exchange.route.key.size() > kLongestKey) return s3_error("KeyTooLongError");
  if (needs_bucket(operation) && !world.store.has_bucket(exchange.route.bucket)) {
    S3Error error = s3_error("NoSuchBucket");
    error.details.emplace_back("BucketName", exchange.route.bucket);
    return error;
  }
  if (writes_bytes(operation) && request.content_length > kLargestPut) {
    return s3_error("EntityTooLarge");
  }
  const auto checksum = requested_checksum(request, *exchange.behaviour);
  if (!checksum.ok()) return checksum.error();
  // On Complete it speaks of the object, not of the document that is the body.
  if (writes_bytes(operation) || operation == Operation::CompleteMultipartUpload) {
    exchange.checksum = checksum.value();
  }
  return Done{};
}

void S3Service::prepare_body(S3Exchange& exchange) {
  const bool bytes = writes_bytes(exchange.route.operation);
  std::vector<Algorithm> algorithms;
  if (!world.options.free) {
    algorithms = {Algorithm::Md5, Algorithm::Sha256};
    if (bytes && exchange.checksum != nullptr) {
      const Algorithm wanted = exchange.checksum->algorithm;
      if (wanted != Algorithm::Sha256) algorithms.push_back(wanted);
    }
    exchange.body.emplace(
        bytes ? BodyReceiver::Keep::Blob : BodyReceiver::Keep::Text, algorithms,
        bytes ? world.store.blobs().writer(exchange.request.content_length) : nullptr);
    return;
  }
  if (bytes && !exchange.request.header("content-md5")) algorithms = {Algorithm::Md5};
  exchange.body.emplace(bytes ? BodyReceiver::Keep::Nothing : BodyReceiver::Keep::Text, algorithms,
                        nullptr);
}

void S3Service::body(Exchange& exchange, std::string_view bytes) {
  if (s3(exchange).body) s3(exchange).body->take(bytes);
}

Outcome<Done> S3Service::apply(S3Exchange& exchange) {
  BodyReceiver& body = *exchange.body;
  body.finish();
  if (body.text_overflowed()) return s3_error("EntityTooLarge");
  if (!world.options.free) {
    const bool bytes = writes_bytes(exchange.route.operation);
    const auto intact = check_digests(exchange.request, body, exchange.payload_hash,
                                      bytes ? exchange.checksum : nullptr);
    if (!intact.ok()) return intact.error();
  }
  return handle(world, exchange);
}

void S3Service::end(Exchange& base) {
  S3Exchange& exchange = s3(base);
  if (exchange.control) {
    exchange.body->finish();
    return handle_control(*this, exchange);
  }
  const Fault* fault = exchange.fault.get();
  const bool replaced = fault != nullptr && replaces_reply(*fault);
  if (!replaced || fault->after_effect) {
    if (const auto applied = apply(exchange); !applied.ok()) refuse(exchange, applied.error());
  }
  if (replaced) {
    exchange.error_code = fault->code;
    write_fault_reply(*fault, exchange.response, [&](const S3Error& error) {
      return error_document(error, exchange.request, make_request_id(replies_ + 1));
    });
  }
  finish(exchange);
}

void S3Service::refuse(S3Exchange& exchange, const S3Error& error) {
  const bool close = exchange.response.close;
  exchange.response = {};
  exchange.response.close = close;
  exchange.response.status = error.status;
  exchange.response.headers = error.headers;
  exchange.error_code = error.code;
  set_xml(exchange.response,
          error_document(error, exchange.request, make_request_id(replies_ + 1)));
}

// The reply's last touches; then the log tells what became of the request, before a client can.
void S3Service::finish(S3Exchange& exchange) {
  Response& response = exchange.response;
  response.headers.emplace_back("x-amz-request-id", make_request_id(++replies_));
  response.headers.emplace_back("x-amz-id-2", "waybill-s3server");
  if (exchange.fault) distort(*exchange.fault, response);
  if (exchange.request.method == "HEAD" && !response.bodyless_size) {
    response.bodyless_size = response.body.size();
  }
  const Cut cut = exchange.plan.cut;
  const bool replies = cut == Cut::None || cut == Cut::InReply || cut == Cut::AfterReply;
  world.log.update(exchange.number, [&](RequestRecord& record) {
    if (replies) record.status = response.status;
    record.code = exchange.error_code;
    record.effect = exchange.effect;
  });
}

void S3Service::ended(Exchange& base) {
  const S3Exchange& exchange = s3(base);
  if (exchange.control) return;
  world.log.end(exchange.route.operation, exchange.number, exchange.body_received);
}

void S3Service::late(Exchange& base) {
  S3Exchange& exchange = s3(base);
  const auto applied = apply(exchange);
  world.log.update(exchange.number, [&](RequestRecord& record) {
    record.late = exchange.effect;
    record.effect = exchange.effect;
    if (!applied.ok()) record.code = applied.error().code;
  });
}

void S3Service::hold(std::shared_ptr<Exchange> exchange) {
  const std::lock_guard lock(mutex_);
  held_.push_back(std::move(exchange));
}

std::size_t S3Service::release_held() {
  std::vector<std::shared_ptr<Exchange>> held;
  {
    const std::lock_guard lock(mutex_);
    held.swap(held_);
  }
  std::sort(held.begin(), held.end(), [](const auto& left, const auto& right) {
    return s3(*left).number < s3(*right).number;
  });
  for (const auto& exchange : held) late(*exchange);
  return held.size();
}

std::int64_t S3Service::clock_offset(const Exchange& base) const {
  const auto& exchange = static_cast<const S3Exchange&>(base);
  const std::int64_t fault = exchange.fault ? exchange.fault->clock_offset_seconds : 0;
  return (exchange.behaviour ? exchange.behaviour->clock_offset_seconds : 0) + fault;
}

}  // namespace waybill::s3server
