#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace waybill::uploader {

// How many bytes of content a second may leave this machine, by the local time of day.
struct BandwidthSchedule {
  using Rate = std::optional<std::uint64_t>;  // bytes a second; nullopt: no limit

  struct Window {
    std::uint8_t days = every_day;  // of its beginning; bit 0 is Sunday
    int from = 0;                   // minute of the day
    int until = minutes_of_day;     // not above `from`: on the next day
    Rate rate;
    friend bool operator==(const Window&, const Window&) = default;
  };
  static constexpr std::uint8_t every_day = 0x7f;
  static constexpr int minutes_of_day = 24 * 60;

  Rate otherwise;               // outside of all windows
  std::vector<Window> windows;  // the first that is open counts

  [[nodiscard]] bool unlimited() const { return !otherwise && windows.empty(); }
  [[nodiscard]] Rate at(int weekday, int minute) const;
  friend bool operator==(const BandwidthSchedule&, const BandwidthSchedule&) = default;
};

// A bucket of tokens for all transfers together: libcurl's own limit is one for each handle
// (S3.md section 8). One thread at a time; the clock outlives it.
class Bandwidth {
 public:
  Bandwidth(BandwidthSchedule schedule, const Clock& clock);

  // How much of `wanted` may be sent now; 0: nothing before ready(). Small enough that many
  // transfers take turns, none of them silent for as long as S3 waits.
  std::size_t take(std::size_t wanted);
  // When take() will give something; not after now: at once.
  BootTime ready();
  // Sent as a whole, whatever is left: a debt that everything after it waits for.
  void take_whole(std::size_t bytes);
  // When it will have been paid; nullopt: there is none.
  std::optional<BootTime> in_debt_until();

 private:
  BootTime refill();
  [[nodiscard]] BootTime when(double tokens, BootTime now) const;
  [[nodiscard]] double turn() const;

  const BandwidthSchedule schedule_;
  const Clock& clock_;
  BandwidthSchedule::Rate rate_;  // of now
  std::optional<BootTime> rate_until_;
  double tokens_ = 0;
  BootTime filled_at_;
};

}  // namespace waybill::uploader
