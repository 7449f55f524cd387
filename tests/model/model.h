#pragma once

#include <cstdint>
#include <string>

namespace waybill::model {

struct Verdict {
  std::string complaint;    // empty: all promises were kept
  std::string trace;        // what happened, for people
  std::size_t renames = 0;  // that were recognised
  std::size_t copies = 0;   // that the store made
};

// What every run of the tests goes through.
constexpr std::uint64_t default_seeds = 2400;

// One seed's world from its beginning until it has been healed. Deterministic.
Verdict run_seed(std::uint64_t seed);

}  // namespace waybill::model
