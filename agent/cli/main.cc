#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "agent/cli/run.h"
#include "base/environment.h"

namespace {

bool wants_colour() {
  return ::isatty(STDOUT_FILENO) == 1 && waybill::environment("NO_COLOR").value_or("").empty() &&
         waybill::environment("TERM").value_or("dumb") != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
  // A daemon that goes away in mid-question is an answer of its own, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  const int code = waybill::agent::cli::run_cli(argc, argv, std::cout, std::cerr, wants_colour());
  return std::cout.good() ? code : EXIT_FAILURE;
}
