#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/answers_json.h"
#include "agent/cli/commands.h"
#include "agent/config.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "uploader/key.h"

namespace waybill::agent::cli {

namespace {

struct Example {
  std::string folder;
  std::string file;
  std::string key;
};

// What a file that arrives now would be called in S3; the templates are right, so it has a name.
std::vector<Example> examples_of(const Config& config, WallTime now) {
  std::vector<Example> examples;
  for (const FolderConfig& folder : config.folders) {
    constexpr std::string_view path = "2026/report.pdf";
    const auto key = uploader::make_key(folder.prefix, folder.key,
                                        {.agent = config.agent_name,
                                         .folder = folder.name,
                                         .path = path,
                                         .arrived = now,
                                         .mtime = now,
                                         .sha256 = sha256({})});
    if (!key) continue;
    examples.push_back({folder.name, std::string(path), "s3://" + folder.s3.bucket + "/" + *key});
  }
  return examples;
}

}  // namespace

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
    const SystemClock clock;
    for (const Example& example : examples_of(*config, clock.wall())) {
      out << printable(example.folder) << ": a file " << example.file << " would be "
          << printable(example.key) << "\n";
    }
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
