#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "agent/pipeline.h"

namespace waybill::agent {

// One session's parts, in the order in which they hang together.
struct Pipeline::Parts {
  Parts(Pipeline& pipeline, std::unique_ptr<catalog::Catalog> catalog)
      : session(pipeline.world_, pipeline.config_, std::move(catalog)),
        turns({.slots = pipeline.config_.uploads,
               .memory = pipeline.config_.memory,
               .several_folders = pipeline.config_.folders.size() > 1}) {}

  Session session;
  std::optional<Stores> stores;
  std::optional<Intake> intake;
  std::optional<Transfers> transfers;
  Turns turns;
  bool looking_at_waits = false;  // a timer is set for it
  // Until when looks came to be owed that a wait waits for, by its number.
  std::map<std::uint64_t, BootTime> looks_awaited;
};

}  // namespace waybill::agent
