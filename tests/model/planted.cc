#include "tests/model/planted.h"

namespace waybill {
namespace {

// The program's own choice, made between two worlds.
test_points::Defect chosen = test_points::Defect::None;

}  // namespace

namespace test_points {

bool planted(Defect defect) {
  return defect == chosen;
}

void reached(const char*) {}

// Multipart with files that cost nothing.
std::uint64_t size(std::uint64_t) {
  constexpr std::uint64_t small = 32U << 10U;
  return small;
}

}  // namespace test_points

namespace model {

Planted::Planted(test_points::Defect defect) {
  chosen = defect;
}
Planted::~Planted() {
  chosen = test_points::Defect::None;
}

}  // namespace model
}  // namespace waybill
