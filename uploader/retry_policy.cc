#include "uploader/retry_policy.h"

#include <algorithm>
#include <cstdint>

namespace waybill::uploader {
namespace {

// base · 2^doublings, at most ceiling; computed so that it cannot overflow.
Nanoseconds doubled(Nanoseconds base, std::int64_t doublings, Nanoseconds ceiling) {
  Nanoseconds result = std::min(base, ceiling);
  for (std::int64_t i = 0; i < doublings && result < ceiling; ++i) {
    result = result > ceiling / 2 ? ceiling : result * 2;
  }
  return result;
}

Nanoseconds share(Nanoseconds whole, double fraction) {
  return Nanoseconds(static_cast<Nanoseconds::rep>(static_cast<double>(whole.count()) * fraction));
}

}  // namespace

Nanoseconds RetryPolicy::fast_delay(ErrorCode code, int failures, Random& random) const {
  const Nanoseconds base = code == ErrorCode::Throttled ? throttle_base : transient_base;
  return share(doubled(base, std::max(failures, 1) - 1, fast_ceiling), random.fraction());
}

Nanoseconds RetryPolicy::slow_delay(std::int64_t tries, Random& random) const {
  // Half of it fixed, so that the floor holds; half of it spread, so that files do not march in
  // step.
  const Nanoseconds whole = std::max(
      doubled(slow_floor * 2, std::max<std::int64_t>(tries, 1) - 1, slow_ceiling), slow_floor);
  return whole / 2 + share(whole / 2, random.fraction());
}

bool may_pass(const Error& error) {
  return error.code == ErrorCode::RetryLater || error.code == ErrorCode::Throttled ||
         error.code == ErrorCode::Ambiguous || error.code == ErrorCode::Cancelled;
}

}  // namespace waybill::uploader
