#include <ostream>

#include "agent/answers_json.h"
#include "agent/cli/commands.h"
#include "agent/config.h"
#include "base/bytes.h"

namespace waybill::agent::cli {

ExitCode run_check_config(const Options& options, std::ostream& out, std::ostream& err) {
  const bool by_default = options.config.empty();
  const std::string file = by_default ? std::string(default_config_file) : options.config;
  const auto config =
      load_config(file, by_default, {.state_dir = options.state_dir, .socket = options.socket});
  if (!config) {
    if (options.json) {
      out << to_json(config.error()) << "\n";
    } else {
      err << "waybill: " << config.error().describe() << "\n";
    }
    return ExitCode::BadConfiguration;
  }
  std::string files;
  for (const std::string& read : config->files)
    files += (files.empty() ? "" : ", ") + printable(read);
  if (files.empty()) files = printable(file) + " does not exist, which";
  const auto folders = static_cast<std::int64_t>(config->folders.size());
  const std::string sentence =
      files + (config->files.size() > 1 ? " are right: " : " is right: ") +
      (folders == 0 ? "no folder is configured, so nothing is watched; name one with [[folder]]"
                    : plural(folders, "folder is watched", "folders are watched"));
  if (options.json) {
    out << to_json({{"configuration", "right"}, {"sentence", sentence}}) << "\n";
  } else {
    out << sentence << "\n";
  }
  return ExitCode::Fine;
}

ExitCode run_version(const Context& context) {
  const auto body = context.client.get("/v1/status");
  const auto status = body ? status_from_json(*body) : fail(body.error().error);
  if (context.options.json) {
    context.out << to_json({{"waybill", WAYBILL_VERSION},
                            {"waybilld", status ? std::string_view(status->version) : ""}})
                << "\n";
    return ExitCode::Fine;
  }
  context.out << "waybill " << WAYBILL_VERSION << "\n";
  if (status) context.out << "waybilld " << status->version << "\n";
  return ExitCode::Fine;
}

}  // namespace waybill::agent::cli
