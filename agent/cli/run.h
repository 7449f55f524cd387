#pragma once

#include <iosfwd>

namespace waybill::agent::cli {

// The whole of `waybill`. Returns what the process ends with (health.h). `colour`: `out` is a
// terminal that wants it.
int run_cli(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
            bool colour = false);

}  // namespace waybill::agent::cli
