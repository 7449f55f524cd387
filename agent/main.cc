#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>

#include "agent/config.h"
#include "agent/daemon.h"
#include "agent/health.h"
#include "base/log.h"
#include "base/unique_fd.h"

// waybilld's main thread: signals, sd_notify and the watchdog, and nothing that waits for anything
// else (DESIGN.md section 3).
namespace waybill::agent {
namespace {

enum ExitCode : int { Fine = 0, Failed = 1, Usage = 2, BadConfiguration = 5 };

struct Arguments {
  std::string config{default_config_file};
  std::string state_dir;
  std::string socket;
};

Result<Config> read_config(const Arguments& arguments) {
  return load_config(arguments.config, arguments.config == default_config_file,
                     {.state_dir = arguments.state_dir, .socket = arguments.socket});
}

// Blocked before any thread starts, so that every thread inherits it and only the descriptor hears.
UniqueFd listen_to_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  // A writer that breaks one of our leases sends SIGIO, whose default is to end the process.
  std::signal(SIGIO, SIG_IGN);
  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ours, signal);
  pthread_sigmask(SIG_BLOCK, &ours, nullptr);
  return UniqueFd(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Secrets must not end in a core file. PR_SET_DUMPABLE would also take /proc/self/fd away from a
// process that is not root, by which directories are watched.
void no_core_files() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

// Fixed, or malloc would raise it to the size of what is freed and keep such memory from then on.
// Called before there is another thread.
void give_large_memory_back() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);  // NOLINT(concurrency-mt-unsafe)
}

std::string status_line(const StatusPtr& status) {
  return status ? headline(*status) : "starting";
}

int serve(const Arguments& arguments, Config config, Log& log) {
  const UniqueFd signals = listen_to_signals();
  no_core_files();
  give_large_memory_back();
  auto daemon = Daemon::start(std::move(config), log);
  if (!daemon) {
    log.error("cannot start", {{"cause", daemon.error().describe()}});
    return daemon.error().code == ErrorCode::BadConfig ? BadConfiguration : Failed;
  }
  std::uint64_t watchdog_us = 0;
  ::sd_watchdog_enabled(0, &watchdog_us);
  const int tick_ms = watchdog_us == 0 ? -1 : static_cast<int>(watchdog_us / 2000);
  log.info("started", {{"version", WAYBILL_VERSION}});
  ::sd_notify(0, "READY=1");
  while (true) {
    pollfd waiting{signals.get(), POLLIN, 0};
    ::poll(&waiting, 1, tick_ms);
    if (tick_ms > 0 && (*daemon)->alive()) {
      ::sd_notify(0, ("WATCHDOG=1\nSTATUS=" + status_line((*daemon)->status())).c_str());
    }
    signalfd_siginfo signal{};
    if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) continue;
    if (signal.ssi_signo == SIGHUP) {
      ::sd_notify(0, "RELOADING=1");
      (*daemon)->reload(read_config(arguments));
      ::sd_notify(0, "READY=1");
      continue;
    }
    log.info("stopping");
    ::sd_notify(0, "STOPPING=1");
    return Fine;
  }
}

int run(int argc, char** argv) {
  CLI::App app{"waybilld: stores what is dropped into its folders in S3, and can prove it"};
  Arguments arguments;
  bool version = false;
  app.add_option("--config", arguments.config, "configuration file")->capture_default_str();
  app.add_option("--state-dir", arguments.state_dir, "where the catalog lies");
  app.add_option("--socket", arguments.socket, "where `waybill` finds us");
  app.add_flag("--version", version, "print the version and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? Fine : Usage;  // 0: --help
  }
  if (version) {
    std::cout << "waybilld " << WAYBILL_VERSION << "\n";
    return Fine;
  }
  auto config = read_config(arguments);
  if (!config) {
    std::cerr << "waybilld: " << config.error().message << "\n";
    return BadConfiguration;
  }
  StderrLog log(config->log_level);
  return serve(arguments, std::move(*config), log);
}

}  // namespace
}  // namespace waybill::agent

int main(int argc, char** argv) {
  return waybill::agent::run(argc, argv);
}
