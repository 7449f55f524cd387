#pragma once

#include <string>

#include "agent/cli/format.h"
#include "agent/status.h"

namespace waybill::agent::cli {

// The whole of `waybill status`. `now`: ns since 1970. `daemon` false: made from the catalog alone;
// then the first line is left to whoever knows why. Pure.
std::string render_status(const Status& status, bool daemon, std::int64_t now, const Style& style);

}  // namespace waybill::agent::cli
