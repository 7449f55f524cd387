#pragma once

#include "agent/config.h"
#include "agent/config_reader.h"

namespace waybill::agent {

// The keys of [s3] that say how objects are kept and how requests are made (S3.md section 7).
void read_s3_wishes(const SectionReader& section, S3Config& s3);

}  // namespace waybill::agent
