#include "tests/s3server/request_log.h"

#include <algorithm>
#include <numeric>

namespace waybill::s3server {

std::string RequestRecord::header(const std::string& name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return {};
}

std::chrono::microseconds RequestLog::now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               started_);
}

std::uint64_t RequestLog::begin(Operation operation) {
  begun_.at(static_cast<std::size_t>(operation))++;
  return 0;
}

std::uint64_t RequestLog::begin(Operation operation, RequestRecord record) {
  begin(operation);
  const std::lock_guard lock(mutex_);
  record.number = ++last_number_;
  record.begun = now();
  records_.push_back(std::move(record));
  return last_number_;
}

void RequestLog::update(std::uint64_t number, const std::function<void(RequestRecord&)>& change) {
  if (!keeps_records_) return;
  const std::lock_guard lock(mutex_);
  // Numbers are consecutive; what was cleared is older than the first.
  if (records_.empty() || number < records_.front().number) return;
  change(records_.at(static_cast<std::size_t>(number - records_.front().number)));
  changed_.notify_all();
}

void RequestLog::end(Operation operation, std::uint64_t number, std::uint64_t body_bytes) {
  if (!keeps_records_) return;
  update(number, [&](RequestRecord& record) {
    record.body_bytes = body_bytes;
    record.ended = std::max(now(), std::chrono::microseconds(1));
    ended_.at(static_cast<std::size_t>(operation))++;
  });
}

std::vector<RequestRecord> RequestLog::records() const {
  const std::lock_guard lock(mutex_);
  return {records_.begin(), records_.end()};
}

std::size_t RequestLog::count(const std::string& operation) const {
  for (std::size_t i = 0; i < kOperations; ++i) {
    if (operation_name(static_cast<Operation>(i)) == operation) return begun_.at(i).load();
  }
  return 0;
}

std::size_t RequestLog::count() const {
  return std::accumulate(begun_.begin(), begun_.end(), std::size_t{0},
                         [](std::size_t sum, const auto& count) { return sum + count.load(); });
}

void RequestLog::clear() {
  const std::lock_guard lock(mutex_);
  records_.clear();
  ended_.fill(0);
  for (auto& count : begun_) count = 0;
}

bool RequestLog::wait_for(const std::string& operation, std::size_t times,
                          std::chrono::milliseconds deadline) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, deadline, [&] {
    std::size_t ended = 0;
    for (std::size_t i = 0; i < kOperations; ++i) {
      if (operation_name(static_cast<Operation>(i)) == operation) ended = ended_.at(i);
    }
    return ended >= times;
  });
}

void History::add(const std::string& bucket, const std::string& key, Write write) {
  const std::lock_guard lock(mutex_);
  writes_[{bucket, key}].push_back(std::move(write));
}

std::vector<Write> History::of(const std::string& bucket, const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = writes_.find({bucket, key});
  return found == writes_.end() ? std::vector<Write>{} : found->second;
}

}  // namespace waybill::s3server
