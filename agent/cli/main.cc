#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "agent/cli/run.h"

namespace {

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
  // A daemon that goes away in mid-question is an answer of its own, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  const int code = waybill::agent::cli::run_cli(argc, argv, std::cout, std::cerr, wants_colour());
  return std::cout.good() ? code : EXIT_FAILURE;
}
