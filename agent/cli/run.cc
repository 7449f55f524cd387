#include "agent/cli/run.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <ostream>

#include "agent/cli/commands.h"
#include "agent/config.h"

namespace waybill::agent::cli {
namespace {

struct Places {
  std::string state_dir;
  std::string socket;
  std::optional<Error> wrong;  // the default configuration, which we could do without
};

// Where the daemon and its catalog are. A wrong or unreadable default configuration is no reason
// not to ask a daemon that runs with an earlier one; a configuration that was named is meant.
Result<Places> find_places(const Options& options) {
  Config defaults;
  const ConfigOverrides overrides{.state_dir = options.state_dir, .socket = options.socket};
  const bool by_default = options.config.empty();
  const std::string file = by_default ? std::string(default_config_file) : options.config;
  auto config = load_config(file, by_default, overrides);
  if (config) return Places{.state_dir = config->state_dir, .socket = config->socket};
  if (!by_default) return fail(std::move(config.error()));
  Places places{.state_dir = overrides.state_dir.empty() ? defaults.state_dir : overrides.state_dir,
                .socket = overrides.socket.empty() ? defaults.socket : overrides.socket};
  // Not ours to read: the package keeps it from strangers, for it may hold secrets.
  const bool needed = overrides.state_dir.empty() || overrides.socket.empty();
  if (needed && config.error().os_errno != EACCES) places.wrong = std::move(config.error());
  return places;
}

struct Command {
  CLI::App* app;
  ExitCode (*run)(const Context&);  // null: check-config
};

std::vector<Command> add_commands(CLI::App& app, Options& options) {
  const auto add = [&app](const char* name, const char* what) {
    CLI::App* command = app.add_subcommand(name, what);
    command->fallthrough();  // --config and its like may stand behind the command as well
    return command;
  };
  CLI::App* status = add("status", "each folder, and every cause for which something waits");
  CLI::App* ls = add("ls", "the files and their states");
  ls->add_option("PATH", options.path, "a directory or a file; everything without");
  auto* state = ls->add_option("--state", options.state, "only files in this state");
  ls->add_flag("--ignored", options.ignored, "what never becomes a file in the bucket, and why")
      ->excludes(state);
  CLI::App* show = add("show", "one file: what happened, why it waits, what would help, its proof");
  show->add_option("FILE", options.path, "the file")->required();
  CLI::App* wait = add("wait", "returns when all that is there is stored or blocked");
  wait->add_option("PATH", options.path, "a directory or a file; everything without");
  wait->add_option("--timeout", options.timeout, "give up after so long, like 30s, 5m or 1h");
  CLI::App* retry = add(
      "retry",
      "blocked and retrying files go again at once; what waits to be renamed into place is whole");
  retry->add_option("PATH", options.path, "a directory or a file");
  retry->add_flag("--all", options.all, "everything");
  CLI::App* accept =
      add("accept",
          "what lies where another disk or folder was belongs there: what is not on it is gone");
  accept->add_option("PATH", options.path, "as `waybill status` names it")->required();
  CLI::App* check = add("check-config", "reads the configuration as the daemon would");
  CLI::App* version = add("version", "the version, and the daemon's where it runs");
  return {{status, run_status}, {ls, run_ls},         {show, run_show}, {wait, run_wait},
          {retry, run_retry},   {accept, run_accept}, {check, nullptr}, {version, run_version}};
}

ExitCode run_command(const Command& command, const Options& options, std::ostream& out,
                     std::ostream& err, bool colour) {
  if (command.run == nullptr) return run_check_config(options, out, err);
  auto places = find_places(options);
  std::error_code ignored;
  const std::string cwd = std::filesystem::current_path(ignored).string();
  const auto now = SystemClock().wall().time_since_epoch().count();
  Context context{.options = options,
                  .out = out,
                  .err = err,
                  .style = {.colour = colour},
                  .cwd = cwd.empty() ? "/" : cwd,
                  .now = now,
                  .state_dir = places ? places->state_dir : "",
                  .client = Client(places ? places->socket : ""),
                  .config_error = places ? places->wrong : std::nullopt};
  if (!places) return context.fail(ExitCode::BadConfiguration, places.error());
  return command.run(context);
}

}  // namespace

int run_cli(int argc, const char* const* argv, std::ostream& out, std::ostream& err, bool colour) {
  CLI::App app{"Asks waybilld what is safe, what is on its way, and what needs somebody.",
               "waybill"};
  Options options;
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this");
  app.add_option("--config", options.config,
                 "configuration, in place of " + std::string(default_config_file));
  app.add_option("--state-dir", options.state_dir, "where the catalog lies");
  app.add_option("--socket", options.socket, "where the daemon answers");
  app.add_flag("--json", options.json, "one JSON document, for scripts");
  const std::vector<Command> commands = add_commands(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error, out, err);
    return static_cast<int>(asked ? ExitCode::Fine : ExitCode::Usage);
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const ExitCode code = run_command(command, options, out, err, colour);
    out.flush();
    return static_cast<int>(code);
  }
  return static_cast<int>(ExitCode::Usage);
}

}  // namespace waybill::agent::cli
