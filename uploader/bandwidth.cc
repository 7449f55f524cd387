#include "uploader/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace waybill::uploader {
namespace {

// How often the time of day is asked for: windows begin and end at whole minutes.
constexpr Nanoseconds look_at_the_day = std::chrono::seconds(1);

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

BandwidthSchedule::Rate BandwidthSchedule::at(int weekday, int minute) const {
  const auto begins_on = [](const Window& window, int day) {
    return ((window.days >> static_cast<unsigned>(day)) & 1U) != 0;
  };
  const int yesterday = (weekday + 6) % 7;
  for (const Window& window : windows) {
    const bool overnight = window.until <= window.from;
    const bool today =
        begins_on(window, weekday) && minute >= window.from && (overnight || minute < window.until);
    const bool since_yesterday = overnight && begins_on(window, yesterday) && minute < window.until;
    if (today || since_yesterday) return window.rate;
  }
  return otherwise;
}

Bandwidth::Bandwidth(BandwidthSchedule schedule, const Clock& clock)
    : schedule_(std::move(schedule)), clock_(clock), filled_at_(clock.boot()) {}

// One transfer's turn: with 32 of them at the slowest rate each still moves twice a second.
double Bandwidth::turn() const {
  return std::clamp(static_cast<double>(*rate_) / 64, 256.0, 1024.0 * 1024.0);
}

BootTime Bandwidth::refill() {
  const BootTime now = clock_.boot();
  if (!rate_until_ || now >= *rate_until_) {
    const auto wall = std::chrono::floor<std::chrono::seconds>(clock_.wall().time_since_epoch());
    const std::time_t time = wall.count();
    std::tm local{};
    const bool known = ::localtime_r(&time, &local) != nullptr;
    const auto rate = known ? schedule_.at(local.tm_wday, local.tm_hour * 60 + local.tm_min)
                            : schedule_.otherwise;
    if (rate != rate_) tokens_ = std::min(tokens_, 0.0);
    rate_ = rate;
    rate_until_ = now + look_at_the_day;
  }
  if (rate_) {
    const double rate = static_cast<double>(*rate_);
    // A quarter of a second's worth at once, so that what was not used is not made up for in a
    // rush.
    const double most = std::max(rate / 4, turn());
    tokens_ = std::min(most, tokens_ + rate * seconds(now - filled_at_));
  }
  filled_at_ = now;
  return now;
}

BootTime Bandwidth::when(double tokens, BootTime now) const {
  if (!rate_ || tokens_ >= tokens) return now;
  const std::chrono::duration<double> wait((tokens - tokens_) / static_cast<double>(*rate_));
  // A nanosecond more, so that rounding never asks for one more look.
  return now + std::chrono::duration_cast<Nanoseconds>(wait) + Nanoseconds(1);
}

std::size_t Bandwidth::take(std::size_t wanted) {
  refill();
  if (!rate_) return wanted;
  if (tokens_ < std::min(turn(), static_cast<double>(wanted))) return 0;
  const auto taken = std::min(wanted, static_cast<std::size_t>(tokens_));
  tokens_ -= static_cast<double>(taken);
  return taken;
}

BootTime Bandwidth::ready() {
  const BootTime now = refill();
  return rate_ ? when(turn(), now) : now;
}

void Bandwidth::take_whole(std::size_t bytes) {
  refill();
  if (rate_) tokens_ -= static_cast<double>(bytes);
}

std::optional<BootTime> Bandwidth::in_debt_until() {
  const BootTime now = refill();
  if (!rate_ || tokens_ >= 0) return std::nullopt;
  return when(0, now);
}

}  // namespace waybill::uploader
