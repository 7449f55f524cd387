#pragma once

#include <string>
#include <vector>

#include "tests/s3server/record.h"
#include "tests/s3server/request_log.h"

namespace waybill::s3server {

// What the control requests answer. Bytes that are no UTF-8 are shown as U+FFFD.
std::string to_json(const std::vector<RequestRecord>& records);
std::string to_json(const std::vector<Write>& writes);
std::string counters_to_json(const RequestLog& log);

}  // namespace waybill::s3server
