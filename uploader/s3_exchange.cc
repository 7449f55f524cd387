#include "uploader/s3_exchange.h"

#include <utility>

#include "uploader/s3_errors.h"

namespace waybill::uploader {
namespace {

bool is_mute(const HttpReply& reply, const S3ErrorDocument& document) {
  const bool unclear = reply.status == 400 || reply.status == 401 || reply.status == 403;
  return unclear && document.code.empty() && reply.headers.find("x-amz-bucket-region").empty();
}

// HEAD and DELETE are answered without a body; some stores then name the code in a header.
S3ErrorDocument document_of(const HttpReply& reply) {
  if (auto document = parse_error(reply.body)) return std::move(*document);
  S3ErrorDocument document;
  document.code = reply.headers.find("x-minio-error-code");
  return document;
}

}  // namespace

S3Exchange::S3Exchange(std::shared_ptr<S3Session> session, S3Request request)
    : session_(std::move(session)), request_(std::move(request)) {}

std::optional<HttpRequest> S3Exchange::prepare() {
  auto signed_request = session_->sign(head_refusal_ ? explained(request_) : request_, made_);
  if (signed_request) return std::move(*signed_request);
  failed(std::move(signed_request.error()));
  return std::nullopt;
}

void S3Exchange::set_request(S3Request request) {
  request_ = std::move(request);
  made_ = {};
}

Error S3Exchange::unreadable(const HttpReply& reply, std::string_view what) const {
  return unreadable_error(session_->place(), request_.operation, reply, what);
}

HttpExchange::Next S3Exchange::finished(HttpOutcome outcome) {
  if (auto* const reply = std::get_if<HttpReply>(&outcome)) {
    session_->note(*reply);
    return replied(std::move(*reply));
  }
  const auto& failure = std::get<HttpFailure>(outcome);
  failed(failure_error(session_->place(), request_.operation, failure));
  return Next::Done;
}

HttpExchange::Next S3Exchange::replied(HttpReply reply) {
  if (head_refusal_) {
    const HttpReply head = std::move(*head_refusal_);
    head_refusal_.reset();
    // The two may disagree; then only the first was about our question.
    const bool refused_too = reply.status >= first_redirect && reply.status != 404;
    return refused_too ? refused(reply, document_of(reply)) : refused(head, {});
  }
  if (reply.status < first_redirect) {
    // S3 begins some replies before it knows how they end (S3.md sections 3 and 4).
    const auto error = reply.body.empty() ? std::nullopt : parse_error(reply.body);
    return error ? refused(reply, *error) : answered(reply);
  }
  const S3ErrorDocument document = document_of(reply);
  if (request_.operation == Operation::HeadObject && is_mute(reply, document)) {
    head_refusal_ = std::move(reply);
    return Next::Again;
  }
  return refused(reply, document);
}

HttpExchange::Next S3Exchange::refused(const HttpReply& reply, const S3ErrorDocument& document) {
  if (session_->learn(reply, document, made_)) return Next::Again;
  Error error = refusal_error(session_->place(), request_.operation, reply, document);
  session_->explain(error, reply);
  if (error.code == ErrorCode::Throttled) session_->throttled();
  failed(std::move(error));
  return Next::Done;
}

}  // namespace waybill::uploader
