#include "agent/session.h"

#include <utility>

#include "base/test_points.h"

namespace waybill::agent {

Session::Session(World& the_world, const Config& the_config,
                 std::unique_ptr<catalog::Catalog> the_catalog)
    : world(the_world), config(the_config), catalog(std::move(the_catalog)) {}

Result<void> Session::commit() {
  // An effect may write again (a commit's success is what the next step of an upload waits for), so
  // go round until nothing is left to say.
  while (!failure_ && (catalog->dirty() || !effects_.empty())) {
    if (catalog->dirty()) {
      WAYBILL_REACHED("commit-begun");
      if (auto done = catalog->commit(); !done) {
        if (!WAYBILL_PLANTED(FailedCommitTakenAsRollback)) return done;
        catalog->rollback();
        effects_.clear();
      }
    }
    for (Task& effect : std::exchange(effects_, {})) {
      effect();
      if (failure_) break;
    }
  }
  if (failure_) return waybill::fail(*failure_);
  return {};
}

Task Session::guard(Task task) const {
  return [alive = std::weak_ptr<int>(alive_), task = std::move(task)] {
    if (!alive.expired()) task();
  };
}

std::function<void(Task)> Session::poster() const {
  return [post = world.post, alive = std::weak_ptr<int>(alive_)](Task task) {
    post([alive, task = std::move(task)] {
      if (!alive.expired()) task();
    });
  };
}

void Session::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

}  // namespace waybill::agent
