#pragma once

#include <string>

#include "agent/status.h"

namespace waybill::agent {

// The status as Prometheus text (exposition format 0.0.4). Pure.
std::string metrics_text(const Status& status);

}  // namespace waybill::agent
