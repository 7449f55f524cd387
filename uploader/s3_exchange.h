#pragma once

#include <memory>
#include <optional>

#include "uploader/http.h"
#include "uploader/s3_session.h"

namespace waybill::uploader {

// One request to S3 from signing to an answer, corrected once for each thing that a refusal can
// teach us. Runs on the transfer thread.
class S3Exchange : public HttpExchange {
 public:
  S3Exchange(std::shared_ptr<S3Session> session, S3Request request);

  std::optional<HttpRequest> prepare() final;
  BootTime not_before(BootTime now) final { return session_->not_before(now); }
  Next finished(HttpOutcome outcome) final;

 protected:
  // A success. Again, after another request was set, for the next page of a listing.
  virtual Next answered(const HttpReply& reply) = 0;
  virtual void failed(Error error) = 0;

  [[nodiscard]] const S3Request& request() const { return request_; }
  void set_request(S3Request request);
  [[nodiscard]] Error unreadable(const HttpReply& reply, std::string_view what) const;

 private:
  Next replied(HttpReply reply);
  Next refused(const HttpReply& reply, const S3ErrorDocument& document);

  const std::shared_ptr<S3Session> session_;
  S3Request request_;
  S3Session::Made made_;
  // A HEAD was refused, and the question was put again as a GET, whose refusal says why.
  std::optional<HttpReply> head_refusal_;
};

}  // namespace waybill::uploader
