#pragma once

#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "uploader/bandwidth.h"

namespace waybill::uploader {

// The transfer thread: one curl_multi on epoll with every connection of the process. Starts its
// thread on construction, stops and joins it on destruction.
class TransferEngine {
 public:
  struct Options {
    int max_connections = 64;
    BandwidthSchedule bandwidth;
  };
  static Result<std::unique_ptr<TransferEngine>> start(Options options, const Clock& clock);
  ~TransferEngine();
  TransferEngine(const TransferEngine&) = delete;
  TransferEngine& operator=(const TransferEngine&) = delete;

  // Any thread. Counts from the next byte on.
  void limit(BandwidthSchedule bandwidth);

  class Loop;  // http.h: requests are submitted there, by the S3 client only
  [[nodiscard]] Loop& loop() { return *loop_; }

 private:
  explicit TransferEngine(std::unique_ptr<Loop> loop);
  const std::unique_ptr<Loop> loop_;
  std::jthread thread_;
};

}  // namespace waybill::uploader
