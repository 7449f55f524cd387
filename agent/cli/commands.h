#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "agent/catalog_answers.h"
#include "agent/cli/client.h"
#include "agent/cli/format.h"
#include "agent/health.h"
#include "base/result.h"
#include "catalog/reader.h"

// The commands of `waybill`, one function each. All write to `out` and `err` and return what the
// process ends with.
namespace waybill::agent::cli {

struct Options {
  std::string config;  // empty: the default path
  std::string state_dir;
  std::string socket;
  bool json = false;
  std::string path;      // ls, show, wait, retry, accept; empty: none
  std::string state;     // ls
  std::string timeout;   // wait
  bool ignored = false;  // ls
  bool all = false;      // retry
};

// Where a command runs and whom it asks.
struct Context {
  const Options& options;
  std::ostream& out;
  std::ostream& err;
  Style style;
  std::string cwd;
  std::int64_t now = 0;  // ns since 1970
  std::string state_dir;
  Client client;
  // The configuration is wrong, and was not needed to get here: it may be why nobody answers.
  std::optional<Error> config_error;

  // Says what went wrong, as text or JSON.
  ExitCode fail(ExitCode code, const Error& error) const;
  ExitCode fail(const Client::Failure& failure) const;
  // The path as the person gave it, with the folder it counts from.
  [[nodiscard]] Client::Parameters where() const;
  // The catalog, for when the daemon is down.
  [[nodiscard]] Result<std::unique_ptr<catalog::Reader>> open_catalog() const;
};

ExitCode run_status(const Context& context);
ExitCode run_ls(const Context& context);
ExitCode run_show(const Context& context);
ExitCode run_wait(const Context& context);
ExitCode run_accept(const Context& context);
ExitCode run_retry(const Context& context);
ExitCode run_version(const Context& context);
// Needs no context: what it judges is what a context is made from.
ExitCode run_check_config(const Options& options, std::ostream& out, std::ostream& err);

// `state`, where it is one.
Result<std::optional<catalog::FileState>> state_option(const std::string& name);

}  // namespace waybill::agent::cli
