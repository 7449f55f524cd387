#include "tests/s3server/fault_table.h"

#include <algorithm>
#include <utility>

#include "tests/s3server/encoding.h"

namespace waybill::s3server {
namespace {

bool fits(const Fault& fault, std::string_view operation, std::string_view method,
          std::string_view bucket, std::string_view key) {
  return (fault.operation.empty() || fault.operation == operation) &&
         (fault.method.empty() || fault.method == method) &&
         (fault.bucket.empty() || fault.bucket == bucket) &&
         (fault.key.empty() || glob_matches(fault.key, key));
}

// A fixed sequence that looks like chance (splitmix64): the n-th request of a fault always has the
// same luck.
bool lucky(std::uint64_t n, unsigned percent) {
  std::uint64_t x = n * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return (x ^ (x >> 31)) % 100 < percent;
}

bool strikes(const Fault& fault, std::uint64_t n) {
  if (n < fault.first) return false;
  const std::uint64_t behind = n - fault.first;
  const std::uint64_t every = std::max<std::uint64_t>(1, fault.every);
  return behind % every == 0 && behind / every < fault.count && lucky(n, fault.percent);
}

}  // namespace

void FaultTable::add(Fault fault) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({.fault = std::make_shared<const Fault>(std::move(fault))});
  empty_ = false;
}

void FaultTable::replace(std::vector<Fault> faults) {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  for (Fault& fault : faults) {
    entries_.push_back({.fault = std::make_shared<const Fault>(std::move(fault))});
  }
  empty_ = entries_.empty();
}

std::shared_ptr<const Fault> FaultTable::strike(std::string_view operation, std::string_view method,
                                                std::string_view bucket, std::string_view key) {
  if (empty_.load()) return nullptr;
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (!fits(*entry.fault, operation, method, bucket, key)) continue;
    if (strikes(*entry.fault, ++entry.met)) return entry.fault;
  }
  return nullptr;
}

}  // namespace waybill::s3server
