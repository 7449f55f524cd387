#pragma once

#include "base/test_points.h"

namespace waybill::model {

// While one lives, the core has this defect.
class Planted {
 public:
  explicit Planted(test_points::Defect defect);
  ~Planted();
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

}  // namespace waybill::model
