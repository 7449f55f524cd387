#include "uploader/pace.h"

#include <algorithm>
#include <cmath>

namespace waybill::uploader {
namespace {

constexpr double beta = 0.7;
constexpr double scale = 0.4;
constexpr double smooth = 0.8;
constexpr double least_rate = 0.5;   // requests a second: never starved
constexpr double most_rate = 5'000;  // beyond it a limit is none
constexpr Nanoseconds bucket_length = std::chrono::milliseconds(500);
constexpr Nanoseconds longest_pause = std::chrono::seconds(5);

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

BootTime Pace::not_before(BootTime now) const {
  if (!rate_) return std::max(now, paused_until_);
  const double tokens = std::min(tokens_ + seconds(now - filled_at_) * *rate_, burst());
  const double missing = std::max(0.0, 1.0 - tokens);
  const auto wait = std::chrono::ceil<Nanoseconds>(std::chrono::duration<double>(missing / *rate_));
  return std::max(now + wait, paused_until_);
}

// A tenth of a second's worth: requests leave evenly rather than in one gulp.
double Pace::burst() const {
  constexpr double share = 0.1;
  return std::max(1.0, *rate_ * share);
}

void Pace::sent(BootTime now) {
  measure(now);
  if (!rate_) return;
  refill(now);
  // A debt has a floor: what goes out without asking (further pages of a list) must not stop all
  // the others for long.
  tokens_ = std::max(tokens_ - 1, -burst());
}

void Pace::refill(BootTime now) {
  tokens_ = std::min(tokens_ + seconds(now - filled_at_) * *rate_, burst());
  filled_at_ = now;
}

void Pace::measure(BootTime now) {
  if (!bucket_began_) bucket_began_ = now;
  in_bucket_ += 1;
  const Nanoseconds length = now - *bucket_began_;
  if (length < bucket_length) return;
  measured_ = measured_ * (1 - smooth) + in_bucket_ / seconds(length) * smooth;
  in_bucket_ = 0;
  bucket_began_ = now;
}

// What began less than half a second ago counts too: a store may throttle the first burst.
double Pace::measured() const {
  return std::max(measured_, in_bucket_ / seconds(bucket_length));
}

void Pace::answered(BootTime now) {
  if (!rate_) return;
  // CUBIC: flat around the rate that was too much, steeper the longer it went well.
  const double plateau = std::cbrt(rate_at_throttle_ * (1 - beta) / scale);
  const double since = seconds(now - throttled_at_);
  const double grown = scale * std::pow(since - plateau, 3) + rate_at_throttle_;
  const double bound = std::max(2 * measured(), least_rate);
  const double rate = std::clamp(grown, least_rate, std::max(bound, *rate_));
  refill(now);
  if (rate >= most_rate) {
    rate_.reset();
  } else {
    rate_ = rate;
  }
}

void Pace::throttled(BootTime now) {
  // What was sent within half a second is told by one number, and cut by one factor: a burst of
  // refusals to requests that left together is one event.
  if (rate_ && now - throttled_at_ < bucket_length) return;
  const double sending = rate_ ? std::min(*rate_, measured()) : measured();
  rate_at_throttle_ = std::max(sending, least_rate);
  throttled_at_ = now;
  if (rate_) {
    refill(now);
  } else {
    filled_at_ = now;
    tokens_ = 0;
  }
  rate_ = std::max(least_rate, rate_at_throttle_ * beta);
  tokens_ = std::min(tokens_, burst());
}

void Pace::pause(BootTime now, Nanoseconds time) {
  paused_until_ = std::max(paused_until_, now + std::clamp(time, Nanoseconds(0), longest_pause));
}

}  // namespace waybill::uploader
