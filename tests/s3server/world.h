#pragma once

#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "tests/s3server/body_receiver.h"
#include "tests/s3server/fault_table.h"
#include "tests/s3server/http.h"
#include "tests/s3server/integrity.h"
#include "tests/s3server/options.h"
#include "tests/s3server/request_log.h"
#include "tests/s3server/route.h"
#include "tests/s3server/store.h"

namespace waybill::s3server {

// What all requests share. Any thread.
class World {
 public:
  explicit World(Options given)
      : options(std::move(given)),
        store(options.directory),
        log(options.keep_log && !options.free),
        behaviour_(std::make_shared<const Behaviour>(options.behaviour)) {}

  std::shared_ptr<const Behaviour> behaviour() const {
    const std::lock_guard lock(mutex_);
    return behaviour_;
  }
  void set_behaviour(Behaviour behaviour) {
    auto fresh = std::make_shared<const Behaviour>(behaviour);
    const std::lock_guard lock(mutex_);
    behaviour_ = std::move(fresh);
  }

  const Options options;
  Store store;
  RequestLog log;
  History history;
  FaultTable faults;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Behaviour> behaviour_;  // guarded by mutex_
};

// One S3 request on its way.
struct S3Exchange : Exchange {
  std::uint64_t number = 0;  // in the log
  bool control = false;      // not S3's at all: /_control/…
  Route route;
  std::shared_ptr<const Behaviour> behaviour;
  std::shared_ptr<const Fault> fault;      // null: none
  std::string payload_hash;                // as signed; empty: unsigned server
  const ChecksumKind* checksum = nullptr;  // of the request's body
  std::optional<BodyReceiver> body;
  std::string error_code;
  bool effect = false;

  std::time_t now() const {
    return std::time(nullptr) + behaviour->clock_offset_seconds +
           (fault ? fault->clock_offset_seconds : 0);
  }
};

}  // namespace waybill::s3server
