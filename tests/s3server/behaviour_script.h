#pragma once

#include <string>

#include "tests/s3server/options.h"

namespace waybill::s3server {

// `name=value` words, as in a fault script, with the names of Behaviour's members in dashes;
// `ceph-16` and `aws` stand for all of them. False: `error` says what is wrong, `behaviour` is
// untouched.
bool parse_behaviour(const std::string& script, Behaviour& behaviour, std::string& error);

}  // namespace waybill::s3server
