#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

namespace waybill::uploader {

// S3.md section 5. Pure but for the dice.
struct RetryPolicy {
  int fast_attempts = 5;  // then the persistent queue
  Nanoseconds transient_base = std::chrono::milliseconds(50);
  Nanoseconds throttle_base = std::chrono::seconds(1);
  Nanoseconds fast_ceiling = std::chrono::seconds(20);
  Nanoseconds slow_floor = std::chrono::seconds(30);  // of the persistent queue
  Nanoseconds slow_ceiling = std::chrono::hours(1);

  // Before fast try number `failures + 1` (failures ≥ 1).
  [[nodiscard]] Nanoseconds fast_delay(ErrorCode code, int failures, Random& random) const;
  // For a file that has been put back `tries` times (tries ≥ 1).
  [[nodiscard]] Nanoseconds slow_delay(std::int64_t tries, Random& random) const;
};

// Another try of a request whose effect is looked for, or harms nobody, may fare better.
bool may_pass(const Error& error);

}  // namespace waybill::uploader
