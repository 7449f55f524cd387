#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace waybill {

// The edge to chance: everything random comes from one of these, so a seed replays a run.
// One thread at a time.
class Random {
 public:
  static Random from_system();  // seeded from the kernel with 256 bits
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }
  // In [0, 1).
  double fraction();
  // 32 hex digits: names an attempt, an agent, a nonce.
  std::string id128();

 private:
  explicit Random(std::seed_seq& seed) : engine_(seed) {}
  std::mt19937_64 engine_;
};

}  // namespace waybill
