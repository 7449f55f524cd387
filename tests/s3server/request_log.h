#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/s3server/record.h"
#include "tests/s3server/route.h"

namespace waybill::s3server {

// What was asked, in order, and what became of it. Any thread.
class RequestLog {
 public:
  explicit RequestLog(bool keeps_records) : keeps_records_(keeps_records) {}

  bool keeps_records() const { return keeps_records_; }
  // Counts it and, where records are kept, takes `record` and gives it its number.
  std::uint64_t begin(Operation operation);
  std::uint64_t begin(Operation operation, RequestRecord record);
  void update(std::uint64_t number, const std::function<void(RequestRecord&)>& change);
  void end(Operation operation, std::uint64_t number, std::uint64_t body_bytes);

  std::vector<RequestRecord> records() const;
  std::size_t count(const std::string& operation) const;
  std::size_t count() const;
  void clear();
  bool wait_for(const std::string& operation, std::size_t times,
                std::chrono::milliseconds deadline) const;

 private:
  std::chrono::microseconds now() const;

  const bool keeps_records_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::array<std::atomic<std::uint64_t>, kOperations> begun_{};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::array<std::uint64_t, kOperations> ended_{};  // guarded by mutex_, as all below
  std::uint64_t last_number_ = 0;
  std::deque<RequestRecord> records_;
};

// For each key, what was written to it, in the order in which it became true. Any thread.
class History {
 public:
  void add(const std::string& bucket, const std::string& key, Write write);
  std::vector<Write> of(const std::string& bucket, const std::string& key) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::vector<Write>> writes_;  // guarded by mutex_
};

}  // namespace waybill::s3server
