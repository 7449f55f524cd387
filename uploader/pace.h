#pragma once

#include <optional>

#include "base/clock.h"

namespace waybill::uploader {

// How fast requests may go to a store that asks for less (S3.md section 5). No limit until it first
// throttles; from then on a bucket of tokens whose rate falls to 0.7 of what was really sent with
// each throttling and grows back along a cubic curve, as AWS's own clients do it: a throttled
// prefix neither starves nor storms. Pure; one thread at a time.
class Pace {
 public:
  // When the next request may be sent; once it has been, call sent().
  [[nodiscard]] BootTime not_before(BootTime now) const;
  void sent(BootTime now);
  // What came of a request.
  void answered(BootTime now);
  void throttled(BootTime now);
  // The store asked for a pause (x-amz-retry-after); at most five seconds are granted.
  void pause(BootTime now, Nanoseconds time);

  // Requests a second; nullopt: no limit.
  [[nodiscard]] std::optional<double> rate() const { return rate_; }

 private:
  [[nodiscard]] double burst() const;
  void refill(BootTime now);
  void measure(BootTime now);
  [[nodiscard]] double measured() const;

  std::optional<double> rate_;
  double tokens_ = 0;
  BootTime filled_at_;
  BootTime paused_until_;

  // The rate that is really sent, smoothed over half seconds.
  double measured_ = 0;
  double in_bucket_ = 0;
  std::optional<BootTime> bucket_began_;

  double rate_at_throttle_ = 0;
  BootTime throttled_at_;
};

}  // namespace waybill::uploader
