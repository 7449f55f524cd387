#pragma once

#include <cstdint>

namespace waybill::uploader {

// PROTOCOL.md rule 4.
enum class ProofLevel : std::uint8_t {
  None = 0,
  Acknowledged = 1,
  EtagRecomputed = 2,
  StoreChecked = 3
};

}  // namespace waybill::uploader
