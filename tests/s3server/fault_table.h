#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/s3server/fault.h"

namespace waybill::s3server {

// The faults in force and how often each was met. Any thread.
class FaultTable {
 public:
  void add(Fault fault);
  void replace(std::vector<Fault> faults);
  // The one that befalls this request, or null. Each call counts the request.
  std::shared_ptr<const Fault> strike(std::string_view operation, std::string_view method,
                                      std::string_view bucket, std::string_view key);

 private:
  struct Entry {
    std::shared_ptr<const Fault> fault;
    std::uint64_t met = 0;
  };
  std::atomic<bool> empty_{true};  // so that nothing is paid where there are none
  std::mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
};

}  // namespace waybill::s3server
