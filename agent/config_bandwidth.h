#pragma once

#include "agent/config_reader.h"
#include "uploader/bandwidth.h"

namespace waybill::agent {

// `bandwidth = "2MiB"` and `bandwidth_schedule = ["mon-fri 08:00-18:00 512KiB", …]` of a section.
uploader::BandwidthSchedule read_bandwidth(const SectionReader& section);

}  // namespace waybill::agent
