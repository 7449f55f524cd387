#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "agent/world.h"

namespace waybill::fakes {

// Between an edge of the pipeline and who stands behind it: what is given to it while it is held
// waits, as on a thread that has not come to it. Made before the world is started.
class HeldBack {
 public:
  using Edge = std::function<void(agent::Task)>;
  explicit HeldBack(Edge& edge) : behind_(edge) {
    edge = [this](agent::Task task) {
      if (holding_) return held_.push_back(std::move(task));
      behind_(std::move(task));
    };
  }
  HeldBack(const HeldBack&) = delete;
  HeldBack& operator=(const HeldBack&) = delete;

  void hold() { holding_ = true; }
  [[nodiscard]] bool any() const { return !held_.empty(); }
  void let_go() {
    holding_ = false;
    for (agent::Task& task : std::exchange(held_, {})) behind_(std::move(task));
  }

 private:
  const Edge behind_;
  bool holding_ = false;
  std::vector<agent::Task> held_;
};

}  // namespace waybill::fakes
