#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/s3server/http.h"
#include "tests/s3server/world.h"

namespace waybill::s3server {

// What stands behind the connections: from a head and a body to an effect and a reply.
class S3Service : public Service {
 public:
  explicit S3Service(Options options) : world(std::move(options)) {}

  std::shared_ptr<Exchange> make_exchange() override;
  void head(Exchange& exchange) override;
  void body(Exchange& exchange, std::string_view bytes) override;
  void end(Exchange& exchange) override;
  void ended(Exchange& exchange) override;
  void late(Exchange& exchange) override;
  void hold(std::shared_ptr<Exchange> exchange) override;
  std::int64_t clock_offset(const Exchange& exchange) const override;

  // Any thread. Applies what `hold` keeps and returns how many there were.
  std::size_t release_held();

  World world;

 private:
  void begin_record(S3Exchange& exchange);
  Outcome<Done> admit(S3Exchange& exchange);
  void prepare_body(S3Exchange& exchange);
  Outcome<Done> apply(S3Exchange& exchange);
  void refuse(S3Exchange& exchange, const S3Error& error);
  void finish(S3Exchange& exchange);

  std::atomic<std::uint64_t> replies_{0};
  std::mutex mutex_;
  std::vector<std::shared_ptr<Exchange>> held_;  // guarded by mutex_
};

// What a fault does to a request (faulting.cc).
void plan_fault(const Fault& fault, Plan& plan);
bool replaces_reply(const Fault& fault);
S3Error error_of(const Fault& fault);
// Status, code and body of the fault's own reply; `error_document` makes an <Error>.
void write_fault_reply(const Fault& fault, Response& response,
                       const std::function<std::string(const S3Error&)>& error_document);
// Headers added, checksums falsified, body cut short.
void distort(const Fault& fault, Response& response);

// /_control/… (control.cc).
void handle_control(S3Service& service, S3Exchange& exchange);

}  // namespace waybill::s3server
