#include "uploader/retry_quota.h"

#include <algorithm>

namespace waybill::uploader {

int RetryQuota::take(ErrorCode code) {
  constexpr int after_throttling = 5;
  constexpr int after_failure = 14;
  const int cost = code == ErrorCode::Throttled ? after_throttling : after_failure;
  if (tokens_ < cost) return 0;
  tokens_ -= cost;
  return cost;
}

void RetryQuota::answered(int paid) {
  tokens_ = std::min(tokens_ + std::max(paid, 1), full);
}

}  // namespace waybill::uploader
